// A cause: an entry of the catalogue, and how it is judged. One file implements one cause; table.c lists them.
#ifndef WHYSTALL_CAUSE_H
#define WHYSTALL_CAUSE_H

#include "causes/facts.h"
#include "ledger/ledger.h"

enum verdict_kind { VERDICT_NOT_TESTABLE, VERDICT_RULED_OUT, VERDICT_CONTRIBUTING, VERDICT_CONFIRMED };
const char *verdict__name(enum verdict_kind kind);  // "not_testable" …
// What its victims lost by a cause that was found: a share of the pressure says nothing of that.
enum severity {
	SEVERITY_NONE,          // nobody loses much: pressure all the same (BUSY)
	SEVERITY_SOME,          // as the thresholds for a contributing cause
	SEVERITY_SEVERE,        // as those for a confirmed one
};
const char *severity__name(enum severity severity); // "none", "some", "severe"
// How much of a resource's pressure a cause makes, by the account of causes (ledger/attribution.h).
struct verdict_share {
	const char *resource;           // "cpu", "memory", "io": where it makes most; NULL: in none
	double seconds;                 // of the kernel's total
	double share, low, high;        // of the kernel's total, with the bounds over the slices of the window
};
// What one victim would have lost without the cause, at most: its waits less the cause's part. `victim`: which one, the first that is no kworker.
struct verdict_gain { double loss_now, loss_without; size_t victim; };   // parts of the time that it wanted, 0..1; NAN unknown

// What an owner did while it held a lock that others waited for. Strings are the recording's. The modes of one operation
// stand side by side, the operation with the most waiting first.
struct party_operation {
	const char *operation, *mode;   // "munmap"; "read", "write"
	double seconds, share;          // share: of the party's seconds
	double both_seconds;            // of the operation, in whichever mode
};
// A stack and the waiting that it stands for (book B). Frames as in stack_row, innermost first; NULL where none was taken.
struct party_stack { double seconds; const char *kernel, *user; };

// Somebody in a verdict: a culprit or a victim. `process` for PARTY_PROCESS, otherwise `name` says who
// ("softirq", "hypervisor", a cgroup path for a quota).
struct party {
	enum party_kind kind;
	int64_t process;                // process_row.id or 0
	// Facts (facts.h), 0 or NULL where they do not apply. `device`: "major:minor" of a device, or of the one that a limit is set for; borrowed.
	struct class_fact class;
	enum kernel_part part;
	struct interrupt_fact interrupt;
	enum slowdown slowdown;
	const struct foreign_use *foreign_use; // of a foreign address space whose lock it holds (lock_words.h)
	const char *device;
	int64_t cpu;                    // that somebody unknown had, or -1
	char *name;                     // owned; NULL for processes
	char *cgroup;                   // owned; path for quotas
	double seconds;                 // task seconds (book B)
	double share;                   // of the verdict's stall_seconds, 0..1
	char *note;                     // owned; one clause such as "SCHED_FIFO 50", or NULL
	int64_t *members;               // owned; process_row.id of every process meant (those of one kind stand as one party)
	size_t member_count;
	int64_t processes;              // how many processes that is; more than member_count where rows are folded
	double own_seconds;             // part of seconds that processes of this party and each other's waiting make up
	double loss;                    // victims: part of the time they wanted to run that went to this cause, 0..1; else NAN
	struct party_operation *operations; size_t operation_count; // owned; culprits that held a lock, largest first
	struct party_stack *stacks; size_t stack_count; // owned; heaviest first
	int64_t waits;                  // victims of a lock: how often they waited; else 0
	double longest_seconds;         // and the longest of these waits
	double foreign_seconds;         // culprits: part of seconds in which the lock was another process' address space
};
struct evidence { char *what; double value; struct unit unit; double threshold; char *source; };  // threshold NAN: none
struct hand_check { char *command, *expect; };  // command NULL: a name in it can't be pasted, `expect` says so
struct verdict_resource { enum resource_kind kind; char *key; double seconds; };       // key: owned, see resource_kind
struct remedy_offer { const char *id; bool applicable; char *why, *command, *cost, *verify; };

