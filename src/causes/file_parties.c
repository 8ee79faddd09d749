// From gathered waits in file systems to a verdict: figures, parties, what they went through.
#include "causes/file_waits.h"
#include "causes/wording.h"

#include <math.h>
#include <string.h>

#define STACKS_KEPT 3
#define PARTS_NAMED 3

static bool same_text(const char *a, const char *b)
{
	return a == b || !strcmp(a ? a : "", b ? b : "");
}

static void add_stack(struct party *party, const struct ledger_sleep *sleep)
{
	double seconds = (double)sleep->row->ns / NS_PER_SEC;
	for (size_t i = 0; i < party->stack_count; i++)
		if (same_text(party->stacks[i].kernel, sleep->kernel_frames) && same_text(party->stacks[i].user, sleep->user_frames)) {
			party->stacks[i].seconds += seconds;
			return;
		}
	size_t capacity = party->stack_count;
	party->stacks = base__grow(party->stacks, &capacity, party->stack_count + 1, sizeof(*party->stacks));
	party->stacks[party->stack_count++] = (struct party_stack){ seconds, sleep->kernel_frames, sleep->user_frames };
}

static int compare_stacks(const void *left, const void *right)
{
	const struct party_stack *a = left, *b = right;
	if (a->seconds != b->seconds)
		return a->seconds > b->seconds ? -1 : 1;
	int order = strcmp(a->kernel ? a->kernel : "", b->kernel ? b->kernel : "");
	return order ? order : strcmp(a->user ? a->user : "", b->user ? b->user : "");
}

static void add_stacks(const struct file_waits *waits, size_t crowd, struct party *party)
{
	const struct ledger_sleeps *sleeps = &waits->scene->ledger->sleeps;
	const struct crowd_rows *rows = &waits->scene->sleeps;
	for (size_t i = rows->starts[crowd]; i < rows->starts[crowd + 1]; i++) {
		const struct ledger_sleep *sleep = &sleeps->sleeps[rows->rows[i]];
		if (sleep->kernel_frames && waits->wants(sleep))
			add_stack(party, sleep);
	}
	if (party->stack_count)
		qsort(party->stacks, party->stack_count, sizeof(*party->stacks), compare_stacks);
	if (party->stack_count > STACKS_KEPT)
		party->stack_count = STACKS_KEPT;
}

static void add_victims(const struct file_waits *waits, struct verdict *verdict)
{
	for (size_t i = 0; i < waits->scene->crowd_count; i++) {
		const struct file_wait *wait = &waits->waits[i];
		if (!wait->hurt)
			continue;
		struct party *party = verdict__add_victim(verdict, &waits->scene->crowds[i], wait->ns);
		party->loss = wait->loss;
		party->waits = (int64_t)wait->times;
		party->longest_seconds = wait->max_ns / NS_PER_SEC;
		add_stacks(waits, i, party);
	}
}

// The device whose completion ended the sleep; or that for which the kernel thread sleeps which ended it, by that thread's share.
static void add_device(const struct file_waits *waits, const struct ledger_sleep *sleep, struct verdict *verdict)
{
	const struct ledger *ledger = waits->scene->ledger;
	const struct ledger_process *waker = sleep->row->waker ? ledger__process(ledger, sleep->row->waker) : NULL;
	const struct thread_share *thread = waker && waker->row->kernel_thread ? &waits->threads[waker - ledger->processes] : NULL;
	const char *number = sleep->row->device && *sleep->row->device ? sleep->row->device : thread ? thread->device : NULL;
	double share = sleep->row->device && *sleep->row->device ? 1 : thread && thread->all_ns > 0 ? fmin(1, thread->device_ns / thread->all_ns) : 0;
	const struct device *device = number ? devices__find(&waits->devices, ledger->recording, number) : NULL;
	if (number && share > 0)
		verdict__add_resource(verdict, RESOURCE_DEVICE, device ? device->number : number, share * (double)sleep->row->ns);
}

const char *file_waits__server(const struct ledger_sleep *sleep)
{
	return sleep->file_system ? sleep->file_system : sleep->class == SLEEP_FUSE ? "fuse" : "a network file system";
}

static void add_resources(const struct file_waits *waits, struct verdict *verdict)
{
	const struct ledger_sleeps *sleeps = &waits->scene->ledger->sleeps;
	for (size_t i = 0; i < sleeps->count; i++) {
		const struct ledger_sleep *sleep = &sleeps->sleeps[i];
		if (!file_waits__counts(waits, sleep))
			continue;
		add_device(waits, sleep, verdict);
		if (sleep->class == SLEEP_FUSE || sleep->class == SLEEP_REMOTE)
			verdict__add_resource(verdict, RESOURCE_SERVER, file_waits__server(sleep), (double)sleep->row->ns);
		const char *journal = sleep->class == SLEEP_JOURNAL ? file_waits__journal(waits, sleep) : NULL;
		if (journal)
			verdict__add_resource(verdict, RESOURCE_FILE_SYSTEM, journal, (double)sleep->row->ns);
	}
}

