// Tasks that sync nothing wait for the file system's journal or transaction commit.
#include "causes/file_waits.h"
#include "causes/judged.h"
#include "causes/wording.h"

#include <math.h>
#include <string.h>

#define FORCED 0.5              // part of the commits that the counted syncs must make up to be what they were made for

// A program's own sync waits for a commit that it wants itself: io.fsync.
static bool is_journal(const struct ledger_sleep *sleep)
{
	return sleep->class == SLEEP_JOURNAL && !sleep->sync;
}

// What the waits of one file system are put down to: the syncs that forced the commits, or the metadata that filled them; on file systems without
// probes to the processes that ended the waits, as far as they are no kernel threads.
static void put_down(const struct file_waits *waits, const struct ledger_sleep *sleep, double *by_crowd, double *unknown_ns)
{
	const struct scene *scene = waits->scene;
	const char *journal = file_waits__journal(waits, sleep);
	double ns = (double)sleep->row->ns;
	if (journal) {
		double syncs = file_shares__sum(&waits->shares, ACTIVITY_SYNC, journal, false), commits = file_shares__sum(&waits->shares, ACTIVITY_COMMIT, journal, false);
		if (commits > 0 && syncs >= FORCED * commits && file_shares__split(&waits->shares, ACTIVITY_SYNC, journal, false, ns))
			return;
		if (file_shares__split(&waits->shares, ACTIVITY_JOURNAL, journal, true, ns))
			return;
	}
	size_t waker = file_waits__crowd(scene, sleep->row->waker);
	if (waker != SIZE_MAX && !scene->crowds[waker].members[0]->row->kernel_thread)
		by_crowd[waker] += ns;
	else
		*unknown_ns += ns;
}

static void accuse(const struct file_waits *waits, struct verdict *verdict)
{
	const struct ledger_sleeps *sleeps = &waits->scene->ledger->sleeps;
	cleanup_free double *by_crowd = base__alloc(waits->scene->crowd_count + 1, sizeof(*by_crowd));
	double unknown_ns = 0;
	for (size_t i = 0; i < sleeps->count; i++)
		if (file_waits__counts(waits, &sleeps->sleeps[i]))
			put_down(waits, &sleeps->sleeps[i], by_crowd, &unknown_ns);
	file_shares__settle(&waits->shares, by_crowd);
	file_waits__accuse(waits, by_crowd, verdict);
	if (verdict->kind != VERDICT_CONFIRMED || unknown_ns <= 0.5 * waits->hurt_ns)
		return;
	verdict->kind = VERDICT_CONTRIBUTING;
	verdict->doubt = base__format("for %s of the waiting it is not known who made the commits", wording__percent(unknown_ns / waits->hurt_ns).text);
}

static void add_notes(const struct file_waits *waits, struct verdict *verdict)
{
	double seconds = waits->scene->ledger->window_seconds;
	for (size_t i = 0; i < verdict->culprit_count; i++) {
		size_t crowd = file_waits__crowd(waits->scene, verdict->culprits[i].process);
		double syncs = file_shares__of_crowd(waits->scene, crowd, ACTIVITY_SYNC).count;
		double blocks = file_shares__of_crowd(waits->scene, crowd, ACTIVITY_JOURNAL).amount;
		party__set_note(&verdict->culprits[i], "%s syncs a second, %s blocks of metadata a second into the journal",
				wording__count(syncs / seconds).text, wording__count(blocks / seconds).text);
	}
}

static void add_commits(const struct scene *scene, struct verdict *verdict)
{
	const struct activity_rows *commits = &scene->ledger->activity.of[ACTIVITY_COMMIT];
	for (size_t i = 0; i < commits->count; i++) {
		const struct activity_row *row = commits->rows[i];
		if (row->count <= 0)
			continue;
		cleanup_free char *rate = base__format("commits of the journal of %s", row->key);
		cleanup_free char *length = base__format("length of a commit of %s on average (longest %s)", row->key,
							 wording__seconds((double)row->max_ns / NS_PER_SEC).text);
		verdict__add_evidence(verdict, rate, (double)row->count / scene->ledger->window_seconds, UNIT("a second"), NAN,
				      "activity (files, commit)");
		verdict__add_evidence(verdict, length, (double)row->ns / (double)row->count / NS_PER_MSEC, UNIT("ms"), NAN, "activity (files, commit)");
	}
}

static void add_checks(const struct file_waits *waits, struct verdict *verdict)
{
	long long pid = verdict->victim_count ? verdict__pid(waits->scene->ledger, &verdict->victims[0]) : 0;
	if (pid > 0)
		verdict__add_check(verdict, "where it sleeps now: wait_transaction_locked, do_get_write_access (ext4), xlog_…, xfs_log_… (xfs), "
				   "wait_current_trans (btrfs), txg_wait_… (ZFS); repeat it", "cat /proc/%lld/task/*/stack", pid);
	verdict__add_check(verdict, "commits, how many of them a sync requested, and the average commit time (ext4); twice, to see the growth",
			   "grep -H . /proc/fs/jbd2/*/info");
	verdict__add_check(verdict, "who syncs: each call with its process (Ctrl-C ends it)",
			   "bpftrace -e 't:syscalls:sys_enter_fsync,t:syscalls:sys_enter_fdatasync { @[comm, pid] = count(); }'");
}

static void conclude(const struct file_waits *waits, struct verdict *verdict)
{
	const struct scene *scene = waits->scene;
	accuse(waits, verdict);
	add_notes(waits, verdict);
	verdict__settle_parties(verdict, scene->ledger->window_seconds);
	cleanup_free char *victims = verdict__name_parties(scene->ledger, verdict->victims, verdict->victim_count, 2);
	cleanup_free char *culprits = verdict__name_parties(scene->ledger, verdict->culprits, verdict->culprit_count, 2);
	bool one = file_waits__is_one(verdict);
	verdict__set_summary(verdict, "%s %s for commits of the file system for %s of the time that %s to go on%s%s", victims,
			     one ? "waits" : "wait", wording__percent(verdict->victims[0].loss).text, one ? "it wants" : "they want",
			     verdict->culprit_count ? "; the commits are made for " : "", culprits ? culprits : "");
	add_commits(scene, verdict);
	add_checks(waits, verdict);
}

static void judge(const struct scene *scene, struct verdict *verdict)
{
	static const struct file_cause cause = {
		.wants = is_journal, .least_mean = THRESHOLD_FILES_MEAN, .conclude = conclude,
		.little = { "programs that synced nothing waited", "for commits" }, .nobody = "no program that synced nothing waited for a commit",
	};
	file_waits__judge(scene, &cause, verdict);
}

const struct cause io_journal = {
	.id = "io.journal", .title = "waits for a file system's commit", .counted_by_pressure = PRESSURE_NONE, .account = ACCOUNT_IO,
	.claim = "programs that sync nothing wait for the file system's journal or transaction commit",
	.decisive = "sleeps in the functions that wait for a commit or for room in the log, and who made the commits",
	.by_hand = "/proc/fs/jbd2/*/info; cat /proc/PID/stack; the txgs kstat of ZFS",
	.helps = "fewer syncs by whoever makes the commits, a file system of its own for it, a log on a faster device",
	.judge = judge,
};
