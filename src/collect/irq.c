#include "collect/irq.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/base.h"
#include "collect/assemble.h"
#include "collect/irq_account.h"
#include "collect/irq_files.h"
#include "collect/irq_watch.h"
#include "collect/kernel_btf.h"
#include "irq.skel.h"
#include "sched.skel.h"
#include "symbolize/kallsyms.h"

struct irq_state {
	struct irq_bpf *skeleton;       // NULL: only sums by vector and number, by the scheduler's probes
	struct irq_account *account;
	struct irq_cpu *cpus;           // as they were at the end; NULL before
	struct irq_watch *watch;        // of its programs: those that are not always attached; NULL without skeleton
	const char *calls;              // how calls between CPUs are seen, unless that is refused: "csd", "tlb_flush", "none"
	bool packets;                   // there are probes of single packets
	char *why_partial;              // why there is no skeleton
	size_t bytes;
};

// Functions whose addresses the probes want, in the order of the skeleton's settings.
static const char *const functions[] = { "flush_tlb_func", "hrtimer_wakeup", "posix_timer_fn", "it_real_fn", "perf_swevent_hrtimer" };

static bool has(const struct btf *btf, const char *tracepoint)
{
	cleanup_free char *name = base__format("btf_trace_%s", tracepoint);

	return btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF) > 0;
}

// Leaves out what this kernel does not have; says how calls between CPUs are seen.
static const char *choose_programs(const struct btf *btf, struct irq_bpf *skeleton, bool know_flush)
{
	bool csd = has(btf, "csd_queue_cpu") && has(btf, "csd_function_entry") && has(btf, "csd_function_exit") && know_flush;
	bool flush = !csd && has(btf, "tlb_flush");
	// the last is never attached, the others by irq_watch
	struct bpf_program *const by_hand[] = { skeleton->progs.on_call_queue, skeleton->progs.on_called, skeleton->progs.on_call_done,
		skeleton->progs.on_tlb_flush, skeleton->progs.on_receive, skeleton->progs.on_netif_rx, skeleton->progs.on_copy,
		skeleton->progs.irq_flush };

	bpf_program__set_autoload(skeleton->progs.on_call_queue, csd);
	bpf_program__set_autoload(skeleton->progs.on_called, csd);
	bpf_program__set_autoload(skeleton->progs.on_call_done, csd);
	bpf_program__set_autoload(skeleton->progs.on_tlb_flush, flush);
	bpf_program__set_autoload(skeleton->progs.on_napi_poll, has(btf, "napi_poll"));
	bpf_program__set_autoload(skeleton->progs.on_receive, has(btf, "netif_receive_skb"));
	bpf_program__set_autoload(skeleton->progs.on_netif_rx, has(btf, "netif_rx"));
	bpf_program__set_autoload(skeleton->progs.on_copy, has(btf, "skb_copy_datagram_iovec"));
	for (size_t i = 0; i < ARRAY_SIZE(by_hand); i++)
		bpf_program__set_autoattach(by_hand[i], false);
	return csd ? "csd" : flush ? "tlb_flush" : "none";
}

// Those that come with each call of another CPU, and with each packet.
static void watch_groups(struct irq_state *state, const struct irq_bpf *skeleton, struct attacher *attacher)
{
	const struct { enum irq_group group; struct bpf_program *program; } grouped[] = {
		{ IRQ_GROUP_CALLS, skeleton->progs.on_call_queue }, { IRQ_GROUP_CALLS, skeleton->progs.on_called },
		{ IRQ_GROUP_CALLS, skeleton->progs.on_call_done }, { IRQ_GROUP_CALLS, skeleton->progs.on_tlb_flush },
		{ IRQ_GROUP_PACKETS, skeleton->progs.on_receive }, { IRQ_GROUP_PACKETS, skeleton->progs.on_netif_rx },
		{ IRQ_GROUP_PACKETS, skeleton->progs.on_copy },
	};
	struct bpf_program *programs[IRQ_GROUPS][ATTACHER_PROGRAMS] = { 0 };
	size_t counts[IRQ_GROUPS] = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(grouped); i++)
		if (bpf_program__autoload(grouped[i].program))
			programs[grouped[i].group][counts[grouped[i].group]++] = grouped[i].program;
	state->watch = irq_watch__new(programs, attacher);
	state->packets = counts[IRQ_GROUP_PACKETS] > 0;
}

