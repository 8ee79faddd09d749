#include "collect/machine.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "collect/assemble.h"
#include "collect/kernel_btf.h"
#include "collect/proc_stat.h"
#include "collect/virtualization.h"
#include "identify/process.h"

#define PID_NAMESPACE_INIT 0xEFFFFFFCu          // PROC_PID_INIT_INO, include/linux/proc_ns.h
#define CGROUP_NAMESPACE_INIT 0xEFFFFFFBu       // PROC_CGROUP_INIT_INO
#define DESCRIPTORS_LIMIT 200000                // looked at in the search for readers

static const char *const tracepoints[] = { "sched_switch", "sched_wakeup", "sched_wakeup_new", "sched_migrate_task",
					   "sched_process_exec", "cgroup_attach_task", "irq_handler_entry", "irq_handler_exit",
					   "softirq_entry", "softirq_exit" };

static bool in_own_namespace(const char *path, uint32_t initial)
{
	struct stat status;

	return !stat(path, &status) && status.st_ino != initial;
}

static uint64_t read_capabilities(void)
{
	cleanup_free char *text = NULL;
	const char *line = base__read_file("/proc/self/status", 65536, &text) > 0 ? strstr(text, "\nCapEff:") : NULL;

	return line ? strtoull(line + strlen("\nCapEff:"), NULL, 16) : 0;
}

static bool has_tracepoint(const struct btf *btf, const char *name)
{
	cleanup_free char *type = base__format("btf_trace_%s", name);

	return btf__find_by_name_kind(btf, type, BTF_KIND_TYPEDEF) > 0;
}

static void read_btf(struct machine *machine)
{
	struct string absent = { 0 };
	const struct btf *btf = kernel_btf__get();

	if (!btf)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(tracepoints); i++)
		if (!has_tracepoint(btf, tracepoints[i]))
			string__add(&absent, "%s%s", absent.length ? ", " : "", tracepoints[i]);
	machine->tracepoints_absent = absent.length ? string__steal(&absent) : NULL;
	machine->contention_tracepoints = has_tracepoint(btf, "contention_begin") && has_tracepoint(btf, "contention_end");
	machine->rcu_tracepoint = has_tracepoint(btf, "rcu_stall_warning");
	machine->psi_variable = btf__find_by_name_kind(btf, "system_group_pcpu", BTF_KIND_VAR) > 0;
	machine->steal_variable = btf__find_by_name_kind(btf, "steal_time", BTF_KIND_VAR) > 0;
	kernel_btf__free();
}

static void read_cgroups(struct machine *machine)
{
	struct cgroups *cgroups;

	if (cgroups__find_mounts(&machine->mounts) || cgroups__snapshot(false, &cgroups))
		return;
	machine->cgroups = (int64_t)cgroups->count + cgroups->left_out;
	for (size_t i = 0; i < cgroups->count; i++)
		machine->quotas += cgroups->all[i].quota_us > 0;
	if (machine->mounts.v2) {
		cleanup_free char *path = base__format("%s/cgroup.controllers", machine->mounts.v2), *text = NULL;

		machine->cpu_in_v2 = base__read_file(path, 4096, &text) > 0 && surroundings__lists(text, "cpu");
	}
	cgroups__free(cgroups);
}

static bool symbols_are_visible(void)
{
	cleanup_file FILE *file = fopen("/proc/kallsyms", "re");
	char line[512];

	for (int i = 0; file && i < 100 && fgets(line, sizeof(line), file); i++)
		if (strtoull(line, NULL, 16))
			return true;
	return false;
}

// On CPU, waited, slices: the second is what the ledger is compared with (proc_pid_schedstat, fs/proc/base.c).
static bool run_delay_counts(void)
{
	cleanup_free char *text = NULL;

	return base__read_file("/proc/self/schedstat", 256, &text) > 0 && strcmp(text, "0 0 0\n") != 0;
}

static bool is_pressure_file(const char *path)
{
	size_t length = strlen(path), suffix = strlen(".pressure");

	return !strncmp(path, "/proc/pressure/", 15) || (length > suffix && !strcmp(path + length - suffix, ".pressure"));
}

