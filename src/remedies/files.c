// Syncs, journals, dirty memory and servers of file systems.
#include "ledger/kernel_counters.h"
#include "remedies/offer.h"

#include <string.h>

#define MOSTLY 0.5

// The part of the verdict's waiting that went through resources of a kind; the key of the largest.
static double through(const struct verdict *verdict, enum resource_kind kind, const char **ret_key)
{
	double all = 0, most = 0;
	for (size_t i = 0; i < verdict->resource_count; i++) {
		if (verdict->resources[i].kind != kind)
			continue;
		all += verdict->resources[i].seconds;
		if (verdict->resources[i].seconds > most) {
			most = verdict->resources[i].seconds;
			*ret_key = verdict->resources[i].key;
		}
	}
	return verdict->stall_seconds > 0 ? all / verdict->stall_seconds : 0;
}

static const struct device_row *device_of(const struct ledger *ledger, const struct verdict *verdict)
{
	const char *number = NULL;
	through(verdict, RESOURCE_DEVICE, &number);
	return look_up__device(ledger->recording, number);
}

// Settings of databases that say how durable a transaction is. Each has the same price.
struct database { const char *files, *packages, *setting; void (*set_command)(struct remedy_offer *offer); };

static void set_postgres(struct remedy_offer *offer)
{
	offer__set_command(offer, "psql -U postgres -c 'ALTER SYSTEM SET synchronous_commit = off' -c 'SELECT pg_reload_conf()'");
}

static void set_mysql(struct remedy_offer *offer)
{
	offer__set_command(offer, "mysql -e 'SET GLOBAL innodb_flush_log_at_trx_commit = 2'");
}

static void set_redis(struct remedy_offer *offer)
{
	offer__set_command(offer, "redis-cli CONFIG SET appendfsync everysec");
}

static const struct database *database_of(const struct process_row *row)
{
	static const struct database databases[] = {
		{ "postgres postmaster", "postgresql", "synchronous_commit = off lets transactions be reported before they are on disk (the last fraction of a second "
		  "can be lost, nothing is damaged); commit_delay joins those of several sessions", set_postgres },
		{ "mysqld mariadbd", "mysql mariadb percona", "innodb_flush_log_at_trx_commit = 2 and sync_binlog = 0 sync once a second (a second can be lost when the "
		  "machine fails)", set_mysql },
		{ "redis-server valkey-server redis-check-rdb valkey-check-rdb", "redis valkey", "appendfsync everysec syncs once a second", set_redis },
		{ "mongod", "mongo", "writeConcern {j: false} reports writes before they are in the journal", NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(databases); i++)
		if (process_row__is_program(row, databases[i].files, databases[i].packages))
			return &databases[i];
	return NULL;
}

void database_durability__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	for (size_t i = 0; i < verdict->victim_count; i++) {
		const struct process_row *row = recording__process(ledger->recording, verdict->victims[i].process);
		const struct database *database = row ? database_of(row) : NULL;
		if (!database)
			continue;
		bool elsewhere = row->container || row->vm_id;
		offer__decide(offer, true, "%s waits in its syncs: %s%s%s", process_row__name(row), database->setting, elsewhere ? "; set it within " : "",
			      !elsewhere ? "" : row->container ? row->container : "its virtual machine");
		if (database->set_command && !elsewhere)
			database->set_command(offer);
		return;
	}
}

void batch_syncs__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	// Of io.journal those sync who make the commits.
	bool others = !strcmp(verdict->cause->id, "io.journal");
	const struct party *parties = others ? verdict->culprits : verdict->victims;
	size_t count = others ? verdict->culprit_count : verdict->victim_count;
	const struct process_row *row = offer__living(ledger, parties, count);
	if (!row)
		return;
	offer__decide(offer, true, "a sync takes about as long for many changes as for one: %s can join several transactions or files in one (group commit, "
		      "fdatasync in place of fsync, write-ahead log: SQLite's journal_mode=WAL with synchronous=NORMAL)", process_row__name(row));
}

