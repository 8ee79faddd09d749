#include "collect/probes_maps.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/base.h"
#include "collect/probes.h"
#include "sched.skel.h"

void probes__size_maps(const struct probes_options *options, struct probes *probes)
{
	struct sched_bpf *skeleton = probes->skeleton;
	size_t groups = 64;

	// Room for twice as many cgroups as there are, as long as their accounts take less than 8 MiB.
	while (groups < 2 * options->cgroups + 32 && groups < 1024
		&& 2 * groups * probes->cpus * sizeof(struct group_account) < (8U << 20))
		groups *= 2;
	probes->groups = probes->groups_on ? (uint32_t)groups : 1;
	skeleton->rodata->groups_max = probes->groups_on ? probes->groups : 0;
	bpf_map__set_max_entries(skeleton->maps.cpu_accounts, probes->cpus);
	bpf_map__set_max_entries(skeleton->maps.buckets, probes->cpus * BUCKETS);
	bpf_map__set_max_entries(skeleton->maps.groups, probes->groups);
	bpf_map__set_max_entries(skeleton->maps.group_accounts, probes->groups * probes->cpus);
	bpf_map__set_max_entries(skeleton->maps.fold_samples, probes->groups * probes->cpus);
	bpf_map__set_max_entries(skeleton->maps.lock_cpus, probes->cpus);
	bpf_map__set_max_entries(skeleton->maps.irq_cpus, probes->cpus);
}

static void *map_array(struct probes *probes, const struct bpf_map *map, size_t row)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = (size_t)bpf_map__max_entries(map) * ((row + 7) & ~7UL);
	void *memory;

	size = (size + page - 1) & ~(page - 1);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	probes->map_bytes += size;
	return memory == MAP_FAILED ? NULL : memory;
}

int probes__map_arrays(struct probes *probes)
{
	struct sched_bpf *skeleton = probes->skeleton;

	probes->accounts = map_array(probes, skeleton->maps.cpu_accounts, sizeof(struct cpu_account));
	probes->group_table = map_array(probes, skeleton->maps.groups, sizeof(struct group));
	probes->group_accounts = map_array(probes, skeleton->maps.group_accounts, sizeof(struct group_account));
	probes->folds = map_array(probes, skeleton->maps.fold_samples, sizeof(struct fold_sample));
	probes->lock_cpus = map_array(probes, skeleton->maps.lock_cpus, sizeof(struct lock_cpu));
	probes->irq_cpus = map_array(probes, skeleton->maps.irq_cpus, sizeof(struct irq_cpu));
	// Those that are not mapped: buckets, hash maps (48 bytes of overhead an element), stacks, the ring.
	probes->map_bytes += (size_t)probes->cpus * BUCKETS * sizeof(struct bucket) + 65536 * 72 + 8192 * 64 + (2U << 20);
	probes->map_bytes += LOCK_STATES * (48 + sizeof(struct lock_state)) + LOCK_STACKS * (24 + 8 * LOCK_FRAMES)
		+ LOCK_ROWS * (3 * 48 + sizeof(struct lock_wait_key) + sizeof(struct lock_wait_sum) + sizeof(struct lock_hold_key)
			+ sizeof(struct lock_hold_sum) + sizeof(struct lock_stack_key) + sizeof(struct lock_stack_sum));
	probes->map_bytes += SLEEP_ROWS * (48 + sizeof(struct sleep_key) + sizeof(struct sleep_sum)) + SLEEP_STACKS * (24 + 8 * SLEEP_FRAMES)
		+ TASK_SLOTS * sizeof(struct sleep_slot);
	return probes->accounts && probes->group_table && probes->group_accounts && probes->folds && probes->lock_cpus && probes->irq_cpus ? 0 : -ENOMEM;
}

int probes__map_tasks(struct probes *probes)
{
	struct sched_bpf *skeleton = probes->skeleton;

	probes->slots = map_array(probes, skeleton->maps.task_slots, sizeof(struct task_slot));
	probes->lock_waits = map_array(probes, skeleton->maps.lock_waits, sizeof(struct lock_wait));
	probes->futex_waits = map_array(probes, skeleton->maps.futex_waits, sizeof(struct futex_wait));
	return probes->slots && probes->lock_waits && probes->futex_waits ? 0 : -ENOMEM;
}

static void unmap_array(void *memory, const struct bpf_map *map, size_t row)
{
	if (memory)
		munmap(memory, (size_t)bpf_map__max_entries(map) * ((row + 7) & ~7UL));
}

void probes__unmap_waits(struct probes *probes)
{
	unmap_array(probes->lock_waits, probes->skeleton->maps.lock_waits, sizeof(struct lock_wait));
	unmap_array(probes->futex_waits, probes->skeleton->maps.futex_waits, sizeof(struct futex_wait));
	probes->lock_waits = NULL;
	probes->futex_waits = NULL;
}

// ---- rows ----

#define BATCH 1024

int probes__each_row(const struct bpf_map *map, bool take, probes_row_fn *handle, void *closure)
{
	size_t key_size = bpf_map__key_size(map), value_size = bpf_map__value_size(map);
	cleanup_free char *keys = base__alloc(BATCH, key_size);
	cleanup_free char *values = base__alloc(BATCH, value_size);
	uint32_t position = 0, *from = NULL;

	for (;;) {
		uint32_t count = BATCH;
		int error = take ? bpf_map_lookup_and_delete_batch(bpf_map__fd(map), from, &position, keys, values, &count, NULL)
			: bpf_map_lookup_batch(bpf_map__fd(map), from, &position, keys, values, &count, NULL);

		if (error && error != -ENOENT)
			return error;
		for (uint32_t i = 0; i < count; i++)
			handle(closure, keys + i * key_size, values + i * value_size);
		if (error == -ENOENT)
			return 0;
		from = &position;
	}
}

