#include "collect/files.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "bpf/files_records.h"
#include "collect/assemble.h"
#include "collect/kernel_btf.h"
#include "files.skel.h"

#define USERS_LIMIT 32768
#define JOURNALS "/proc/fs/jbd2"
#define DIRTY_LIMITS "nr_dirty nr_writeback nr_dirty_threshold nr_dirty_background_threshold"

// Like files_key, with the process in place of its number: numbers are used again.
struct user { int64_t process; uint32_t device; char name[FILES_NAME]; struct files_user sum; };

struct files_state {
	struct files_bpf *skeleton;
	void *users;                    // tree of struct user
	size_t user_count;
	uint64_t users_dropped;
	int64_t refused;                // tracepoints that are there and could not be attached to
};

static void close_state(void *context)
{
	struct files_state *state = context;

	tdestroy(state->users, free);
	files_bpf__destroy(state->skeleton);
	free(state);
}

// How many arguments a tracepoint has, -1: this kernel has no such one.
static int argument_count(const struct btf *btf, const char *tracepoint)
{
	cleanup_free char *name = base__format("btf_trace_%s", tracepoint);
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;

	if (type)
		type = btf__type_by_id(btf, type->type);
	if (type)
		type = btf__type_by_id(btf, type->type);
	// The first one is the tracepoint's own data.
	return type && btf_is_func_proto(type) ? (int)btf_vlen(type) - 1 : -1;
}

// Tracepoints of modules that are not loaded are no loss: nobody uses such a file system then.
static int attach(struct files_bpf *skeleton, int64_t *refused)
{
	struct bpf_program *program;
	int attached = 0;
	libbpf_print_fn_t print = libbpf_set_print(NULL);

	bpf_object__for_each_program(program, skeleton->obj) {
		struct bpf_link *link = bpf_program__autoload(program) ? bpf_program__attach(program) : NULL;

		attached += link != NULL;
		*refused += bpf_program__autoload(program) && !link && errno != ENOENT;
		// The skeleton's links are ended with it.
		for (int i = 0; link && i < skeleton->skeleton->prog_cnt; i++)
			if (*skeleton->skeleton->progs[i].prog == program)
				*skeleton->skeleton->progs[i].link = link;
	}
	libbpf_set_print(print);
	return attached ? 0 : -ENOENT;
}

static void *open_state(struct collector *collector, char **ret_why_off)
{
	struct files_state *state = base__alloc(1, sizeof(*state));
	const struct btf *btf = kernel_btf__get();
	int error;

	(void)collector;
	state->skeleton = files_bpf__open();
	error = state->skeleton && btf ? 0 : -errno;
	if (!error) {
		bool few = argument_count(btf, "balance_dirty_pages") < 12;

		bpf_program__set_autoload(state->skeleton->progs.on_dirty, !few);
		bpf_program__set_autoload(state->skeleton->progs.on_dirty_short, few);
		error = files_bpf__load(state->skeleton);
	}
	if (!error)
		error = attach(state->skeleton, &state->refused);
	if (!error)
		return state;
	*ret_why_off = base__format("the kernel refused the probes of file systems (%s)", strerror(-error));
	close_state(state);
	return NULL;
}

bool files__parse_journal(const char *text, long long *ret_transactions, long long *ret_requested)
{
	return sscanf(text, "%lld transactions (%lld requested)", ret_transactions, ret_requested) == 2;
}

// The kernel's own counters of journals, and how much is dirty.
static void note_counters(struct collector *collector)
{
	DIR *directory = opendir(JOURNALS);
	cleanup_free char *vmstat = NULL;

	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		cleanup_free char *path = base__format(JOURNALS "/%s/info", entry->d_name), *text = NULL;
		long long transactions, requested;

		if (entry->d_name[0] == '.' || base__read_file(path, 4096, &text) < 0 || !files__parse_journal(text, &transactions, &requested))
			continue;
		counters__note(collector->counters, "jbd2", entry->d_name, "transactions", transactions);
		counters__note(collector->counters, "jbd2", entry->d_name, "requested", requested);
	}
	if (directory)
		closedir(directory);
	if (base__read_file("/proc/vmstat", 65536, &vmstat) >= 0)
		counters__note_lines(collector->counters, "vmstat", "", vmstat, DIRTY_LIMITS);
}

static void begin(void *context, struct collector *collector)
{
	struct files_state *state = context;

	note_counters(collector);
	state->skeleton->bss->recording = 1;
}

static int compare(const void *a, const void *b)
{
	const struct user *left = a, *right = b;

	if (left->process != right->process)
		return left->process < right->process ? -1 : 1;
	if (left->device != right->device)
		return left->device < right->device ? -1 : 1;
	return strncmp(left->name, right->name, FILES_NAME);
}

