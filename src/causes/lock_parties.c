// From judged contentions to a verdict: parties with what they did and their stacks, figures, evidence.
#include "causes/contention.h"
#include "causes/lock_words.h"
#include "ledger/thresholds.h"
#include "causes/verdict.h"
#include "causes/wording.h"

#include <math.h>
#include <string.h>

#define STACKS_KEPT 3
#define NOT_SHOWN 0.01          // of a party's seconds: operations below are noise

enum side { SIDE_OWNERS, SIDE_WAITERS };

// Waiters' seconds (of those who are hurt) for each nanosecond of the owners' rows: shares stay what was measured.
static double owners_scale(const struct contention *contention)
{
	return contention->hold_ns > 0 ? contention->hurt_ns / contention->hold_ns : 0;
}

static size_t crowd_of(const struct scene *scene, int64_t process)
{
	const struct ledger_process *row = process ? ledger__process(scene->ledger, process) : NULL;
	return row ? scene->crowd_of[row - scene->ledger->processes] : SIZE_MAX;
}

// ---- what a party did ----

static bool same_text(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

static void add_operation(struct party *party, const struct lock_hold_row *hold, double seconds)
{
	for (size_t i = 0; i < party->operation_count; i++) {
		struct party_operation *known = &party->operations[i];
		if (same_text(known->operation, hold->operation) && same_text(known->mode, hold->mode)) {
			known->seconds += seconds;
			return;
		}
	}
	size_t capacity = party->operation_count;
	party->operations = base__grow(party->operations, &capacity, party->operation_count + 1, sizeof(*party->operations));
	party->operations[party->operation_count++] = (struct party_operation){ .operation = hold->operation, .mode = hold->mode,
		.seconds = seconds };
}

static int compare_operations(const void *left, const void *right)
{
	const struct party_operation *a = left, *b = right;
	if (a->both_seconds != b->both_seconds)
		return a->both_seconds > b->both_seconds ? -1 : 1;
	int order = strcmp(a->operation, b->operation);
	if (order)
		return order;
	if (a->seconds != b->seconds)
		return a->seconds > b->seconds ? -1 : 1;
	return strcmp(a->mode ? a->mode : "", b->mode ? b->mode : "");
}

static double seconds_of(const struct party *party, const char *operation)
{
	double seconds = 0;
	for (size_t i = 0; i < party->operation_count; i++)
		seconds += same_text(party->operations[i].operation, operation) ? party->operations[i].seconds : 0;
	return seconds;
}

static void close_operations(struct party *party)
{
	double all = 0;
	size_t kept = 0;
	for (size_t i = 0; i < party->operation_count; i++) {
		all += party->operations[i].seconds;
		party->operations[i].both_seconds = seconds_of(party, party->operations[i].operation);
	}
	for (size_t i = 0; i < party->operation_count; i++) {
		party->operations[i].share = all > 0 ? party->operations[i].seconds / all : 0;
		if (party->operations[i].share >= NOT_SHOWN)
			party->operations[kept++] = party->operations[i];
	}
	party->operation_count = kept;
	if (kept)
		qsort(party->operations, kept, sizeof(*party->operations), compare_operations);
}

// ---- stacks ----

static void add_stack(struct party *party, const char *kernel, const char *user, double seconds)
{
	for (size_t i = 0; i < party->stack_count; i++)
		if (same_text(party->stacks[i].kernel, kernel) && same_text(party->stacks[i].user, user)) {
			party->stacks[i].seconds += seconds;
			return;
		}
	size_t capacity = party->stack_count;
	party->stacks = base__grow(party->stacks, &capacity, party->stack_count + 1, sizeof(*party->stacks));
	party->stacks[party->stack_count++] = (struct party_stack){ seconds, kernel, user };
}

static int compare_stacks(const void *left, const void *right)
{
	const struct party_stack *a = left, *b = right;
	if (a->seconds != b->seconds)
		return a->seconds > b->seconds ? -1 : 1;
	int order = strcmp(a->kernel ? a->kernel : "", b->kernel ? b->kernel : "");
	return order ? order : strcmp(a->user ? a->user : "", b->user ? b->user : "");
}

static void add_stacks(const struct contention *contention, size_t crowd, enum side side, struct party *party)
{
	const struct recording *recording = contention->scene->ledger->recording;
	for (size_t i = 0; i < contention->lock_count; i++)
		for (size_t j = 0; j < contention->locks[i]->stack_count; j++) {
			const struct lock_stack_row *row = contention->locks[i]->stacks[j];
			const char *kernel = recording__frames(recording, row->kernel_stack);
			const char *user = recording__frames(recording, row->user_stack);
			if (crowd_of(contention->scene, row->process) != crowd || row->ns <= 0 || (!kernel && !user) ||
			    lock_role__from_name(row->role, LOCK_ROLES) != (side == SIDE_OWNERS ? LOCK_OWNER : LOCK_WAITER))
				continue;
			add_stack(party, kernel, user, (double)row->ns / NS_PER_SEC);
		}
}

// ---- parties ----

static const struct foreign_use *foreign_use(const struct contention *contention, size_t crowd)
{
	const struct recording *recording = contention->scene->ledger->recording;
	for (size_t i = 0; i < contention->lock_count; i++)
		for (size_t j = 0; j < contention->scene->crowds[crowd].member_count; j++) {
			const struct foreign_use *use = lock_words__foreign_use(contention->locks[i], recording, contention->scene->crowds[crowd].members[j]->row->id);
			if (use)
				return use;
		}
	return NULL;
}

static void note_culprit(const struct contention *contention, size_t crowd, struct party *party)
{
	const struct contender *contender = contention__contender(contention, crowd);
	if (!contention->owned) {
		party__set_note(party, "its own waiting; the holders of spinning locks are not known");
		return;
	}
	cleanup_free char *operations = lock_words__operations(party, 3);
	party->foreign_use = contender->foreign_held_ns > 0.5 * contender->held_ns ? foreign_use(contention, crowd) : NULL;
	if (party->foreign_use) {
		cleanup_free char *words = lock_words__use(party->foreign_use, recording__process(contention->scene->ledger->recording,
												   contention->locks[0]->row->process));
		party__set_note(party, "%s", words);
	} else if (operations) {
		party__set_note(party, "held it during %s", operations);
	}
}

static struct party *find_party(struct party *parties, size_t count, const struct crowd *crowd)
{
	for (size_t i = 0; i < count; i++)
		if (parties[i].process == crowd->members[0]->row->id)
			return &parties[i];
	return NULL;
}

static void add_culprit(const struct contention *contention, size_t crowd, struct verdict *verdict)
{
	const struct scene *scene = contention->scene;
	const struct contender *contender = contention__contender(contention, crowd);
	double ns = contention->owned ? contender->held_ns * owners_scale(contention) : contender->stall_ns;
	struct party *party = find_party(verdict->culprits, verdict->culprit_count, &scene->crowds[crowd]);
	bool first = !party;
	if (first)
		party = verdict__add_culprit(verdict, &scene->crowds[crowd], 0);
	party->seconds += ns / NS_PER_SEC;
	party->foreign_seconds += contention->owned ? contender->foreign_held_ns * owners_scale(contention) / NS_PER_SEC : 0;
	for (size_t i = 0; contention->owned && i < contention->lock_count; i++)
		for (size_t j = 0; j < contention->locks[i]->hold_count; j++) {
			const struct lock_hold_row *hold = contention->locks[i]->holds[j];
			// What the next owner is about has not held anybody up yet.
			if (crowd_of(scene, hold->process) == crowd && hold->operation && !locks__is_handed(hold))
				add_operation(party, hold, (double)hold->task_ns * owners_scale(contention) / NS_PER_SEC);
		}
	add_stacks(contention, crowd, contention->owned ? SIDE_OWNERS : SIDE_WAITERS, party);
	// What it holds up of itself; who waits for its own threads is its own victim.
	if (contender->hurt)
		party->own_seconds += fmin(ns, contender->stall_ns) / NS_PER_SEC;
}

static void add_victim(const struct contention *contention, size_t crowd, struct verdict *verdict)
{
	const struct contender *contender = contention__contender(contention, crowd);
	struct party *party = find_party(verdict->victims, verdict->victim_count, &contention->scene->crowds[crowd]);
	if (!party) {
		party = verdict__add_victim(verdict, &contention->scene->crowds[crowd], 0);
		party->loss = 0;
	}
	party->seconds += contender->stall_ns / NS_PER_SEC;
	party->waits += contender->waits;
	party->longest_seconds = fmax(party->longest_seconds, (double)contender->wait_max_ns / NS_PER_SEC);
	party->loss = fmax(party->loss, contender->loss);
	add_stacks(contention, crowd, SIDE_WAITERS, party);
}

static void close_party(struct party *party)
{
	close_operations(party);
	if (party->stack_count)
		qsort(party->stacks, party->stack_count, sizeof(*party->stacks), compare_stacks);
	if (party->stack_count > STACKS_KEPT)
		party->stack_count = STACKS_KEPT;
}

static void close_parties(struct contention *const *contentions, size_t count, struct verdict *verdict)
{
	const struct scene *scene = contentions[0]->scene;
	for (size_t i = 0; i < verdict->culprit_count; i++) {
		struct party *party = &verdict->culprits[i];
		close_party(party);
		// The note is of the contention in which it held most.
		const struct contention *most = NULL;
		size_t crowd = crowd_of(scene, party->process);
		for (size_t j = 0; j < count; j++)
			if (contentions[j]->kind >= VERDICT_CONTRIBUTING && contention__contender(contentions[j], crowd)->accused &&
			    (!most || contention__contender(contentions[j], crowd)->held_ns > contention__contender(most, crowd)->held_ns))
				most = contentions[j];
		if (most)
			note_culprit(most, crowd, party);
	}
	for (size_t i = 0; i < verdict->victim_count; i++) {
		struct party *party = &verdict->victims[i];
		close_party(party);
		party__set_note(party, "lost %s of the time it wanted; %s waits, the longest %s", wording__percent(party->loss).text,
				wording__count((double)party->waits).text, wording__seconds(party->longest_seconds).text);
	}
	verdict__settle_parties(verdict, scene->ledger->window_seconds);
}

// ---- names of those who had part in one contention ----

static const struct contender *contender_of(const struct contention *contention, const struct party *party)
{
	size_t crowd = crowd_of(contention->scene, party->process);
	return crowd == SIZE_MAX ? NULL : contention__contender(contention, crowd);
}

const struct party *contention__main_culprit(const struct contention *contention, const struct verdict *verdict)
{
	const struct party *most = NULL;
	double most_ns = 0;
	for (size_t i = 0; i < verdict->culprit_count; i++) {
		const struct contender *contender = contender_of(contention, &verdict->culprits[i]);
		double ns = !contender || !contender->accused ? 0 : contention->owned ? contender->held_ns : contender->stall_ns;
		if (ns > most_ns) {
			most = &verdict->culprits[i];
			most_ns = ns;
		}
	}
	return most;
}

static char *name_side(const struct contention *contention, enum side side, const struct party *parties, size_t count)
{
	cleanup_free struct party *chosen = base__alloc(count + 1, sizeof(*chosen));   // borrowed: never freed one by one
	size_t chosen_count = 0;
	for (size_t i = 0; i < count; i++) {
		const struct contender *contender = contender_of(contention, &parties[i]);
		if (contender && (side == SIDE_OWNERS ? contender->accused : contender->hurt))
			chosen[chosen_count++] = parties[i];
	}
	return verdict__name_parties(contention->scene->ledger, chosen, chosen_count, 2);
}

char *contention__name_culprits(const struct contention *contention, const struct verdict *verdict)
{
	return name_side(contention, SIDE_OWNERS, verdict->culprits, verdict->culprit_count);
}

char *contention__name_victims(const struct contention *contention, const struct verdict *verdict)
{
	return name_side(contention, SIDE_WAITERS, verdict->victims, verdict->victim_count);
}

// ---- figures ----

struct sums { double wall_ns, stall_ns, sleep_ns, spin_ns, runqueue_ns, open_ns, wait_ns, explained_ns, handed_ns, read_ns, read_held_ns, worst_loss;
	      int64_t waits; };

static struct sums sum_up(struct contention *const *contentions, size_t count, enum verdict_kind least)
{
	struct sums sums = { 0 };
	for (size_t i = 0; i < count; i++) {
		const struct contention *one = contentions[i];
		if (one->kind < least)
			continue;
		sums.wall_ns = fmax(sums.wall_ns, one->wall_ns);
		sums.worst_loss = fmax(sums.worst_loss, one->worst_loss);
		sums.stall_ns += least >= VERDICT_CONTRIBUTING ? one->hurt_ns : one->stall_ns;
		sums.sleep_ns += one->sleep_ns;
		sums.spin_ns += one->spin_ns;
		sums.runqueue_ns += one->runqueue_ns;
		sums.open_ns += one->open_ns;
		sums.wait_ns += one->wait_ns;
		sums.explained_ns += one->explained_ns;
		sums.handed_ns += one->handed_ns + one->handing_over_ns;
		sums.read_ns += one->read_ns;
		sums.read_held_ns += one->read_held_ns;
		sums.waits += one->waits;
	}
	return sums;
}

static void add_evidence(const struct scene *scene, const struct sums *sums, struct verdict *verdict)
{
	verdict__add_evidence(verdict, "time in which somebody waited for the lock", sums->wall_ns / scene->window_ns, PART_OF("the window"),
			      threshold__value(THRESHOLD_LOCK_WALL_CONFIRMED), "lock.wall_ns");
	verdict__add_evidence(verdict, "largest part of its wanted time that a victim lost", sums->worst_loss, PART_OF("its demand"),
			      threshold__value(THRESHOLD_LOCK_LOSS_CONFIRMED), "lock_wait and task table");
	verdict__add_evidence(verdict, "asleep on the lock, in no pressure figure", sums->sleep_ns / NS_PER_SEC, UNIT_TASK_SECONDS, NAN,
			      "lock_wait.sleep_ns");
	verdict__add_evidence(verdict, "spinning for the lock, on a CPU", sums->spin_ns / NS_PER_SEC, UNIT_TASK_SECONDS, NAN, "lock_wait.spin_ns");
	verdict__add_evidence(verdict, "woken, but without a CPU yet (counted as waiting for a CPU, not here)", sums->runqueue_ns / NS_PER_SEC,
			      UNIT_TASK_SECONDS, NAN, "lock_wait.runqueue_ns");
	if (sums->open_ns > 0)
		verdict__add_evidence(verdict, "waits that had not ended at the end of the window", sums->open_ns / NS_PER_SEC, UNIT_TASK_SECONDS, NAN,
				      "lock_wait.open_wait_ns");
	verdict__add_evidence(verdict, "waiting with a named waiter, a named owner and its operation",
			      sums->wait_ns > 0 ? sums->explained_ns / sums->wait_ns : 1, PART_OF("all waiting"), NAN, "lock_wait and lock_hold");
	if (verdict->kind < VERDICT_CONTRIBUTING || sums->wait_ns <= 0)
		return;
	if (sums->handed_ns >= 0.05 * sums->wait_ns)
		verdict__add_evidence(verdict, "the lock was free, but the task that was woken to take it had no CPU yet: too few CPUs prolong these waits",
				      sums->handed_ns / sums->wait_ns, PART_OF("all waiting"), NAN, "lock_hold.mode handed over");
	// Readers do not wait for readers, but for a writer that waits before them.
	double behind = fmax(0, sums->read_ns + sums->read_held_ns - sums->wait_ns) / sums->wait_ns;
	if (behind >= 0.05)
		verdict__add_evidence(verdict, "readers that waited while a reader held the lock: a waiting writer stood before them, and both waited "
				      "for that reader", behind, PART_OF("all waiting (at least)"), NAN, "lock_wait.mode, lock_hold.mode");
}

void contention__conclude(struct contention *const *contentions, size_t count, struct verdict *verdict)
{
	const struct contention *heaviest = contention__heaviest(contentions, count);
	verdict->kind = heaviest ? heaviest->kind : VERDICT_RULED_OUT;
	verdict->unfelt = heaviest && heaviest->unfelt;
	struct sums sums = sum_up(contentions, count, heaviest ? VERDICT_CONTRIBUTING : VERDICT_NOT_TESTABLE);
	verdict->stall_seconds = sums.stall_ns / NS_PER_SEC;
	verdict->wall_seconds = sums.wall_ns / NS_PER_SEC;
	verdict->lock = heaviest ? heaviest->locks[0] : NULL;
	verdict->convoy = heaviest && heaviest->convoy;
	if (heaviest && heaviest->doubt)
		verdict->doubt = base__copy(heaviest->doubt);
	for (size_t i = 0; i < count && heaviest; i++) {
		if (contentions[i]->kind < VERDICT_CONTRIBUTING)
			continue;
		for (size_t j = 0; j < contentions[i]->contender_count; j++) {
			const struct contender *contender = &contentions[i]->contenders[j];
			if (contender->accused)
				add_culprit(contentions[i], contender->crowd, verdict);
			if (contender->hurt)
				add_victim(contentions[i], contender->crowd, verdict);
		}
	}
	if (heaviest) {
		close_parties(contentions, count, verdict);
		if (sums.spin_ns > sums.sleep_ns)
			verdict->counted_by_pressure = PRESSURE_CPU;
	}
	if (count)
		add_evidence(contentions[0]->scene, &sums, verdict);
}
