// What the causes of file systems share: who waited in them, what that came through, and whether it is much of their time.
#ifndef WHYSTALL_FILE_WAITS_H
#define WHYSTALL_FILE_WAITS_H

#include "ledger/devices.h"
#include "ledger/file_shares.h"
#include "causes/verdict.h"

// Whether a sleep belongs to the cause. Sleeps of the kernel's own threads are left out before.
typedef bool file_wants_fn(const struct ledger_sleep *sleep);

struct file_wait {                      // of one crowd
	double ns, times, max_ns, io_some_ns;
	double uncounted_ns;            // part of ns that no pressure figure counts: asleep without in_iowait
	double by_class[SLEEP_CLASSES];
	double wanted_ns, loss;
	bool hurt, severe;
};

// A kernel thread: the device that it sleeps for, and how much of its time.
struct thread_share { const char *device; double device_ns, all_ns; };

struct file_waits {
	const struct scene *scene;
	file_wants_fn *wants;
	struct devices devices;
	struct file_wait *waits;        // by crowd
	struct file_shares shares;
	struct thread_share *threads;   // by index of ledger->processes: kernel threads and the devices they sleep for
	double ns, times;               // of all
	double hurt_ns, hurt_times, hurt_io_some_ns, hurt_uncounted_ns, by_class[SLEEP_CLASSES], worst_loss, max_ns;
	double wall_seconds;
	enum verdict_kind kind;
};

// What such a cause adds to what they share.
struct file_cause {
	file_wants_fn *wants;
	enum threshold least_mean;      // sleeps shorter than that on average are what such a wait costs
	// Accuses, notes, summarizes; called where the waits hold somebody up. Figures, victims and resources (devices and file systems) are
	// set before.
	void (*conclude)(const struct file_waits *waits, struct verdict *verdict);
	const char *little[2];          // "programs slept", "in their own syncs": around how long, where they hold nobody up
	const char *nobody;             // where there were none: the whole summary
};
// Judges a cause from beginning to end.
void file_waits__judge(const struct scene *scene, const struct file_cause *cause, struct verdict *verdict);

// The crowd of a row's process; SIZE_MAX unknown. The sleeps that count: wanted, by somebody who is hurt.
size_t file_waits__crowd(const struct scene *scene, int64_t process);
bool file_waits__counts(const struct file_waits *waits, const struct ledger_sleep *sleep);
// The file system that a sleep hung on, as a device number ("254:1"): by the journal's thread that ended it, or else the one whose metadata
// the sleeper itself changed most. NULL unknown.
const char *file_waits__journal(const struct file_waits *waits, const struct ledger_sleep *sleep);

// Figures, victims with their stacks, resources (devices and file systems), whether the kernel counts it; file_waits__judge calls it.
void file_waits__conclude(const struct file_waits *waits, struct verdict *verdict);
// Parties of the culprits' side from nanoseconds by crowd: whoever has at least THRESHOLD_FILES_SHARE of all.
void file_waits__accuse(const struct file_waits *waits, const double *by_crowd, struct verdict *verdict);
// "4.1 s for the journal, 1.2 s for a block device": the largest parts. Owned.
char *file_waits__parts(const struct file_waits *waits);
// What sleeps in a network or user-space file system wait for: "nfs", "fuse".
const char *file_waits__server(const struct ledger_sleep *sleep);
// Whether the victims are one process: for sentences.
bool file_waits__is_one(const struct verdict *verdict);

#endif
