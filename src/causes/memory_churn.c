// A program maps, faults in and gives back memory over and over: the kernel zeroes, maps and frees the same pages again and again. Its cost is CPU
// time: the program's own, and that of those who wait for the CPUs meanwhile.
#include "causes/judged.h"
#include "causes/wording.h"
#include "ledger/cpu_profile.h"
#include "ledger/memory_churn.h"

#include <math.h>
#include <string.h>

#define STACKS 2                // shown of each: where pages are faulted in, and where they are given back
#define CALLS 4

// One crowd's memory that comes and goes.
struct churner {
	size_t crowd;
	int64_t *members; size_t member_count;  // process_row.id; owned
	struct memory_churn memory;
	struct cpu_profile *profile;    // owned
	struct cpu_profile_sums work;   // its page faults, unmapping and calls that change its address space
	double part;                    // of that work that was for memory given back before
	double own_ns, low_ns;          // CPU time that it cost the crowd: estimate, and the lower bound that the samples give
	double loss, low_loss;          // parts of its CPU time
	double pressure_ns;             // book A, before folding
	enum verdict_kind kind;
};
struct churners { struct churner *all; size_t count; };

static void free_churners(struct churners *churners)
{
	for (size_t i = 0; i < churners->count; i++) {
		free(churners->all[i].members);
		cpu_profile__free(churners->all[i].profile);
	}
	free(churners->all);
}

static int64_t *members_of(const struct crowd *crowd)
{
	int64_t *members = base__alloc(crowd->member_count + 1, sizeof(*members));
	for (size_t i = 0; i < crowd->member_count; i++)
		members[i] = crowd->members[i]->row->id;
	return members;
}

// False: nothing is known of its memory or of its CPU time.
static bool examine(const struct scene *scene, size_t index, struct churner *ret)
{
	const struct crowd *crowd = &scene->crowds[index];
	double low, high;
	*ret = (struct churner){ .crowd = index, .members = members_of(crowd), .member_count = crowd->member_count };
	bool known = memory_churn__of(scene->ledger, ret->members, ret->member_count, &ret->memory);
	ret->profile = known ? cpu_profile__of_all(scene->ledger, ret->members, ret->member_count) : NULL;
	if (!ret->profile || !cpu_profile__bounds(0, ret->profile->sums.samples, &low, &high)) {
		free(ret->members);
		cpu_profile__free(ret->profile);
		return false;
	}
	ret->work = cpu_profile__memory_churn(ret->profile);
	cpu_profile__bounds(ret->work.samples, ret->profile->sums.samples, &low, &high);
	ret->part = memory_churn__part(&ret->memory);
	ret->loss = (double)ret->work.samples / (double)ret->profile->sums.samples * ret->part;
	ret->low_loss = low * ret->part;
	ret->own_ns = ret->loss * (double)crowd->run_ns;
	ret->low_ns = ret->low_loss * (double)crowd->run_ns;
	ret->pressure_ns = (double)ret->work.pressure_ns * ret->part;
	return true;
}

static enum verdict_kind weigh(const struct scene *scene, const struct churner *churner)
{
	if (churner->low_loss >= threshold__value(THRESHOLD_CHURN_LOSS_CONFIRMED) &&
	    churner->low_ns >= threshold__value(THRESHOLD_CHURN_WALL_CONFIRMED) * scene->window_ns)
		return VERDICT_CONFIRMED;
	if (churner->loss >= threshold__value(THRESHOLD_CHURN_LOSS_CONTRIBUTING) &&
	    churner->own_ns >= threshold__value(THRESHOLD_CHURN_WALL_CONTRIBUTING) * scene->window_ns)
		return VERDICT_CONTRIBUTING;
	return VERDICT_RULED_OUT;
}

static int compare(const void *a, const void *b)
{
	const struct churner *left = a, *right = b;
	if (left->own_ns != right->own_ns)
		return left->own_ns > right->own_ns ? -1 : 1;
	return left->crowd < right->crowd ? -1 : left->crowd > right->crowd;
}

