// More memory in reserve, other limits, less that is wanted.
#include "remedies/manager.h"
#include "remedies/offer.h"

#include "ledger/memory.h"

#include <math.h>
#include <string.h>

// The cgroup whose limit is the heaviest culprit, from the recording's rows.
static const struct kernel_counter_row *limit_row(const struct ledger *ledger, const struct verdict *verdict, const char *name)
{
	static const char *const sources[] = { "memcg.v2", "memcg.v1" };
	const char *cgroup = verdict->culprit_count ? verdict->culprits[0].cgroup : NULL;
	const struct kernel_counter_row *row = NULL;
	for (size_t i = 0; cgroup && i < ARRAY_SIZE(sources) && !row; i++)
		row = kernel_counter__find(ledger->recording, sources[i], cgroup, name);
	return row;
}

static int64_t growth_of(const struct ledger *ledger, const struct verdict *verdict, const char *name)
{
	const struct kernel_counter_row *row = limit_row(ledger, verdict, name);
	return row ? row->after - row->before : 0;
}

static int64_t setting(const struct ledger *ledger, const char *name)
{
	return kernel_counter__after(ledger->recording, "sysctl.vm", "", name);
}

// MemAvailable in KiB, 0 where it was not recorded.
static int64_t available_kib(const struct ledger *ledger)
{
	int64_t kib = kernel_counter__after(ledger->recording, "meminfo", "", "MemAvailable");
	return kib > 0 ? kib : 0;
}

void memory_limit_raise__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	bool high = growth_of(ledger, verdict, "events_high") > growth_of(ledger, verdict, "events_max");
	const struct kernel_counter_row *limit = limit_row(ledger, verdict, high ? "high_bytes" : "limit_bytes");
	if (!limit || limit->after <= 0) {
		offer__decide(offer, false, "the limit could not be read");
		return;
	}
	bool v2 = !strcmp(limit->source, "memcg.v2");
	cleanup_free char *path = base__format("/sys/fs/cgroup%s%s/%s", v2 ? "" : "/memory", limit->key,
					       high ? "memory.high" : v2 ? "memory.max" : "memory.limit_in_bytes");
	if (available_kib(ledger) * 1024 < limit->after) {
		offer__decide(offer, false, "the machine has only %lld MiB to spare: with a higher limit the want of memory would be everybody's",
			      (long long)(available_kib(ledger) / 1024));
		return;
	}
	offer__decide(offer, true, "the machine has %lld MiB to spare; container managers and orchestrators set the limit from their own configuration: change it there "
		      "to make it last", (long long)(available_kib(ledger) / 1024));
	cleanup_manager struct manager manager = manager__of(limit->key);
	const struct manager_setting setting = { LIMIT_MEMORY, (double)(2 * limit->after), .hierarchy = v2 ? 2 : 1, .high = high };
	if (!manager__offer(&manager, &setting, offer))
		offer__set_command(offer, "echo %lld > %s", (long long)(2 * limit->after), path);
}

void memory_smaller_cache__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct party *parties = verdict->culprit_count && verdict->culprits[0].process ? verdict->culprits : verdict->victims;
	size_t count = parties == verdict->culprits ? verdict->culprit_count : verdict->victim_count;
	const struct process_row *row = offer__living(ledger, parties, count);
	if (!row)
		return;
	if (row->runtime && !strcmp(row->runtime, "go"))
		offer__decide(offer, true, "%s is a Go program: GOMEMLIMIT below the limit makes it collect in time instead of being squeezed", process_row__name(row));
	else if (row->runtime && !strcmp(row->runtime, "jvm"))
		offer__decide(offer, true, "%s runs on Java: -Xmx (or -XX:MaxRAMPercentage) below what it may have", process_row__name(row));
	else
		offer__decide(offer, true, "whatever %s may be told about its caches, buffers and workers decides how much it wants", process_row__name(row));
}

void memory_reserve__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	int64_t factor = setting(ledger, "watermark_scale_factor");
	(void)verdict;
	if (factor < 0)
		return;
	if (factor >= 300) {
		offer__decide(offer, false, "vm.watermark_scale_factor is %lld already: kswapd begins %.1f %% of memory before allocations must help", (long long)factor,
			      (double)factor / 100);
		return;
	}
	offer__decide(offer, true, "vm.watermark_scale_factor is %lld: kswapd begins when %.1f %% of memory is left above the reserve, and a burst overtakes it",
		      (long long)factor, (double)factor / 100);
	offer__set_command(offer, "sysctl -w vm.watermark_scale_factor=%lld", (long long)(factor < 100 ? 100 : 300));
}

