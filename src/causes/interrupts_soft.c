// Soft interrupts by vector; those of the network by device and by whose packets they are.
#include "causes/interrupts.h"

#include <math.h>
#include <string.h>

#define SENT_NOTE "it sent these packets over devices of this machine"
#define COPIED_NOTE "it received these packets"

// The time of some packets by who sent or received them. `device`: NULL where it is not known. `packets`: how many arrived at all, as far as sampled.
static void add_packets(struct interrupts *interrupts, const char *device, double ns, double packets, bool local, double weight)
{
	const struct recording *recording = interrupts->scene->ledger->recording;
	cleanup_free char *name = base__format("NET_RX (%s)", device ? device : "backlog");
	struct interrupt_source source = { .name = name, .fact = { .kind = INTERRUPT_NET_RX, .key = device ? device : "backlog", .device = device } };
	double left = ns;
	// Local packets have a sender; of others only the receiver can be known.
	for (size_t i = 0; i < recording->activity_count && packets > 0; i++) {
		const struct activity_row *row = &recording->activity[i];
		if (!row->subject || strcmp(row->subject, "irq") || !row->kind || strcmp(row->kind, local ? "sent" : "copied"))
			continue;
		source.crowd = interrupts__crowd(interrupts->scene, row->process);
		source.note = local ? SENT_NOTE : COPIED_NOTE;
		double part = fmin(left, ns * (double)row->count / packets);
		if (source.crowd == SIZE_MAX)
			continue;
		interrupts__add(interrupts, &source, part, weight);
		left -= part;
	}
	source.crowd = SIZE_MAX;
	source.note = "whose packets these are is not known";
	interrupts__add(interrupts, &source, left, weight);
}

static bool is_row(const struct activity_row *row, const char *kind, int64_t cpu)
{
	return row->subject && !strcmp(row->subject, "irq") && row->kind && !strcmp(row->kind, kind) && row->cpu == cpu && row->key;
}

// The backlog: packets of devices without queues of their own, told apart by what was seen to arrive.
static void add_backlog(struct interrupts *interrupts, int64_t cpu, double ns, double weight)
{
	const struct recording *recording = interrupts->scene->ledger->recording;
	double all = 0, sent = interrupts__sum(recording, "sent", NULL, -1).count, left = ns;
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < recording->activity_count; i++) {
			const struct activity_row *row = &recording->activity[i];
			if (!is_row(row, "received", cpu) || interrupts__sum(recording, "device", row->key, cpu).count > 0)
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
	const struct recording *recording = interrupts->scene->ledger->recording;
	double left = ns;
	for (size_t i = 0; i < recording->activity_count; i++) {
		const struct activity_row *row = &recording->activity[i];
		double part = fmin(left, (double)row->ns);
		if (!is_row(row, "device", cpu) || part <= 0)
			continue;
		left -= part;
		if (!strcmp(row->key, "backlog")) {
			add_backlog(interrupts, cpu, part, weight);
			continue;
		}
		add_packets(interrupts, row->key, part, interrupts__sum(recording, "received", row->key, -1).count, false, weight);
	}
	interrupts__add(interrupts, &(struct interrupt_source){ .name = "NET_RX", .fact = { .kind = INTERRUPT_NET_RX }, .crowd = SIZE_MAX }, left, weight);
}

void interrupts__gather_soft(struct interrupts *interrupts, int64_t cpu, double weight)
{
	const struct recording *recording = interrupts->scene->ledger->recording;
	for (size_t i = 0; i < recording->activity_count; i++) {
		const struct activity_row *row = &recording->activity[i];
		if (!is_row(row, "softirq", cpu))
			continue;
		if (!strcmp(row->key, "NET_RX"))
			add_network(interrupts, cpu, (double)row->ns, weight);
		else
			interrupts__add(interrupts, &(struct interrupt_source){ .name = row->key, .fact = { .kind = INTERRUPT_SOFT, .key = row->key }, .crowd = SIZE_MAX },
					(double)row->ns, weight);
	}
}
