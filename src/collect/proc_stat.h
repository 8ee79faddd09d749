// /proc/stat: what the kernel itself counted, by CPU.
#ifndef WHYSTALL_COLLECT_PROC_STAT_H
#define WHYSTALL_COLLECT_PROC_STAT_H

#include <stddef.h>
#include <stdint.h>

// Times since boot; the kernel prints them in clock ticks, so the granularity is 10 ms. user_ns includes guests' time.
struct proc_stat_cpu { int64_t cpu; int64_t user_ns, nice_ns, system_ns, idle_ns, iowait_ns, irq_ns, softirq_ns, steal_ns; };

struct proc_stat {
	struct proc_stat_cpu total;     // cpu = -1
	struct proc_stat_cpu *cpus;     // online ones, ascending
	size_t cpu_count;
	int64_t context_switches, forks; // since boot; forks counts threads too
	int64_t running, blocked;       // tasks at this moment
};

// Returns 0 or a negative errno (-EINVAL: text without a cpu line); free with proc_stat__free.
int proc_stat__read(struct proc_stat *ret);
int proc_stat__parse(const char *text, int64_t ticks_per_second, struct proc_stat *ret);
void proc_stat__free(struct proc_stat *stat);
// Row of a CPU, NULL when it is offline.
const struct proc_stat_cpu *proc_stat__cpu(const struct proc_stat *stat, int64_t cpu);

#endif