static struct churners find(const struct scene *scene)
{
	struct churners churners = { .all = base__alloc(scene->crowd_count + 1, sizeof(*churners.all)) };
	for (size_t i = 0; i < scene->crowd_count; i++)
		if (!scene->crowds[i].tool && examine(scene, i, &churners.all[churners.count])) {
			churners.all[churners.count].kind = weigh(scene, &churners.all[churners.count]);
			churners.count++;
		}
	if (churners.count)
		qsort(churners.all, churners.count, sizeof(*churners.all), compare);
	return churners;
}

// ---- who waits for it ----

// Waiting of a crowd that the culprit's work with its memory filled, by the part that this work is of all that others waited for the culprit.
static double held_up_ns(const struct scene *scene, size_t victim, const struct churner *churner)
{
	const struct meeting *meeting = scene__meeting(scene, victim, OCCUPANT_TASK, churner->crowd);
	const struct cpu_profile_sums *all = &churner->profile->sums;
	if (!meeting || all->waiters_ns <= 0)
		return 0;
	return (double)meeting->wait_ns * fmin(1, (double)churner->work.waiters_ns / (double)all->waiters_ns) * churner->part;
}

// Those who lost enough by it. Returns the waiting of all others.
static double add_others(const struct scene *scene, const struct churners *churners, struct verdict *verdict)
{
	double all_ns = 0;
	for (size_t i = 0; i < scene->crowd_count; i++) {
		const struct crowd *crowd = &scene->crowds[i];
		double ns = 0, demand_ns = crowd__demand_ns(crowd);
		for (size_t j = 0; j < churners->count; j++)
			if (churners->all[j].kind >= VERDICT_CONTRIBUTING && churners->all[j].crowd != i)
				ns += held_up_ns(scene, i, &churners->all[j]);
		all_ns += ns;
		if (ns < threshold__value(THRESHOLD_LOST_LEAST) * scene->window_ns || crowd->tool || !crowd->in_scope ||
		    ns < threshold__value(THRESHOLD_LOSS_CONTRIBUTING) * demand_ns)
			continue;
		struct party *party = verdict__add_victim(verdict, crowd, ns);
		party->loss = demand_ns > 0 ? fmin(1, ns / demand_ns) : NAN;
		party__set_note(party, "waits for a CPU while that work has it");
	}
	return all_ns;
}

// ---- the culprits ----

static int compare_operations(const void *a, const void *b)
{
	const struct party_operation *one = a, *other = b;
	if (one->seconds != other->seconds)
		return one->seconds > other->seconds ? -1 : 1;
	return strcmp(one->operation, other->operation);
}

// By system call; page faults are one of them.
static void add_operations(const struct churner *churner, struct party *party)
{
	size_t capacity = 0;
	for (size_t i = 0; i < churner->profile->part_count; i++) {
		const struct cpu_profile_part *part = &churner->profile->parts[i];
		struct party_operation *found = NULL;
		if (!cpu_work__is_memory_churn(part->work, part->operation) || !*part->operation)
			continue;
		for (size_t j = 0; j < party->operation_count; j++)
			if (!strcmp(party->operations[j].operation, part->operation))
				found = &party->operations[j];
		if (!found) {
			party->operations = base__grow(party->operations, &capacity, party->operation_count + 1, sizeof(*party->operations));
			found = &party->operations[party->operation_count++];
			*found = (struct party_operation){ .operation = part->operation, .mode = "" };
		}
		found->seconds += (double)part->sums.ns * churner->part / NS_PER_SEC;
		found->both_seconds = found->seconds;
		found->share += churner->work.ns > 0 ? (double)part->sums.ns / (double)churner->work.ns : 0;
	}
	if (party->operation_count)
		qsort(party->operations, party->operation_count, sizeof(*party->operations), compare_operations);
	if (party->operation_count > CALLS)
		party->operation_count = CALLS;
}

