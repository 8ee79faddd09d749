// Programs wait for their own fsync and the like.
#include "causes/file_waits.h"
#include "causes/judged.h"
#include "causes/wording.h"

#include <math.h>
#include <string.h>

static bool is_sync(const struct ledger_sleep *sleep)
{
	// Memory that has to be freed for it first is another cause's.
	return sleep->sync && !sleep_class__is_idle(sleep->class) && sleep->class != SLEEP_RECLAIM && sleep->class != SLEEP_MEMORY_LIMIT &&
	       sleep->class != SLEEP_SWAP_IN && sleep->class != SLEEP_COMPACTION && sleep->class != SLEEP_FUTEX;
}

// A commit of a few blocks takes as long as the device needs for one write and a flush, whoever changed them.
static bool is_large(const struct file_waits *waits, const char *journal)
{
	double commits = file_shares__sum(&waits->shares, ACTIVITY_COMMIT, journal, false);
	return commits > 0 && file_shares__sum(&waits->shares, ACTIVITY_JOURNAL, journal, true) >= threshold__value(THRESHOLD_COMMIT_BLOCKS) * commits;
}

// Who made what the syncs had to wait for: each program itself; of commits that carry much everybody whose metadata they
// carry.
static void accuse(const struct file_waits *waits, struct verdict *verdict)
{
	const struct ledger_sleeps *sleeps = &waits->scene->ledger->sleeps;
	cleanup_free double *by_crowd = base__alloc(waits->scene->crowd_count + 1, sizeof(*by_crowd));
	for (size_t i = 0; i < sleeps->count; i++) {
		const struct ledger_sleep *sleep = &sleeps->sleeps[i];
		if (!file_waits__counts(waits, sleep))
			continue;
		const char *journal = sleep->class == SLEEP_JOURNAL ? file_waits__journal(waits, sleep) : NULL;
		if (!journal || !is_large(waits, journal) || !file_shares__split(&waits->shares, ACTIVITY_JOURNAL, journal, true, (double)sleep->row->ns))
			by_crowd[file_waits__crowd(waits->scene, sleep->row->process)] += (double)sleep->row->ns;
	}
	file_shares__settle(&waits->shares, by_crowd);
	file_waits__accuse(waits, by_crowd, verdict);
}

// Syncs that were counted, of a crowd's processes; 0 where the file system has no probe for them.
static double count_syncs(const struct scene *scene, size_t crowd)
{
	return file_shares__of_crowd(scene, crowd, ACTIVITY_SYNC).count;
}

// The system call in which a crowd waited most, and on which file system.
static void find_call(const struct file_waits *waits, size_t crowd, const char **ret_call, const char **ret_file_system)
{
	const struct ledger_sleeps *sleeps = &waits->scene->ledger->sleeps;
	int64_t most[2] = { 0, 0 };
	const struct crowd_rows *rows = &waits->scene->sleeps;
	for (size_t i = rows->starts[crowd]; i < rows->starts[crowd + 1]; i++) {
		const struct ledger_sleep *sleep = &sleeps->sleeps[rows->rows[i]];
		if (!is_sync(sleep))
			continue;
		if (sleep->row->ns > most[0]) {
			most[0] = sleep->row->ns;
			*ret_call = sleep->row->operation;
		}
		if (sleep->file_system && sleep->row->ns > most[1]) {
			most[1] = sleep->row->ns;
			*ret_file_system = sleep->file_system;
		}
	}
}

static void add_notes(const struct file_waits *waits, struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->victim_count; i++) {
		size_t crowd = file_waits__crowd(waits->scene, verdict->victims[i].process);
		const char *call = "sync", *file_system = NULL;
		double syncs = count_syncs(waits->scene, crowd), seconds = waits->scene->ledger->window_seconds;
		find_call(waits, crowd, &call, &file_system);
		if (syncs > 0)
			party__set_note(&verdict->victims[i], "%s%s%s, %s a second, %s asleep in each", call, file_system ? " on " : "",
					file_system ? file_system : "", wording__count(syncs / seconds).text,
					wording__seconds(verdict->victims[i].seconds / syncs).text);
		else
			party__set_note(&verdict->victims[i], "%s%s%s", call, file_system ? " on " : "", file_system ? file_system : "");
	}
}

static void add_checks(const struct file_waits *waits, struct verdict *verdict)
{
	long long pid = verdict->victim_count ? verdict__pid(waits->scene->ledger, &verdict->victims[0]) : 0;
	if (pid > 0) {
		verdict__add_check(verdict, "each sync with its time in <…>; strace slows the program meanwhile",
				   "timeout 10 strace -f -T -e trace=fsync,fdatasync,msync,sync,syncfs,sync_file_range -p %lld", pid);
		verdict__add_check(verdict, "where it sleeps now: jbd2_log_wait_commit is the journal, folio_wait_writeback its own pages (repeat it)",
				   "cat /proc/%lld/task/*/stack", pid);
	}
	verdict__add_check(verdict, "how many commits there were, how many of them were requested by a sync, and how long they take (ext4)",
			   "cat /proc/fs/jbd2/*/info");
}

