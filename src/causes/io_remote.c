// Tasks wait for the server of a network or user-space file system.
#include "causes/file_waits.h"
#include "causes/judged.h"
#include "causes/wording.h"

#include <math.h>
#include <string.h>

static bool is_remote(const struct ledger_sleep *sleep)
{
	return sleep->class == SLEEP_REMOTE || sleep->class == SLEEP_FUSE;
}

// The file system that is waited for most.
static const char *main_file_system(const struct file_waits *waits)
{
	const struct ledger_sleep *most = NULL;
	for (size_t i = 0; i < waits->scene->ledger->sleeps.count; i++) {
		const struct ledger_sleep *sleep = &waits->scene->ledger->sleeps.sleeps[i];
		if (file_waits__counts(waits, sleep) && (!most || sleep->row->ns > most->row->ns))
			most = sleep;
	}
	return most ? file_waits__server(most) : "a file system";
}

// The process that answers is the one that ends the wait: the server of a file system in user space. Answers from the network are brought by
// interrupts and kernel threads: there the server is another machine.
static void accuse(const struct file_waits *waits, struct verdict *verdict)
{
	const struct scene *scene = waits->scene;
	cleanup_free double *by_crowd = base__alloc(scene->crowd_count + 1, sizeof(*by_crowd));
	double network_ns = 0;
	const char *network = NULL;
	for (size_t i = 0; i < scene->ledger->sleeps.count; i++) {
		const struct ledger_sleep *sleep = &scene->ledger->sleeps.sleeps[i];
		if (!file_waits__counts(waits, sleep))
			continue;
		size_t waker = file_waits__crowd(scene, sleep->row->waker);
		if (sleep->class == SLEEP_FUSE && waker != SIZE_MAX && !scene->crowds[waker].members[0]->row->kernel_thread) {
			by_crowd[waker] += (double)sleep->row->ns;
		} else if (sleep->class == SLEEP_REMOTE) {
			network_ns += (double)sleep->row->ns;
			network = file_waits__server(sleep);
		}
	}
	file_waits__accuse(waits, by_crowd, verdict);
	if (network_ns >= threshold__value(THRESHOLD_FILES_SHARE) * waits->hurt_ns) {
		cleanup_free char *name = base__format("server of %s", network);
		verdict__add_other_culprit(verdict, PARTY_DEVICE, name, NULL, network_ns);
	}
	if (verdict->kind == VERDICT_CONFIRMED && !verdict->culprit_count) {
		verdict->kind = VERDICT_CONTRIBUTING;
		verdict->doubt = base__copy("who should have answered was not seen");
	}
}

// What the server itself did meanwhile: asleep in what.
static void add_notes(const struct file_waits *waits, struct verdict *verdict)
{
	const struct scene *scene = waits->scene;
	for (size_t i = 0; i < verdict->culprit_count; i++) {
		struct party *party = &verdict->culprits[i];
		size_t crowd = party->process ? file_waits__crowd(scene, party->process) : SIZE_MAX;
		double sums[SLEEP_CLASSES] = { 0 };
		int most = -1;
		for (size_t j = crowd == SIZE_MAX ? 0 : scene->sleeps.starts[crowd]; crowd != SIZE_MAX && j < scene->sleeps.starts[crowd + 1]; j++) {
			const struct ledger_sleep *sleep = &scene->ledger->sleeps.sleeps[scene->sleeps.rows[j]];
			if (!sleep_class__is_idle(sleep->class))
				sums[sleep->class] += (double)sleep->row->ns;
		}
		for (int class = 0; class < SLEEP_CLASSES; class++)
			if (sums[class] > 0 && (most < 0 || sums[class] > sums[most]))
				most = class;
		if (crowd == SIZE_MAX)
			party__set_note(party, "another machine: look at it and at the network between");
		else if (most >= 0 && sums[most] >= 0.05 * waits->scene->window_ns)
			party__set_note(party, "the server; it ran for %s of the window itself and waited %s (%s)",
					wording__percent((double)scene->crowds[crowd].run_ns / scene->window_ns).text,
					wording__seconds(sums[most] / NS_PER_SEC).text, sleep_class__name((enum sleep_class)most));
		else
			party__set_note(party, "the server; it ran for %s of the window itself",
					wording__percent((double)scene->crowds[crowd].run_ns / scene->window_ns).text);
	}
}

static void add_checks(const struct file_waits *waits, const char *file_system, struct verdict *verdict)
{
	long long pid = verdict->victim_count ? verdict__pid(waits->scene->ledger, &verdict->victims[0]) : 0;
	if (pid > 0) {
		verdict__add_check(verdict, "request_wait_answer is a server in user space, rpc_… nfs, wait_for_response cifs (repeat it)",
				   "cat /proc/%lld/task/*/stack", pid);
		verdict__add_check(verdict, "the remote mounts that it sees", "grep -E ' - (nfs|nfs4|cifs|smb3|ceph|9p|fuse[^ ]*) ' /proc/%lld/mountinfo", pid);
	}
	if (!strcmp(file_system, "nfs"))
		verdict__add_check(verdict, "average round trip (RTT) and time with queueing (exe) of each operation, by mount", "mountstats /MOUNTPOINT");
	if (!strcmp(file_system, "fuse"))
		verdict__add_check(verdict, "requests that wait for an answer now, of each connection", "grep . /sys/fs/fuse/connections/*/waiting");
}

static void conclude(const struct file_waits *waits, struct verdict *verdict)
{
	const struct scene *scene = waits->scene;
	const char *file_system = main_file_system(waits);
	accuse(waits, verdict);
	add_notes(waits, verdict);
	verdict__settle_parties(verdict, scene->ledger->window_seconds);
	cleanup_free char *victims = verdict__name_parties(scene->ledger, verdict->victims, verdict->victim_count, 2);
	cleanup_free char *culprits = verdict__name_parties(scene->ledger, verdict->culprits, verdict->culprit_count, 2);
	verdict__set_summary(verdict, "%s wait%s for answers of %s (%s), %s each, for %s of the time", victims,
			     file_waits__is_one(verdict) ? "s" : "", verdict->culprit_count ? culprits : "a server",
			     file_system, wording__seconds(waits->hurt_ns / fmax(1, waits->hurt_times) / NS_PER_SEC).text,
			     wording__percent(verdict->victims[0].loss).text);
	add_checks(waits, file_system, verdict);
}

static void judge(const struct scene *scene, struct verdict *verdict)
{
	static const struct file_cause cause = {
		.wants = is_remote, .least_mean = THRESHOLD_REMOTE_MEAN, .conclude = conclude,
		.little = { "programs waited", "for servers of file systems" }, .nobody = "no program waited for a network or user-space file system",
	};
	file_waits__judge(scene, &cause, verdict);
}

const struct cause io_remote = {
	.id = "io.remote", .title = "waits for a remote file system", .counted_by_pressure = PRESSURE_IO, .account = ACCOUNT_IO,
	.claim = "programs wait for the server of a network or user-space file system", .decisive = "sleeps inside nfs, cifs, ceph, 9p or fuse, and who answered",
	.by_hand = "cat /proc/PID/stack; mountstats; /sys/fs/fuse/connections/*/waiting", .helps = "the server, the network between, fewer round trips",
	.judge = judge,
};
