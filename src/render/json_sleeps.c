// What tasks slept for, and who waited for memory and I/O, in the JSON report.
#include "render/json_parts.h"
#include "base/base.h"
#include "causes/wording.h"
#include "ledger/resources.h"

#include <string.h>

#define ROWS_MOST 40            // pairs of process and class listed, those with the most time
#define WAITERS_MOST 16         // processes listed with a resource's pressure

// The sleeps of one process in one class. `heaviest`: the row with the most time, whose stack is shown.
struct sleep_sum { int64_t process; enum sleep_class class; struct sleep_class_sum sum; int64_t open_ns; const struct ledger_sleep *heaviest; };

static json_t *seconds(double ns)
{
	return json__number(ns / NS_PER_SEC);
}

static void add_process(const struct answer *answer, json_t *object, int64_t id)
{
	const struct process_row *row = id ? recording__process(answer->recording, id) : NULL;
	json_object_set_new(object, "process", row ? json__text(process_row__name(row)) : json_null());
	json_object_set_new(object, "pid", row && row->pid > 0 ? json_integer(row->pid) : json_null());
}

static int by_key(const void *a, const void *b)
{
	const struct sleep_sum *one = a, *other = b;
	if (one->process != other->process)
		return one->process < other->process ? -1 : 1;
	return (int)one->class - (int)other->class;
}

static int by_time(const void *a, const void *b)
{
	const struct sleep_sum *one = a, *other = b;
	return one->sum.ns != other->sum.ns ? (one->sum.ns > other->sum.ns ? -1 : 1) : by_key(a, b);
}

// Rows of one process and class become one; largest first. Owned by the caller.
static struct sleep_sum *sum_up(const struct ledger_sleeps *sleeps, size_t *ret_count)
{
	struct sleep_sum *sums = base__alloc(sleeps->count + 1, sizeof(*sums));
	size_t count = 0;
	for (size_t i = 0; i < sleeps->count; i++) {
		const struct sleep_row *row = sleeps->sleeps[i].row;
		sums[i] = (struct sleep_sum){ row->process, sleeps->sleeps[i].class,
					      { row->ns, row->times, row->max_ns, row->io_some_ns, row->memory_some_ns }, row->open_ns, &sleeps->sleeps[i] };
	}
	qsort(sums, sleeps->count, sizeof(*sums), by_key);
	for (size_t i = 0; i < sleeps->count; i++) {
		if (!count || by_key(&sums[count - 1], &sums[i])) {
			sums[count++] = sums[i];
			continue;
		}
		struct sleep_sum *into = &sums[count - 1], one = sums[i];
		into->sum.ns += one.sum.ns;
		into->sum.times += one.sum.times;
		into->sum.io_some_ns += one.sum.io_some_ns;
		into->sum.memory_some_ns += one.sum.memory_some_ns;
		into->open_ns += one.open_ns;
		into->sum.max_ns = one.sum.max_ns > into->sum.max_ns ? one.sum.max_ns : into->sum.max_ns;
		into->heaviest = one.heaviest->row->ns > into->heaviest->row->ns ? one.heaviest : into->heaviest;
	}
	qsort(sums, count, sizeof(*sums), by_time);
	*ret_count = count;
	return sums;
}

static void add_sum(const struct answer *answer, json_t *object, enum sleep_class class, const struct sleep_class_sum *sum)
{
	json_object_set_new(object, "class", json__text(sleep_class__name(class)));
	json_object_set_new(object, "seconds", seconds((double)sum->ns));
	json_object_set_new(object, "times", json_integer(sum->times));
	json_object_set_new(object, "longest_seconds", seconds((double)sum->max_ns));
	json_object_set_new(object, "io_pressure_seconds", seconds((double)sum->io_some_ns * resources__scale(answer->ledger, "io", "some")));
	json_object_set_new(object, "memory_pressure_seconds",
			    seconds((double)sum->memory_some_ns * resources__scale(answer->ledger, "memory", "some")));
}