static void conclude(const struct file_waits *waits, struct verdict *verdict)
{
	const struct scene *scene = waits->scene;
	accuse(waits, verdict);
	add_notes(waits, verdict);
	verdict__settle_parties(verdict, scene->ledger->window_seconds);
	cleanup_free char *victims = verdict__name_parties(scene->ledger, verdict->victims, verdict->victim_count, 2);
	cleanup_free char *parts = file_waits__parts(waits);
	bool one = file_waits__is_one(verdict);
	verdict__set_summary(verdict, "%s %s in %s own syncs for %s of the time that %s to go on: %s", victims, one ? "waits" : "wait", one ? "its" : "their",
			     wording__percent(verdict->victims[0].loss).text, one ? "it wants" : "they want", parts ? parts : "");
	double syncs = file_shares__sum(&waits->shares, ACTIVITY_SYNC, NULL, false), commits = file_shares__sum(&waits->shares, ACTIVITY_COMMIT, NULL, false);
	if (syncs > 0)
		verdict__add_evidence(verdict, "syncs of ext4 and btrfs on the whole machine", syncs / scene->ledger->window_seconds,
				      UNIT("a second"), NAN,
				      "activity (files, sync)");
	if (commits > 0)
		verdict__add_evidence(verdict, "commits of ext4's journals on the whole machine", commits / scene->ledger->window_seconds,
				      UNIT("a second"), NAN,
				      "activity (files, commit)");
	add_checks(waits, verdict);
}

// Many syncs, each too short to hold anybody up: what they come to for the program itself.
static void judge_busy(const struct scene *scene, const struct attribution *attribution, struct verdict *verdict)
{
	const struct ledger_sleeps *sleeps = &scene->ledger->sleeps;
	const struct party *victim = verdict->victim_count ? &verdict->victims[0] : NULL;
	size_t crowd = victim ? file_waits__crowd(scene, victim->process) : SIZE_MAX;
	double ns = 0, times = 0, seconds = scene->ledger->window_seconds;
	(void)attribution;
	for (size_t i = 0; i < sleeps->count && crowd != SIZE_MAX; i++)
		if (file_waits__crowd(scene, sleeps->sleeps[i].row->process) == crowd && is_sync(&sleeps->sleeps[i])) {
			ns += (double)sleeps->sleeps[i].row->ns;
			times += (double)sleeps->sleeps[i].row->times;
		}
	double syncs = crowd == SIZE_MAX ? 0 : count_syncs(scene, crowd);
	if (!victim || times <= 0)
		return;
	cleanup_free char *name = verdict__name_parties(scene->ledger, victim, 1, 1);
	struct text_figure loss = wording__percent(isnan(victim->loss) ? 0 : victim->loss);
	if (syncs > 0)
		verdict__set_summary(verdict, "%s spend%s %s of the time in %s own syncs, %s a second of %s asleep each; that is %s own doing and holds up nobody else",
				     name, victim->processes > 1 ? "" : "s", loss.text, victim->processes > 1 ? "their" : "its", wording__count(syncs / seconds).text,
				     wording__seconds(ns / syncs / NS_PER_SEC).text, victim->processes > 1 ? "their" : "its");
	else
		verdict__set_summary(verdict, "%s spend%s %s of the time in %s own syncs, asleep %s times a second for %s each; that is %s own doing and holds up "
				     "nobody else", name, victim->processes > 1 ? "" : "s", loss.text, victim->processes > 1 ? "their" : "its",
				     wording__count(times / seconds).text, wording__seconds(ns / times / NS_PER_SEC).text, victim->processes > 1 ? "their" : "its");
}

static void judge(const struct scene *scene, struct verdict *verdict)
{
	static const struct file_cause cause = {
		.wants = is_sync, .least_mean = THRESHOLD_FILES_MEAN, .conclude = conclude,
		.little = { "programs slept", "in their own syncs" }, .nobody = "no program slept in a sync of its own",
	};
	file_waits__judge(scene, &cause, verdict);
}

const struct cause io_fsync = {
	.id = "io.fsync", .title = "the program's own syncs wait", .counted_by_pressure = PRESSURE_IO, .account = ACCOUNT_IO,
	.claim = "programs wait for their own fsync and the like", .decisive = "sleeps within sync calls and synchronous writes, by process and by what they "
		"hung on",
	.by_hand = "strace -f -T -e trace=fsync,fdatasync -p PID; cat /proc/fs/jbd2/*/info",
	.helps = "fewer syncs with more in each; the database's durability settings (durability); a device that makes data durable faster",
	.judge = judge, .judge_busy = judge_busy,
};