static bool is_member(const struct churner *churner, int64_t process)
{
	for (size_t i = 0; i < churner->member_count; i++)
		if (churner->members[i] == process)
			return true;
	return false;
}

struct place { int64_t user; double ns; const char *kernel; };

static int compare_places(const void *a, const void *b)
{
	const struct place *left = a, *right = b;
	if (left->ns != right->ns)
		return left->ns > right->ns ? -1 : 1;
	return left->user < right->user ? -1 : left->user > right->user;
}

// The user stacks with most of that work: of page faults, or of system calls.
static void add_stacks(const struct scene *scene, const struct cpu_works *works, const struct churner *churner, bool faults, struct party *party)
{
	const struct recording *recording = scene->ledger->recording;
	cleanup_free struct place *places = base__alloc(recording->cpu_sample_count + 1, sizeof(*places));
	size_t count = 0, capacity = party->stack_count;
	for (size_t i = 0; i < recording->cpu_sample_count; i++) {
		const struct cpu_sample_row *row = &recording->cpu_sample[i];
		bool fault = operation__from_name(row->operation) == OPERATION_PAGE_FAULT;
		if (!row->user_stack || fault != faults || !is_member(churner, row->process))
			continue;
		const char *kernel = recording__frames(recording, row->kernel_stack);
		if (!cpu_work__is_memory_churn(cpu_works__of(works, row->operation, kernel), row->operation))
			continue;
		size_t at = 0;
		while (at < count && places[at].user != row->user_stack)
			at++;
		if (at == count)
			places[count++] = (struct place){ row->user_stack, 0, kernel };
		places[at].ns += (double)row->ns;
	}
	if (count)
		qsort(places, count, sizeof(*places), compare_places);
	for (size_t i = 0; i < count && i < STACKS; i++) {
		party->stacks = base__grow(party->stacks, &capacity, party->stack_count + 1, sizeof(*party->stacks));
		party->stacks[party->stack_count++] = (struct party_stack){ places[i].ns / NS_PER_SEC, places[i].kernel, recording__frames(recording, places[i].user) };
	}
}

static void add_culprits(const struct scene *scene, const struct churners *churners, struct verdict *verdict)
{
	struct cpu_works *works = cpu_works__new();
	for (size_t i = 0; i < churners->count; i++) {
		const struct churner *churner = &churners->all[i];
		const struct crowd *crowd = &scene->crowds[churner->crowd];
		double others_ns = 0;
		if (churner->kind < VERDICT_CONTRIBUTING)
			continue;
		for (size_t j = 0; j < scene->crowd_count; j++)
			others_ns += j == churner->crowd ? 0 : held_up_ns(scene, j, churner);
		struct party *party = verdict__add_culprit(verdict, crowd, churner->own_ns + others_ns);
		party__set_note(party, "%s page faults a second", wording__count(churner->memory.faults / scene->ledger->window_seconds).text);
		party->own_seconds = churner->own_ns / NS_PER_SEC;
		add_operations(churner, party);
		add_stacks(scene, works, churner, true, party);
		add_stacks(scene, works, churner, false, party);
		if (crowd->in_scope) {
			party = verdict__add_victim(verdict, crowd, churner->own_ns);
			party->loss = fmin(1, churner->loss);
			party->own_seconds = party->seconds;
			party__set_note(party, "CPU time that goes into memory it had before");
		}
	}
	cpu_works__free(works);
}

// ---- the verdict ----

static struct text_figure bytes_a_second(double bytes, double seconds)
{
	struct text_figure figure;
	double rate = seconds > 0 ? bytes / seconds : 0;
	if (rate >= 1e9)
		snprintf(figure.text, sizeof(figure.text), "%.1f GB", rate / 1e9);
	else
		snprintf(figure.text, sizeof(figure.text), "%.0f MB", rate / 1e6);
	return figure;
}

