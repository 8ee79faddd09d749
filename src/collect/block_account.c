// Subject "block": the account of block requests, from its own probes to rows.
#include "collect/block_account.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <search.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "block.skel.h"
#include "bpf/block_records.h"
#include "sched.skel.h"
#include "collect/assemble.h"

#define USERS_LIMIT 65536
#define BATCH 256

// What one process asked of one device, one operation.
struct user {
	uint32_t device, operation;
	int64_t process;
	struct block_user sum;
	uint64_t second_ns;             // of the last round alone
	double crowding_ns;
};

struct block_state {
	struct block_bpf *skeleton;
	uint32_t cpus, devices;
	struct block_row *rows;
	struct block_cgroup *cgroups;
	struct block_cpu *cpu_rows;
	size_t map_bytes;
	uint64_t missed_runs;
	struct user *users; size_t user_count, user_capacity;
	void *user_tree;                // positions + 1 in `users`, by device, operation, process
	uint64_t users_dropped;
};

static const char *const operation_names[BLOCK_OPERATIONS] = { "read", "write", "flush", "discard", "other" };

static uint32_t count_disks(void)
{
	DIR *directory = opendir("/sys/block");
	uint32_t count = 0;

	for (struct dirent *entry; directory && (entry = readdir(directory));)
		count += entry->d_name[0] != '.';
	if (directory)
		closedir(directory);
	return count;
}

static void *map_array(struct block_state *state, const struct bpf_map *map, size_t row)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size = (size_t)bpf_map__max_entries(map) * ((row + 7) & ~7UL);
	void *memory;

	size = (size + page - 1) & ~(page - 1);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	state->map_bytes += size;
	return memory == MAP_FAILED ? NULL : memory;
}

static void size_maps(struct block_state *state)
{
	struct block_bpf *skeleton = state->skeleton;
	uint32_t disks = count_disks();

	state->cpus = (uint32_t)libbpf_num_possible_cpus();
	// Twice the devices that there are, as long as their rows take less than 8 MiB.
	for (state->devices = 32; state->devices < 2 * disks && state->devices < 512
		&& 2UL * state->devices * state->cpus * sizeof(struct block_row) < (8U << 20);)
		state->devices *= 2;
	skeleton->rodata->cpus = state->cpus;
	skeleton->rodata->devices = state->devices;
	bpf_map__set_max_entries(skeleton->maps.block_rows, state->cpus * state->devices);
	bpf_map__set_max_entries(skeleton->maps.block_cgroups, state->cpus * BLOCK_CGROUPS);
	bpf_map__set_max_entries(skeleton->maps.block_cpus, state->cpus);
	bpf_map__set_max_entries(skeleton->maps.block_flights, state->cpus * BLOCK_FLIGHTS);
}

static void close_state(void *context)
{
	struct block_state *state = context;

	tdestroy(state->user_tree, free);
	free(state->users);
	block_bpf__destroy(state->skeleton);    // the mapped arrays go with the process
	free(state);
}

static void *open_state(struct collector *collector, char **ret_why_off)
{
	struct block_state *state = base__alloc(1, sizeof(*state));
	struct probes *probes = collector->probes;
	int error;

	state->skeleton = block_bpf__open();
	error = state->skeleton ? 0 : errno ? -errno : -ENOMEM;
	if (!error) {
		size_maps(state);
		state->skeleton->rodata->have_rdonly_cast = probes->skeleton->rodata->have_rdonly_cast;
		error = bpf_map__reuse_fd(state->skeleton->maps.cpu_accounts, bpf_map__fd(probes->skeleton->maps.cpu_accounts));
	}
	if (!error)
		error = block_bpf__load(state->skeleton);
	if (!error)
		error = block_bpf__attach(state->skeleton);
	if (!error) {
		state->rows = map_array(state, state->skeleton->maps.block_rows, sizeof(*state->rows));
		state->cgroups = map_array(state, state->skeleton->maps.block_cgroups, sizeof(*state->cgroups));
		state->cpu_rows = map_array(state, state->skeleton->maps.block_cpus, sizeof(*state->cpu_rows));
		state->map_bytes += BLOCK_SUBMITS * sizeof(struct block_submit)
			+ BLOCK_USERS * (48 + sizeof(struct block_user_key) + sizeof(struct block_user));
		error = state->rows && state->cgroups && state->cpu_rows ? 0 : -ENOMEM;
	}
	if (!error)
		return state;
	// Else the block object says which device completes.
	probes->skeleton->links.on_request_complete = bpf_program__attach(probes->skeleton->progs.on_request_complete);
	*ret_why_off = base__format("the kernel refused the probes of block requests (%s)", strerror(-error));
	close_state(state);
	return NULL;
}

