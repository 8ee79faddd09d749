#include "collect/irq_files.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

const char *const irq_files__softirqs[] = { "HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU" };

#define COLUMNS_LIMIT 8192

// The CPUs of the heading line ("CPU0 CPU1 CPU3"); how many.
static size_t read_heading(char *line, int *ret_cpus)
{
	size_t count = 0;
	char *rest = NULL;

	for (char *word = strtok_r(line, " \t", &rest); word && count < COLUMNS_LIMIT; word = strtok_r(NULL, " \t", &rest)) {
		if (sscanf(word, "CPU%d", &ret_cpus[count]) != 1)
			return 0;
		count++;
	}
	return count;
}

// "LABEL: 1 2 3 rest": cuts the line at the colon, fills at most `count` values; *ret_rest is what follows them. How many values.
static size_t read_row(char *line, char **ret_label, long long *ret_values, size_t count, char **ret_rest)
{
	char *colon = strchr(line, ':'), *at, *end;
	size_t found = 0;

	if (!colon)
		return 0;
	*colon = 0;
	line += strspn(line, " \t");
	*ret_label = line;
	for (at = colon + 1; found < count; at = end) {
		at += strspn(at, " \t");
		if (!isdigit((unsigned char)*at))
			break;
		ret_values[found++] = strtoll(at, &end, 10);
	}
	*ret_rest = at + strspn(at, " \t");
	return found;
}

int irq_files__note_softirqs(struct counters *counters, const char *text)
{
	cleanup_free char *copy = base__copy(text);
	cleanup_free int *cpus = base__alloc(COLUMNS_LIMIT, sizeof(*cpus));
	cleanup_free long long *values = base__alloc(COLUMNS_LIMIT, sizeof(*values));
	char *lines = copy, *label, *rest;
	size_t columns = lines ? read_heading(strsep(&lines, "\n"), cpus) : 0;
	int noted = 0;

	for (char *line; columns && (line = strsep(&lines, "\n"));) {
		size_t count = read_row(line, &label, values, columns, &rest);

		for (size_t i = 0; i < count; i++) {
			char key[16];

			if (!values[i])
				continue;
			snprintf(key, sizeof(key), "%d", cpus[i]);
			counters__note(counters, "softirqs", key, label, values[i]);
			noted++;
		}
	}
	return noted;
}

// What a row of /proc/interrupts says after the numbers: for numbered ones chip, hardware number and trigger come before the device, parted by
// two blanks or more from it on most kernels; the last piece is taken.
static char *device_of(const char *label, char *rest)
{
	char *piece = rest, *end = rest + strlen(rest);

	while (end > rest && isspace((unsigned char)end[-1]))
		*--end = 0;
	if (!isdigit((unsigned char)*label))
		return rest;
	for (char *at = rest; *at; at++)
		if (at[0] == ' ' && at[1] == ' ')
			piece = at + strspn(at, " ");
	// "IO-APIC 5-edge ttyS0" with single blanks: the last word
	if (piece == rest && strrchr(rest, ' '))
		piece = strrchr(rest, ' ') + 1;
	// "5-edge      ACPI:Ged": nothing but the trigger is left where no device has it
	return piece;
}

int irq_files__note_interrupts(struct counters *counters, const char *text)
{
	cleanup_free char *copy = base__copy(text);
	cleanup_free int *cpus = base__alloc(COLUMNS_LIMIT, sizeof(*cpus));
	cleanup_free long long *values = base__alloc(COLUMNS_LIMIT, sizeof(*values));
	char *lines = copy, *label, *rest;
	size_t columns = lines ? read_heading(strsep(&lines, "\n"), cpus) : 0;
	int noted = 0;

	for (char *line; columns && (line = strsep(&lines, "\n"));) {
		size_t count = read_row(line, &label, values, columns, &rest);
		long long sum = 0;

		for (size_t i = 0; i < count; i++)
			sum += values[i];
		if (!count || !sum)
			continue;
		counters__note(counters, "interrupts", label, device_of(label, rest), sum);
		noted++;
	}
	return noted;
}

long long irq_files__row_sum(const char *text, const char *label)
{
	size_t length = strlen(label);
	long long sum = -1;

	for (const char *line = text; line; line = (line = strchr(line, '\n')) ? line + 1 : NULL) {
		const char *at = line + strspn(line, " \t");

		if (strncmp(at, label, length) || at[length] != ':')
			continue;
		sum = 0;
		for (at += length + 1;; ) {
			char *end;

			at += strspn(at, " \t");
			if (!isdigit((unsigned char)*at))
				return sum;
			sum += strtoll(at, &end, 10);
			at = end;
		}
	}
	return sum;
}

// Hexadecimal columns, one line for each CPU that is online (net/core/net-procfs.c): 0 packets, 1 dropped, 2 squeezed, 9 received by
// RPS, 10 flow limit, from 5.10 on 12 is the CPU's number.
int irq_files__note_softnet(struct counters *counters, const char *text)
{
	static const struct { unsigned column; const char *name; } wanted[] = { { 0, "packets" }, { 1, "dropped" }, { 2, "squeezed" },
		{ 9, "received_rps" }, { 10, "flow_limit" } };
	cleanup_free char *copy = base__copy(text);
	char *lines = copy;
	int noted = 0, row = 0;

	for (char *line; lines && (line = strsep(&lines, "\n")); row++) {
		unsigned long values[16] = { 0 };
		unsigned count = 0;
		char key[16], *rest = NULL;

		for (char *word = strtok_r(line, " ", &rest); word && count < ARRAY_SIZE(values); word = strtok_r(NULL, " ", &rest))
			values[count++] = strtoul(word, NULL, 16);
		if (count < 3)
			continue;
		snprintf(key, sizeof(key), "%lu", count > 12 ? values[12] : (unsigned long)row);
		for (size_t i = 0; i < ARRAY_SIZE(wanted); i++, noted++)
			counters__note(counters, "softnet", key, wanted[i].name, wanted[i].column < count ? (int64_t)values[wanted[i].column] : 0);
	}
	return noted;
}

int irq_files__ksoftirqd_cpu(const char *comm)
{
	int cpu, length = 0;

	return sscanf(comm, "ksoftirqd/%d%n", &cpu, &length) == 1 && (!comm[length] || comm[length] == '\n') && cpu >= 0 ? cpu : -1;
}