static int load(struct irq_state *state, struct collector *collector)
{
	struct irq_bpf *skeleton = irq_bpf__open();
	const struct btf *btf = kernel_btf__get();
	uint64_t addresses[ARRAY_SIZE(functions)];
	int error = 0;

	if (!skeleton || !btf) {
		error = -errno;
	} else {
		kallsyms__find(functions, ARRAY_SIZE(functions), addresses);
		skeleton->rodata->flush_tlb_func = addresses[0];
		skeleton->rodata->hrtimer_wakeup = addresses[1];
		skeleton->rodata->posix_timer_fn = addresses[2];
		skeleton->rodata->it_real_fn = addresses[3];
		skeleton->rodata->perf_swevent_hrtimer = addresses[4];
		state->calls = choose_programs(btf, skeleton, addresses[0] != 0);
		bpf_map__set_max_entries(skeleton->maps.irq_cpus, collector->probes->cpus);
		error = bpf_map__reuse_fd(skeleton->maps.irq_cpus, bpf_map__fd(collector->probes->skeleton->maps.irq_cpus));
		if (!error)
			error = irq_bpf__load(skeleton);
		if (!error)
			error = irq_bpf__attach(skeleton);
		if (!error)
			watch_groups(state, skeleton, collector->attacher);
	}
	if (error) {
		irq_bpf__destroy(skeleton);
		state->calls = "none";
		return error;
	}
	state->skeleton = skeleton;
	state->bytes = IRQ_PARTIES * (48 + sizeof(struct irq_party_key) + sizeof(struct irq_party_sum)) + 4096 * 64;
	return 0;
}

// The scheduler's probes tell by it what part of a soft interrupt ran in its thread.
static void find_ksoftirqd(struct probes *probes)
{
	DIR *directory = opendir("/proc");
	uint32_t found = 0;

	for (struct dirent *entry; directory && found < probes->cpus && (entry = readdir(directory));) {
		cleanup_free char *path = NULL, *text = NULL;
		int cpu;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		path = base__format("/proc/%s/comm", entry->d_name);
		if (base__read_file(path, 64, &text) <= 0)
			continue;
		cpu = irq_files__ksoftirqd_cpu(text);
		if (cpu < 0 || (uint32_t)cpu >= probes->cpus)
			continue;
		probes->irq_cpus[cpu].ksoftirqd_pid = (unsigned)atoi(entry->d_name);
		found++;
	}
	if (directory)
		closedir(directory);
}

static void *open_irq(struct collector *collector, char **ret_why_off)
{
	struct irq_state *state = base__alloc(1, sizeof(*state));
	int error;

	(void)ret_why_off;
	state->calls = "none";
	find_ksoftirqd(collector->probes);
	error = load(state, collector);
	state->account = irq_account__new(state->skeleton ? state->skeleton->rodata->flush_tlb_func : 0);
	if (error)
		state->why_partial = base__format("the kernel refused the probes of what is behind interrupts (%s)", strerror(-error));
	return state;
}

static void start(void *closure)
{
	struct irq_state *state = closure;

	if (state->watch)
		irq_watch__start(state->watch);
}

static void note_file(struct counters *counters, const char *path, int (*note)(struct counters *counters, const char *text))
{
	cleanup_free char *text = NULL;

	if (base__read_file(path, 16 << 20, &text) > 0)
		note(counters, text);
}

static void note_stat(struct counters *counters)
{
	struct proc_stat stat = { 0 };

	if (proc_stat__read(&stat))
		return;
	for (size_t i = 0; i < stat.cpu_count; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%lld", (long long)stat.cpus[i].cpu);
		counters__note(counters, "stat", key, "irq_ns", stat.cpus[i].irq_ns);
		counters__note(counters, "stat", key, "softirq_ns", stat.cpus[i].softirq_ns);
	}
	proc_stat__free(&stat);
}

// What is rare to change first: the counts that are compared with the probes' own stand nearest to the window.
static void note_files(struct collector *collector)
{
	note_stat(collector->counters);
	note_file(collector->counters, "/proc/net/softnet_stat", irq_files__note_softnet);
	note_file(collector->counters, "/proc/interrupts", irq_files__note_interrupts);
	note_file(collector->counters, "/proc/softirqs", irq_files__note_softirqs);
}

static void begin(void *closure, struct collector *collector)
{
	struct irq_state *state = closure;

	note_files(collector);
	if (!state->skeleton)
		return;
	state->skeleton->bss->recording = 1;
	irq_watch__begin(state->watch, collector->probes->irq_cpus, collector->probes->cpus);
}

static void look(void *closure, struct collector *collector)
{
	struct irq_state *state = closure;

	(void)collector;
	if (state->watch)
		irq_watch__look(state->watch);
}

static void take_party(struct irq_state *state, struct collector *collector, const struct irq_party_key *key,
	const struct irq_party_sum *sum)
{
	int64_t process = key->tgid ? processes__by_tgid(collector->processes, key->tgid) : 0;

	irq_account__add(state->account, key, process, sum);
}

#define BATCH 512

static void drain(void *closure, struct collector *collector)
{
	struct irq_state *state = closure;
	cleanup_free struct irq_party_key *keys = base__alloc(BATCH, sizeof(*keys));
	cleanup_free struct irq_party_sum *sums = base__alloc(BATCH, sizeof(*sums));
	uint32_t position = 0, *from = NULL;

	while (state->skeleton) {
		uint32_t count = BATCH;
		int error = bpf_map_lookup_and_delete_batch(bpf_map__fd(state->skeleton->maps.irq_parties), from, &position, keys, sums, &count,
			NULL);

		if (error && error != -ENOENT) {
			collector->failed_reads++;
			return;
		}
		for (uint32_t i = 0; i < count; i++)
			take_party(state, collector, &keys[i], &sums[i]);
		if (error)
			return;
		from = &position;
	}
}

