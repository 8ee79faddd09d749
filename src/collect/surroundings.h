// What the machine itself offers beside the kernel's probes: controllers, swap, its log, clocks, and what tells of heat and firmware.
#ifndef WHYSTALL_COLLECT_SURROUNDINGS_H
#define WHYSTALL_COLLECT_SURROUNDINGS_H

#include <stdbool.h>
#include <stdint.h>

struct surroundings {
	char *memory_controller, *io_controller; // where it is: "v2" or the mount point of a v1 hierarchy; NULL: nowhere
	int64_t swap_kib;               // size of all swap areas
	int kernel_log;                 // 0, or why /dev/kmsg can't be opened (negative errno)
	char *clock_source;             // "tsc", "kvm-clock"; NULL unknown
	int real_time_clock;            // 0, or why /dev/rtc0 can't be opened (negative errno)
	bool host_clock;                // a PTP device gives the host's clock (ptp_kvm and its kin)
	bool thermal_counters;          // the CPUs count how often heat slowed them
	bool frequency;                 // cpufreq tells the CPUs' frequency
	bool intel;                     // the CPUs count SMIs (MSR 0x34)
	bool msr_device;                // /dev/cpu/0/msr is there
	bool smi_event;                 // perf's msr/smi/ is there
};

void surroundings__read(struct surroundings *ret);
void surroundings__free(struct surroundings *surroundings);
// Whether a list of words separated by spaces (cgroup.controllers, options of a mount separated by commas) has this one.
bool surroundings__lists(const char *words, const char *word);

#endif