static void add_evidence(const struct scene *scene, const struct churner *most, double pressure_seconds, struct verdict *verdict)
{
	double seconds = scene->ledger->window_seconds;
	const char *name = crowd__name(&scene->crowds[most->crowd]);
	cleanup_free char *faulted = base__format("memory that %s faulted in, at least (huge pages count as small ones)", name);
	cleanup_free char *loss = base__format("part of its CPU time that %s spends on memory it had before (lower bound by the samples)", name);
	verdict__add_evidence(verdict, loss, most->low_loss, PART_OF("its CPU time"), threshold__value(THRESHOLD_CHURN_LOSS_CONFIRMED),
			      "cpu_sample and activity table");
	verdict__add_evidence(verdict, "CPU time that went there", most->low_ns / scene->window_ns, PART_OF("the window"),
			      threshold__value(THRESHOLD_CHURN_WALL_CONFIRMED), "cpu_sample and activity table");
	verdict__add_evidence(verdict, faulted, most->memory.faulted_bytes / seconds / 1e6, UNIT("MB a second"), NAN, "/proc/PID/stat, minflt");
	verdict__add_evidence(verdict, "by how much more was resident at any time than at the beginning", most->memory.kept_bytes / 1e6, UNIT("MB"),
			      NAN,
			      "/proc/PID/status, VmRSS and VmHWM");
	verdict__add_evidence(verdict, "part of what it faulted in that it had given back before, at least", most->part, PART_OF("it"), NAN,
			      "activity table, minor_faults");
	if (pressure_seconds > 0)
		verdict__add_evidence(verdict, "CPU some while this work had a CPU that somebody waited for", pressure_seconds / seconds,
				      PART_OF("the window"), NAN,
				      "cpu_sample.pressure_ns");
}

static void add_checks(const struct scene *scene, struct verdict *verdict)
{
	long long pid = verdict__pid(scene->ledger, &verdict->culprits[0]);
	if (pid <= 0)
		return;
	verdict__add_check(verdict, "minflt/s is high while RSS stays as it is", "pidstat -r -p %lld 1 5", pid);
	verdict__add_check(verdict, "without sysstat: the first figure grows fast, the others hardly", "awk '{print $10}' /proc/%lld/stat; grep -E 'VmRSS|VmHWM' "
			   "/proc/%lld/status", pid, pid);
	verdict__add_check(verdict, "clear_page_*, zap_pte_range and what calls them", "perf record -g -p %lld -- sleep 5; perf report --no-children", pid);
	verdict__add_check(verdict, "which calls give it back (strace slows it down)", "strace -f -c -e trace=munmap,mmap,madvise,brk -p %lld", pid);
}

static void conclude(const struct scene *scene, const struct churners *churners, struct verdict *verdict)
{
	const struct ledger *ledger = scene->ledger;
	const struct churner *most = &churners->all[0];
	double own_ns = 0, pressure_ns = 0;
	for (size_t i = 0; i < churners->count; i++)
		if (churners->all[i].kind >= VERDICT_CONTRIBUTING) {
			most = churners->all[i].kind > most->kind ? &churners->all[i] : most;
			own_ns += churners->all[i].own_ns;
			pressure_ns += churners->all[i].pressure_ns;
		}
	double pressure_seconds = pressure_ns / NS_PER_SEC * ledger->fold_scale;
	add_culprits(scene, churners, verdict);
	double others_ns = add_others(scene, churners, verdict);
	verdict->stall_seconds = (own_ns + others_ns) / NS_PER_SEC;
	verdict->wall_seconds = fmin(ledger->window_seconds, fmax(pressure_seconds, own_ns / NS_PER_SEC / fmax(1, ledger->cpus)));
	verdict__settle_parties(verdict, ledger->window_seconds);
	add_evidence(scene, most, pressure_seconds, verdict);
	add_checks(scene, verdict);
	cleanup_free char *culprits = verdict__name_parties(ledger, verdict->culprits, verdict->culprit_count, 2);
	const struct party *other = NULL;
	for (size_t i = 0; i < verdict->victim_count && !other; i++)
		other = verdict->victims[i].process != verdict->culprits[0].process ? &verdict->victims[i] : NULL;
	cleanup_free char *victim = other ? wording__party_brief(ledger->recording, other) : NULL;
	bool several = verdict->culprit_count > 1 || verdict->culprits[0].processes > 1;
	verdict__set_summary(verdict, "%s fault%s in %s a second and give%s %s of it back: that takes %s of %s CPU time%s%s%s", culprits, several ? "" : "s",
			     bytes_a_second(most->memory.faulted_bytes, ledger->window_seconds).text, several ? "" : "s", wording__percent(most->part).text,
			     wording__percent(most->loss).text, several ? "their" : "its", victim ? "; " : "", victim ? victim : "",
			     victim ? other->processes > 1 ? " wait for it" : " waits for it" : "");
}

