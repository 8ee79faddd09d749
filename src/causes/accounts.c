#include "causes/accounts.h"
#include "base/base.h"
#include "causes/wording.h"
#include "ledger/attribution.h"
#include "ledger/resources.h"

#include <math.h>
#include <string.h>

static const struct { const char *waits, *name, *place; } words[ACCOUNTS] = {
	[ACCOUNT_CPU] = { "waits for CPU time", "CPU", "for want of CPU time" },
	[ACCOUNT_LOCKS] = { "kernel locks", "LOCKS", "on a kernel lock" },
	[ACCOUNT_SLEEPS] = { "locks of the programs themselves", "PROGRAMS' LOCKS", "on a lock of a program's own" },
	[ACCOUNT_MEMORY] = { "memory", "MEMORY", "for want of memory" },
	[ACCOUNT_IO] = { "I/O", "I/O", "on I/O" },
	[ACCOUNT_INTERRUPTS] = { "interrupts", "INTERRUPTS", "by interrupts" },
	[ACCOUNT_HOST] = { "the machine underneath", "MACHINE", "by the machine underneath" },
};

const enum pressure_resource pressures_judged[PRESSURES_JUDGED] = { PRESSURE_CPU, PRESSURE_MEMORY, PRESSURE_IO };

const char *account__waits(enum account account)
{
	return words[account].waits;
}

const char *account__name(enum account account)
{
	return words[account].name;
}

const char *account__place(enum account account)
{
	return words[account].place;
}

