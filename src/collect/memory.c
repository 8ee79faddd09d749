// The subject "memory": who frees memory before it gets any, who grew, and what the limits of cgroups did.
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/base.h"
#include "collect/assemble.h"
#include "collect/kernel_btf.h"
#include "collect/memory.h"
#include "collect/memory_cgroups.h"
#include "collect/memory_files.h"
#include "collect/memory_processes.h"
#include "collect/memory_sums.h"
#include "memory.skel.h"

#define BATCH 256
#define GROWN_BYTES (1LL << 20) // less growth of a process is no row
#define HELD_BYTES (16LL << 20)
#define FAULTS_LEAST 10
#define MINOR_FAULTS_LEAST 2560 // 10 MiB in small pages

struct memory_state {
	struct memory_bpf *skeleton;
	struct attacher *attacher;
	int page_cache_group;           // the attacher's
	bool compaction, throttled;     // this kernel has the tracepoints
	uint64_t began_ns, ended_ns;    // CLOCK_MONOTONIC
	bool page_cache_wanted;
	struct memory_sums *sums;
	struct cgroup_mounts mounts;
	struct memory_cgroups *cgroups_start, *cgroups_end;
	struct memory_processes *processes_start, *processes_end;
	int64_t failed_reads;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
}

// The prototype of a tracepoint (the first parameter is the probe's own), NULL where this kernel has none of that name.
static const struct btf_type *tracepoint(const struct btf *btf, const char *name)
{
	cleanup_free char *wanted = base__format("btf_trace_%s", name);
	int id = btf__find_by_name_kind(btf, wanted, BTF_KIND_TYPEDEF);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;

	type = type ? btf__type_by_id(btf, type->type) : NULL;
	return type && btf_is_ptr(type) ? btf__type_by_id(btf, type->type) : NULL;
}

// Programs whose tracepoint is missing are left out. 0: the decisive ones are there.
static int choose_programs(struct memory_state *state, const struct btf *btf)
{
	struct memory_bpf *skeleton = state->skeleton;
	const struct btf_type *begin = tracepoint(btf, "mm_vmscan_memcg_reclaim_begin"), *compaction = tracepoint(btf, "mm_compaction_begin");
	struct bpf_program *program;

	bpf_object__for_each_program(program, skeleton->obj) {
		const char *name = strchr(bpf_program__section_name(program), '/');

		if (!name || !tracepoint(btf, name + 1))
			bpf_program__set_autoload(program, false);
	}
	bpf_program__set_autoattach(skeleton->progs.on_page_cache_add, false);
	state->compaction = compaction && tracepoint(btf, "mm_compaction_try_to_compact_pages");
	state->throttled = tracepoint(btf, "mm_vmscan_throttled");
	skeleton->rodata->have_rdonly_cast = btf__find_by_name_kind(btf, "bpf_rdonly_cast", BTF_KIND_FUNC) > 0;
	// (void *, gfp, order, memcg) since 7.0; (void *, order, gfp) before.
	skeleton->rodata->have_reclaim_memcg = begin && btf_vlen(begin) >= 4;
	if (compaction && btf_vlen(compaction) >= 2) {
		const struct btf_type *type = btf__type_by_id(btf, btf_params(compaction)[1].type);

		skeleton->rodata->have_compact_control = type && btf_is_ptr(type);
	}
	return begin && tracepoint(btf, "mm_vmscan_direct_reclaim_begin") ? 0 : -ENOENT;
}

static void close_memory(void *opaque)
{
	struct memory_state *state = opaque;

	memory_bpf__destroy(state->skeleton);
	memory_sums__free(state->sums);
	cgroups__free_mounts(&state->mounts);
	memory_cgroups__free(state->cgroups_start);
	memory_cgroups__free(state->cgroups_end);
	memory_processes__free(state->processes_start);
	memory_processes__free(state->processes_end);
	free(state);
}

