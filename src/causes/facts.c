#include "causes/facts.h"

#include "ledger/ledger.h"

#include <sched.h>

#define POLICY_DEADLINE 6       // SCHED_DEADLINE, which <sched.h> has with _GNU_SOURCE of newer C libraries only

static const char *const party_kinds[] = {
	[PARTY_PROCESS] = "process", [PARTY_IRQ] = "irq", [PARTY_HYPERVISOR] = "hypervisor", [PARTY_QUOTA] = "quota", [PARTY_DEVICE] = "device",
	[PARTY_KERNEL] = "kernel",
};
STRING_TABLE_DEFINE(party_kind, party_kinds)

bool class_fact__is_realtime(const struct class_fact *class)
{
	return ledger__is_realtime(class->policy);
}

char *class_fact__words(const struct class_fact *class)
{
	switch (class->policy) {
	case SCHED_FIFO:
		return base__format("SCHED_FIFO %lld", (long long)class->rt_priority);
	case SCHED_RR:
		return base__format("SCHED_RR %lld", (long long)class->rt_priority);
	case POLICY_DEADLINE:
		return base__copy("SCHED_DEADLINE");
	case SCHED_IDLE:
		return base__copy("SCHED_IDLE");
	}
	return class->nice ? base__format("nice %lld", (long long)class->nice) : NULL;
}
