#include "collect/proc_stat.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

#define FILE_LIMIT (16u << 20)  // the "intr" line alone has a number for each interrupt

// "cpu3 user nice system idle iowait irq softirq steal guest guest_nice"; the two of guests are contained in user and nice.
static bool parse_cpu(const char *line, uint64_t tick_ns, struct proc_stat_cpu *ret)
{
	int64_t *const fields[] = { &ret->user_ns, &ret->nice_ns, &ret->system_ns, &ret->idle_ns, &ret->iowait_ns, &ret->irq_ns,
				    &ret->softirq_ns, &ret->steal_ns };
	const char *at = line + strlen("cpu");
	char *end;

	*ret = (struct proc_stat_cpu){ .cpu = -1 };
	if (*at >= '0' && *at <= '9') {
		ret->cpu = strtoll(at, &end, 10);
		at = end;
	}
	if (*at != ' ')
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		uint64_t ticks = strtoull(at, &end, 10);

		if (end == at)
			return false;
		*fields[i] = (int64_t)(ticks * tick_ns);
		at = end;
	}
	return true;
}

static void parse_number(const char *line, const char *key, int64_t *ret)
{
	size_t length = strlen(key);

	if (!strncmp(line, key, length) && line[length] == ' ')
		*ret = strtoll(line + length, NULL, 10);
}

int proc_stat__parse(const char *text, int64_t ticks_per_second, struct proc_stat *ret)
{
	struct proc_stat stat = { 0 };
	size_t capacity = 0;
	bool has_total = false;

	if (ticks_per_second <= 0)
		return -EINVAL;
	for (const char *line = text; line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
		struct proc_stat_cpu cpu;

		if (!strncmp(line, "cpu", 3) && parse_cpu(line, NS_PER_SEC / (uint64_t)ticks_per_second, &cpu)) {
			if (cpu.cpu < 0) {
				stat.total = cpu;
				has_total = true;
			} else {
				stat.cpus = base__grow(stat.cpus, &capacity, stat.cpu_count + 1, sizeof(*stat.cpus));
				stat.cpus[stat.cpu_count++] = cpu;
			}
			continue;
		}
		parse_number(line, "ctxt", &stat.context_switches);
		parse_number(line, "processes", &stat.forks);
		parse_number(line, "procs_running", &stat.running);
		parse_number(line, "procs_blocked", &stat.blocked);
	}
	if (!has_total) {
		proc_stat__free(&stat);
		return -EINVAL;
	}
	*ret = stat;
	return 0;
}

int proc_stat__read(struct proc_stat *ret)
{
	cleanup_free char *text = NULL;
	ssize_t length = base__read_file("/proc/stat", FILE_LIMIT, &text);

	return length < 0 ? (int)length : proc_stat__parse(text, sysconf(_SC_CLK_TCK), ret);
}

void proc_stat__free(struct proc_stat *stat)
{
	free(stat->cpus);
	memset(stat, 0, sizeof(*stat));
}

const struct proc_stat_cpu *proc_stat__cpu(const struct proc_stat *stat, int64_t cpu)
{
	for (size_t i = 0; i < stat->cpu_count; i++)
		if (stat->cpus[i].cpu == cpu)
			return &stat->cpus[i];
	return NULL;
}