static void begin(void *context, struct collector *collector)
{
	struct block_state *state = context;
	struct timespec now;

	(void)collector;
	clock_gettime(CLOCK_MONOTONIC, &now);
	state->skeleton->bss->flights_since = (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec + 20 * NS_PER_MSEC;
	__atomic_store_n(&state->skeleton->bss->recording, 1, __ATOMIC_RELEASE);
}

static int compare_users(const void *a, const void *b)
{
	const struct user *left = a, *right = b;

	if (left->device != right->device)
		return left->device < right->device ? -1 : 1;
	if (left->operation != right->operation)
		return left->operation < right->operation ? -1 : 1;
	return left->process < right->process ? -1 : left->process > right->process;
}

// Nodes of the tree, which outlive the moves of the array.
struct user_node { struct user key; size_t index; };

static struct user *user_of(struct block_state *state, const struct block_user_key *key, int64_t process)
{
	struct user_node wanted = { .key = { .device = key->device, .operation = key->operation, .process = process } }, *node;
	struct user_node **found = tfind(&wanted, &state->user_tree, compare_users);

	if (found)
		return &state->users[(*found)->index];
	if (state->user_count >= USERS_LIMIT)
		return NULL;
	state->users = base__grow(state->users, &state->user_capacity, state->user_count + 1, sizeof(*state->users));
	state->users[state->user_count] = wanted.key;
	node = base__alloc(1, sizeof(*node));
	*node = (struct user_node){ wanted.key, state->user_count };
	base__tsearch(node, &state->user_tree, compare_users);
	return &state->users[state->user_count++];
}

static void take_user(struct block_state *state, struct collector *collector, const struct block_user_key *key, const struct block_user *sum)
{
	struct user *user = user_of(state, key, processes__by_tgid(collector->processes, key->tgid));

	if (!user) {
		state->users_dropped += sum->count;
		return;
	}
	user->sum.count += sum->count;
	user->sum.bytes += sum->bytes;
	user->sum.ns += sum->ns;
	user->sum.samples += sum->samples;
	user->sum.alone += sum->alone;
	user->sum.alone_ns += sum->alone_ns;
	user->sum.alone_samples += sum->alone_samples;
	user->sum.known += sum->known;
	user->sum.beside += sum->beside;
	if (sum->max_ns > user->sum.max_ns)
		user->sum.max_ns = sum->max_ns;
	user->second_ns += sum->ns;
}

// By device, then process: positions in `users`, which the comparison finds through its argument.
static int compare_places(const void *a, const void *b, void *users)
{
	const struct user *left = &((struct user *)users)[*(const size_t *)a], *right = &((struct user *)users)[*(const size_t *)b];

	if (left->device != right->device)
		return left->device < right->device ? -1 : 1;
	return left->process < right->process ? -1 : left->process > right->process;
}

// One device's users of this round, [first, end), those of a process side by side: of the time of all others' requests, each process takes
// its own share of all.
static void book_device(struct user *users, const size_t *places, size_t first, size_t end)
{
	double all_ns = 0;

	for (size_t i = first; i < end; i++)
		all_ns += (double)users[places[i]].second_ns;
	for (size_t i = first, next; i < end; i = next) {
		double own_ns = 0;

		for (next = i; next < end && users[places[next]].process == users[places[i]].process; next++)
			own_ns += (double)users[places[next]].second_ns;
		for (size_t j = i; j < next; j++)
			users[places[j]].crowding_ns += (all_ns - own_ns) * (double)users[places[j]].second_ns / all_ns;
	}
}

static void book_crowding(struct block_state *state)
{
	cleanup_free size_t *places = base__alloc(state->user_count + 1, sizeof(*places));
	size_t count = 0;

	for (size_t i = 0; i < state->user_count; i++)
		if (state->users[i].second_ns)
			places[count++] = i;
	qsort_r(places, count, sizeof(*places), compare_places, state->users);
	for (size_t first = 0, end; first < count; first = end) {
		for (end = first; end < count && state->users[places[end]].device == state->users[places[first]].device; end++)
			;
		book_device(state->users, places, first, end);
	}
	for (size_t i = 0; i < count; i++)
		state->users[places[i]].second_ns = 0;
}

static void drain(void *context, struct collector *collector)
{
	struct block_state *state = context;
	struct block_user_key keys[BATCH];
	struct block_user values[BATCH];
	uint32_t position = 0, *from = NULL;

	for (int error = 0; !error;) {
		uint32_t count = BATCH;

		error = bpf_map_lookup_and_delete_batch(bpf_map__fd(state->skeleton->maps.block_users), from, &position, keys, values, &count,
							NULL);
		if (error && error != -ENOENT)
			break;
		for (uint32_t i = 0; i < count; i++)
			take_user(state, collector, &keys[i], &values[i]);
		from = &position;
	}
	book_crowding(state);
}

static uint64_t missed_runs(const struct block_state *state)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(bpf_program__fd(state->skeleton->progs.on_complete), &info, &size) ? 0 : info.recursion_misses;
}