static bool holds_pressure_file(int proc_fd, const char *pid, size_t *looked_at)
{
	cleanup_free char *name = base__format("%s/fd", pid);
	int fd = openat(proc_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	bool found = false;

	if (!directory) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	for (struct dirent *entry; !found && *looked_at < DESCRIPTORS_LIMIT && (entry = readdir(directory)); (*looked_at)++) {
		char path[4096];
		ssize_t length = readlinkat(fd, entry->d_name, path, sizeof(path) - 1);

		if (length > 0) {
			path[length] = '\0';
			found = is_pressure_file(path);
		}
	}
	closedir(directory);
	return found;
}

static char *find_pressure_readers(void)
{
	DIR *proc = opendir("/proc");
	struct string readers = { 0 };
	size_t looked_at = 0;

	if (!proc)
		return NULL;
	for (struct dirent *entry; (entry = readdir(proc));) {
		long long pid = isdigit((unsigned char)entry->d_name[0]) ? atoll(entry->d_name) : 0;

		if (!pid || pid == getpid() || !holds_pressure_file(dirfd(proc), entry->d_name, &looked_at))
			continue;
		cleanup_free char *path = base__format("/proc/%lld/comm", pid), *name = NULL;
		if (base__read_file(path, 64, &name) <= 0)
			continue;
		name[strcspn(name, "\n")] = '\0';
		string__add(&readers, "%s%s (%lld)", readers.length ? ", " : "", name, pid);
	}
	closedir(proc);
	return readers.length ? string__steal(&readers) : NULL;
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * (int64_t)NS_PER_SEC + now.tv_nsec;
}

// The only test that proves anything: what a recording does first, undone at once.
static void try_probes(struct machine *machine)
{
	struct collector_options options = {};
	struct collector *collector = NULL;
	int64_t start_ns = now_ns();

	machine->tried = true;
	machine->load_error = collector__open(&options, &collector, &machine->load_message);
	machine->load_ns = now_ns() - start_ns;
	if (machine->load_error)
		return;
	machine->meter = collector->probes->meter;
	machine->groups = collector->probes->groups_on;
	machine->steal = collector->probes->steal;
	machine->probes = recording__new();
	assemble__describe_probes(collector, machine->probes);
	collector__close(collector);
}

static int quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level, (void)format, (void)arguments;
	return 0;
}

int machine__read(struct machine *ret)
{
	struct proc_stat stat;
	int error, fd;

	memset(ret, 0, sizeof(*ret));
	if ((error = host__read(&ret->host)) < 0)
		return error;
	libbpf_set_print(quiet);
	ret->root = geteuid() == 0;
	ret->capabilities = read_capabilities();
	ret->own_pid_namespace = in_own_namespace("/proc/self/ns/pid", PID_NAMESPACE_INIT);
	ret->own_cgroup_namespace = in_own_namespace("/proc/self/ns/cgroup", CGROUP_NAMESPACE_INIT);
	ret->has_grubby = !access("/usr/sbin/grubby", X_OK) || !access("/sbin/grubby", X_OK);
	read_btf(ret);
	read_cgroups(ret);
	if (!proc_stat__read(&stat)) {
		ret->steal_ns = stat.total.steal_ns;
		proc_stat__free(&stat);
	}
	ret->steal_offered = virtualization__steal_offered(ret->host.virtualization, ret->steal_ns);
	surroundings__read(&ret->surroundings);
	ret->symbols = symbols_are_visible();
	ret->run_delay = run_delay_counts();
	ret->pressure_readers = find_pressure_readers();
	if (!ret->root)
		return 0;
	fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	ret->statistics_error = fd < 0 ? fd : 0;
	if (fd >= 0)
		close(fd);
	try_probes(ret);
	return 0;
}

void machine__free(struct machine *machine)
{
	host__free(&machine->host);
	cgroups__free_mounts(&machine->mounts);
	surroundings__free(&machine->surroundings);
	free(machine->tracepoints_absent);
	free(machine->pressure_readers);
	free(machine->load_message);
	recording__free(machine->probes);
	memset(machine, 0, sizeof(*machine));
}
