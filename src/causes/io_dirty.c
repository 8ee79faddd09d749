// Writers sleep because too much memory is dirty.
#include "causes/file_waits.h"
#include "causes/judged.h"
#include "causes/wording.h"
#include "ledger/kernel_counters.h"

#include <math.h>
#include <string.h>

static bool is_dirty(const struct ledger_sleep *sleep)
{
	return sleep->class == SLEEP_DIRTY && !sleep->sync;
}

// The device for whose writeback a process was held back longest, as the kernel names it: "254:0", "0:45"; NULL where no probe told.
static const char *device_of(const struct scene *scene, int64_t process)
{
	const struct activity_rows *rows = &scene->ledger->activity.of[ACTIVITY_DIRTY];
	const struct activity_row *most = NULL;
	for (size_t i = 0; i < rows->count; i++)
		if (rows->rows[i]->process == process && (!most || rows->rows[i]->ns > most->ns))
			most = rows->rows[i];
	return most ? most->key : NULL;
}

// Who dirtied the memory whose writeback was waited for: the throttled themselves, each by the pages that it dirtied meanwhile.
static void accuse(const struct file_waits *waits, struct verdict *verdict, const char **ret_device)
{
	const struct scene *scene = waits->scene;
	const struct ledger_sleeps *sleeps = &scene->ledger->sleeps;
	cleanup_free double *by_crowd = base__alloc(scene->crowd_count + 1, sizeof(*by_crowd));
	double unknown_ns = 0, most_ns = 0;
	for (size_t i = 0; i < sleeps->count; i++) {
		const struct ledger_sleep *sleep = &sleeps->sleeps[i];
		if (!file_waits__counts(waits, sleep))
			continue;
		const char *device = device_of(scene, sleep->row->process);
		double ns = (double)sleep->row->ns;
		if (!device || !file_shares__split(&waits->shares, ACTIVITY_DIRTY, device, true, ns)) {
			unknown_ns += ns;
			continue;
		}
		const struct device *below = devices__find(&waits->devices, scene->ledger->recording, device);
		verdict__add_resource(verdict, RESOURCE_DEVICE, below ? below->number : device, ns);
		verdict__add_resource(verdict, RESOURCE_FILE_SYSTEM, device, ns);
		if (ns > most_ns) {
			most_ns = ns;
			*ret_device = below ? below->name : device;
		}
	}
	file_shares__settle(&waits->shares, by_crowd);
	file_waits__accuse(waits, by_crowd, verdict);
	if (verdict->kind == VERDICT_CONFIRMED && unknown_ns > 0.5 * waits->hurt_ns) {
		verdict->kind = VERDICT_CONTRIBUTING;
		verdict->doubt = base__copy("who dirtied the memory is not known: the tracepoint writeback:balance_dirty_pages was not there");
	}
}

static void add_notes(const struct file_waits *waits, struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->culprit_count; i++) {
		size_t crowd = file_waits__crowd(waits->scene, verdict->culprits[i].process);
		double pages = file_shares__of_crowd(waits->scene, crowd, ACTIVITY_DIRTY).amount;
		party__set_note(&verdict->culprits[i], "dirtied %s pages a second while it was held back",
				wording__count(pages / waits->scene->ledger->window_seconds).text);
	}
}

static void add_limits(const struct scene *scene, struct verdict *verdict)
{
	static const struct { const char *counter, *what; } figures[] = {
		{ "nr_dirty", "dirty pages of the machine at the end of the window" },
		{ "nr_writeback", "pages under writeback at the end of the window" },
		{ "nr_dirty_threshold", "dirty pages that the machine may have (vm.dirty_bytes or vm.dirty_ratio)" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++) {
		double value = (double)kernel_counter__after(scene->ledger->recording, "vmstat", NULL, figures[i].counter);
		if (value >= 0)
			verdict__add_evidence(verdict, figures[i].what, value, UNIT("pages"), NAN, "/proc/vmstat");
	}
}

static void add_checks(const struct file_waits *waits, struct verdict *verdict)
{
	long long pid = verdict->victim_count ? verdict__pid(waits->scene->ledger, &verdict->victims[0]) : 0;
	if (pid > 0)
		verdict__add_check(verdict, "balance_dirty_pages is on top (repeat it)", "cat /proc/%lld/task/*/stack", pid);
	verdict__add_check(verdict, "nr_dirty + nr_writeback is near nr_dirty_threshold, or the device has a limit of its own (next check)",
			   "grep -E '^nr_(dirty|writeback)' /proc/vmstat");
	verdict__add_check(verdict, "limits of single devices", "grep . /sys/class/bdi/*/max_bytes /sys/class/bdi/*/max_ratio /sys/class/bdi/*/strict_limit");
	verdict__add_check(verdict, "who writes now, in bytes that became dirty", "pidstat -d 1 5");
}

static void conclude(const struct file_waits *waits, struct verdict *verdict)
{
	const struct scene *scene = waits->scene;
	const char *device = NULL;
	accuse(waits, verdict, &device);
	add_notes(waits, verdict);
	verdict__settle_parties(verdict, scene->ledger->window_seconds);
	cleanup_free char *victims = verdict__name_parties(scene->ledger, verdict->victims, verdict->victim_count, 2);
	cleanup_free char *culprits = verdict__name_parties(scene->ledger, verdict->culprits, verdict->culprit_count, 2);
	bool own = culprits && victims && !strcmp(culprits, victims);
	verdict__set_summary(verdict, "%s %s held back for %s of the time%s%s dirtying memory faster than %s takes it", victims,
			     file_waits__is_one(verdict) ? "is" : "are", wording__percent(verdict->victims[0].loss).text, own ? ":" : ": ",
			     own ? "" : verdict->culprit_count ? culprits : "somebody", device ? device : "the device");
	add_limits(scene, verdict);
	add_checks(waits, verdict);
}

static void judge(const struct scene *scene, struct verdict *verdict)
{
	static const struct file_cause cause = {
		.wants = is_dirty, .least_mean = THRESHOLD_FILES_MEAN, .conclude = conclude,
		.little = { "writers were held back", "because too much was dirty" }, .nobody = "no writer was held back because too much was dirty",
	};
	file_waits__judge(scene, &cause, verdict);
}

const struct cause io_dirty = {
	.id = "io.dirty", .title = "writers are held back", .counted_by_pressure = PRESSURE_IO, .account = ACCOUNT_IO,
	.claim = "writers sleep because too much memory is dirty", .decisive = "sleeps in balance_dirty_pages by process, and the pages that each dirtied",
	.by_hand = "cat /proc/PID/stack; nr_dirty, nr_writeback and nr_dirty_threshold in /proc/vmstat",
	.helps = "less written at once, a faster device; vm.dirty_bytes and vm.dirty_background_bytes move the point where it begins",
	.judge = judge,
};
