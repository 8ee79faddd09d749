// The host stopped this virtual machine for a while.
#include "ledger/host_events.h"
#include "causes/judged.h"
#include "causes/wording.h"

#include <math.h>
#include <string.h>

#define LISTED 5                // pauses told one by one
#define FOLLOWS_NS (60LL * (int64_t)NS_PER_SEC) // a warning of the kernel this soon after a pause

struct pauses { size_t count; double seconds, longest_seconds; const struct host_event *longest; bool unknown_length; };

static struct pauses sum_up(const struct ledger_host *host)
{
	struct pauses pauses = { 0 };
	for (size_t i = 0; i < host->count; i++) {
		const struct host_event *row = &host->events[i];
		double seconds = (double)row->ns / NS_PER_SEC;
		if (!host_event__is_pause(row) || row->time_ns < 0)
			continue;
		pauses.count++;
		pauses.seconds += seconds;
		pauses.unknown_length |= !row->ns;
		if (!pauses.longest || seconds > pauses.longest_seconds) {
			pauses.longest = row;
			pauses.longest_seconds = seconds;
		}
	}
	return pauses;
}

static bool has_word(const char *words, const char *word)
{
	const char *found = words ? strstr(words, word) : NULL;
	return found && (found == words || found[-1] == ' ') && (!found[strlen(word)] || found[strlen(word)] == ' ');
}

// Under KVM either the clocks go on (all CPUs are silent together) or, where QEMU gives them back, the counter of the CPU does. Other hypervisors
// may let everything stand still: then the real-time clock alone can tell.
static bool can_tell(const struct recording *recording, const char *virtualization)
{
	static const char *const kvm[] = { "kvm", "amazon", "google", "oracle" };
	const char *ways = recording__meta(recording, "pause_detectors");
	if (has_word(ways, "rtc"))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(kvm); i++)
		if (!strcmp(virtualization, kvm[i]))
			return has_word(ways, "silence") && (has_word(ways, "counter") || has_word(ways, "scheduler"));
	return false;
}

static bool is_untestable(const struct recording *recording, const char *virtualization, const struct pauses *pauses, struct verdict *verdict)
{
	const char *probe = recording__meta(recording, "probe.host"), *rtc = recording__meta(recording, "real_time_clock");
	verdict->absent = true;
	if (!probe)
		verdict__set_summary(verdict, "the recording was made by a version of whystall that did not look for pauses");
	else if (strcmp(probe, "on"))
		verdict__set_summary(verdict, "%s", probe);
	else if (!pauses->count && !can_tell(recording, virtualization))
		verdict__set_summary(verdict, "no clock of this guest (%s) is known to go on while its host stops it%s%s", virtualization,
				     rtc ? "; its real-time clock could not be read: " : "", rtc ? rtc : "");
	else
		verdict->absent = false;
	return verdict->absent;
}

static void add_pauses(const struct ledger_host *host, struct verdict *verdict)
{
	size_t listed = 0;
	for (size_t i = 0; i < host->count && listed < LISTED; i++) {
		const struct host_event *row = &host->events[i];
		if (!host_event__is_pause(row) || row->time_ns < 0)
			continue;
		cleanup_free char *what = base__format("stopped until %.2f s after the beginning: %s", (double)row->time_ns / NS_PER_SEC,
						       row->text ? row->text : "");
		verdict__add_evidence(verdict, what, (double)row->ns / NS_PER_SEC, UNIT_SECONDS, threshold__value(THRESHOLD_PAUSE_CONFIRMED),
				      "host_event");
		listed++;
	}
}

// What in the guest came of it: complaints of its kernel, and a clock that somebody put right.
static void add_consequences(const struct ledger_host *host, struct verdict *verdict)
{
	size_t warnings = 0;
	for (size_t i = 0; i < host->count; i++) {
		const struct host_event *row = &host->events[i];
		bool after = false;
		for (size_t j = 0; j < host->count && !after; j++)
			after = host_event__is_pause(&host->events[j]) && row->time_ns >= host->events[j].time_ns - (int64_t)NS_PER_SEC &&
				row->time_ns <= host->events[j].time_ns + FOLLOWS_NS;
		if (!after)
			continue;
		warnings += host_event__is_lockup(row) || row->kind == HOST_EVENT_HUNG_TASK || row->kind == HOST_EVENT_CLOCK_UNSTABLE;
		if (row->kind == HOST_EVENT_CLOCK_STEP)
			verdict__add_evidence(verdict, row->text, (double)row->ns / NS_PER_SEC, UNIT_SECONDS, NAN, "host_event");
	}
	if (warnings)
		verdict__add_evidence(verdict, "warnings of the kernel within a minute after it", (double)warnings, UNIT("warnings"), NAN,
				      "host_event");
}

