#include "causes/runtimes.h"

#include "causes/hand_overs.h"
#include "causes/verdict.h"
#include "causes/wording.h"
#include "ledger/process_names.h"

#include <math.h>
#include <string.h>

#define HAND_OVERS_LEAST 10     // sampled; below, they are chance
#define EVIDENCE_MOST 3
#define NAMED_MOST 2

struct runtime_kind {
	const char *runtime;            // process_row.runtime; NULL: any
	const char *executable;         // or the last part of its executable's path; NULL: any
	const char *threads;            // beginnings of a thread's name, separated by spaces; NULL: any
	const char *waiters, *look;     // look: %lld is its pid, at most once
};

static const struct runtime_kind kinds[] = {
	{ .runtime = "go", .waiters = "goroutines that wait for a channel, a mutex or a semaphore leave no thread waiting",
	  .look = "its mutex and block profile show them (go tool pprof http://HOST:PORT/debug/pprof/mutex, …/block)" },
	{ .runtime = "jvm", .waiters = "Java's threads sleep at a futex of their own for locks and for work alike, and virtual threads wait without one",
	  .look = "jstack %lld shows who waits for which lock" },
	{ .runtime = "rust", .threads = "tokio-r async-std", .waiters = "async tasks that wait for a lock or a semaphore leave no thread waiting",
	  .look = "tokio-console shows them" },
	{ .runtime = "node", .waiters = "functions that wait for a promise, be it a lock's, leave no thread waiting",
	  .look = "its inspector shows them (kill -USR1 %lld, then chrome://inspect)" },
	{ .executable = "dotnet", .waiters = "tasks of .NET that wait for a lock or a semaphore leave no thread waiting", .look = "dotnet-stack report -p %lld "
	  "and dotnet-dump show them" },
	{ .executable = "beam.smp", .waiters = "processes of Erlang wait without a thread", .look = "its observer shows their message queues" },
};

static bool has_thread(const struct ledger_process *process, const char *beginnings)
{
	for (size_t i = 0; i < process->task_count; i++)
		for (const char *word = beginnings; *word;) {
			size_t length = strcspn(word, " ");
			if (process->tasks[i].name && !strncmp(process->tasks[i].name, word, length))
				return true;
			word += length + (word[length] == ' ');
		}
	return false;
}

static const struct runtime_kind *kind_of(const struct ledger_process *process)
{
	const struct process_row *row = process->row;
	const char *slash = row->exe ? strrchr(row->exe, '/') : NULL;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		bool is_one = !kinds[i].runtime || (row->runtime && !strcmp(row->runtime, kinds[i].runtime));
		is_one = is_one && (!kinds[i].executable || (slash && !strcmp(slash + 1, kinds[i].executable)));
		if (is_one && (!kinds[i].threads || has_thread(process, kinds[i].threads)))
			return &kinds[i];
	}
	return NULL;
}

// Asleep for something that can be late, and that is not said by another of its own threads.
static bool is_work(enum sleep_class class)
{
	static const enum sleep_class not[] = { SLEEP_UNKNOWN, SLEEP_FUTEX, SLEEP_PIPE, SLEEP_SOCKET, SLEEP_PROCESS, SLEEP_RING_IDLE, SLEEP_IDLE, SLEEP_FREEZE,
						SLEEP_OTHER };
	for (size_t i = 0; i < ARRAY_SIZE(not); i++)
		if (class == not[i])
			return false;
	return true;
}

static double slept_ns(const struct scene *scene, const struct crowd *crowd)
{
	const struct ledger_sleeps *sleeps = &scene->ledger->sleeps;
	double ns = 0;
	for (size_t i = 0; i < sleeps->count; i++) {
		const struct ledger_process *process = is_work(sleeps->sleeps[i].class) ? ledger__process(scene->ledger, sleeps->sleeps[i].row->process) : NULL;
		if (process && &scene->crowds[scene->crowd_of[process - scene->ledger->processes]] == crowd)
			ns += (double)sleeps->sleeps[i].row->ns;
	}
	return ns;
}

static int compare(const void *a, const void *b)
{
	const struct lock_hider *left = a, *right = b;
	if (left->active_ns != right->active_ns)
		return left->active_ns > right->active_ns ? -1 : 1;
	return left->crowd < right->crowd ? -1 : left->crowd > right->crowd;
}