static void *open_memory(struct collector *collector, char **ret_why_off)
{
	struct memory_state *state = base__alloc(1, sizeof(*state));
	const struct btf *btf = kernel_btf__get();
	int error = -ENOENT;

	state->skeleton = btf ? memory_bpf__open() : NULL;
	if (state->skeleton) {
		error = choose_programs(state, btf);
		error = error ? error : memory_bpf__load(state->skeleton);
		error = error ? error : memory_bpf__attach(state->skeleton);
	}
	if (error) {
		*ret_why_off = error == -ENOENT ? base__copy("this kernel has no tracepoints of memory reclaim")
			: base__format("the kernel refused the probes of memory reclaim (%s)", strerror(-error));
		close_memory(state);
		return NULL;
	}
	state->attacher = collector->attacher;
	state->page_cache_group = ATTACHER_NONE;
	if (bpf_program__autoload(state->skeleton->progs.on_page_cache_add))
		state->page_cache_group = attacher__add(state->attacher,
			(struct bpf_program *[ATTACHER_PROGRAMS]){ state->skeleton->progs.on_page_cache_add });
	state->sums = memory_sums__new();
	cgroups__find_mounts(&state->mounts);
	return state;
}

static struct memory_cgroups *read_cgroups(const struct memory_state *state)
{
	if (state->mounts.v1_memory)
		return memory_cgroups__read(state->mounts.v1_memory, 1);
	return memory_cgroups__read(state->mounts.v2, 2);
}

static void begin_memory(void *opaque, struct collector *collector)
{
	struct memory_state *state = opaque;

	state->cgroups_start = read_cgroups(state);
	memory_files__note(collector->counters);
	state->began_ns = now_ns();
	state->skeleton->bss->memory_window_began = state->began_ns;
	state->processes_start = memory_processes__read(MEMORY_PROCESSES_MOST);
}

// Who fills the page cache matters only while memory is scarce, and the probe for it runs once for each page: it is attached then.
static void watch_page_cache(struct memory_state *state)
{
	if (!state->page_cache_wanted)
		attacher__order(state->attacher, state->page_cache_group, true);
	state->page_cache_wanted = true;
}

static void take(struct memory_state *state, struct collector *collector, const struct memory_key *key, const struct memory_sum *sum)
{
	int64_t process = key->tgid ? processes__by_tgid(collector->processes, key->tgid) : 0;

	memory_sums__add(state->sums, process, key->kind, key->detail, sum);
	if (!state->ended_ns && (key->kind == MEMORY_DIRECT_RECLAIM || key->kind == MEMORY_LIMIT_RECLAIM || key->kind == MEMORY_KSWAPD_WAKEUP))
		watch_page_cache(state);
}

static void drain_memory(void *opaque, struct collector *collector)
{
	struct memory_state *state = opaque;
	struct memory_key keys[BATCH];
	struct memory_sum sums[BATCH];
	uint32_t position = 0, *from = NULL;

	for (;;) {
		uint32_t count = BATCH;
		int error = bpf_map_lookup_and_delete_batch(bpf_map__fd(state->skeleton->maps.memory_sums), from, &position, keys, sums, &count, NULL);

		if (error && error != -ENOENT) {
			state->failed_reads++;
			return;
		}
		for (uint32_t i = 0; i < count; i++)
			take(state, collector, &keys[i], &sums[i]);
		if (error)
			return;
		from = &position;
	}
}

// Tasks that are still at it when the window ends.
static void settle_sections(struct memory_state *state, struct collector *collector)
{
	int map = bpf_map__fd(state->skeleton->maps.memory_sections);
	struct memory_section section;
	uint32_t pid, *previous = NULL;

	while (!bpf_map_get_next_key(map, previous, &pid)) {
		previous = &pid;
		if (bpf_map_lookup_elem(map, &pid, &section) || !section.began || section.began >= state->ended_ns)
			continue;
		uint64_t since = section.began > state->began_ns ? section.began : state->began_ns;
		struct memory_sum sum = { .count = !section.counted, .ns = state->ended_ns - since, .max_ns = state->ended_ns - since };

		memory_sums__add(state->sums, processes__by_tgid(collector->processes, section.tgid), section.kind, section.detail, &sum);
	}
}

static void end_memory(void *opaque, struct collector *collector)
{
	struct memory_state *state = opaque;

	state->skeleton->bss->memory_window_began = 0;
	state->ended_ns = now_ns();
	memory_files__note(collector->counters);
	settle_sections(state, collector);
	memory_bpf__detach(state->skeleton);
	state->cgroups_end = read_cgroups(state);
	state->processes_end = memory_processes__read(MEMORY_PROCESSES_MOST);
}

