// The probes of the subject "host": a heartbeat on each CPU, and tracepoints at which the kernel complains.
#ifndef WHYSTALL_COLLECT_HOST_PROBES_H
#define WHYSTALL_COLLECT_HOST_PROBES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/host_records.h"

struct host_probes {
	uint32_t cpus;                  // possible CPUs: rows of cpu_rows
	uint32_t beating;               // on how many of them the heartbeat could be started
	int64_t beats_refused;          // CPUs that are online, where it could not
	bool rcu_tracepoint, hang_tracepoint, rtc_tracepoint; // attached
	struct host_cpu *cpu_rows;
	struct host_notice *notices;    // HOST_NOTICES rows
	size_t map_bytes;
};

// Returns NULL and one clause for people (owned by the caller) why not. What only a part of it needs may be missing.
struct host_probes *host_probes__open(char **ret_why_off);
void host_probes__detach(struct host_probes *probes);
void host_probes__close(struct host_probes *probes);
uint32_t host_probes__notice_count(const struct host_probes *probes);
const volatile uint32_t *host_probes__rtc_sets(const struct host_probes *probes);

#endif
