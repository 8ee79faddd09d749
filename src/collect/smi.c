#include "collect/smi.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/base.h"
#include "collect/assemble.h"

#define MSR_SMI_COUNT 0x34      // Intel, since Nehalem: 32 bits
#define CPUS_READ 4             // an SMI stops all CPUs; a few are read, because some firmware leaves CPUs out

struct smi { int fds[CPUS_READ]; size_t count; bool by_perf; };

static bool is_intel(const char *root)
{
	cleanup_free char *path = base__format("%s/proc/cpuinfo", root);
	cleanup_free char *text = NULL;

	return base__read_file(path, 4096, &text) > 0 && strstr(text, "GenuineIntel");
}

// The register through /dev/cpu/N/msr, which the module msr provides.
static void open_registers(struct smi *smi, const char *root)
{
	for (unsigned cpu = 0; cpu < CPUS_READ; cpu++) {
		cleanup_free char *path = base__format("%s/dev/cpu/%u/msr", root, cpu);
		uint64_t value;
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			continue;
		if (pread(fd, &value, sizeof(value), MSR_SMI_COUNT) == sizeof(value))
			smi->fds[smi->count++] = fd;
		else
			close(fd);
	}
}

// The kernel's own way to it (arch/x86/events/msr.c): needs no module, but a kernel that has that event source.
static void open_events(struct smi *smi)
{
	struct perf_event_attr attributes = { .size = sizeof(attributes) };
	cleanup_free char *event = NULL;
	int64_t type;
	unsigned long long config;

	if (base__read_number("/sys/bus/event_source/devices/msr/type", &type)
		|| base__read_file("/sys/bus/event_source/devices/msr/events/smi", 64, &event) <= 0 || sscanf(event, "event=%llx", &config) != 1)
		return;
	attributes.type = (uint32_t)type;
	attributes.config = config;
	for (int cpu = 0; cpu < CPUS_READ; cpu++) {
		int fd = (int)syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

		if (fd >= 0)
			smi->fds[smi->count++] = fd;
	}
	smi->by_perf = true;
}

static char *why_none(const char *root, const char *virtualization)
{
	cleanup_free char *device = base__format("%s/dev/cpu/0/msr", root);

	if (strcmp(virtualization, "none"))
		return base__copy("a virtual machine has no counter of them: look on its host");
	if (!is_intel(root))
		return base__copy("only Intel CPUs have the counter (MSR 0x34); on AMD try perf stat -a -e ls_smi_rx sleep 10");
	if (access(device, F_OK) != 0)
		return base__copy("the counter (MSR 0x34) cannot be read: modprobe msr provides /dev/cpu/*/msr");
	return base__copy("the counter (MSR 0x34) cannot be read through /dev/cpu/*/msr: kernel lockdown, or a CPU without it");
}

struct smi *smi__new(const char *root, const char *virtualization, char **ret_why_off)
{
	struct smi *smi = base__alloc(1, sizeof(*smi));

	if (!strcmp(virtualization, "none") && is_intel(root)) {
		open_registers(smi, root);
		if (!smi->count && !*root)
			open_events(smi);
	}
	if (smi->count)
		return smi;
	smi__free(smi);
	*ret_why_off = why_none(root, virtualization);
	return NULL;
}

void smi__free(struct smi *smi)
{
	for (size_t i = 0; smi && i < smi->count; i++)
		close(smi->fds[i]);
	free(smi);
}

void smi__note(const struct smi *smi, struct counters *counters)
{
	for (size_t i = 0; i < smi->count; i++) {
		uint64_t value = 0;
		char key[24];
		ssize_t length = smi->by_perf ? read(smi->fds[i], &value, sizeof(value)) : pread(smi->fds[i], &value, sizeof(value), MSR_SMI_COUNT);

		snprintf(key, sizeof(key), "%zu", i);
		if (length == sizeof(value))
			counters__note(counters, "smi", key, "count", (int64_t)(value & 0xffffffff));
	}
}

// ---- the subject ----

static void *open_smi(struct collector *collector, char **ret_why_off)
{
	return smi__new("", collector->host.virtualization ? collector->host.virtualization : "none", ret_why_off);
}

static void note(void *closure, struct collector *collector)
{
	smi__note(closure, collector->counters);
}

static void store(const void *closure, struct collector *collector, struct recording *recording, struct stack_table *stacks)
{
	(void)closure, (void)collector, (void)recording, (void)stacks;  // the counters are all there is
}

static void close_smi(void *closure)
{
	smi__free(closure);
}

const struct subject subject_smi = { .name = "smi", .open = open_smi, .begin = note, .end = note, .store = store, .close = close_smi };
