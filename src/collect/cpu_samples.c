#include "collect/cpu_samples.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/base.h"
#include "collect/assemble.h"
#include "collect/probes_maps.h"
#include "sample.skel.h"
#include "sched.skel.h"
#include "symbolize/kernel_symbols.h"
#include "symbolize/user.h"

#define PLACES_LIMIT 16384     // different places that are kept apart; some 6 MiB
#define CPU_PLACES_LIMIT 32768  // processes on CPUs; some 2 MiB
#define HEAVIEST 200            // of each process keep their stacks as they are
#define RING_CPU_BYTES (256u << 10) // a sample takes some 350 bytes: for 5 s at the highest rate
#define RING_LEAST (1u << 20)
#define RING_MOST (4u << 20)

uint64_t cpu_samples__period_ns(uint32_t cpus)
{
	static const uint32_t rates[] = { 197, 97, 61, 31, 17, 11 };

	for (size_t i = 0; i < ARRAY_SIZE(rates); i++)
		if (rates[i] * cpus <= 4096)
			return NS_PER_SEC / rates[i];
	return NS_PER_SEC / 7;
}

// ---- the events ----

static int attach(struct cpu_samples *samples)
{
	struct perf_event_attr attributes = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(attributes), .config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = samples->period_ns, .exclude_idle = 1 };
	int error = -ENODEV;

	samples->links = base__alloc(samples->cpus, sizeof(*samples->links));
	for (uint32_t cpu = 0; cpu < samples->cpus; cpu++) {
		int fd = (int)syscall(SYS_perf_event_open, &attributes, -1, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC);

		if (fd < 0) {
			error = errno == ENODEV ? error : -errno;       // that CPU is offline
			continue;
		}
		samples->links[cpu] = bpf_program__attach_perf_event(samples->skeleton->progs.on_sample, fd);
		if (!samples->links[cpu]) {
			error = -errno;
			close(fd);
			continue;
		}
		samples->cpus_on++;
	}
	return samples->cpus_on ? 0 : error;
}

static int take_record(void *context, void *data, size_t size);

static int load(struct cpu_samples *samples, const struct probes *probes)
{
	const struct sched_bpf__rodata *known = probes->skeleton->rodata;
	struct sample_bpf *skeleton = samples->skeleton = sample_bpf__open();
	int error;

	if (!skeleton)
		return -errno;
	skeleton->rodata->have_meter = known->have_meter;
	skeleton->rodata->have_rdonly_cast = known->have_rdonly_cast;
	skeleton->rodata->distance_psi = known->distance_psi;
	samples->ring_bytes = RING_LEAST;
	while (samples->ring_bytes < RING_MOST && samples->ring_bytes < (size_t)samples->cpus * RING_CPU_BYTES)
		samples->ring_bytes *= 2;
	bpf_map__set_max_entries(skeleton->maps.samples, (uint32_t)samples->ring_bytes);
	bpf_map__set_max_entries(skeleton->maps.cpu_accounts, samples->cpus);
	error = bpf_map__reuse_fd(skeleton->maps.cpu_accounts, bpf_map__fd(probes->skeleton->maps.cpu_accounts));
	if (!error)
		error = sample_bpf__load(skeleton);
	if (error)
		return error;
	samples->ring = ring_buffer__new(bpf_map__fd(skeleton->maps.samples), take_record, samples, NULL);
	return samples->ring ? attach(samples) : -errno;
}

void cpu_samples__begin(struct cpu_samples *samples)
{
	samples->room_at = PLACES_LIMIT;
}

void cpu_samples__clear(struct cpu_samples *samples)
{
	tdestroy(samples->samples, free);
	tdestroy(samples->places, free);
}

static void close_samples(void *state)
{
	struct cpu_samples *samples = state;

	for (uint32_t cpu = 0; samples->links && cpu < samples->cpus; cpu++)
		bpf_link__destroy(samples->links[cpu]);
	free(samples->links);
	ring_buffer__free(samples->ring);
	sample_bpf__destroy(samples->skeleton);
	cpu_samples__clear(samples);
	free(samples);
}

static void *open_samples(struct collector *collector, char **ret_why_off)
{
	struct cpu_samples *samples;
	int error;

	if (collector->options.without_samples) {
		*ret_why_off = base__copy("switched off (WHYSTALL_SAMPLING=off)");
		return NULL;
	}
	samples = base__alloc(1, sizeof(*samples));
	cpu_samples__begin(samples);
	samples->cpus = collector->probes->cpus;
	samples->period_ns = cpu_samples__period_ns(samples->cpus);
	error = load(samples, collector->probes);
	if (!error)
		return samples;
	*ret_why_off = base__format(error == -EACCES || error == -EPERM ? "the kernel refuses perf events here (%s)" :
		"the kernel refused the probes that sample what runs (%s)", strerror(-error));
	close_samples(samples);
	return NULL;
}

// ---- samples ----

#define COMPARE(field) if (left->field != right->field) return left->field < right->field ? -1 : 1
static int compare(const void *a, const void *b)
{
	const struct cpu_sample *left = a, *right = b;

	COMPARE(process);
	COMPARE(operation);
	COMPARE(kernel_frames);
	COMPARE(user_frames);
	return memcmp(left->addresses, right->addresses, (left->kernel_frames + left->user_frames) * sizeof(*left->addresses));
}

