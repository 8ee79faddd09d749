// Weights, nice values, worker counts and classes: who gets how much when all want the CPU.
#include "ledger/thresholds.h"
#include "remedies/manager.h"
#include "remedies/offer.h"

#include <string.h>

// Whose waiting is looked at: by index of the ledger's processes, the number of the victim that it is a member of, + 1; 0: of none.
static uint32_t *number_members(const struct ledger *ledger, const struct verdict *verdict)
{
	uint32_t *numbers = base__alloc(ledger->process_count + 1, sizeof(*numbers));
	for (size_t i = verdict->victim_count; i-- > 0;)
		for (size_t j = 0; j < verdict->victims[i].member_count; j++) {
			const struct ledger_process *process = ledger__process(ledger, verdict->victims[i].members[j]);
			if (process)
				numbers[process - ledger->processes] = (uint32_t)i + 1;
		}
	return numbers;
}

static bool *mark_members(const struct ledger *ledger, const struct party *party)
{
	bool *marks = base__alloc(ledger->process_count + 1, sizeof(*marks));
	for (size_t i = 0; i < party->member_count; i++) {
		const struct ledger_process *process = ledger__process(ledger, party->members[i]);
		if (process)
			marks[process - ledger->processes] = true;
	}
	return marks;
}

// A victim's waiting: the part that the culprit filled, and all.
struct met { double culprit_ns, all_ns; };

// In one pass over all pairs. By number of the victim.
static struct met *meet(const struct ledger *ledger, const struct verdict *verdict, const struct party *culprit)
{
	const struct recording *recording = ledger->recording;
	struct met *met = base__alloc(verdict->victim_count + 1, sizeof(*met));
	cleanup_free uint32_t *numbers = number_members(ledger, verdict);
	cleanup_free bool *marks = mark_members(ledger, culprit);
	for (size_t i = 0; i < recording->pair_count; i++) {
		const struct pair_row *pair = &recording->pair[i];
		const struct ledger_process *victim = ledger__process(ledger, pair->victim);
		uint32_t number = victim ? numbers[victim - ledger->processes] : 0;
		if (!number)
			continue;
		const struct ledger_process *occupant = pair->kind == OCCUPANT_TASK ? ledger__process(ledger, pair->culprit) : NULL;
		met[number - 1].all_ns += (double)pair->wait_ns;
		met[number - 1].culprit_ns += occupant && marks[occupant - ledger->processes] ? (double)pair->wait_ns : 0;
	}
	return met;
}

// A victim that does not stand among the culprits and of whose waiting this one filled a part worth the change; NULL where it holds up its own
// kind only.
static const struct party *other_party(const struct ledger *ledger, const struct verdict *verdict, const struct party *culprit)
{
	cleanup_free struct met *met = meet(ledger, verdict, culprit);
	for (size_t i = 0; i < verdict->victim_count; i++) {
		const struct party *victim = &verdict->victims[i];
		bool own = false;
		for (size_t j = 0; j < verdict->culprit_count; j++)
			own = own || verdict->culprits[j].process == victim->process;
		if (!own && met[i].culprit_ns > threshold__value(THRESHOLD_HARM_SHARE) * met[i].all_ns)
			return victim;
	}
	return NULL;
}

static const struct process_row *row_of(const struct ledger *ledger, const struct party *party)
{
	return party ? recording__process(ledger->recording, party->process) : NULL;
}

// The nice values of its tasks that ran or waited most of its time: of the one with the strongest claim.
static int64_t nice_of(const struct ledger *ledger, const struct party *party)
{
	int64_t lowest = INT64_MAX;
	for (size_t i = 0; i < party->member_count; i++) {      // -fanalyzer: asked of parties only that have a row
		const struct ledger_process *process = ledger__process(ledger, party->members[i]);
		for (size_t j = 0; process && j < process->task_count; j++) {
			const struct task_row *task = &process->tasks[j];
			bool counts = (double)(task->run_ns + task->wait_ns) >= 0.05 * (double)(process->run_ns + process->wait_ns);
			lowest = counts && task->nice < lowest ? task->nice : lowest;
		}
	}
	return lowest == INT64_MAX ? 0 : lowest;
}

static bool same_text(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

// Of the unit or container that the cgroup belongs to, as long as the victim is not in it, too.
static void set_weight(const struct cgroup_row *group, const char *victims_path, struct remedy_offer *offer)
{
	long long less = group->weight / 5 > 0 ? (long long)group->weight / 5 : 1;
	cleanup_manager struct manager manager = manager__of(group->path);
	const struct manager_setting setting = { LIMIT_WEIGHT, (double)less, .hierarchy = group->hierarchy };
	manager.whole = manager.whole || (manager.root && !offer__is_within(victims_path, manager.root));
	if (manager__offer(&manager, &setting, offer))
		return;
	cleanup_free char *file = offer__cgroup_file(group, group->hierarchy == 2 ? "cpu.weight" : "cpu.shares");
	offer__set_command(offer, "echo %lld > %s", less, file);
}

void cpu_weight__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct party *party = offer__living_party(ledger, verdict->culprits, verdict->culprit_count);
	const struct process_row *culprit = row_of(ledger, party), *victim = party ? row_of(ledger, other_party(ledger, verdict, party)) : NULL;
	if (!culprit) {
		offer__decide(offer, false, "no culprit is left whose cgroup could be given less weight");
		return;
	}
	const char *name = process_row__name(culprit);
	const struct cgroup_row *group = look_up__cgroup(ledger->recording, culprit->cpu_cgroup ? culprit->cpu_cgroup : culprit->cgroup);
	if (class_fact__is_realtime(&verdict->culprits[0].class))
		offer__decide(offer, false, "weights do not bind realtime and deadline tasks");
	else if (!victim)
		offer__decide(offer, false, "%s holds up nobody but its own kind, and weights act between cgroups", name);
	else if (!group || !strcmp(group->path, "/"))
		offer__decide(offer, false, "%s is in no cgroup of its own (it is in the root cgroup)", name);
	else if (group->weight < 0)
		offer__decide(offer, false, "the cpu controller is not enabled for cgroup %s", group->path);
	else if (same_text(culprit->cpu_cgroup, victim->cpu_cgroup))
		offer__decide(offer, false, "%s and %s share cgroup %s, and weights act between cgroups only", name,
			      process_row__name(victim), group->path);
	else {
		offer__decide(offer, true, "%s and %s are in different cgroups, and the cpu controller is on; weight now %lld", name,
			      process_row__name(victim), (long long)group->weight);
		set_weight(group, victim->cpu_cgroup ? victim->cpu_cgroup : victim->cgroup, offer);
	}
}