static void rule_out(const struct scene *scene, const struct churners *churners, struct verdict *verdict)
{
	const struct churner *most = churners->count ? &churners->all[0] : NULL;
	if (!most || most->own_ns < 0.001 * scene->window_ns) {
		verdict__set_summary(verdict, "no program spent CPU time on memory that it had given back before");
		return;
	}
	verdict->stall_seconds = most->own_ns / NS_PER_SEC;
	verdict__set_summary(verdict, "the most is spent by %s: %s of its CPU time, %s of the window, on memory that it had given back before",
			     crowd__name(&scene->crowds[most->crowd]), wording__percent(most->loss).text, wording__percent(most->own_ns / scene->window_ns).text);
}

static bool not_testable(const struct scene *scene, struct verdict *verdict)
{
	const struct recording *recording = scene->ledger->recording;
	const char *samples = recording__meta(recording, "probe.sample"), *memory = recording__meta(recording, "probe.memory");
	if (!samples || !recording__meta(recording, "page_size"))
		verdict__set_summary(verdict, "the recording does not hold what programs do on the CPU, or how often they fault: it was made by an older version of "
				     "whystall%s%s", memory && strcmp(memory, "on") ? ", or " : "", memory && strcmp(memory, "on") ? memory : "");
	else if (strcmp(samples, "on"))
		verdict__set_summary(verdict, "what programs do on the CPU was not sampled: %s", samples);
	else
		return false;
	verdict->kind = VERDICT_NOT_TESTABLE;
	verdict->absent = true;
	return true;
}

static void judge(const struct scene *scene, struct verdict *verdict)
{
	if (not_testable(scene, verdict))
		return;
	struct churners churners = find(scene);
	verdict->kind = VERDICT_RULED_OUT;
	for (size_t i = 0; i < churners.count; i++)
		verdict->kind = churners.all[i].kind > verdict->kind ? churners.all[i].kind : verdict->kind;
	if (verdict->kind >= VERDICT_CONTRIBUTING)
		conclude(scene, &churners, verdict);
	else
		rule_out(scene, &churners, verdict);
	free_churners(&churners);
}

const struct cause memory_churn = {
	.id = "memory.churn", .title = "memory mapped, faulted in and given back over and over", .counted_by_pressure = PRESSURE_CPU, .account = ACCOUNT_CPU,
	.claim = "a program gives memory back that it wants again at once; the kernel's work for that (page faults, zeroing, unmapping) takes the CPU",
	.decisive = "bytes faulted in against the growth of the program's resident memory, and its CPU time in faults and unmapping",
	.by_hand = "pidstat -r 1 (minflt/s) beside a resident size that does not grow; perf record -g -p PID: clear_page, zap_pte_range",
	.helps = "buffers that are kept, an allocator that gives memory back later, huge pages; more memory stays resident",
	.judge = judge,
};