static void end(void *context, struct collector *collector)
{
	struct block_state *state = context;

	(void)collector;
	state->skeleton->bss->recording = 0;
	state->missed_runs = missed_runs(state);
	block_bpf__detach(state->skeleton);
}

static char *number_of(uint32_t device)
{
	return base__format("%u:%u", device >> 20, device & 0xfffff);
}

static void add_sum(struct block_sum *all, const struct block_sum *one)
{
	all->count += one->count;
	all->bytes += one->bytes;
	all->ns += one->ns;
	if (one->max_ns > all->max_ns)
		all->max_ns = one->max_ns;
	all->device_count += one->device_count;
	all->device_ns += one->device_ns;
	for (size_t i = 0; i < BLOCK_BUCKETS; i++)
		all->latency[i] += one->latency[i];
}

static char *latency_text(const struct block_sum *sum)
{
	struct string text = { 0 };

	for (size_t i = 0; i < BLOCK_BUCKETS; i++)
		if (sum->latency[i])
			string__add(&text, "%s%u:%u", text.length ? " " : "", i ? 1U << i : 0, sum->latency[i]);
	return string__steal(&text);
}

static void store_sum(uint32_t device, uint32_t operation, const struct block_sum *sum, struct recording *recording)
{
	struct device_io_row *row = recording__add_device_io(recording);

	*row = (struct device_io_row){ .device = number_of(device), .operation = base__copy(operation_names[operation]),
		.count = (int64_t)sum->count, .bytes = (int64_t)sum->bytes, .ns = (int64_t)sum->ns, .max_ns = (int64_t)sum->max_ns,
		.device_count = (int64_t)sum->device_count, .device_ns = (int64_t)sum->device_ns, .latency = latency_text(sum) };
}

