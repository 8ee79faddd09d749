#include "collect/irq_account.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "collect/irq_files.h"
#include "collect/syscalls.h"
#include "recording/recording.h"
#include "symbolize/kernel_symbols.h"

struct irq_share { struct irq_party_key key; int64_t process; struct irq_party_sum sum; uint64_t asked; };
struct irq_account { void *tree; size_t count; uint64_t flush_function; };

static int compare(const void *a, const void *b)
{
	const struct irq_share *left = a, *right = b;
	int64_t one[] = { left->key.role, (int64_t)left->key.source, left->process, left->key.operation };
	int64_t other[] = { right->key.role, (int64_t)right->key.source, right->process, right->key.operation };

	for (size_t i = 0; i < ARRAY_SIZE(one); i++)
		if (one[i] != other[i])
			return one[i] < other[i] ? -1 : 1;
	return 0;
}

struct irq_account *irq_account__new(uint64_t flush_function)
{
	struct irq_account *account = base__alloc(1, sizeof(*account));

	account->flush_function = flush_function;
	return account;
}

void irq_account__free(struct irq_account *account)
{
	if (!account)
		return;
	tdestroy(account->tree, free);
	free(account);
}

void irq_account__add(struct irq_account *account, const struct irq_party_key *key, int64_t process, const struct irq_party_sum *sum)
{
	struct irq_share wanted = { .key = *key, .process = process }, **found, *share;
	bool asks = key->role == IRQ_ROLE_CALLER && account->flush_function && key->source == account->flush_function;

	// The requests of a flush stand beside it; of other calls nobody asks what the caller was doing.
	if (asks)
		wanted.key.source = IRQ_FLUSHES;
	else if (key->source != IRQ_FLUSHES)
		wanted.key.operation = 0;
	found = tfind(&wanted, &account->tree, compare);
	if (!found) {
		share = base__alloc(1, sizeof(*share));
		*share = wanted;
		found = base__tsearch(share, &account->tree, compare);
		account->count++;
	}
	share = *found;
	if (asks) {
		share->asked += sum->count;
		return;
	}
	share->sum.count += sum->count;
	share->sum.ns += sum->ns;
	if (sum->max_ns > share->sum.max_ns)
		share->sum.max_ns = sum->max_ns;
}

static struct activity_row *add_row(struct recording *recording, const char *kind, const char *key, int64_t cpu)
{
	struct activity_row *row = recording__add_activity(recording);

	row->subject = base__copy("irq");
	row->kind = base__copy(kind);
	row->key = base__copy(key);
	row->cpu = cpu;
	return row;
}

static void add_sum(struct recording *recording, const char *kind, const char *key, int64_t cpu, const struct irq_sum *sum, uint64_t amount)
{
	struct activity_row *row;

	if (!sum->count && !sum->ns)
		return;
	row = add_row(recording, kind, key, cpu);
	row->count = (int64_t)sum->count;
	row->ns = (int64_t)sum->ns;
	row->max_ns = (int64_t)sum->max_ns;
	row->amount = (int64_t)amount;
}

static void store_cpu(struct recording *recording, const struct irq_cpu *irq, int64_t cpu)
{
	static const char *const vectors[IRQ_VECTORS] = { [IRQ_VECTOR_TIMER] = "LOC", [IRQ_VECTOR_CALL] = "CAL", [IRQ_VECTOR_WORK] = "IWI" };

	for (int i = 0; i < SOFTIRQ_VECTORS; i++)
		add_sum(recording, "softirq", irq_files__softirqs[i], cpu, &irq->softirq[i], irq->ksoftirqd_ns[i]);
	for (int i = 0; i < IRQ_VECTORS; i++)
		add_sum(recording, "hardirq", vectors[i], cpu, &irq->vector[i], 0);
	for (int i = 0; i < IRQ_NUMBERS; i++) {
		char number[16];

		snprintf(number, sizeof(number), "%d", i);
		add_sum(recording, "hardirq", number, cpu, &irq->number[i], 0);
	}
	add_sum(recording, "hardirq", "others", cpu, &irq->beyond, 0);
	for (int i = 0; i < IRQ_DEVICES && irq->devices[i].device; i++) {
		const struct irq_device *device = &irq->devices[i];
		char name[COMM_LENGTH + 1] = "backlog";

		if (device->device != 1)
			snprintf(name, sizeof(name), "%.*s", COMM_LENGTH, device->name);
		add_sum(recording, "device", name, cpu, &(struct irq_sum){ device->polls, device->ns, device->max_ns }, device->packets);
		if (device->received)
			add_row(recording, "received", name, cpu)->count = (int64_t)device->received;
	}
}

