#include "collect/host.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "collect/pressure.h"
#include "collect/virtualization.h"

int64_t host__parse_cpu_list(const char *text)
{
	int64_t cpus = 0;

	for (;;) {
		char *end;
		long first = strtol(text, &end, 10), last = first;

		if (end == text || first < 0)
			return -EINVAL;
		if (*end == '-') {
			text = end + 1;
			last = strtol(text, &end, 10);
			if (end == text || last < first)
				return -EINVAL;
		}
		if (last >= 1 << 20)
			return -EINVAL;
		cpus += last - first + 1;
		if (*end != ',')
			return *end && *end != '\n' ? -EINVAL : cpus;
		text = end + 1;
	}
}

char *host__parse_os_release(const char *text)
{
	static const char key[] = "PRETTY_NAME=";

	for (const char *line = text; line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
		if (strncmp(line, key, strlen(key)))
			continue;
		const char *value = line + strlen(key);
		char quote = *value == '"' || *value == '\'' ? *value++ : '\n';
		struct string name = { 0 };

		for (; *value && *value != quote && *value != '\n'; value++) {
			// Within double quotes a backslash stands before the characters that a shell would read otherwise.
			if (*value == '\\' && quote == '"' && value[1] && value[1] != '\n')
				value++;
			string__add_bytes(&name, value, 1);
		}
		return string__steal(&name);
	}
	return NULL;
}

static int64_t count_cpus(const char *path, int fallback)
{
	cleanup_free char *text = NULL;
	int64_t cpus = base__read_file(path, 65536, &text) > 0 ? host__parse_cpu_list(text) : -EINVAL;

	return cpus > 0 ? cpus : sysconf(fallback);
}

static char *read_line(const char *path)
{
	cleanup_free char *text = NULL;

	if (base__read_file(path, 65536, &text) <= 0)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return base__copy(text);
}

static int64_t read_hz(void)
{
	struct timespec tick;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) || (!tick.tv_sec && !tick.tv_nsec))
		return 0;
	int64_t tick_ns = (int64_t)tick.tv_sec * (int64_t)NS_PER_SEC + tick.tv_nsec;
	return ((int64_t)NS_PER_SEC + tick_ns / 2) / tick_ns;
}

// "none [integrity] confidentiality": the one in brackets holds.
static char *read_lockdown(void)
{
	cleanup_free char *text = read_line("/sys/kernel/security/lockdown");
	char *open = text ? strchr(text, '[') : NULL, *close = open ? strchr(open, ']') : NULL;

	if (!close)
		return NULL;
	*close = '\0';
	return base__copy(open + 1);
}

static char *read_distribution(void)
{
	cleanup_free char *text = NULL;

	if (base__read_file("/etc/os-release", 65536, &text) <= 0 && base__read_file("/usr/lib/os-release", 65536, &text) <= 0)
		return NULL;
	return host__parse_os_release(text);
}

int host__read(struct host *ret)
{
	struct utsname names;
	struct pressure_totals unused;

	if (uname(&names))
		return -errno;
	memset(ret, 0, sizeof(*ret));
	ret->kernel = base__copy(names.release);
	ret->machine = base__copy(names.machine);
	if (sscanf(names.release, "%d.%d", &ret->version_major, &ret->version_minor) != 2)
		ret->version_major = ret->version_minor = 0;
	ret->cpus_online = count_cpus("/sys/devices/system/cpu/online", _SC_NPROCESSORS_ONLN);
	ret->cpus_possible = count_cpus("/sys/devices/system/cpu/possible", _SC_NPROCESSORS_CONF);
	ret->hz = read_hz();
	ret->boot_id = read_line("/proc/sys/kernel/random/boot_id");
	ret->virtualization = virtualization__detect();
	ret->container = virtualization__container();
	ret->distribution = read_distribution();
	ret->btf = !access("/sys/kernel/btf/vmlinux", R_OK);
	ret->psi = pressure__read_system(PRESSURE_CPU, &unused);
	ret->lockdown = read_lockdown();
	return 0;
}

void host__free(struct host *host)
{
	free(host->kernel);
	free(host->machine);
	free(host->boot_id);
	free(host->container);
	free(host->distribution);
	free(host->lockdown);
	memset(host, 0, sizeof(*host));
}

void host__to_meta(const struct host *host, struct recording *recording)
{
	recording__set_meta(recording, "kernel", "%s", host->kernel);
	recording__set_meta(recording, "machine", "%s", host->machine);
	recording__set_meta(recording, "cpus", "%lld", (long long)host->cpus_online);
	recording__set_meta(recording, "hz", "%lld", (long long)host->hz);
	recording__set_meta(recording, "boot_id", "%s", host->boot_id ? host->boot_id : "");
	recording__set_meta(recording, "virtualization", "%s", host->virtualization);
	recording__set_meta(recording, "distribution", "%s", host->distribution ? host->distribution : "");
}