static int by_weight(const void *a, const void *b)
{
	const struct cpu_sample *left = *(const struct cpu_sample *const *)a, *right = *(const struct cpu_sample *const *)b;

	COMPARE(process);
	if (left->sum.samples != right->sum.samples)
		return left->sum.samples > right->sum.samples ? -1 : 1;
	return compare(left, right);
}

static int by_samples(const void *a, const void *b)
{
	const struct cpu_sample *left = *(const struct cpu_sample *const *)a, *right = *(const struct cpu_sample *const *)b;

	if (left->sum.samples != right->sum.samples)
		return left->sum.samples > right->sum.samples ? -1 : 1;
	return compare(left, right);
}

struct list { struct cpu_sample **items; size_t count; };
static void collect(const void *node, VISIT visit, void *closure)
{
	struct list *list = closure;

	if (visit == postorder || visit == leaf)
		list->items[list->count++] = *(struct cpu_sample *const *)node;
}

static struct list all_of(const struct cpu_samples *samples)
{
	struct list list = { base__alloc(samples->count + 1, sizeof(*list.items)), 0 };

	twalk_r(samples->samples, collect, &list);
	return list;
}

size_t cpu_samples__sorted(const struct cpu_samples *samples, struct cpu_sample ***ret_list)
{
	struct list list = all_of(samples);

	qsort(list.items, list.count, sizeof(*list.items), by_weight);
	*ret_list = list.items;
	return list.count;
}

void cpu_samples__each(const struct cpu_samples *samples, void (*handle)(void *context, const struct cpu_sample *sample, uint64_t ns), void *context)
{
	struct list list = all_of(samples);

	for (size_t i = 0; i < list.count; i++)
		handle(context, list.items[i], list.items[i]->sum.samples * samples->period_ns);
	free(list.items);
}

// Adds a sample to its like, or keeps it; takes it over.
static void insert(struct cpu_samples *samples, struct cpu_sample *sample)
{
	struct cpu_sample **found = base__tsearch(sample, &samples->samples, compare);

	if (*found == sample) {
		samples->count++;
		return;
	}
	(*found)->sum.samples += sample->sum.samples;
	(*found)->sum.waited += sample->sum.waited;
	(*found)->sum.waiters += sample->sum.waiters;
	free(sample);
}

static void keep(void *node)
{
	(void)node;
}

// Gives back the memory of frames that it has not any more.
static struct cpu_sample *shrink(struct cpu_sample *sample)
{
	struct cpu_sample *smaller = realloc(sample, sizeof(*sample) + (sample->kernel_frames + sample->user_frames) * sizeof(*sample->addresses));

	return smaller ? smaller : sample;      // cppcheck-suppress memleak; it is returned
}

// There are too many places: the lighter half loses the user stacks, and the kernel's, too, where that does not make enough room. So what comes
// late in a long window finds a place as well.
static void make_room(struct cpu_samples *samples)
{
	struct list list = all_of(samples);

	qsort(list.items, list.count, sizeof(*list.items), by_samples);
	tdestroy(samples->samples, keep);
	samples->samples = NULL;
	samples->count = 0;
	for (size_t i = 0; i < list.count; i++) {
		struct cpu_sample *sample = list.items[i];

		if (i >= PLACES_LIMIT / 2) {
			samples->folded += sample->user_frames ? sample->sum.samples : 0;
			sample->user_frames = 0;
			if (samples->count >= PLACES_LIMIT * 3 / 4)
				sample->kernel_frames = 0;
			sample = shrink(sample);
		}
		insert(samples, sample);        // -fanalyzer: the tree has it
	}
	free(list.items);
	// What is left without stacks can't be merged further: as many as there are processes and system calls.
	samples->room_at = samples->count + PLACES_LIMIT / 4 > PLACES_LIMIT ? samples->count + PLACES_LIMIT / 4 : PLACES_LIMIT;
}

void cpu_samples__add(struct cpu_samples *samples, const struct cpu_sample *key, const unsigned long long *addresses)
{
	size_t count = key->kernel_frames + key->user_frames;
	struct cpu_sample *sample = base__alloc(1, sizeof(*sample) + count * sizeof(*addresses));

	*sample = *key;
	sample->user_stack = -1;
	if (count)
		memcpy(sample->addresses, addresses, count * sizeof(*addresses));
	if (sample->tgid)
		sample->process = processes__by_tgid(samples->collector->processes, sample->tgid);
	samples->taken += sample->sum.samples;
	insert(samples, sample);
	if (samples->count >= samples->room_at)
		make_room(samples);
}

static int compare_places(const void *a, const void *b)
{
	const struct sample_place *left = a, *right = b;

	COMPARE(process);
	COMPARE(cpu);
	return 0;
}