static void take(struct files_state *state, struct collector *collector, const struct files_key *key, const struct files_user *sum)
{
	struct user wanted = { .process = processes__by_tgid(collector->processes, key->tgid), .device = key->device }, *user, **found;

	snprintf(wanted.name, sizeof(wanted.name), "%.*s", FILES_NAME - 1, key->name);
	found = tfind(&wanted, &state->users, compare);
	if (!found && state->user_count >= USERS_LIMIT) {
		state->users_dropped++;
		return;
	}
	if (!found) {
		user = base__alloc(1, sizeof(*user));
		*user = wanted;
		base__tsearch(user, &state->users, compare);
		state->user_count++;
	}
	user = found ? *found : user;
	user->sum.syncs += sum->syncs;
	user->sum.sync_ns += sum->sync_ns;
	user->sum.handles += sum->handles;
	user->sum.blocks += sum->blocks;
	user->sum.pauses += sum->pauses;
	user->sum.pause_jiffies += sum->pause_jiffies;
	user->sum.dirtied_pages += sum->dirtied_pages;
	if (sum->sync_max_ns > user->sum.sync_max_ns)
		user->sum.sync_max_ns = sum->sync_max_ns;
	if (sum->pause_max_jiffies > user->sum.pause_max_jiffies)
		user->sum.pause_max_jiffies = sum->pause_max_jiffies;
}

// One call takes a row away: what the probes add in the moment between is in neither, one event at most.
static void drain(void *context, struct collector *collector)
{
	struct files_state *state = context;
	int map = bpf_map__fd(state->skeleton->maps.files_users);
	struct files_key key, next;
	struct files_user sum;

	for (int error = bpf_map_get_next_key(map, NULL, &key); !error; key = next) {
		error = bpf_map_get_next_key(map, &key, &next);
		if (!bpf_map_lookup_and_delete_elem(map, &key, &sum))
			take(state, collector, &key, &sum);
	}
}

static void end(void *context, struct collector *collector)
{
	struct files_state *state = context;

	state->skeleton->bss->recording = 0;
	note_counters(collector);
	files_bpf__detach(state->skeleton);
}

// ---- rows ----

static struct activity_row *add(struct recording *recording, const char *kind, char *key, int64_t process, uint64_t count, uint64_t ns)
{
	struct activity_row *row = recording__add_activity(recording);

	*row = (struct activity_row){ .subject = base__copy("files"), .kind = base__copy(kind), .key = key, .process = process, .cpu = -1,
		.count = (int64_t)count, .ns = (int64_t)ns };
	return row;
}

static char *number_of(uint32_t device)
{
	return base__format("%u:%u", device >> 20, device & 0xfffff);
}

struct store { const struct collector *collector; struct recording *recording; };

static void store_user(const void *node, VISIT visit, void *closure)
{
	const struct user *user = *(const struct user *const *)node;
	const struct store *store = closure;
	const struct files_user *sum = &user->sum;
	uint64_t jiffy_ns = NS_PER_SEC / (uint64_t)(store->collector->host.hz > 0 ? store->collector->host.hz : 250);

	if (visit != postorder && visit != leaf)
		return;
	if (sum->syncs)
		add(store->recording, "sync", number_of(user->device), user->process, sum->syncs, sum->sync_ns)->max_ns = (int64_t)sum->sync_max_ns;
	if (sum->handles)
		add(store->recording, "journal", number_of(user->device), user->process, sum->handles, 0)->amount = (int64_t)sum->blocks;
	if (!sum->pauses && !sum->dirtied_pages)
		return;
	struct activity_row *row = add(store->recording, "dirty", base__copy(user->name), user->process, sum->pauses, sum->pause_jiffies * jiffy_ns);
	row->max_ns = (int64_t)(sum->pause_max_jiffies * jiffy_ns);
	row->amount = (int64_t)sum->dirtied_pages;
}

static void store_journals(const struct files_state *state, struct recording *recording)
{
	int map = bpf_map__fd(state->skeleton->maps.files_journals);
	uint32_t device, previous = 0;
	struct files_journal journal;

	for (bool first = true; !bpf_map_get_next_key(map, first ? NULL : &previous, &device); previous = device, first = false)
		if (!bpf_map_lookup_elem(map, &device, &journal))
			add(recording, "commit", number_of(device), 0, journal.commits, journal.ns)->max_ns = (int64_t)journal.max_ns;
}

static void store(const void *context, struct collector *collector, struct recording *recording, struct stack_table *stacks)
{
	const struct files_state *state = context;
	struct store users = { collector, recording };

	(void)stacks;
	store_journals(state, recording);
	twalk_r(state->users, store_user, &users);
	recording__set_counter(recording, "files_probes_refused", state->refused, "tracepoints of file systems that the kernel refused");
	recording__set_counter(recording, "files_rows_lost", (int64_t)(state->skeleton->bss->users_lost + state->users_dropped),
		"events of file systems (syncs, changes of metadata, throttled writers) that were not kept for want of room");
}

static size_t memory(const void *context)
{
	(void)context;
	return FILES_USERS * (48 + sizeof(struct files_key) + sizeof(struct files_user))
		+ (FILES_COMMITTERS + FILES_SYNCING) * (56 + sizeof(struct files_since)) + FILES_JOURNALS * (56 + sizeof(struct files_journal));
}

const struct subject files_subject = {
	.name = "files", .open = open_state, .begin = begin, .drain = drain, .end = end, .store = store, .close = close_state, .memory = memory,
};
