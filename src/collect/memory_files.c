#include "collect/memory_files.h"

#include <inttypes.h>
#include <string.h>

#include "base/base.h"

#define FILE_LIMIT (1u << 20)

static const char vmstat_names[] =
	"nr_free_pages nr_dirty nr_writeback allocstall_dma allocstall_dma32 allocstall_normal allocstall_movable "
	"pgscan_direct pgscan_kswapd pgscan_khugepaged pgscan_proactive pgsteal_direct pgsteal_kswapd pgsteal_khugepaged pgsteal_proactive "
	"pgscan_direct_throttle pgscan_anon pgscan_file pgsteal_anon pgsteal_file kswapd_low_wmark_hit_quickly kswapd_high_wmark_hit_quickly "
	"pageoutrun zone_reclaim_success zone_reclaim_failed "
	"workingset_refault_anon workingset_refault_file workingset_activate_anon workingset_activate_file workingset_restore_anon "
	"workingset_restore_file pswpin pswpout zswpin zswpout swap_ra pgmajfault pgfault pgpgin pgpgout oom_kill "
	"compact_stall compact_fail compact_success compact_daemon_wake compact_migrate_scanned compact_free_scanned "
	"thp_fault_alloc thp_fault_fallback thp_collapse_alloc thp_split_page numa_pages_migrated";

// Of /proc/meminfo, in KiB.
static const char meminfo_names[] =
	"MemTotal MemFree MemAvailable Buffers Cached SwapCached AnonPages Mapped Shmem Slab SReclaimable SUnreclaim SwapTotal SwapFree "
	"Dirty Writeback Mlocked Unevictable AnonHugePages PageTables KernelStack Percpu HugePages_Total Hugepagesize Zswap Zswapped";

static void note_file(struct counters *counters, const char *source, const char *path, const char *names)
{
	cleanup_free char *text = NULL;

	if (base__read_file(path, FILE_LIMIT, &text) > 0)
		counters__note_lines(counters, source, "", text, names);
}

static void note_settings(struct counters *counters)
{
	static const char *const names[] = { "watermark_scale_factor", "watermark_boost_factor", "min_free_kbytes", "swappiness",
		"zone_reclaim_mode", "vfs_cache_pressure", "page-cluster" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		cleanup_free char *path = base__format("/proc/sys/vm/%s", names[i]);
		int64_t value;

		if (!base__read_number(path, &value))
			counters__note(counters, "sysctl.vm", "", names[i], value);
	}
}

// "Filename Type Size Used Priority", sizes in KiB, blanks in names as \040 (swap_show, mm/swapfile.c).
void memory_files__note_swaps(struct counters *counters, const char *text)
{
	for (const char *line = strchr(text, '\n'); line && line[1]; line = strchr(line + 1, '\n')) {
		char name[256];
		int64_t size, used;

		if (sscanf(line + 1, "%255s %*s %" SCNd64 " %" SCNd64, name, &size, &used) != 3)
			continue;
		counters__note(counters, "swaps", name, "size_kib", size);
		counters__note(counters, "swaps", name, "used_kib", used);
	}
}

// Lines "name type value" of a kstat.
void memory_files__note_arc(struct counters *counters, const char *text)
{
	for (const char *line = text; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
		char name[64];
		int64_t value;

		if (sscanf(line, "%63s %*d %" SCNd64, name, &value) == 2 && (!strcmp(name, "size") || !strcmp(name, "c") || !strcmp(name, "c_max")))
			counters__note(counters, "arcstats", "", name, value);
	}
}

void memory_files__note(struct counters *counters)
{
	cleanup_free char *swaps = NULL, *arc = NULL;

	note_file(counters, "vmstat", "/proc/vmstat", vmstat_names);
	note_file(counters, "meminfo", "/proc/meminfo", meminfo_names);
	note_settings(counters);
	if (base__read_file("/proc/swaps", FILE_LIMIT, &swaps) > 0)
		memory_files__note_swaps(counters, swaps);
	if (base__read_file("/proc/spl/kstat/zfs/arcstats", FILE_LIMIT, &arc) > 0)
		memory_files__note_arc(counters, arc);
}

char *memory_files__chosen(const char *text)
{
	const char *open = strchr(text, '['), *end = open ? strchr(open, ']') : NULL;

	return end ? base__format("%.*s", (int)(end - open - 1), open + 1) : NULL;
}

void memory_files__to_meta(struct recording *recording)
{
	static const struct { const char *key, *path; } settings[] = {
		{ "thp_enabled", "/sys/kernel/mm/transparent_hugepage/enabled" },
		{ "thp_defrag", "/sys/kernel/mm/transparent_hugepage/defrag" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		cleanup_free char *text = NULL, *chosen = NULL;

		if (base__read_file(settings[i].path, 4096, &text) > 0)
			chosen = memory_files__chosen(text);
		if (chosen)
			recording__set_meta(recording, settings[i].key, "%s", chosen);
	}
}
