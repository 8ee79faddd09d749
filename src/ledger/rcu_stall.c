#include "ledger/rcu_stall.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HARDLY 2                // runs of a handler, or ticks, of a CPU that hardly ran

static int64_t number_after(const char *line, const char *word, int64_t otherwise)
{
	const char *found = strstr(line, word);

	return found && (isdigit((unsigned char)found[strlen(word)]) || found[strlen(word)] == '-') ? strtoll(found + strlen(word), NULL, 10) : otherwise;
}

// " 1-...!: (1 GPs behind) idle=f2e/1/0x4000000000000000 softirq=42093241/42093242 fqs=0". The letters: O offline, o and N not counted
// online in RCU's tree, the last one how the CPU answered a poke.
static bool take_cpu(const char *line, struct rcu_stall *stall)
{
	struct rcu_stall_cpu cpu = { .ticks = -1, .handlers = -1, .looks = -1 };
	const char *at = line, *softirq, *idle;
	char marks[8];
	long long amount;
	unsigned number, before, after;
	long nesting;
	int length = 0;

	if (!strncmp(at, "rcu: ", 5))
		at += 5;
	at += strspn(at, " ");
	if (sscanf(at, "%u-%5[O.oN?!0-9]: (%lld %n", &number, marks, &amount, &length) != 3 || !length || stall->cpu_count >= RCU_STALL_CPUS)
		return false;
	cpu.cpu = (int)number;
	cpu.offline = marks[0] == 'O';
	if (!strncmp(at + length, "ticks this GP", 13))
		cpu.ticks = amount;
	else
		cpu.behind = amount;
	softirq = strstr(at, "softirq=");
	if (softirq && sscanf(softirq, "softirq=%u/%u", &before, &after) == 2)
		cpu.handlers = (int64_t)(unsigned)(after - before);
	idle = strstr(at, "idle=");
	cpu.idle = idle && sscanf(idle, "idle=%*x/%ld", &nesting) == 1 && !nesting;
	cpu.looks = number_after(at, "fqs=", -1);
	stall->cpus[stall->cpu_count++] = cpu;
	return true;
}

static void take_line(const char *line, struct rcu_stall *stall)
{
	if (strstr(line, " self-detected stall on CPU"))
		stall->self_detected = true;
	else if (strstr(line, " detected expedited stalls on "))
		stall->expedited = true;
	else if (take_cpu(line, stall))
		return;
	else if (strstr(line, " kthread starved for ")) {
		stall->thread_starved = true;
		stall->starved_jiffies = number_after(line, " kthread starved for ", 0);
	}
	if (stall->jiffies < 0 && strstr(line, "t=") && strstr(line, " jiffies")) {
		stall->jiffies = number_after(line, "t=", -1);
		stall->callbacks = number_after(line, " q=", -1);
	}
}

bool rcu_stall__parse(const char *text, struct rcu_stall *ret)
{
	char line[512];

	memset(ret, 0, sizeof(*ret));
	ret->jiffies = ret->callbacks = -1;
	if (!text || !strstr(text, "INFO: rcu") || !strstr(text, " stall"))
		return false;
	for (const char *at = text; *at;) {
		size_t length = strcspn(at, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)(length < sizeof(line) ? length : sizeof(line) - 1), at);
		take_line(line, ret);
		at += length + (at[length] == '\n');
	}
	return true;
}

// Segments 0x10 are the kernel's; a second RIP is user space's.
size_t rcu_stall__function(const char *text, char *ret, size_t size)
{
	const char *at = text ? strstr(text, "RIP: 0010:") : NULL;
	size_t length = at ? strcspn(at + 10, "+ \n") : 0;

	if (!length || at[10 + length] != '+' || length >= size)
		length = 0;
	snprintf(ret, size, "%.*s", (int)length, at ? at + 10 : "");
	return length;
}

enum rcu_stall_shape rcu_stall__shape(const struct rcu_stall *stall)
{
	const struct rcu_stall_cpu *cpu = stall->cpus;

	if (stall->cpu_count && cpu->ticks > HARDLY && stall->jiffies > 0 && cpu->ticks >= stall->jiffies / 2)
		return RCU_STALL_LOOP;
	if (stall->self_detected && stall->cpu_count && cpu->looks > HARDLY)
		return RCU_STALL_LOOP;
	if (stall->cpu_count && cpu->ticks <= HARDLY && (cpu->handlers < 0 || cpu->handlers <= HARDLY) && !stall->expedited)
		return RCU_STALL_ABSENT;
	if (!stall->cpu_count && stall->thread_starved)
		return RCU_STALL_STARVED;
	return RCU_STALL_UNCLEAR;
}

const char *rcu_stall__shape_words(enum rcu_stall_shape shape)
{
	switch (shape) {
	case RCU_STALL_LOOP: return "it took its timer interrupts all the while: code in the kernel ran on it without passing through the scheduler";
	case RCU_STALL_ABSENT: return "it took hardly any timer interrupt meanwhile: it had interrupts off, or did not run at all";
	case RCU_STALL_STARVED: return "every CPU had answered; RCU's own thread did not get to run";
	default: return NULL;
	}
}
