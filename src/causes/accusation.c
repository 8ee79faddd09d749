// The rules that all causes share whose culprits are tasks: who was really held up, by whom, and whether that is much.
#include "causes/verdict.h"
#include "causes/wording.h"

#include <math.h>

// What a crowd lost, without what whystall itself took from it; to_others_ns: the part that its own kind did not take.
struct hurt { size_t crowd; double lost_ns, to_others_ns, loss; bool severe; };
// What a crowd took from those who were hurt, and the part of it for which it answers.
struct charge { double ns, own_ns, blame_ns; bool accused, hurt; };      // hurt: it was itself
struct accusation {
	const struct scene *scene;
	enum portion portion;
	struct hurt *hurts; size_t hurt_count;
	double hurt_ns;                 // what they all lost
	struct charge *charges;         // one for each crowd
};

static double seconds(double ns)
{
	return ns / (double)NS_PER_SEC;
}

// Mean length of the crowd's waits over the pair threshold, from below by two ways: in the pair table a wait that several
// occupants filled counts once for each of them; in the task table the shortest waits count too.
static double mean_long_wait_ns(const struct scene *scene, size_t victim)
{
	double ns = 0, waits = 0;
	for (size_t i = scene->meeting_starts[victim]; i < scene->meeting_starts[victim + 1]; i++) {
		const struct meeting *meeting = &scene->meetings[i];
		if (meeting->kind == OCCUPANT_TASK)
			ns += (double)meeting->wait_ns, waits += (double)meeting->waits;
	}
	const struct crowd *crowd = &scene->crowds[victim];
	double of_all = crowd->waits > 0 ? (double)crowd->task_wait_ns / (double)crowd->waits : 0;
	return fmax(of_all, waits > 0 ? ns / waits : 0);
}

// How long the crowd is held up at a time. A storm of short-lived tasks makes many short waits of one long piece of work, and what
// the piece loses to all of them together is what delays it. Who is part of the storm is judged by its waits alone.
static double mean_delay_ns(const struct scene *scene, enum portion portion, size_t victim)
{
	const struct crowd *crowd = &scene->crowds[victim];
	double wait_ns = mean_long_wait_ns(scene, victim);
	// Without the account of sleeps (older recordings) nobody knows where a piece of work ends.
	if (portion != PORTION_CHURN || crowd->churn || crowd->pieces <= 0 || !scene->ledger->recording->blocked_count)
		return wait_ns;
	return fmax(wait_ns, crowd->lost_ns[portion] / (double)crowd->pieces);
}

// Too many runnable tasks and idle CPUs exclude each other, but for bursts. `busy`: the part of all CPU time from which on nothing speaks against.
static bool idle_speaks_against(const struct scene *scene, enum portion portion, enum threshold busy)
{
	double capacity_ns = scene->window_ns * scene->ledger->cpus;
	return portion == PORTION_COMPETITION && (double)scene->ledger->run_ns < threshold__value(busy) * capacity_ns;
}

// The least mean wait that counts.
static double least_mean_wait_ns(const struct scene *scene, enum portion portion)
{
	return threshold__value(idle_speaks_against(scene, portion, THRESHOLD_BUSY) ? THRESHOLD_MEAN_WAIT_IDLE : THRESHOLD_MEAN_WAIT) * NS_PER_MSEC;
}

// In how much of the window anybody waited for a CPU, each CPU counted for itself, by the kernel's counters. A crowd of many threads that wait at
// the same moment loses more than that, but cannot stand still for longer.
static double longest_wait_ns(const struct scene *scene)
{
	const struct recording *recording = scene->ledger->recording;
	double ns = 0;
	for (size_t i = 0; i < recording->book_count; i++)
		ns += recording->book[i].cgroup == 0 ? (double)recording->book[i].meter_ns : 0;
	return ns > 0 ? ns : INFINITY;  // no books: nothing is known
}