// ---- functions of the kernel ----

// A function's name, owned by the caller; hexadecimal where it has none.
static char *function_name(const struct kernel_symbols *symbols, uint64_t address)
{
	const char *name = kernel_symbols__name(symbols, address);

	// "name+0x0", or "name.isra.0+0x0", without the offset and what the compiler added
	return name ? base__copy_part(name, strcspn(name, "+.")) : base__format("0x%llx", (unsigned long long)address);
}

static bool is_flush(const struct irq_share *share)
{
	return share->key.role == IRQ_ROLE_CALLER && share->key.source == IRQ_FLUSHES;
}

static void want_party(const void *node, VISIT visit, void *closure)
{
	const struct irq_share *share = *(const struct irq_share *const *)node;

	if ((visit == postorder || visit == leaf) && share->key.source && !is_flush(share))
		kernel_symbols__want(closure, share->key.source);
}

void irq_account__want_symbols(const struct irq_account *account, const struct irq_cpu *cpus, uint32_t cpu_count,
	struct kernel_symbols *symbols)
{
	for (uint32_t cpu = 0; cpu < cpu_count; cpu++)
		for (int i = 0; i < IRQ_CALLS && cpus[cpu].calls[i].function; i++)
			kernel_symbols__want(symbols, cpus[cpu].calls[i].function);
	twalk_r(account->tree, want_party, symbols);
}

struct storing { struct recording *recording; const struct kernel_symbols *symbols; };

static void store_party(const void *node, VISIT visit, void *closure)
{
	static const char *const kinds[] = { [IRQ_ROLE_SENT] = "sent", [IRQ_ROLE_RECEIVED] = "copied", [IRQ_ROLE_TIMER] = "timer",
		[IRQ_ROLE_WHEEL] = "wheel timer", [IRQ_ROLE_CALLER] = "caller", [IRQ_ROLE_CALLED] = "interrupted" };
	const struct irq_share *share = *(const struct irq_share *const *)node;
	const struct storing *storing = closure;
	cleanup_free char *key = NULL;
	struct activity_row *row;

	if ((visit != postorder && visit != leaf) || !share->key.role || share->key.role >= ARRAY_SIZE(kinds))
		return;
	if (is_flush(share))
		key = syscalls__operation_name(share->key.operation);
	else if (share->key.source)
		key = function_name(storing->symbols, share->key.source);
	row = add_row(storing->recording, is_flush(share) ? "shootdown" : kinds[share->key.role], key ? key : "", -1);
	row->process = share->process;
	row->count = (int64_t)share->sum.count;
	row->ns = (int64_t)share->sum.ns;
	row->max_ns = (int64_t)share->sum.max_ns;
	row->amount = (int64_t)share->asked;
}

static void store_calls(const struct storing *storing, const struct irq_cpu *irq, int64_t cpu)
{
	for (int i = 0; i < IRQ_CALLS && irq->calls[i].function; i++) {
		cleanup_free char *name = function_name(storing->symbols, irq->calls[i].function);

		add_sum(storing->recording, "call", name, cpu, &irq->calls[i].sum, 0);
	}
}

void irq_account__store(const struct irq_account *account, const struct irq_cpu *cpus, uint32_t cpu_count,
	const struct kernel_symbols *symbols, struct recording *recording)
{
	struct storing storing = { recording, symbols };

	for (uint32_t cpu = 0; cpu < cpu_count; cpu++) {
		store_cpu(recording, &cpus[cpu], cpu);
		store_calls(&storing, &cpus[cpu], cpu);
	}
	twalk_r(account->tree, store_party, &storing);
}