static void end(void *closure, struct collector *collector)
{
	struct irq_state *state = closure;
	uint32_t cpus = collector->probes->cpus;

	for (uint32_t cpu = 0; state->skeleton && cpu < cpus; cpu++) {
		LIBBPF_OPTS(bpf_test_run_opts, run, .flags = BPF_F_TEST_RUN_ON_CPU, .cpu = cpu);

		bpf_prog_test_run_opts(bpf_program__fd(state->skeleton->progs.irq_flush), &run);
	}
	if (state->skeleton)
		state->skeleton->bss->recording = 0;
	note_files(collector);
	if (state->skeleton)
		irq_watch__end(state->watch);
	state->cpus = base__alloc(cpus, sizeof(*state->cpus));
	memcpy(state->cpus, collector->probes->irq_cpus, cpus * sizeof(*state->cpus));
	if (state->skeleton)
		irq_bpf__detach(state->skeleton);
}

static void describe_packets(const struct irq_state *state, struct recording *recording)
{
	int refusal = state->watch ? irq_watch__refusal(state->watch, IRQ_GROUP_PACKETS) : 0;

	if (refusal)
		recording__set_meta(recording, "probe.irq.packets", "the kernel refused the probes of packets (%s)", strerror(-refusal));
	else
		recording__set_meta(recording, "probe.irq.packets", "%s", !state->skeleton ? state->why_partial : state->packets ? "on"
			: "this kernel has no tracepoints of packets");
}

static void describe(const void *closure, struct recording *recording)
{
	const struct irq_state *state = closure;

	recording__set_meta(recording, "probe.irq.sources", "%s", state->skeleton ? "on" : state->why_partial);
	recording__set_meta(recording, "probe.irq.calls", "%s", state->watch && irq_watch__refusal(state->watch, IRQ_GROUP_CALLS) ? "refused"
		: state->calls);
	describe_packets(state, recording);
	if (state->watch) {
		recording__set_meta(recording, "irq.calls_seen_ns", "%llu", (unsigned long long)irq_watch__seen_ns(state->watch, IRQ_GROUP_CALLS));
		recording__set_meta(recording, "irq.packets_seen_ns", "%llu", (unsigned long long)irq_watch__seen_ns(state->watch, IRQ_GROUP_PACKETS));
	}
}

static const struct irq_cpu *cpus_of(const struct irq_state *state, const struct collector *collector)
{
	return state->cpus ? state->cpus : collector->probes->irq_cpus;
}

static void want_symbols(const void *closure, const struct collector *collector, struct kernel_symbols *symbols)
{
	const struct irq_state *state = closure;

	irq_account__want_symbols(state->account, cpus_of(state, collector), collector->probes->cpus, symbols);
}

static void store(const void *closure, struct collector *collector, struct recording *recording, struct stack_table *stacks)
{
	const struct irq_state *state = closure;
	const struct irq_cpu *cpus = cpus_of(state, collector);
	int64_t lost[3] = { 0 };

	(void)stacks;
	irq_account__store(state->account, cpus, collector->probes->cpus, collector->symbols, recording);
	for (uint32_t cpu = 0; cpu < collector->probes->cpus; cpu++) {
		lost[0] += (int64_t)cpus[cpu].devices_lost;
		lost[1] += (int64_t)cpus[cpu].calls_lost;
		lost[2] += (int64_t)cpus[cpu].parties_lost;
	}
	recording__set_counter(recording, "irq_unattached", state->watch ? (int64_t)irq_watch__failures(state->watch) : 0, "times that probes of calls between CPUs or of packets could not be attached again");
	recording__set_counter(recording, "irq_devices_lost", lost[0], "polls of network devices that had no place in the table of devices");
	recording__set_counter(recording, "irq_calls_lost", lost[1], "calls between CPUs of functions that had no place in the table of functions");
	recording__set_counter(recording, "irq_parties_lost", lost[2], "bookings of who is behind interrupts that did not fit into their table");
}

static size_t memory(const void *closure)
{
	return ((const struct irq_state *)closure)->bytes;
}

static void close_irq(void *closure)
{
	struct irq_state *state = closure;

	irq_watch__free(state->watch);
	irq_bpf__destroy(state->skeleton);
	irq_account__free(state->account);
	free(state->cpus);
	free(state->why_partial);
	free(state);
}

const struct subject subject_irq = {
	.name = "irq", .open = open_irq, .start = start, .begin = begin, .look = look, .drain = drain, .end = end, .want_symbols = want_symbols, .store = store,
	.describe = describe, .close = close_irq, .memory = memory,
};