// What whystall took from each crowd. It is no cause of a stall that was there before it came; its own cost is told elsewhere.
static double *taken_by_tool(const struct accusation *accusation)
{
	const struct scene *scene = accusation->scene;
	double *taken_ns = base__alloc(scene->crowd_count + 1, sizeof(*taken_ns));
	for (size_t i = 0; i < scene->meeting_count; i++) {
		const struct meeting *meeting = &scene->meetings[i];
		if (meeting->culprit != SIZE_MAX && meeting->culprit != meeting->victim && scene->crowds[meeting->culprit].tool)
			taken_ns[meeting->victim] += meeting->portion_ns[accusation->portion];
	}
	return taken_ns;
}

static void find_hurts(struct accusation *accusation)
{
	const struct scene *scene = accusation->scene;
	cleanup_free double *tool_ns = taken_by_tool(accusation);
	// Not of the others: what a quota takes, and part of what steal and interrupts do, is in no counter of pressure.
	double longest_ns = accusation->portion == PORTION_COMPETITION ? longest_wait_ns(scene) : INFINITY;
	accusation->hurts = base__alloc(scene->crowd_count + 1, sizeof(struct hurt));
	accusation->charges = base__alloc(scene->crowd_count + 1, sizeof(struct charge));
	for (size_t i = 0; i < scene->crowd_count; i++) {
		const struct crowd *crowd = &scene->crowds[i];
		double lost_ns = crowd->lost_ns[accusation->portion] - tool_ns[i], demand_ns = crowd__demand_ns(crowd);
		double loss = demand_ns > 0 ? lost_ns / demand_ns : 0;
		// Kernel threads that ask for little (khugepaged, ksmd) wait by design.
		bool background = crowd->members[0]->row->kernel_thread && crowd->nice_highest > 0;
		if (crowd->tool || background || !crowd->in_scope || lost_ns < threshold__value(THRESHOLD_LOST_LEAST) * scene->window_ns ||
		    loss < threshold__value(THRESHOLD_LOSS_CONTRIBUTING) ||
		    mean_delay_ns(scene, accusation->portion, i) < least_mean_wait_ns(scene, accusation->portion))
			continue;
		bool severe = loss >= threshold__value(THRESHOLD_LOSS_SEVERE) &&
			      fmin(lost_ns, longest_ns) >= threshold__value(THRESHOLD_LOST_SEVERE) * scene->window_ns;
		accusation->hurt_ns += lost_ns;
		accusation->charges[i].hurt = true;
		accusation->hurts[accusation->hurt_count++] = (struct hurt){ i, lost_ns, crowd->lost_to_others_ns[accusation->portion] - tool_ns[i],
									     loss > 1 ? 1 : loss, severe };
	}
}

// Whether the occupant of this meeting answers for what the victim lost.
static bool is_to_blame(const struct accusation *accusation, const struct meeting *meeting)
{
	const struct scene *scene = accusation->scene;
	const struct crowd *victim = &scene->crowds[meeting->victim], *culprit = &scene->crowds[meeting->culprit];
	double taken_ns = meeting->portion_ns[accusation->portion];
	double harm = taken_ns / crowd__demand_ns(victim);
	if (culprit->tool || harm < threshold__value(THRESHOLD_HARM))
		return false;
	if (meeting->victim == meeting->culprit || accusation->portion == PORTION_PRIORITY)
		return true;
	const struct meeting *back = scene__meeting(scene, meeting->culprit, OCCUPANT_TASK, meeting->victim);
	double harm_back = back && crowd__demand_ns(culprit) > 0 ? (double)back->wait_ns * culprit->scale / crowd__demand_ns(culprit) : 0;
	return harm_back < threshold__value(THRESHOLD_RECIPROCITY) * harm;
}

static bool is_hurt(const struct accusation *accusation, size_t crowd)
{
	return accusation->charges[crowd].hurt;
}

