#include "collect/surroundings.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "collect/cgroups.h"

bool surroundings__lists(const char *words, const char *word)
{
	size_t length = strlen(word);

	for (const char *found = words; (found = strstr(found, word)); found += length)
		if ((found == words || strchr(" ,", found[-1])) && (!found[length] || strchr(" ,\n", found[length])))
			return true;
	return false;
}

// The mount point of the v1 hierarchy with this controller. Owned by the caller; NULL: there is none.
static char *find_v1(const char *mountinfo, const char *controller)
{
	cleanup_free char *text = base__copy(mountinfo);

	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		char *type = strstr(line, " - cgroup "), *options = strrchr(line, ' ');
		char point[4096];

		if (type && options > type && surroundings__lists(options + 1, controller) &&
		    sscanf(line, "%*s %*s %*s %*s %4095s", point) == 1)
			return base__copy(point);
	}
	return NULL;
}

static void read_controllers(struct surroundings *ret)
{
	static const struct { const char *v2, *v1; } names[] = { { "memory", "memory" }, { "io", "blkio" } };
	char **where[] = { &ret->memory_controller, &ret->io_controller };
	struct cgroup_mounts mounts;
	cleanup_free char *mountinfo = NULL, *controllers = NULL, *path = NULL;

	if (cgroups__find_mounts(&mounts) < 0)
		return;
	path = mounts.v2 ? base__format("%s/cgroup.controllers", mounts.v2) : NULL;
	if (path)
		base__read_file(path, 4096, &controllers);
	base__read_file("/proc/self/mountinfo", 16u << 20, &mountinfo);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (controllers && surroundings__lists(controllers, names[i].v2))
			*where[i] = base__copy("v2");
		else if (mountinfo)
			*where[i] = find_v1(mountinfo, names[i].v1);
	}
	cgroups__free_mounts(&mounts);
}

static int64_t read_swap_kib(void)
{
	cleanup_free char *text = NULL;
	const char *line = base__read_file("/proc/meminfo", 65536, &text) > 0 ? strstr(text, "SwapTotal:") : NULL;
	long long kib = 0;

	return line && sscanf(line, "SwapTotal: %lld", &kib) == 1 ? kib : 0;
}

static int try_open(const char *path)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? -errno : 0;
}

// Reading it needs CAP_SYSLOG where kernel.dmesg_restrict is 1 (check_syslog_permissions(), kernel/printk/printk.c).
static int try_kernel_log(void)
{
	return try_open("/dev/kmsg");
}

static bool any(const char *pattern)
{
	glob_t found;
	bool any = glob(pattern, GLOB_NOSORT, NULL, &found) == 0 && found.gl_pathc > 0;

	globfree(&found);
	return any;
}

// Clocks of the host: ptp_kvm and the like name themselves after the hypervisor.
static bool has_host_clock(void)
{
	static const char *const names[] = { "KVM", "hyperv", "vmclock", "xen", "vmware" };
	glob_t found;
	bool has = false;

	if (glob("/sys/class/ptp/ptp*/clock_name", 0, NULL, &found))
		return false;
	for (size_t i = 0; i < found.gl_pathc && !has; i++) {
		cleanup_free char *text = NULL;

		if (base__read_file(found.gl_pathv[i], 256, &text) <= 0)
			continue;
		for (size_t j = 0; j < ARRAY_SIZE(names); j++)
			has = has || strcasestr(text, names[j]);
	}
	globfree(&found);
	return has;
}

static bool is_intel(void)
{
	cleanup_free char *text = NULL;

	return base__read_file("/proc/cpuinfo", 4u << 20, &text) > 0 && strstr(text, "GenuineIntel");
}

void surroundings__read(struct surroundings *ret)
{
	memset(ret, 0, sizeof(*ret));
	read_controllers(ret);
	ret->swap_kib = read_swap_kib();
	ret->kernel_log = try_kernel_log();
	if (base__read_file("/sys/devices/system/clocksource/clocksource0/current_clocksource", 256, &ret->clock_source) <= 0)
		ret->clock_source = NULL;
	else
		ret->clock_source[strcspn(ret->clock_source, "\n")] = '\0';
	ret->real_time_clock = try_open("/dev/rtc0");
	ret->host_clock = has_host_clock();
	ret->thermal_counters = any("/sys/devices/system/cpu/cpu[0-9]*/thermal_throttle/core_throttle_count");
	ret->frequency = any("/sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_cur_freq");
	ret->intel = is_intel();
	ret->msr_device = !access("/dev/cpu/0/msr", R_OK);
	ret->smi_event = !access("/sys/bus/event_source/devices/msr/events/smi", R_OK);
}

void surroundings__free(struct surroundings *surroundings)
{
	free(surroundings->memory_controller);
	free(surroundings->io_controller);
	free(surroundings->clock_source);
	memset(surroundings, 0, sizeof(*surroundings));
}