static int compare_devices(const void *a, const void *b)
{
	const uint32_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

static void store_devices(const struct block_state *state, struct recording *recording)
{
	size_t row_count = (size_t)state->cpus * state->devices, count = 0;
	cleanup_free uint32_t *devices = base__alloc(row_count, sizeof(*devices));

	for (size_t i = 0; i < row_count; i++)
		if (state->rows[i].used)
			devices[count++] = state->rows[i].device;
	qsort(devices, count, sizeof(*devices), compare_devices);
	for (size_t d = 0; d < count; d++) {
		if (d && devices[d] == devices[d - 1])
			continue;
		for (uint32_t operation = 0; operation < BLOCK_OPERATIONS; operation++) {
			struct block_sum sum = { 0 };

			for (size_t i = 0; i < row_count; i++)
				if (state->rows[i].used && state->rows[i].device == devices[d])
					add_sum(&sum, &state->rows[i].operations[operation]);
			if (sum.count || sum.bytes)
				store_sum(devices[d], operation, &sum, recording);
		}
	}
}

static void store_users(const struct block_state *state, struct recording *recording)
{
	for (size_t i = 0; i < state->user_count; i++) {
		const struct user *user = &state->users[i];
		struct device_user_row *row = recording__add_device_user(recording);

		*row = (struct device_user_row){ .device = number_of(user->device), .process = user->process,
			.operation = base__copy(operation_names[user->operation]), .count = (int64_t)user->sum.count,
			.bytes = (int64_t)user->sum.bytes, .ns = (int64_t)user->sum.ns, .max_ns = (int64_t)user->sum.max_ns,
			.samples = (int64_t)user->sum.samples, .crowding_ns = (int64_t)user->crowding_ns,
			.alone = (int64_t)user->sum.alone, .alone_ns = (int64_t)user->sum.alone_ns, .alone_samples = (int64_t)user->sum.alone_samples,
			.known = (int64_t)user->sum.known, .beside = (int64_t)user->sum.beside };
	}
}

static void store_counters(const struct block_state *state, struct recording *recording)
{
	uint64_t devices_lost = 0, cgroups_lost = 0, users_lost = state->users_dropped, samples = 0, found = 0;

	for (uint32_t cpu = 0; cpu < state->cpus; cpu++) {
		devices_lost += state->cpu_rows[cpu].devices_lost;
		cgroups_lost += state->cpu_rows[cpu].cgroups_lost;
		users_lost += state->cpu_rows[cpu].users_lost;
		samples += state->cpu_rows[cpu].samples;
		found += state->cpu_rows[cpu].samples_found;
	}
	recording__set_counter(recording, "block_requests_lost", (int64_t)(devices_lost + state->missed_runs),
			       "completed block requests that found no place in the account of devices");
	recording__set_counter(recording, "block_cgroups_lost", (int64_t)cgroups_lost,
			       "completed block requests that found no place in the account of cgroups");
	recording__set_counter(recording, "block_users_lost", (int64_t)users_lost,
			       "block requests whose process found no place in the account of those who ask");
	recording__set_counter(recording, "block_users_unmatched", (int64_t)(samples > found ? samples - found : 0),
			       "block requests whose process was noted, but that were not met again when they were done: merged into others, split, or "
			       "still under way at the end");
}

static void store(const void *context, struct collector *collector, struct recording *recording, struct stack_table *stacks)
{
	const struct block_state *state = context;

	(void)collector;
	(void)stacks;
	store_devices(state, recording);
	store_users(state, recording);
	store_counters(state, recording);
}

static size_t memory(const void *context)
{
	return ((const struct block_state *)context)->map_bytes;
}

const struct subject block_subject = {
	.name = "block", .open = open_state, .begin = begin, .drain = drain, .end = end, .store = store, .close = close_state, .memory = memory,
};

struct block_cgroup_sum block_account__cgroup(const struct subjects *subjects, uint64_t cgroup, uint32_t device)
{
	const struct block_state *state = subjects__state(subjects, "block");
	struct block_cgroup_sum sum = { 0 };

	for (size_t i = 0; state && i < (size_t)state->cpus * BLOCK_CGROUPS; i++)
		if (state->cgroups[i].cgroup == cgroup && state->cgroups[i].device == device) {
			sum.requests += state->cgroups[i].count;
			sum.ns += state->cgroups[i].ns;
		}
	return sum;
}