static void add_place(struct cpu_samples *samples, const struct sample_record *record)
{
	int64_t process = record->tgid ? processes__by_tgid(samples->collector->processes, record->tgid) : 0;
	struct sample_place wanted = { process, record->cpu, 0, 0 }, **found = tfind(&wanted, &samples->places, compare_places), *place;

	if (!process)
		return;
	if (!found && samples->place_count >= CPU_PLACES_LIMIT) {
		samples->places_lost++;
		return;
	}
	if (!found) {
		place = base__alloc(1, sizeof(*place));
		*place = wanted;
		base__tsearch(place, &samples->places, compare_places);
		samples->place_count++;
	} else {
		place = *found;
	}
	place->samples++;
	place->waited += record->some;
}

struct place_list { struct sample_place **items; size_t count; };
static void collect_place(const void *node, VISIT visit, void *closure)
{
	struct place_list *list = closure;

	if (visit == postorder || visit == leaf)
		list->items[list->count++] = *(struct sample_place *const *)node;
}

size_t cpu_samples__places(const struct cpu_samples *samples, struct sample_place ***ret_list)
{
	struct place_list list = { base__alloc(samples->place_count + 1, sizeof(*list.items)), 0 };

	twalk_r(samples->places, collect_place, &list);
	*ret_list = list.items;
	return list.count;
}

static int take_record(void *context, void *data, size_t size)
{
	const struct sample_record *record = data;
	struct cpu_sample key = { .tgid = record->tgid, .operation = record->operation, .kernel_frames = record->kernel_frames,
		.user_frames = record->user_frames, .sum = { 1, record->some, record->some ? record->waiters : 0 } };

	if (size >= sizeof(*record) - sizeof(record->frames) + (key.kernel_frames + key.user_frames) * sizeof(*record->frames)) {
		cpu_samples__add(context, &key, record->frames);
		add_place(context, record);
	}
	return 0;
}

static void take_sum(void *context, const void *key, const void *value)
{
	const struct sample_key *place = key;
	struct cpu_sample sample = { .tgid = place->tgid, .operation = place->operation, .sum = *(const struct sample_sum *)value };

	cpu_samples__add(context, &sample, NULL);
}

// ---- the subject ----

static void begin(void *state, struct collector *collector)
{
	struct cpu_samples *samples = state;

	(void)collector;
	samples->skeleton->bss->recording = 1;
}

// The stacks of the heaviest places go where all user stacks are named; the rest is merged when it is stored.
static void settle(struct cpu_samples *samples, struct collector *collector)
{
	struct user_stacks *stacks = lock_account__user_stacks(collector->locks);
	struct cpu_sample **list;
	size_t count = cpu_samples__sorted(samples, &list);

	for (size_t i = 0, rank = 0; i < count; i++) {
		struct cpu_sample *sample = list[i];

		rank = i && list[i - 1]->process == sample->process ? rank + 1 : 0;
		sample->merged = rank >= HEAVIEST;
		if (!sample->merged && sample->user_frames)
			sample->user_stack = user_stacks__add(stacks, sample->tgid, processes__start_ns(collector->processes, sample->process),
				sample->addresses + sample->kernel_frames, sample->user_frames, sample->user_frames == SAMPLE_FRAMES);
	}
	free(list);
}

static void drain(void *state, struct collector *collector)
{
	struct cpu_samples *samples = state;

	samples->collector = collector;
	collector->failed_reads += ring_buffer__consume(samples->ring) < 0;
	if (samples->skeleton->bss->stacks_lost)
		collector->failed_reads += probes__each_row(samples->skeleton->maps.sample_sums, true, take_sum, samples) < 0;
	if (samples->ended)
		settle(samples, collector);
}

// The events go on until the end, doing nothing: closing them calls other CPUs.
static void end(void *state, struct collector *collector)
{
	struct cpu_samples *samples = state;

	(void)collector;
	samples->skeleton->bss->recording = 0;
	samples->ended = true;
}

static void describe(const void *state, struct recording *recording)
{
	const struct cpu_samples *samples = state;

	recording__set_meta(recording, "sample.period_ns", "%llu", (unsigned long long)samples->period_ns);
	recording__set_meta(recording, "sample.cpus", "%u", samples->cpus_on);
}

static void want_sample(const void *node, VISIT visit, void *closure)
{
	const struct cpu_sample *sample = *(const struct cpu_sample *const *)node;

	if (visit != postorder && visit != leaf)
		return;
	for (uint32_t i = 0; i < sample->kernel_frames; i++)
		kernel_symbols__want(closure, sample->addresses[i]);
}

static void want_symbols(const void *state, const struct collector *collector, struct kernel_symbols *symbols)
{
	const struct cpu_samples *samples = state;

	(void)collector;
	twalk_r(samples->samples, want_sample, symbols);
}

static size_t memory(const void *state)
{
	const struct cpu_samples *samples = state;

	return samples->ring_bytes + samples->cpus * sizeof(struct sample_record)
		+ SAMPLE_SUMS * (48 + sizeof(struct sample_key) + sizeof(struct sample_sum));
}

const struct subject cpu_samples_subject = {
	.name = "sample", .open = open_samples, .begin = begin, .drain = drain, .end = end, .describe = describe, .want_symbols = want_symbols,
	.store = cpu_samples__store, .close = close_samples, .memory = memory,
};