struct pair_handler { probes_pair_fn *handle; void *context; };
static void hand_out_pair(void *closure, const void *key, const void *value)
{
	const struct pair_handler *handler = closure;
	const struct pair_key *pair = key;
	const struct pair_value *sum = value;

	handler->handle(handler->context, pair->victim, pair->occupant, sum->ns, sum->waits);
}

int probes__take_pairs(struct probes *probes, probes_pair_fn *handle, void *context)
{
	return probes__each_row(probes->skeleton->maps.pairs, true, hand_out_pair, &(struct pair_handler){ handle, context });
}

struct credit_handler { probes_credit_fn *handle; void *context; };
static void hand_out_credit(void *closure, const void *key, const void *value)
{
	const struct credit_handler *handler = closure;
	const struct credit_key *credit = key;

	handler->handle(handler->context, credit->group, credit->occupant, *(const uint64_t *)value);
}

int probes__take_credits(struct probes *probes, probes_credit_fn *handle, void *context)
{
	return probes__each_row(probes->skeleton->maps.group_credits, true, hand_out_credit, &(struct credit_handler){ handle, context });
}

struct sleep_slot_handler { probes_sleep_slot_fn *handle; void *context; };
static void hand_out_sleep_slot(void *closure, const void *key, const void *value)
{
	const struct sleep_slot_handler *handler = closure;

	handler->handle(handler->context, *(const uint32_t *)key, value);
}

int probes__sleep_slot(struct probes *probes, uint32_t number, struct sleep_slot *ret_slot)
{
	int error = bpf_map__lookup_elem(probes->skeleton->maps.sleep_slots, &number, sizeof(number), ret_slot, sizeof(*ret_slot), 0);

	probes->lookups_failed += error && error != -ENOENT;
	return error;
}

int probes__each_sleep_slot(struct probes *probes, probes_sleep_slot_fn *handle, void *context)
{
	return probes__each_row(probes->skeleton->maps.sleep_slots, false, hand_out_sleep_slot, &(struct sleep_slot_handler){ handle, context });
}

struct sleep_handler { probes_sleep_fn *handle; void *context; };
static void hand_out_sleep(void *closure, const void *key, const void *value)
{
	const struct sleep_handler *handler = closure;

	handler->handle(handler->context, key, value);
}

int probes__take_sleeps(struct probes *probes, probes_sleep_fn *handle, void *context)
{
	return probes__each_row(probes->skeleton->maps.sleep_sums, true, hand_out_sleep, &(struct sleep_handler){ handle, context });
}

#define HAND_OUT(name) \
struct name##_handler { probes_##name##_fn *handle; void *context; }; \
static void hand_out_##name(void *closure, const void *key, const void *value) \
{ \
	const struct name##_handler *handler = closure; \
	handler->handle(handler->context, key, value); \
} \
int probes__take_##name##s(struct probes *probes, probes_##name##_fn *handle, void *context) \
{ \
	return probes->locks ? probes__each_row(probes->skeleton->maps.name##_sums, true, hand_out_##name, \
		&(struct name##_handler){ handle, context }) : 0; \
}
HAND_OUT(lock_wait)
HAND_OUT(lock_hold)
HAND_OUT(lock_stack)

struct lock_state_handler { probes_lock_state_fn *handle; void *context; };
static void hand_out_lock_state(void *closure, const void *key, const void *value)
{
	const struct lock_state_handler *handler = closure;

	(void)key;
	handler->handle(handler->context, value);
}

int probes__lock_states(struct probes *probes, probes_lock_state_fn *handle, void *context)
{
	return probes->locks ? probes__each_row(probes->skeleton->maps.lock_states, false, hand_out_lock_state,
		&(struct lock_state_handler){ handle, context }) : 0;
}

// Addresses of a stack in a map of stacks.
static size_t read_stack(const struct bpf_map *map, int stack, uint64_t *ret_addresses, size_t capacity)
{
	uint64_t addresses[LOCK_FRAMES > SLEEP_FRAMES ? LOCK_FRAMES : SLEEP_FRAMES] = {};
	size_t frames = stack < 0 ? 0 : bpf_map__value_size(map) / sizeof(*addresses), count = 0;
	uint32_t key = (uint32_t)stack;

	if (!frames || frames > ARRAY_SIZE(addresses) || bpf_map_lookup_elem(bpf_map__fd(map), &key, addresses))
		return 0;
	while (count < frames && count < capacity && addresses[count]) {
		ret_addresses[count] = addresses[count];
		count++;
	}
	return count;
}

size_t probes__lock_stack(struct probes *probes, int stack, uint64_t *ret_addresses, size_t capacity)
{
	return read_stack(probes->skeleton->maps.lock_stacks, stack, ret_addresses, capacity);
}

size_t probes__sleep_stack(struct probes *probes, int stack, uint64_t *ret_addresses, size_t capacity)
{
	return read_stack(probes->skeleton->maps.sleep_stacks, stack, ret_addresses, capacity);
}

const struct task_slot *probes__find_slot(const struct probes *probes, uint32_t pid)
{
	uint32_t start = (pid * 2654435761U) >> 17;

	for (uint32_t probe = 0; probe < TASK_PROBES; probe++) {
		const struct task_slot *slot = &probes->slots[(start + probe) & (TASK_SLOTS - 1)];

		if (slot->pid == pid)
			return slot;
	}
	return NULL;
}