static void offer_renice(const struct ledger *ledger, const struct party *party, long long nice, struct remedy_offer *offer)
{
	cleanup_shell struct shell command = { 0 };
	shell__add(&command, "renice -n %lld -p", nice);
	wording__pid_words(&command, ledger->recording, party, 32);
	offer__take_command(offer, &command);
}

// Behind ordinary tasks a nice value of 10 leaves a tenth of a CPU's share; behind a victim that is polite itself only 19 does.
static void consider_nice(const struct ledger *ledger, const struct party *party, const struct party *victim, struct remedy_offer *offer)
{
	const char *name = process_row__name(row_of(ledger, party)), *other = process_row__name(row_of(ledger, victim));
	long long now = (long long)nice_of(ledger, party), its = (long long)nice_of(ledger, victim), wanted = its >= 5 ? 19 : 10;
	if (now >= wanted || its >= 19) {
		offer__decide(offer, false, "%s is at nice %lld already, beside %s at %lld", name, now, other, its);
		return;
	}
	offer__decide(offer, true, "%s and %s compete in one cgroup", name, other);
	offer_renice(ledger, party, wanted, offer);
}

void cpu_nice__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct party *party = offer__living_party(ledger, verdict->culprits, verdict->culprit_count);
	const struct party *other = party ? other_party(ledger, verdict, party) : NULL;
	const struct process_row *culprit = row_of(ledger, party), *victim = row_of(ledger, other);
	if (!culprit) {
		offer__decide(offer, false, "no culprit is left to be given another nice value");
		return;
	}
	const char *name = process_row__name(culprit);
	if (culprit->kernel_thread)
		offer__decide(offer, false, "%s is a kernel thread", name);
	else if (!victim)
		offer__decide(offer, false, "%s holds up nobody but its own kind: all would be lowered alike", name);
	else if (culprit->cpu_cgroup && victim->cpu_cgroup && !same_text(culprit->cpu_cgroup, victim->cpu_cgroup) &&
		 look_up__cgroup(ledger->recording, culprit->cpu_cgroup) && look_up__cgroup(ledger->recording, culprit->cpu_cgroup)->weight >= 0)
		offer__decide(offer, false, "%s and %s are in different cgroups with weights of their own, and nice acts inside a cgroup only",
			      name, process_row__name(victim));
	else
		consider_nice(ledger, party, other, offer);
}

void cpu_workers__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	for (size_t i = 0; i < verdict->culprit_count; i++) {
		const struct party *party = &verdict->culprits[i];
		size_t busy = 0;
		for (size_t j = 0; j < party->member_count; j++) {
			const struct ledger_process *process = ledger__process(ledger, party->members[j]);
			for (size_t k = 0; process && k < process->task_count; k++)
				busy += (double)(process->tasks[k].run_ns + process->tasks[k].wait_ns) >= 0.2 * ledger->window_seconds * NS_PER_SEC;
		}
		const struct process_row *row = recording__process(ledger->recording, party->process);
		if (busy <= 1 || !row)
			continue;
		offer__decide(offer, true, "%s has %zu busy tasks on %d CPUs; how many it starts is a setting of its own", process_row__name(row),
			      busy, ledger->cpus);
		return;
	}
	offer__decide(offer, false, "no culprit has more than one busy task");
}

static void offer_ordinary_class(const struct ledger *ledger, const struct party *party, long long pid, struct remedy_offer *offer)
{
	cleanup_shell struct shell command = { 0 };
	if (party->processes > 1) {
		shell__add(&command, "for p in");
		wording__pid_words(&command, ledger->recording, party, 32);
		shell__add(&command, "; do chrt -a -o -p 0 $p; done");
	} else {
		shell__add(&command, "chrt -a -o -p 0 %lld", pid);
	}
	offer__take_command(offer, &command);
}

void cpu_class__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct party *party = offer__living_party(ledger, verdict->culprits, verdict->culprit_count);
	const struct process_row *row = party ? recording__process(ledger->recording, party->process) : NULL;
	if (!row) {
		offer__decide(offer, false, "no culprit is left");
		return;
	}
	if (row->kernel_thread) {
		offer__decide(offer, false, "%s is a kernel thread; its class is the kernel's business", process_row__name(row));
		return;
	}
	bool realtime = class_fact__is_realtime(&party->class);
	cleanup_free char *class = class_fact__words(&party->class);
	offer__decide(offer, true, "%s runs as %s", process_row__name(row), class ? class : "heavier than the victims");
	if (!realtime && nice_of(ledger, party) >= 0)
		offer__decide(offer, false, "%s is at an ordinary nice value already", process_row__name(row));
	else if (realtime)
		offer_ordinary_class(ledger, party, (long long)row->pid, offer);
	else
		offer_renice(ledger, party, 0, offer);
}