// Whether the heaviest culprit is this part of the kernel.
static bool is_kernels(const struct verdict *verdict, enum kernel_part part)
{
	return verdict->culprit_count && verdict->culprits[0].kind == PARTY_KERNEL && verdict->culprits[0].part == part;
}

// Somebody who takes memory, in a cgroup of its own, can be kept from it.
void memory_cap__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct process_row *row = offer__living(ledger, verdict->culprits, verdict->culprit_count);
	if (is_kernels(verdict, KERNEL_PART_ARC)) {
		offer__decide(offer, true, "ZFS's cache grew while others waited for memory: it can be given a limit");
		offer__set_command(offer, "echo $((4 << 30)) > /sys/module/zfs/parameters/zfs_arc_max");
		return;
	}
	if (!row)
		return;
	cleanup_free char *unit = manager__host_unit(row);
	cleanup_manager struct manager manager = manager__of(row->cgroup);
	const char *cgroup = manager.root && !unit ? manager.root : row->cgroup;
	if (unit) {
		offer__decide(offer, true, "%s took the memory and has a unit of its own (%s)", process_row__name(row), unit);
		offer__set_command(offer, "systemctl set-property --runtime %s MemoryHigh=1G", unit);
	} else if (cgroup && strcmp(cgroup, "/")) {
		cleanup_free char *whose = manager__name(&manager);
		offer__decide(offer, true, "%s took the memory; memory.high slows down who is in cgroup %s%s%s%s instead of everybody", process_row__name(row), cgroup,
			      whose ? " (" : "", whose ? whose : "", whose ? ")" : "");
		offer__set_command(offer, "echo 1G > /sys/fs/cgroup%s/memory.high", cgroup);
	} else {
		offer__decide(offer, false, "%s has no cgroup of its own: start it in one (systemd-run --scope -p MemoryHigh=1G)", process_row__name(row));
	}
}

void memory_zram__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const struct recording *recording = ledger->recording;
	bool zram = false, swap = false;
	(void)verdict;
	for (const struct kernel_counter_row *row = NULL; (row = kernel_counter__next(recording, "swaps", row));) {
		swap = true;
		zram = zram || strstr(row->key, "zram");
	}
	if (kernel_counter__after(recording, "vmstat", "", "workingset_refault_file") < 0)
		return;
	bool anonymous = kernel_counter__growth(recording, "vmstat", "", "pswpin") > 0;
	if (zram)
		offer__decide(offer, false, "swap is in compressed memory already");
	else if (!anonymous && swap)
		offer__decide(offer, false, "what comes back are pages of files, not of swap");
	else
		offer__decide(offer, true, "%s: compressed in memory, a page comes back in microseconds instead of a disk's milliseconds",
			      swap ? "swap is on a disk" : "there is no swap, so that only pages of files can be dropped");
	if (offer->applicable)
		offer__set_command(offer, "modprobe zram && zramctl -f -s 4G /dev/zram0 && mkswap /dev/zram0 && swapon -p 100 /dev/zram0");
}

void thp_defrag__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	const char *defrag = recording__meta(ledger->recording, "thp_defrag");
	bool huge = is_kernels(verdict, KERNEL_PART_HUGE_PAGES);
	if (!defrag || !huge)
		return;
	if (!strcmp(defrag, "defer") || !strcmp(defrag, "never")) {
		offer__decide(offer, false, "defrag is %s already", defrag);
		return;
	}
	offer__decide(offer, true, "defrag is %s: page faults %s wait for compaction; with defer they take small pages at once, and huge ones are made in "
		      "the background", defrag, strcmp(defrag, "always") ? "of memory that asks for huge pages (madvise)" : "of all memory");
	// Who asks by madvise still waits with defer+madvise.
	offer__set_command(offer, "echo %s > /sys/kernel/mm/transparent_hugepage/defrag", strcmp(defrag, "always") ? "defer" : "defer+madvise");
}

void memory_free_reserve__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	int64_t kib = setting(ledger, "min_free_kbytes"), total = kernel_counter__after(ledger->recording, "meminfo", "", "MemTotal");
	(void)verdict;
	if (kib < 0 || total <= 0)
		return;
	if (kib * 50 > total) {
		offer__decide(offer, false, "vm.min_free_kbytes keeps %lld MiB free already", (long long)(kib / 1024));
		return;
	}
	offer__decide(offer, true, "vm.min_free_kbytes keeps %lld of %lld MiB free: more leaves larger pieces", (long long)(kib / 1024), (long long)(total / 1024));
	offer__set_command(offer, "sysctl -w vm.min_free_kbytes=%lld", (long long)(2 * kib));
}
