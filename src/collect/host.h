// Facts of the host that do not change while we record.
#ifndef WHYSTALL_COLLECT_HOST_H
#define WHYSTALL_COLLECT_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "recording/recording.h"

struct host {
	char *kernel, *machine;         // uname: release, "x86_64"
	int version_major, version_minor; // of the release
	int64_t cpus_online, cpus_possible;
	// Ticks a second of the kernel (CONFIG_HZ), not the USER_HZ of /proc. From the resolution of CLOCK_MONOTONIC_COARSE,
	// which is one tick (KTIME_LOW_RES, include/linux/hrtimer.h): needs no configuration file and no privilege.
	int64_t hz;
	char *boot_id;                  // NULL: unknown
	const char *virtualization;     // "none", "kvm", "qemu", "xen", …: names as `systemd-detect-virt --vm` gives
	char *container;                // whystall itself runs in one: "docker", "podman", "lxc", …; NULL: no sign of it
	char *distribution;             // PRETTY_NAME of os-release; NULL: unknown
	bool btf;                       // /sys/kernel/btf/vmlinux can be read
	int psi;                        // 0, or why /proc/pressure/cpu can't be read: -EOPNOTSUPP off, -ENOENT not built in, …
	char *lockdown;                 // "none", "integrity", "confidentiality"; NULL: unknown (securityfs is not mounted)
};

// Returns 0; facts that can't be had stay NULL or 0. Free with host__free.
int host__read(struct host *ret);
void host__free(struct host *host);

// Sets the meta keys kernel, machine, cpus, hz, boot_id, virtualization, distribution; unknown ones to "".
void host__to_meta(const struct host *host, struct recording *recording);

// Parses a CPU list as sysfs gives it ("0-3,8"): the number of CPUs, or -EINVAL.
int64_t host__parse_cpu_list(const char *text);
// PRETTY_NAME of an os-release file's text, unquoted; NULL if absent. Owned by the caller.
char *host__parse_os_release(const char *text);

#endif
