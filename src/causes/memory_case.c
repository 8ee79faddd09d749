#include "causes/memory_case.h"
#include "causes/wording.h"

#include <math.h>
#include <string.h>

struct text_bytes memory__bytes(double bytes)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	struct text_bytes text;
	size_t unit = 0;
	for (bytes /= 1024; bytes >= 1023.5 && unit + 1 < ARRAY_SIZE(units); unit++)
		bytes /= 1024;
	snprintf(text.text, sizeof(text.text), bytes < 9.95 && bytes != floor(bytes) ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
	return text;
}

const struct crowd *memory_case__crowd_of(const struct scene *scene, const struct memory_process *process)
{
	return &scene->crowds[scene->crowd_of[process->index]];
}

static void add_process(struct memory_case *one, const struct memory_process *process, memory_part_fn *part, void *context)
{
	const struct scene *scene = one->scene;
	struct memory_loss *loss = &one->losses[scene->crowd_of[process->index]];
	double stall_ns = 0, asleep_ns = 0;
	for (int i = 0; i < MEMORY_REASONS; i++) {
		const struct memory_wait *wait = &process->by_reason[i];
		double share = part(process, (enum memory_reason)i, context);
		double awake_ns = fmin(wait->ns, wait->running_ns + wait->queued_ns);
		asleep_ns += wait->ns - awake_ns;
		if (share <= 0)
			continue;
		stall_ns += share * fmax(0, wait->ns - wait->queued_ns);
		loss->pressure_ns += share * wait->pressure_ns;
		loss->count += wait->count;
		one->pages += wait->pages;
		loss->max_ns = wait->max_ns > loss->max_ns ? wait->max_ns : loss->max_ns;
	}
	if (stall_ns <= 0)
		return;
	loss->stall_ns += stall_ns;
	loss->wanted_ns += fmax(stall_ns, (double)scene->ledger->processes[process->index].run_ns + asleep_ns);
}

static bool is_background(const struct crowd *crowd)
{
	return crowd->members[0]->row->kernel_thread && (crowd->nice_highest > 0 || !strncmp(process_row__name(crowd->members[0]->row), "kswapd", 6) ||
							 !strncmp(process_row__name(crowd->members[0]->row), "kcompactd", 9));
}

static void weigh(struct memory_case *one)
{
	bool severe = false;
	for (size_t i = 0; i < one->scene->crowd_count; i++) {
		const struct crowd *crowd = &one->scene->crowds[i];
		struct memory_loss *loss = &one->losses[i];
		one->stall_ns += loss->stall_ns;
		one->count += loss->count;
		loss->loss = loss->wanted_ns > 0 ? fmin(1, loss->stall_ns / loss->wanted_ns) : 0;
		loss->hurt = !crowd->tool && crowd->in_scope && !is_background(crowd) && loss->loss >= threshold__value(THRESHOLD_MEMORY_LOSS_CONTRIBUTING) &&
			     loss->stall_ns >= threshold__value(THRESHOLD_MEMORY_LOST_LEAST) * one->scene->window_ns;
		if (!loss->hurt)
			continue;
		loss->severe = loss->loss >= threshold__value(THRESHOLD_MEMORY_LOSS_SEVERE) &&
			       loss->stall_ns >= threshold__value(THRESHOLD_MEMORY_LOST_SEVERE) * one->scene->window_ns;
		severe = severe || loss->severe;
		one->hurt_ns += loss->stall_ns;
		one->pressure_ns += loss->pressure_ns;
		one->worst_loss = fmax(one->worst_loss, loss->loss);
	}
	int cpus = one->scene->ledger->cpus > 0 ? one->scene->ledger->cpus : 1;
	double window = one->scene->window_ns / NS_PER_SEC;
	// Without PSI, what that many CPUs need at least to wait so long.
	one->wall_seconds = fmin(window, one->memory->metered ? one->pressure_ns * one->memory->scale / NS_PER_SEC : one->hurt_ns / cpus / NS_PER_SEC);
	bool large = one->wall_seconds >= threshold__value(THRESHOLD_MEMORY_WALL_CONFIRMED) * window;
	if (severe || (large && one->worst_loss >= threshold__value(THRESHOLD_MEMORY_LOSS_CONFIRMED)))
		one->kind = VERDICT_CONFIRMED;
	else if (one->wall_seconds >= threshold__value(THRESHOLD_MEMORY_WALL_CONTRIBUTING) * window)
		one->kind = VERDICT_CONTRIBUTING;
	else
		one->kind = VERDICT_RULED_OUT;
}