struct lock_hider *runtimes__find(const struct scene *scene, size_t *ret_count)
{
	struct lock_hider *hiders = base__alloc(scene->crowd_count + 1, sizeof(*hiders));
	*ret_count = 0;
	for (size_t i = 0; i < scene->crowd_count; i++) {
		const struct crowd *crowd = &scene->crowds[i];
		const struct runtime_kind *kind = crowd->tool || !crowd->in_scope ? NULL : kind_of(crowd->members[0]);
		if (!kind)
			continue;
		double active_ns = (double)crowd->run_ns + (double)crowd->wait_ns + slept_ns(scene, crowd);
		if (active_ns >= threshold__value(THRESHOLD_RUNTIME_ACTIVE) * scene->window_ns)
			hiders[(*ret_count)++] = (struct lock_hider){ kind, i, active_ns };
	}
	if (*ret_count)
		qsort(hiders, *ret_count, sizeof(*hiders), compare);
	return hiders;
}

static char *name_of(const struct crowd *crowd)
{
	return crowd->processes > 1 ? base__format("%s (%lld processes)", crowd__name(crowd), (long long)crowd->processes)
				    : base__format("%s (pid %lld)", crowd__name(crowd), (long long)crowd->members[0]->row->pid);
}

char *runtimes__hide_locks(const struct diagnosis *diagnosis)
{
	size_t count = 0, named = 0;
	cleanup_free struct lock_hider *hiders = runtimes__find(diagnosis->scene, &count);
	struct string out = { 0 };
	for (; named < count && named < NAMED_MOST; named++) {
		cleanup_free char *name = name_of(&diagnosis->scene->crowds[hiders[named].crowd]);
		string__add(&out, "%s%s", !named ? "" : named + 1 == count ? " and " : ", ", name);
	}
	if (count > named)
		string__add(&out, " and %zu more", count - named);
	return count ? string__steal(&out) : NULL;
}

char *runtimes__say(const struct scene *scene, const struct lock_hider *hider)
{
	const struct crowd *crowd = &scene->crowds[hider->crowd];
	const char *look = hider->kind->look, *place = strstr(look, "%lld");
	cleanup_free char *name = name_of(crowd);
	cleanup_free char *shown = place ? base__format("%.*s%lld%s", (int)(place - look), look, (long long)crowd->members[0]->row->pid, place + 4)
					 : base__copy(look);
	return base__format("the kernel does not see which locks hold up %s: %s; %s", name, hider->kind->waiters, shown);
}

// ---- hand-overs ----

static bool is_in_scope(const void *context, int64_t process)
{
	const struct scene *scene = context;
	const struct ledger_process *row = process ? ledger__process(scene->ledger, process) : NULL;
	const struct crowd *crowd = row ? &scene->crowds[scene->crowd_of[row - scene->ledger->processes]] : NULL;
	return crowd && crowd->in_scope && !crowd->tool;
}

const struct process_row *runtimes__add_hand_overs(const struct scene *scene, struct verdict *verdict, char **ret_hint)
{
	const struct recording *recording = scene->ledger->recording;
	struct hand_overs hand_overs;
	const struct process_row *whose = NULL;
	double locks = 0;
	hand_overs__gather(recording, is_in_scope, scene, &hand_overs);
	*ret_hint = NULL;
	for (size_t i = 0; i < hand_overs.count; i++) {
		const struct hand_over *one = &hand_overs.all[i];
		const struct process_row *row = recording__process(recording, one->process);
		locks += one->wait.lock ? one->samples : 0;
		if (i >= EVIDENCE_MOST || one->samples < 2 || !row)
			continue;
		cleanup_free char *what = base__format("stacks of %s (pid %lld) in which a goroutine or task %s %s, by %s%s", process_row__name(row),
						       (long long)row->pid, one->wait.parked ? "had just begun to wait for" : "let another one go on at",
						       one->wait.primitive, one->callers, one->wait.lock ? "" : " (a lock or a queue: no name tells)");
		verdict__add_evidence(verdict, what, one->samples, UNIT("samples"), NAN, "futex_stack");
	}
	if (locks >= HAND_OVERS_LEAST && hand_overs.count && hand_overs.all[0].wait.lock) {
		whose = recording__process(recording, hand_overs.all[0].process);
		*ret_hint = base__format("%s sampled stacks have one at a lock, most of them in %s", wording__count(locks).text, hand_overs.all[0].callers);
	}
	hand_overs__free(&hand_overs);
	return whose;
}