// Accused is who answers for a good part of all these waits, or for most of what a victim of weight lost: in a crowd of
// many competitors each takes a little from everybody, and naming them all would name nobody.
static void blame(struct accusation *accusation, const struct meeting *meeting)
{
	double ns = meeting->portion_ns[accusation->portion];
	if (ns <= 0 || !is_hurt(accusation, meeting->victim) || !is_to_blame(accusation, meeting))
		return;
	struct charge *charge = &accusation->charges[meeting->culprit];
	double victim_lost_ns = accusation->scene->crowds[meeting->victim].lost_ns[accusation->portion];
	double much_ns = threshold__value(THRESHOLD_HARM_SHARE) * accusation->hurt_ns;
	charge->blame_ns += ns;
	if (charge->blame_ns >= much_ns || (victim_lost_ns >= much_ns && ns >= threshold__value(THRESHOLD_HARM_MOST) * victim_lost_ns))
		charge->accused = true;
}

static void charge_culprits(struct accusation *accusation)
{
	const struct scene *scene = accusation->scene;
	for (size_t i = 0; i < scene->meeting_count; i++) {
		const struct meeting *meeting = &scene->meetings[i];
		double ns = meeting->portion_ns[accusation->portion];
		if (ns <= 0 || meeting->culprit == SIZE_MAX || !is_hurt(accusation, meeting->victim))
			continue;
		struct charge *charge = &accusation->charges[meeting->culprit];
		charge->ns += ns;
		if (meeting->culprit == meeting->victim)
			charge->own_ns += ns;
	}
	for (size_t i = 0; i < scene->meeting_count; i++)
		blame(accusation, &scene->meetings[i]);
}

// Who spins for a lock occupies a CPU without getting on: the lock's verdict has this time too.
static void note_spinning(const struct crowd *crowd, struct party *party)
{
	if (crowd->run_ns <= 0 || (double)crowd->lock_spin_ns < threshold__value(THRESHOLD_HARM_SHARE) * (double)crowd->run_ns)
		return;
	cleanup_free char *note = base__copy(party->note);
	party__set_note(party, "%s%s%s of its CPU time it spun for kernel locks", note ? note : "", note ? "; " : "",
			wording__percent((double)crowd->lock_spin_ns / (double)crowd->run_ns).text);
}

static void add_culprits(const struct accusation *accusation, struct verdict *verdict)
{
	const struct scene *scene = accusation->scene;
	for (size_t i = 0; i < scene->crowd_count; i++) {
		const struct charge *charge = &accusation->charges[i];
		if (!charge->accused)
			continue;
		struct party *party = verdict__add_culprit(verdict, &scene->crowds[i], charge->ns);
		party->own_seconds = seconds(charge->own_ns);
		party->note = class_fact__words(&party->class);
		note_spinning(&scene->crowds[i], party);
	}
}

static void add_victims(const struct accusation *accusation, struct verdict *verdict)
{
	const struct scene *scene = accusation->scene;
	for (size_t i = 0; i < accusation->hurt_count; i++) {
		const struct hurt *hurt = &accusation->hurts[i];
		const struct crowd *crowd = &scene->crowds[hurt->crowd];
		struct party *party = verdict__add_victim(verdict, crowd, hurt->lost_ns);
		party->loss = hurt->loss;
		party->own_seconds = seconds(hurt->lost_ns - hurt->to_others_ns);
		bool own = hurt->lost_ns > 0 && party->own_seconds / party->seconds >= 0.5;
		party__set_note(party, "lost %s of the time it wanted to run; longest wait %s%s",
				wording__percent(hurt->loss).text, wording__seconds(seconds((double)crowd->wait_max_ns)).text,
				!own ? "" : crowd->processes > 1 ? "; most of it behind its own kind" : "; most of it behind its own threads");
	}
}

static enum verdict_kind weigh(const struct accusation *accusation, double wall_seconds, double worst_loss, bool severe)
{
	double window_seconds = seconds(accusation->scene->window_ns);
	if (!accusation->hurt_count)
		return VERDICT_RULED_OUT;
	bool large = wall_seconds >= threshold__value(THRESHOLD_WALL_CONFIRMED) * window_seconds;
	if (severe || (large && worst_loss >= threshold__value(THRESHOLD_LOSS_CONFIRMED)))
		return VERDICT_CONFIRMED;
	// A task that is woken beside the one that woke it, while another CPU is idle, waits in passing.
	if (!large && idle_speaks_against(accusation->scene, accusation->portion, THRESHOLD_MOSTLY_IDLE))
		return VERDICT_RULED_OUT;
	if (wall_seconds >= threshold__value(THRESHOLD_WALL_CONTRIBUTING) * window_seconds)
		return VERDICT_CONTRIBUTING;
	return VERDICT_RULED_OUT;
}