struct memory_case *memory_case__make(const struct scene *scene, const struct ledger_memory *memory, memory_part_fn *part, void *context)
{
	struct memory_case *one = base__alloc(1, sizeof(*one));
	*one = (struct memory_case){ .scene = scene, .memory = memory, .losses = base__alloc(scene->crowd_count + 1, sizeof(struct memory_loss)) };
	for (size_t i = 0; i < memory->count; i++)
		add_process(one, &memory->processes[i], part, context);
	weigh(one);
	return one;
}

void memory_case__free(struct memory_case *one)
{
	if (one)
		free(one->losses);
	free(one);
}

static void set_not_testable(struct verdict *verdict, const char *why)
{
	verdict->kind = VERDICT_NOT_TESTABLE;
	verdict->absent = true;
	verdict__set_summary(verdict, "%s", why);
}

bool memory_case__not_testable(const struct scene *scene, const struct ledger_memory *memory, struct verdict *verdict)
{
	const char *probe = recording__meta(scene->ledger->recording, "probe.memory");
	if (memory->recorded)
		return false;
	set_not_testable(verdict, probe ? probe : "this recording has no account of memory: record again with this version");
	return true;
}

// A recording that says nothing of the probe is older than the probe's own switch, and had it with the others.
static bool misses_probe(const struct scene *scene, const char *key, struct verdict *verdict)
{
	const char *probe = key ? recording__meta(scene->ledger->recording, key) : NULL;
	if (!probe || !strcmp(probe, "on"))
		return false;
	set_not_testable(verdict, probe);
	return true;
}

static void add_victims(const struct memory_case *one, struct verdict *verdict)
{
	for (size_t i = 0; i < one->scene->crowd_count; i++) {
		const struct memory_loss *loss = &one->losses[i];
		if (!loss->hurt)
			continue;
		struct party *party = verdict__add_victim(verdict, &one->scene->crowds[i], loss->stall_ns);
		party->loss = loss->loss;
		party->waits = loss->count;
		party->longest_seconds = (double)loss->max_ns / NS_PER_SEC;
		if (loss->count > 0)
			party__set_note(party, "%s of the time it ran or slept for memory went into that; %s times, the longest %s", wording__percent(loss->loss).text,
					wording__count((double)loss->count).text, wording__seconds(party->longest_seconds).text);
		else
			party__set_note(party, "%s of the time it ran or slept for memory went into that", wording__percent(loss->loss).text);
	}
}

void memory_case__conclude(const struct memory_case *one, const char *what, struct verdict *verdict)
{
	double window = one->scene->window_ns / NS_PER_SEC;
	verdict->kind = one->kind;
	verdict->stall_seconds = (one->kind > VERDICT_RULED_OUT ? one->hurt_ns : one->stall_ns) / NS_PER_SEC;
	verdict->wall_seconds = one->wall_seconds;
	verdict__add_evidence(verdict, what, one->stall_ns / NS_PER_SEC, UNIT_TASK_SECONDS, NAN, "activity and sleep tables");
	verdict__add_evidence(verdict, "memory pressure of those whom it holds up", one->wall_seconds / window, PART_OF("the window"),
			      threshold__value(THRESHOLD_MEMORY_WALL_CONFIRMED), one->memory->metered ? "pressure_share table" : "activity table (no PSI)");
	verdict__add_evidence(verdict, "largest part of its time that a victim lost", one->worst_loss, PART_OF("the time it ran or slept for memory"),
			      threshold__value(THRESHOLD_MEMORY_LOSS_CONFIRMED), "activity, sleep and task tables");
	if (one->kind > VERDICT_RULED_OUT)
		add_victims(one, verdict);
}

void memory_case__judge(const struct scene *scene, const struct memory_cause *cause, struct verdict *verdict)
{
	struct ledger_memory *memory = ledger_memory__make(scene->ledger);
	if (memory_case__not_testable(scene, memory, verdict) || misses_probe(scene, cause->probe, verdict)) {
		ledger_memory__free(memory);
		return;
	}
	double share = cause->share ? cause->share(scene->ledger->recording, memory) : 0;
	struct memory_case *one = memory_case__make(scene, memory, cause->part, &share);
	memory_case__conclude(one, cause->what, verdict);
	cause->add_evidence(one, verdict);
	if (verdict->kind > VERDICT_RULED_OUT)
		cause->accuse(one, verdict);
	else if (one->stall_ns > 0)
		verdict__set_summary(verdict, "%s for %s in all, too little of anybody's time to hold it up", cause->little,
				     wording__seconds(verdict->stall_seconds).text);
	else
		verdict__set_summary(verdict, "%s", cause->nobody);
	memory_case__free(one);
	ledger_memory__free(memory);
}