static void add_checks(struct verdict *verdict)
{
	verdict__add_check(verdict, "a line for each hole: when, and for how long nothing ran here",
			   "while :; do date +%%s.%%N; sleep 0.02; done | awk '$1 - last > 0.1 && last { print last, $1 - last } { last = $1 }'");
	verdict__add_check(verdict, "on the host: a backup, snapshot, migration or suspend of this machine at that time; and whether its guest agent froze "
			   "the file systems (fsfreeze)", "journalctl --since '10 minutes ago' | grep -iE 'backup|snapshot|migrat|suspend|freeze'");
}

// There is one at least.
static void say_what(const struct pauses *pauses, struct verdict *verdict)
{
	struct text_figure all = wording__seconds(pauses->seconds), longest = wording__seconds(pauses->longest_seconds);
	const char *lacks = pauses->longest->kind == HOST_EVENT_FREEZE ? "; its clocks stood still meanwhile and are late since" : "";
	double end = (double)pauses->longest->time_ns / NS_PER_SEC;
	if (pauses->count == 1 && !pauses->longest->ns)
		verdict__set_summary(verdict, "the host stopped this machine at about %.1f s; for how long is not known", end);
	else if (pauses->count == 1)
		verdict__set_summary(verdict, "the host did not run this machine for %s, until %.2f s after the beginning%s", longest.text, end, lacks);
	else
		verdict__set_summary(verdict, "the host did not run this machine for %s in %zu stretches, the longest %s until %.2f s after the beginning%s",
				     all.text, pauses->count, longest.text, end, lacks);
}

static void judge(const struct scene *scene, struct verdict *verdict)
{
	const struct recording *recording = scene->ledger->recording;
	const char *virtualization = recording__meta(recording, "virtualization");
	struct pauses pauses = sum_up(&scene->ledger->host);
	if (virtualization && !strcmp(virtualization, "none")) {
		verdict->kind = VERDICT_RULED_OUT;
		verdict__set_summary(verdict, "this is no virtual machine");
		return;
	}
	virtualization = virtualization ? virtualization : "hypervisor";
	if (is_untestable(recording, virtualization, &pauses, verdict))
		return;
	verdict->stall_seconds = verdict->wall_seconds = pauses.seconds;
	bool much = pauses.longest_seconds >= threshold__value(THRESHOLD_PAUSE_CONFIRMED) ||
		    pauses.seconds >= threshold__value(THRESHOLD_PAUSE_SHARE) * scene->ledger->window_seconds;
	bool some = pauses.longest_seconds >= threshold__value(THRESHOLD_PAUSE_CONTRIBUTING) || pauses.unknown_length;
	verdict->kind = some && much ? VERDICT_CONFIRMED : some ? VERDICT_CONTRIBUTING : VERDICT_RULED_OUT;
	add_pauses(&scene->ledger->host, verdict);
	if (verdict->kind == VERDICT_RULED_OUT) {
		if (recording__counter(recording, "heartbeats_lost")) {
			verdict->kind = VERDICT_NOT_TESTABLE;
			verdict__set_summary(verdict, "more silences of CPUs than are kept were seen");
			return;
		}
		verdict__add_evidence(verdict, "time in which the host did not run this machine", pauses.seconds, UNIT_SECONDS,
				      threshold__value(THRESHOLD_PAUSE_CONTRIBUTING), "host_event");
		verdict__set_summary(verdict, "no clock tells of a time in which this machine did not run");
		return;
	}
	add_consequences(&scene->ledger->host, verdict);
	struct party *party = verdict__add_other_culprit(verdict, PARTY_HYPERVISOR, virtualization, NULL, pauses.seconds * NS_PER_SEC);
	party__set_note(party, "what it did meanwhile is known on the host only");
	verdict__settle_parties(verdict, scene->ledger->window_seconds);
	say_what(&pauses, verdict);
	add_checks(verdict);
}

const struct cause host_pause = {
	.id = "host.pause", .title = "the virtual machine was stopped", .counted_by_pressure = PRESSURE_NONE,
	.claim = "the host stopped this virtual machine for a while",
	.decisive = "all CPUs silent together, or clocks that disagree afterwards",
	.by_hand = "clock steps in the log; the host's backup and migration log",
	.helps = "another backup mode, no freeze of file systems (less consistent backups)",
	.account = ACCOUNT_HOST, .judge = judge,
};