void durable_device__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct device_row *device = device_of(ledger, verdict);
	const char *number = NULL;
	double share = through(verdict, RESOURCE_DEVICE, &number);
	if (!device || share < MOSTLY) {
		offer__decide(offer, false, "only %s of the waiting went through a device that is known", wording__percent(share).text);
	} else if (device->cache && !strcmp(device->cache, "write back")) {
		offer__decide(offer, true, "%s has a volatile write cache, which each sync must empty: a device whose cache is protected against loss of power "
			      "answers from it", device->name);
		offer__set_command(offer, "cat /sys/class/block/%s/queue/write_cache", device->name);
	} else {
		offer__decide(offer, true, "%s takes long for each write that must be durable: one that answers faster shortens each sync by as much", device->name);
	}
}

void journal_device__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const char *number = NULL;
	double share = through(verdict, RESOURCE_FILE_SYSTEM, &number);
	(void)ledger;
	if (share < MOSTLY)
		offer__decide(offer, false, "only %s of the waiting was for an ext4 journal whose device is known", wording__percent(share).text);
	else
		offer__decide(offer, true, "%s of the waiting was for the journal of %s: on a faster device of its own (tune2fs -J device=…, unmounted; xfs: logdev) "
			      "commits no longer queue behind data", wording__percent(share).text, number);
}

void own_file_system__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct process_row *culprit = offer__living(ledger, verdict->culprits, verdict->culprit_count);
	const struct process_row *victim = offer__living(ledger, verdict->victims, verdict->victim_count);
	if (!culprit || !victim)
		return;
	if (culprit == victim)
		offer__decide(offer, false, "%s is held up by its own syncs", process_row__name(victim));
	else
		offer__decide(offer, true, "%s and %s share one journal: on file systems of their own neither waits for the other's commits",
			      process_row__name(culprit), process_row__name(victim));
}

static double vmstat(const struct recording *recording, const char *name)
{
	const struct kernel_counter_row *row = kernel_counter__find(recording, "vmstat", NULL, name);
	return row ? (double)row->after : 0;
}

// Moving the machine's limit helps only where it is the one that is reached.
void dirty_limits__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct recording *recording = ledger->recording;
	double limit = vmstat(recording, "nr_dirty_threshold"), dirty = vmstat(recording, "nr_dirty") + vmstat(recording, "nr_writeback");
	(void)verdict;
	if (limit <= 0)
		return;
	if (dirty < MOSTLY * limit) {
		offer__decide(offer, false, "the machine has %s of the dirty pages that it may have: the limit that was reached is that of a device or a cgroup",
			      wording__percent(dirty / limit).text);
		return;
	}
	offer__decide(offer, true, "dirty and written pages are at %s of the machine's limit: writing that begins earlier (a small dirty_background_bytes) spreads it, "
		      "a larger dirty_bytes takes longer bursts", wording__percent(dirty / limit).text);
	offer__set_command(offer, "sysctl vm.dirty_background_bytes=67108864");
}

void write_less__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct party *party = offer__living_party(ledger, verdict->culprits, verdict->culprit_count);
	if (!party)
		return;
	cleanup_free char *name = wording__party_brief(ledger->recording, party);
	offer__decide(offer, true, "%s dirties memory faster than it is written: a rate of its own (--bwlimit, io.max of its cgroup) keeps the others out of it", name);
}

void look_at_server__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct process_row *server = offer__living(ledger, verdict->culprits, verdict->culprit_count);
	if (server) {
		offer__decide(offer, true, "%s (pid %lld) answers for the file system: what it waits for itself is what its users wait for", process_row__name(server),
			      (long long)server->pid);
		offer__set_command(offer, "whystall -p %lld", (long long)server->pid);
	} else if (verdict->culprit_count) {
		offer__decide(offer, true, "the server is another machine: record there at the same time");
	}
}

void fewer_round_trips__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct process_row *victim = offer__living(ledger, verdict->victims, verdict->victim_count);
	if (victim)
		offer__decide(offer, true, "each request of %s is a round trip: larger reads and writes, caching mount options (actimeo, fsc, kernel_cache) and several "
			      "requests at a time (nconnect, max_background) need fewer or overlap them", process_row__name(victim));
}