const char *account__place_of(const struct cause *cause)
{
	static const struct { const char *beginning, *place; } special[] = {
		{ "host.pause", "with the whole machine" }, { "host.smi", "by the firmware" }, { "cpu.frequency", "by slow CPUs" },
		{ "kernel.", "inside the kernel" }, { "memory.tlb", "by interrupts between the CPUs" },
		{ "memory.churn", "by memory that comes and goes" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(special); i++)
		if (!strncmp(cause->id, special[i].beginning, strlen(special[i].beginning)))
			return special[i].place;
	return words[cause->account].place;
}

// The meta that says whether the account's probes were on; NULL: they always are.
static const char *const probes[ACCOUNTS] = {
	[ACCOUNT_LOCKS] = "locks", [ACCOUNT_SLEEPS] = "probe.futex", [ACCOUNT_MEMORY] = "probe.memory", [ACCOUNT_IO] = "probe.block",
	[ACCOUNT_INTERRUPTS] = "probe.irq", [ACCOUNT_HOST] = "probe.host",
};

// Why nothing of an account could be judged, in a few words: the verdicts have the sentences.
static const char *reason_of(const struct diagnosis *diagnosis, enum account account, bool any_judge)
{
	const char *state = probes[account] ? recording__meta(diagnosis->ledger->recording, probes[account]) : "on";
	if (!any_judge)
		return "not by this version";
	if (!state)
		return "not in this recording";
	if (!strcmp(state, "0"))
		return "this kernel has no tracepoints for them";
	if (strcmp(state, "on") && strcmp(state, "1"))
		return state;
	// What the recording as a whole lacks is said above, what one load hides beside its verdict.
	return account == ACCOUNT_SLEEPS ? "see below" : "see above";
}

bool account__is_judged(const struct diagnosis *diagnosis, enum account account, const char **ret_reason)
{
	bool any_judge = false;
	*ret_reason = NULL;
	for (size_t i = 0; i < diagnosis->verdict_count; i++) {
		const struct verdict *verdict = &diagnosis->verdicts[i];
		if (verdict->cause->account != account)
			continue;
		if (verdict->kind != VERDICT_NOT_TESTABLE)
			return true;
		any_judge = any_judge || verdict->cause->judge;
	}
	*ret_reason = reason_of(diagnosis, account, any_judge);
	return false;
}

const char *pressure__name(enum pressure_resource resource)
{
	return resource == PRESSURE_CPU ? "CPU" : resource == PRESSURE_IO ? "I/O" : pressure_resource__name(resource);
}

const struct ledger_pressure *pressure__system(const struct ledger *ledger, enum pressure_resource resource)
{
	for (size_t i = 0; i < ledger->pressure_count; i++) {
		const struct ledger_pressure *row = &ledger->pressures[i];
		if (!row->cgroup && !strcmp(row->resource, pressure_resource__name(resource)) && !strcmp(row->kind, "some"))
			return row;
	}
	return NULL;
}

double pressure__share(const struct ledger *ledger, enum pressure_resource resource)
{
	const struct ledger_pressure *row = pressure__system(ledger, resource);
	return row && ledger->window_seconds > 0 ? row->counted_seconds / ledger->window_seconds : 0;
}

double pressure__found_seconds(const struct diagnosis *diagnosis, enum pressure_resource resource, bool *ret_any)
{
	const struct attribution *row = attributions__system(diagnosis->attributions, pressure_resource__name(resource));
	double seconds = 0;
	*ret_any = false;
	for (size_t i = 0; i < diagnosis->verdict_count; i++) {
		const struct verdict *verdict = &diagnosis->verdicts[i];
		enum cause_key key = cause_key__of(verdict->cause->id);
		if (verdict->kind < VERDICT_CONTRIBUTING)
			continue;
		// Without the books of a resource its causes' own figures have to do.
		double more = row && key < CAUSE_NONE ? row->parts[key].seconds : verdict->counted_by_pressure != resource ? 0 : verdict->wall_seconds;
		seconds += more;
		*ret_any = *ret_any || more > 0;
	}
	return seconds;
}

double pressure__idle_seconds(const struct ledger *ledger, enum pressure_resource resource)
{
	if (resource != PRESSURE_IO)
		return 0;
	return (double)ledger->sleeps.by_class[SLEEP_RING_IDLE].io_some_ns / NS_PER_SEC * resources__scale(ledger, "io", "some");
}

// A process that waited: of which kind, how long, and where it stands in the table.
struct waiter { const struct process_row *process; double ns; size_t number; };

static int compare_kinds(const struct waiter *one, const struct waiter *other)
{
	int order = strcmp(one->process->name, other->process->name);
	return order ? order : strcmp(one->process->exe ? one->process->exe : "", other->process->exe ? other->process->exe : "");
}

static int compare_waiters(const void *left, const void *right)
{
	const struct waiter *a = left, *b = right;
	int order = compare_kinds(a, b);
	return order ? order : (a->number > b->number) - (a->number < b->number);
}

// Those that waited for the resource, by kind, each kind in the order of the table.
static struct waiter *gather_waiters(const struct recording *recording, enum pressure_resource resource, size_t *ret_count, double *ret_all_ns)
{
	struct waiter *waiters = base__alloc(recording->pressure_share_count + 1, sizeof(*waiters));
	size_t count = 0;
	*ret_all_ns = 0;
	for (size_t i = 0; i < recording->pressure_share_count; i++) {
		const struct pressure_share_row *row = &recording->pressure_share[i];
		if (!row->resource || strcmp(row->resource, pressure_resource__name(resource)))
			continue;
		*ret_all_ns += (double)row->some_ns;
		const struct process_row *process = row->process && row->some_ns > 0 ? recording__process(recording, row->process) : NULL;
		if (process && process->name)
			waiters[count++] = (struct waiter){ process, (double)row->some_ns, i };
	}
	qsort(waiters, count, sizeof(*waiters), compare_waiters);
	*ret_count = count;
	return waiters;
}

char *pressure__main_waiter(const struct ledger *ledger, enum pressure_resource resource, double *ret_share)
{
	double all_ns, most_ns = 0;
	size_t count, most_count = 0, most = 0;
	cleanup_free struct waiter *waiters = gather_waiters(ledger->recording, resource, &count, &all_ns);
	for (size_t begin = 0, end; begin < count; begin = end) {
		double ns = 0;
		for (end = begin; end < count && !compare_kinds(&waiters[begin], &waiters[end]); end++)
			ns += waiters[end].ns;
		if (ns < most_ns || (ns == most_ns && most_count && waiters[begin].number > waiters[most].number))
			continue;
		most = begin;
		most_ns = ns;
		most_count = end - begin;
	}
	*ret_share = all_ns > 0 ? most_ns / all_ns : 0;
	if (!most_count)
		return NULL;
	const struct process_row *process = waiters[most].process;
	return most_count > 1 ? base__format("%s (%zu processes)", process_row__name(process), most_count)
			      : base__format("%s (pid %lld)", process_row__name(process), (long long)process->pid);
}