static json_t *render_sum(const struct answer *answer, const struct sleep_sum *sum)
{
	json_t *object = json_object();
	const struct sleep_row *heaviest = sum->heaviest->row;
	add_process(answer, object, sum->process);
	add_sum(answer, object, sum->class, &sum->sum);
	json_object_set_new(object, "open_seconds", seconds((double)sum->open_ns));
	json_object_set_new(object, "operation", json__text(heaviest->operation));
	json_object_set_new(object, "device", json__text(heaviest->device && *heaviest->device ? heaviest->device : NULL));
	json_object_set_new(object, "waker_kind", json__text(heaviest->waker_kind && *heaviest->waker_kind ? heaviest->waker_kind : NULL));
	json_object_set_new(object, "stack", json__lines(sum->heaviest->kernel_frames));
	return object;
}

json_t *json__sleeps(const struct answer *answer)
{
	const struct ledger_sleeps *sleeps = &answer->ledger->sleeps;
	json_t *object = json_object(), *classes = json_array(), *list = json_array();
	size_t count;
	cleanup_free struct sleep_sum *sums = sum_up(sleeps, &count);
	bool said[SLEEP_CLASSES] = { false };
	for (int rank = 0; rank < SLEEP_CLASSES; rank++) {
		int most = -1;
		for (int class = 0; class < SLEEP_CLASSES; class++)
			if (!said[class] && sleeps->by_class[class].ns > (most < 0 ? 0 : sleeps->by_class[most].ns))
				most = class;
		if (most < 0)
			break;
		json_t *one = json_object();
		add_sum(answer, one, (enum sleep_class)most, &sleeps->by_class[most]);
		json_array_append_new(classes, one);
		said[most] = true;
	}
	for (size_t i = 0; i < count && i < ROWS_MOST && sums[i].sum.ns > 0; i++)
		json_array_append_new(list, render_sum(answer, &sums[i]));
	json_object_set_new(object, "recorded", json_boolean(sleeps->recorded));
	json_object_set_new(object, "classes", classes);
	json_object_set_new(object, "processes", list);
	return object;
}

static int by_pressure(const void *a, const void *b)
{
	const struct pressure_share_row *one = *(const struct pressure_share_row *const *)a, *other = *(const struct pressure_share_row *const *)b;
	if (one->some_ns != other->some_ns)
		return one->some_ns > other->some_ns ? -1 : 1;
	return (one->process > other->process) - (one->process < other->process);
}

json_t *json__waiters(const struct answer *answer, const struct ledger_pressure *pressure)
{
	const struct recording *recording = answer->recording;
	bool full = !strcmp(pressure->kind, "full");
	if (pressure->cgroup || (strcmp(pressure->resource, "memory") && strcmp(pressure->resource, "io")))
		return json_null();
	cleanup_free const struct pressure_share_row **rows = base__alloc(recording->pressure_share_count + 1, sizeof(*rows));
	double scale = resources__scale(answer->ledger, pressure->resource, pressure->kind);
	json_t *list = json_array();
	size_t count = 0;
	for (size_t i = 0; i < recording->pressure_share_count; i++)
		if (recording->pressure_share[i].resource && !strcmp(recording->pressure_share[i].resource, pressure->resource))
			rows[count++] = &recording->pressure_share[i];
	qsort(rows, count, sizeof(*rows), by_pressure);
	for (size_t i = 0; i < count && i < WAITERS_MOST; i++) {
		int64_t ns = full ? rows[i]->full_ns : rows[i]->some_ns;
		if (ns <= 0)
			continue;
		json_t *object = json_object();
		add_process(answer, object, rows[i]->process);
		json_object_set_new(object, "seconds", seconds((double)ns * scale));
		json_object_set_new(object, "running_seconds", full ? json_null() : seconds((double)rows[i]->running_ns * scale));
		json_array_append_new(list, object);
	}
	return list;
}
