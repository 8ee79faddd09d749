// Soft interrupts by vector; those of the network by device and by whose packets they are.
#include "ledger/interrupts.h"

#include "base/base.h"

#include <math.h>
#include <string.h>

// The time of some packets by who sent or received them. `device`: NULL where it is not known. `packets`: how many arrived at all, as far as sampled.
static void add_packets(struct interrupts *interrupts, const char *device, double ns, double packets, bool local, double weight)
{
	const struct activity_rows *rows = &interrupts->scene->ledger->activity.of[local ? ACTIVITY_SENT : ACTIVITY_COPIED];
	cleanup_free char *name = base__format("NET_RX (%s)", device ? device : "backlog");
	struct interrupt_source source = { .name = name, .fact = { .kind = INTERRUPT_NET_RX, .key = device ? device : "backlog", .device = device } };
	double left = ns;
	// Local packets have a sender; of others only the receiver can be known.
	for (size_t i = 0; i < rows->count && packets > 0; i++) {
		const struct activity_row *row = rows->rows[i];
		source.crowd = interrupts__crowd(interrupts->scene, row->process);
		source.role = local ? INTERRUPT_ROLE_SENT : INTERRUPT_ROLE_RECEIVED;
		double part = fmin(left, ns * (double)row->count / packets);
		if (source.crowd == SIZE_MAX)
			continue;
		interrupts__add(interrupts, &source, part, weight);
		left -= part;
	}
	source.crowd = SIZE_MAX;
	source.role = INTERRUPT_ROLE_UNKNOWN;
	interrupts__add(interrupts, &source, left, weight);
}

// The backlog: packets of devices without queues of their own, told apart by what was seen to arrive.
static void add_backlog(struct interrupts *interrupts, int64_t cpu, double ns, double weight)
{
	const struct ledger_activity *activity = &interrupts->scene->ledger->activity;
	const struct activity_rows *received = &activity->of[ACTIVITY_RECEIVED];
	double all = 0, sent = activity__sum(activity, ACTIVITY_SENT, NULL, -1).count, left = ns;
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < received->count; i++) {
			const struct activity_row *row = received->rows[i];
			if (row->cpu != cpu || !row->key || activity__sum(activity, ACTIVITY_NET_DEVICE, row->key, cpu).count > 0)
				continue;
			if (!pass) {
				all += (double)row->count;
				continue;
			}
			double part = ns * (double)row->count / all;
			add_packets(interrupts, row->key, part, sent, true, weight);
			left -= part;
		}
		if (all <= 0)
			break;
	}
	if (left > ns * 1e-6)
		add_packets(interrupts, NULL, left, sent, true, weight);
}

// NET_RX of one CPU by device.
static void add_network(struct interrupts *interrupts, int64_t cpu, double ns, double weight)
{
	const struct ledger_activity *activity = &interrupts->scene->ledger->activity;
	const struct activity_rows *devices = &activity->of[ACTIVITY_NET_DEVICE];
	double left = ns;
	for (size_t i = 0; i < devices->count; i++) {
		const struct activity_row *row = devices->rows[i];
		double part = fmin(left, (double)row->ns);
		if (row->cpu != cpu || !row->key || part <= 0)
			continue;
		left -= part;
		if (!strcmp(row->key, "backlog")) {
			add_backlog(interrupts, cpu, part, weight);
			continue;
		}
		add_packets(interrupts, row->key, part, activity__sum(activity, ACTIVITY_RECEIVED, row->key, -1).count, false, weight);
	}
	interrupts__add(interrupts, &(struct interrupt_source){ .name = "NET_RX", .fact = { .kind = INTERRUPT_NET_RX }, .crowd = SIZE_MAX }, left, weight);
}

void interrupts__gather_soft(struct interrupts *interrupts, int64_t cpu, double weight)
{
	const struct activity_rows *vectors = &interrupts->scene->ledger->activity.of[ACTIVITY_SOFTIRQ];
	for (size_t i = 0; i < vectors->count; i++) {
		const struct activity_row *row = vectors->rows[i];
		if (row->cpu != cpu || !row->key)
			continue;
		if (!strcmp(row->key, "NET_RX"))
			add_network(interrupts, cpu, (double)row->ns, weight);
		else
			interrupts__add(interrupts, &(struct interrupt_source){ .name = row->key, .crowd = SIZE_MAX,
					.fact = { .kind = INTERRUPT_SOFT, .key = row->key } }, (double)row->ns, weight);
	}
}
