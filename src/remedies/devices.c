// Slow or full devices, and limits on their use.
#include "remedies/manager.h"
#include "remedies/offer.h"

#include <string.h>

static const struct device_row *accused_device(const struct ledger *ledger, const struct verdict *verdict)
{
	const struct device_row *row = NULL;
	for (size_t i = 0; i < verdict->culprit_count && !row; i++)
		row = verdict->culprits[i].kind == PARTY_DEVICE ? look_up__device(ledger->recording, verdict->culprits[i].device) : NULL;
	return row;
}

static bool is_scheduler(const struct device_row *device, const char *name)
{
	return device && device->scheduler && !strcmp(device->scheduler, name);
}

void io_priority__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct device_row *device = accused_device(ledger, verdict);
	const struct process_row *filler = offer__living(ledger, verdict->culprits, verdict->culprit_count);
	if (!filler)
		return;         // nobody fills the queue, or it has ended
	// mq-deadline serves classes of priority since 5.14, bfq always; none and kyber know no priority.
	if (!is_scheduler(device, "mq-deadline") && !is_scheduler(device, "bfq")) {
		offer__decide(offer, false, "the I/O scheduler of %s (%s) knows no priorities", device ? device->name : "the device",
			      device && device->scheduler ? device->scheduler : "unknown");
		return;
	}
	offer__decide(offer, true, "%s (pid %lld) fills the queue, and the scheduler of %s (%s) lets the idle class wait for all others",
		      process_row__name(filler), (long long)filler->pid, device->name, device->scheduler);
	offer__set_command(offer, "ionice -c 3 -p %lld", (long long)filler->pid);
}

void io_depth__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct party *party = offer__living_party(ledger, verdict->culprits, verdict->culprit_count);
	if (!party)
		return;
	cleanup_free char *name = wording__party_brief(ledger->recording, party);
	offer__decide(offer, true, "%s keeps the queue full: with fewer requests under way at a time (queue depth, parallel jobs) the others' "
		      "wait less, and a device that is busy anyway does hardly less in all", name);
}

void io_scheduler__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct device_row *device = accused_device(ledger, verdict);
	if (!device || !device->requests) {
		offer__decide(offer, false, "%s has no queue of its own to schedule", device ? device->name : "the device");
		return;
	}
	if (verdict->culprit_count < 2) {
		offer__decide(offer, false, "nobody else's requests are in the way on %s: the order makes no difference", device->name);
		return;
	}
	const char *better = is_scheduler(device, "bfq") ? NULL : is_scheduler(device, "mq-deadline") ? "bfq" : "mq-deadline";
	if (!better) {
		offer__decide(offer, false, "%s has the scheduler that shares it most evenly already (bfq)", device->name);
		return;
	}
	offer__decide(offer, true, "%s is scheduled by %s: %s", device->name, device->scheduler ? device->scheduler : "nobody",
		      !strcmp(better, "bfq") ? "bfq shares the device between those who ask (it may need the module bfq)"
					     : "mq-deadline lets reads pass writes and keeps each within a deadline");
	offer__set_command(offer, "echo %s > /sys/block/%s/queue/scheduler", better, device->name);
}

void io_spread__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct device_row *device = accused_device(ledger, verdict);
	const char *virtual_note = device && (!strcmp(device->kind, "virtio") || !strcmp(device->kind, "xen"))
					   ? ": it is a virtual disk, so look for the cause on the host or at the provider" : "";
	offer__decide(offer, true, "requests take long on %s%s; what is read often can be cached, the rest can stand on another device",
		      device ? device->name : "the device", virtual_note);
}

// ---- limits ----

static const struct cgroup_io_row *accused_limit(const struct ledger *ledger, const struct verdict *verdict)
{
	const struct party *quota = verdict->culprit_count ? &verdict->culprits[0] : NULL;
	return quota ? look_up__cgroup_io(ledger->recording, quota->cgroup, quota->device) : NULL;
}

struct rate { const char *v2, *v1; int64_t limit, used; };

// The limit that the cgroup used most of.
static struct rate nearest(const struct ledger *ledger, const struct cgroup_io_row *row)
{
	const struct rate rates[] = {
		{ "rbps", "read_bps", row->read_bps, row->read_bytes }, { "wbps", "write_bps", row->write_bps, row->write_bytes },
		{ "riops", "read_iops", row->read_iops, row->reads }, { "wiops", "write_iops", row->write_iops, row->writes },
	};
	struct rate most = { 0 };
	double share = -1;
	for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
		double used = rates[i].limit > 0 ? (double)rates[i].used / ledger->window_seconds / (double)rates[i].limit : -1;
		if (used > share) {
			share = used;
			most = rates[i];
		}
	}
	return most;
}

void io_limit_raise__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct cgroup_io_row *row = accused_limit(ledger, verdict);
	struct rate rate = row ? nearest(ledger, row) : (struct rate){ 0 };
	if (!rate.v2) {
		offer__decide(offer, false, "the limit could not be read");
		return;
	}
	cleanup_free char *file = row->hierarchy == 2 ? base__format("/sys/fs/cgroup%s/io.max", row->cgroup)
						      : base__format("/sys/fs/cgroup/blkio%s/blkio.throttle.%s_device", row->cgroup, rate.v1);
	cleanup_manager struct manager manager = manager__of(row->cgroup);
	cleanup_free char *whose = manager__name(&manager);
	offer__decide(offer, true, "cgroup %s%s%s%s is limited to %lld (%s) on %s; systemd (IOReadIOPSMax= and its like) and container managers set it from "
		      "their own configuration: change it there to make it last", row->cgroup, whose ? " (" : "", whose ? whose : "", whose ? ")" : "",
		      (long long)rate.limit, rate.v2, row->device);
	if (row->hierarchy == 2)
		offer__set_command(offer, "echo '%s %s=%lld' > %s", row->device, rate.v2, (long long)(2 * rate.limit), file);
	else
		offer__set_command(offer, "echo '%s %lld' > %s", row->device, (long long)(2 * rate.limit), file);
}

void io_weight__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct cgroup_io_row *row = accused_limit(ledger, verdict);
	const struct device_row *device = row ? look_up__device(ledger->recording, row->device) : NULL;
	if (!row || row->hierarchy != 2) {
		offer__decide(offer, false, "weights need the io controller of cgroup v2");
		return;
	}
	if (!is_scheduler(device, "bfq") && !row->cost) {
		offer__decide(offer, false, "weights have an effect with the scheduler bfq or with io.cost only; %s has %s", device ? device->name : row->device,
			      device && device->scheduler ? device->scheduler : "neither");
		return;
	}
	offer__decide(offer, true, "a weight shares the device only while others want it, and lets the cgroup have all of it otherwise");
	offer__set_command(offer, "echo 100 > /sys/fs/cgroup%s/io.weight", row->cgroup);
}