char *file_waits__parts(const struct file_waits *waits)
{
	static const char *const words[SLEEP_CLASSES] = {
		[SLEEP_JOURNAL] = "the file system's journal", [SLEEP_WRITEBACK] = "pages to be written", [SLEEP_BLOCK] = "the device",
		[SLEEP_BLOCK_QUEUE] = "a place in the device's queue", [SLEEP_DIRTY] = "dirty memory to be written", [SLEEP_IO_LIMIT] = "an I/O limit",
		[SLEEP_FUSE] = "the server of a file system in user space", [SLEEP_REMOTE] = "a server in the network",
		[SLEEP_PAGE_READ] = "pages to be read", [SLEEP_KERNEL_LOCK] = "a lock in the file system", [SLEEP_KERNEL_WORK] = "work inside the kernel",
		[SLEEP_UNKNOWN] = "what no stack was taken of",
	};
	struct string out = { 0 };
	double before = INFINITY;
	for (int named = 0; named < PARTS_NAMED; named++) {
		int largest = -1;
		for (int class = 0; class < SLEEP_CLASSES; class++)
			if (waits->by_class[class] < before && waits->by_class[class] > 0.01 * waits->hurt_ns &&
			    (largest < 0 || waits->by_class[class] > waits->by_class[largest]))
				largest = class;
		if (largest < 0)
			break;
		before = waits->by_class[largest];
		string__add(&out, "%s%s for %s", out.text ? ", " : "", wording__percent(before / waits->hurt_ns).text,
			    words[largest] ? words[largest] : sleep_class__name((enum sleep_class)largest));
	}
	return string__steal(&out);
}

bool file_waits__is_one(const struct verdict *verdict)
{
	return verdict->victim_count == 1 && verdict->victims[0].processes == 1;
}

void file_waits__conclude(const struct file_waits *waits, struct verdict *verdict)
{
	verdict->kind = waits->kind;
	verdict->stall_seconds = (waits->kind >= VERDICT_CONTRIBUTING ? waits->hurt_ns : waits->ns) / NS_PER_SEC;
	verdict->wall_seconds = waits->wall_seconds;
	if (waits->kind < VERDICT_CONTRIBUTING)
		return;
	verdict->counted_by_pressure = waits->hurt_uncounted_ns > 0.5 * waits->hurt_ns ? PRESSURE_NONE : PRESSURE_IO;
	add_victims(waits, verdict);
	add_resources(waits, verdict);
	verdict__add_evidence(verdict, "asleep in it, of those who are held up", verdict->stall_seconds, UNIT_TASK_SECONDS, NAN, "sleep.ns");
	verdict__add_evidence(verdict, "the largest part of the time that one of them wanted to go on", waits->worst_loss, PART_OF("that time"),
			      threshold__value(THRESHOLD_IO_LOSS_CONFIRMED), "sleep, task");
	verdict__add_evidence(verdict, "time in which at least one waited, at least", waits->wall_seconds / waits->scene->ledger->window_seconds,
			      PART_OF("the window"), threshold__value(THRESHOLD_IO_WALL_CONFIRMED), "sleep");
	verdict__add_evidence(verdict, "length of such a sleep on average", waits->hurt_ns / fmax(1, waits->hurt_times) / NS_PER_MSEC, UNIT("ms"),
			      NAN, "sleep");
	verdict__add_evidence(verdict, "part of it that is in no pressure figure (asleep, but not in I/O wait)", waits->hurt_uncounted_ns / waits->hurt_ns,
			      PART_OF("the sleeps"), NAN, "sleep.reason");
}

void file_waits__accuse(const struct file_waits *waits, const double *by_crowd, struct verdict *verdict)
{
	double all = 0;
	for (size_t i = 0; i < waits->scene->crowd_count; i++)
		all += by_crowd[i];
	for (size_t i = 0; i < waits->scene->crowd_count; i++) {
		const struct crowd *crowd = &waits->scene->crowds[i];
		if (by_crowd[i] <= 0 || by_crowd[i] < threshold__value(THRESHOLD_FILES_SHARE) * all || crowd->tool || crowd->members[0]->row->kernel_thread)
			continue;
		verdict__add_culprit(verdict, crowd, by_crowd[i]);
	}
}