static void add_growth(struct recording *recording, const char *kind, int64_t process, int64_t count, int64_t amount)
{
	struct activity_row *row = recording__add_activity(recording);

	*row = (struct activity_row){ .subject = base__copy("memory"), .kind = base__copy(kind), .key = base__copy(""), .process = process,
				      .cpu = -1, .count = count, .amount = amount };
}

static void store_processes(const struct memory_state *state, struct collector *collector, struct recording *recording)
{
	static const struct memory_reading nothing;
	double ticks = (double)sysconf(_SC_CLK_TCK);
	struct timespec boot;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	double began = (double)boot.tv_sec + (double)boot.tv_nsec / 1e9 - (double)(now_ns() - state->began_ns) / 1e9;
	for (size_t i = 0; state->processes_end && i < state->processes_end->count; i++) {
		const struct memory_reading *after = &state->processes_end->all[i], *before = memory_processes__find(state->processes_start, after);

		// One that was missed at the beginning did not grow by all that it has.
		if (!before && (double)after->start_ticks / ticks < began - 1)
			continue;
		before = before ? before : &nothing;
		int64_t held = after->anonymous_bytes + after->swap_bytes, grown = held - before->anonymous_bytes - before->swap_bytes;
		int64_t faults = after->major_faults - before->major_faults, minor_faults = memory_reading__faults(before, after);
		if (grown < GROWN_BYTES && held < HELD_BYTES && faults < FAULTS_LEAST && minor_faults < MINOR_FAULTS_LEAST)
			continue;
		int64_t process = processes__by_tgid(collector->processes, (uint32_t)after->pid);
		add_growth(recording, "anonymous", process, 0, held);
		if (grown >= GROWN_BYTES)
			add_growth(recording, "anonymous_growth", process, 0, grown);
		if (faults >= FAULTS_LEAST)
			add_growth(recording, "major_faults", process, faults, 0);
		if (minor_faults >= MINOR_FAULTS_LEAST)
			add_growth(recording, "minor_faults", process, minor_faults, memory_reading__kept_bytes(before, after));
	}
}

static void describe_memory(const void *opaque, struct recording *recording)
{
	const struct memory_state *state = opaque;

	recording__set_meta(recording, "probe.memory.compaction", "%s", state->compaction ? "on" : "this kernel has no tracepoints of compaction");
}

static void store_memory(const void *opaque, struct collector *collector, struct recording *recording, struct stack_table *stacks)
{
	const struct memory_state *state = opaque;

	(void)stacks;
	memory_sums__store(state->sums, state->cgroups_start, state->cgroups_end, recording);
	store_processes(state, collector, recording);
	memory_cgroups__store(state->cgroups_start, state->cgroups_end, recording);
	memory_files__to_meta(recording);
	recording__set_meta(recording, "page_size", "%ld", sysconf(_SC_PAGESIZE));
	recording__set_meta(recording, "memory_cgroups", "%d", state->cgroups_start ? state->cgroups_start->hierarchy : 0);
	recording__set_counter(recording, "memory_processes_left_out", state->processes_end ? (int64_t)state->processes_end->left_out : 0,
			       "processes whose memory and page faults were not read, because there were too many");
	recording__set_counter(recording, "memory_sums_lost", (int64_t)state->skeleton->bss->memory_lost,
			       "stretches of reclaim or compaction that found no place in the kernel's tables");
	if (state->failed_reads)
		recording__set_counter(recording, "memory_reads_failed", state->failed_reads, "times that the sums of memory reclaim could not be read");
	if (state->cgroups_end && state->cgroups_end->left_out)
		recording__set_counter(recording, "memory_cgroups_left_out", state->cgroups_end->left_out,
				       "cgroups whose memory limits were not read, because there are so many");
}

static size_t memory_memory(const void *opaque)
{
	(void)opaque;
	return MEMORY_ROWS * (48 + sizeof(struct memory_key) + sizeof(struct memory_sum)) + MEMORY_SECTIONS * (64 + sizeof(struct memory_section));
}

const struct subject memory_subject = {
	.name = "memory", .open = open_memory, .begin = begin_memory, .drain = drain_memory, .end = end_memory, .store = store_memory,
	.describe = describe_memory, .close = close_memory, .memory = memory_memory,
};