struct verdict {
	const struct cause *cause;
	enum verdict_kind kind;
	double stall_seconds;           // book B: waiting task time that this cause accounts for
	double wall_seconds;            // book A (folded) or other wall time in which it held somebody up
	double stall_low, stall_high, wall_low, wall_high; // bounds of both by what could not be booked on anybody (loss_bounds.h)
	char *summary;                  // one sentence, with names; for not_testable: what is missing and how to enable it
	enum pressure_resource counted_by_pressure;
	const struct ledger_lock *lock; // lock verdicts that found something: the one that was waited for most; else NULL
	bool convoy;                    // lock verdicts: the lock was mostly free, and whoever was to take it had no CPU
	const char *under;              // id of the confirmed cause that this one follows from, or NULL
	struct party *culprits; size_t culprit_count;   // by seconds, largest first
	struct party *victims; size_t victim_count;     // by seconds, but those that are no culprits first where they lost enough
	struct evidence *evidence; size_t evidence_count;
	struct hand_check *checks; size_t check_count;
	struct verdict_resource *resources; size_t resource_count; // parts of stall_seconds by what was waited for; need not add up to it
	struct remedy_offer *remedies; size_t remedy_count;
	enum severity severity;         // meaningful from contributing on
	bool unfelt;                    // found, but nobody is seen to lose by it: severity none
	bool own;                       // only those lose by it who make it
	struct verdict_share share;
	struct verdict_gain gain;
	bool absent;                    // not testable because this kernel, machine or recording lacks what it needs: says nothing about the rest
	char *doubt;                    // owned; why the verdict was lowered (lost events, unbalanced books), or NULL
};

// The account that a cause is judged from: it says what loss bounds the verdict.
enum account { ACCOUNT_CPU, ACCOUNT_LOCKS, ACCOUNT_SLEEPS, ACCOUNT_MEMORY, ACCOUNT_IO, ACCOUNT_INTERRUPTS, ACCOUNT_HOST, ACCOUNTS };

struct attribution;                     // ledger/attribution.h
struct attributions;
struct scene;                           // scene.h: the ledger arranged for judging

struct cause {
	const char *id, *title;
	const char *claim;              // "more runnable tasks than CPUs; these processes occupy them"
	const char *decisive;           // the decisive evidence, one clause
	enum pressure_resource counted_by_pressure;
	const char *by_hand;            // generic hand check
	const char *helps;              // what can help and its price
	enum account account;
	const char *needs;              // why it is not testable yet, or NULL when judge is set
	// Fills kind, figures, summary, parties, evidence, checks. Must set kind. Never fails.
	void (*judge)(const struct scene *scene, struct verdict *verdict);
	// The words for a cause that makes a large share of a resource's pressure although `judge` ruled it out: nobody loses much, or only those who
	// make it. Kind, share and the parties of the account of causes are set, and a plain summary; may replace summary and parties, add evidence
	// and checks. NULL: nothing to add.
	void (*judge_busy)(const struct scene *scene, const struct attribution *attribution, struct verdict *verdict);
};
extern const struct cause *const cause_table[];     // the whole catalogue, in its order
extern const size_t cause_table_count;

// Every verdict of the catalogue, in the table's order, effects placed under their causes. Remedies come after it (remedies__offer).
enum diagnosis_state { STATE_UNEXPLAINED, STATE_HEALTHY, STATE_BUSY, STATE_PARTLY_STALLED, STATE_STALLED };
const char *diagnosis_state__name(enum diagnosis_state state); // "unexplained" …
struct diagnosis {
	const struct ledger *ledger;
	enum diagnosis_state state;
	struct verdict *verdicts; size_t verdict_count;
	bool healthy;                   // nothing stalls: no cause confirmed or contributing and little waiting
	double unexplained_seconds;     // CPU some that the books cannot attribute
	bool confirmed;                 // at least one confirmed cause (for --exit-code)
	char *headline;                 // owned; the answer in one sentence
	char **cautions; size_t caution_count; // owned; sentences without which the headline would mislead, weightiest first
	double unattributed_seconds[3]; // pressure (some) by resource, in the order of accounts.h, of which no cause was found; 0 below the threshold
	struct scene *scene;            // owned
	struct attributions *attributions; // owned
};
int diagnosis__make(const struct ledger *ledger, struct diagnosis **ret_diagnosis);
void diagnosis__free(struct diagnosis *diagnosis);

#endif