static bool any_culprit(const struct accusation *accusation)
{
	for (size_t i = 0; i < accusation->scene->crowd_count; i++)
		if (accusation->charges[i].accused)
			return true;
	return false;
}

// Where no single party passes the rules (many small ones together), the two largest are shown and the verdict is lower. All of them together
// must have taken a good part of it: where most is nobody's who may be accused, nobody is.
static void accuse_largest(struct accusation *accusation)
{
	struct charge *shown[2] = { 0 };
	double ns = 0;
	for (size_t i = 0; i < accusation->scene->crowd_count; i++) {
		struct charge *charge = &accusation->charges[i];
		if (accusation->scene->crowds[i].tool || charge->ns <= 0)
			continue;
		ns += charge->ns;
		if (!shown[0] || charge->ns > shown[0]->ns)
			shown[1] = shown[0], shown[0] = charge;
		else if (!shown[1] || charge->ns > shown[1]->ns)
			shown[1] = charge;
	}
	for (int i = 0; i < 2; i++)
		if (shown[i] && ns >= threshold__value(THRESHOLD_HARM_SHARE) * accusation->hurt_ns)
			shown[i]->accused = true;
}

void accusation__judge(const struct scene *scene, enum portion portion, struct verdict *verdict)
{
	struct accusation accusation = { .scene = scene, .portion = portion };
	find_hurts(&accusation);
	charge_culprits(&accusation);
	double worst_loss = 0;
	bool severe = false;
	for (size_t i = 0; i < accusation.hurt_count; i++) {
		worst_loss = fmax(worst_loss, accusation.hurts[i].loss);
		severe = severe || accusation.hurts[i].severe;
	}
	// Waits that hurt nobody (short ones, or small beside the demand) are no stall, however many there are.
	verdict->stall_seconds = seconds(accusation.hurt_ns);
	verdict->wall_seconds = scene__wall_of(scene, accusation.hurt_ns);
	verdict->kind = weigh(&accusation, verdict->wall_seconds, worst_loss, severe);
	if (verdict->kind > VERDICT_RULED_OUT) {
		if (!any_culprit(&accusation)) {
			accuse_largest(&accusation);
			verdict->kind = any_culprit(&accusation) ? VERDICT_CONTRIBUTING : VERDICT_RULED_OUT;
		}
		if (verdict->kind > VERDICT_RULED_OUT) {
			add_culprits(&accusation, verdict);
			add_victims(&accusation, verdict);
		}
		verdict__settle_parties(verdict, scene->ledger->window_seconds);
	}
	verdict__add_evidence(verdict, "CPU some that falls on waits that hold somebody up", verdict->wall_seconds / seconds(scene->window_ns),
			      PART_OF("the window"), threshold__value(THRESHOLD_WALL_CONFIRMED), "meter and task table");
	verdict__add_evidence(verdict, "all waits of this kind, short and harmless ones too", seconds(scene->portion_ns[portion]),
			      UNIT_TASK_SECONDS, NAN, "pair table");
	verdict__add_evidence(verdict, "largest part of its demand that a victim lost", worst_loss, PART_OF("its demand"),
			      threshold__value(THRESHOLD_LOSS_CONFIRMED), "pair and task table");
	double not_cut = scene->cut_ns + scene->not_cut_ns > 0 ? scene->not_cut_ns / (scene->cut_ns + scene->not_cut_ns) : 0;
	if (verdict->kind > VERDICT_RULED_OUT && not_cut >= 0.05)
		verdict__add_evidence(verdict, "waiting that was not cut by its occupants (to keep the probe cheap) and is taken to be like the rest",
				      not_cut, PART_OF("all long waiting"), NAN, "pair table");
	free(accusation.hurts);
	free(accusation.charges);
}
