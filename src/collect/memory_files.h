// What the kernel's own files say of memory: counters and settings of the whole machine.
#ifndef WHYSTALL_COLLECT_MEMORY_FILES_H
#define WHYSTALL_COLLECT_MEMORY_FILES_H

#include "collect/counters.h"

// Notes /proc/vmstat (what concerns reclaim, refaults, swap, compaction), /proc/meminfo, the settings in /proc/sys/vm, the swap
// devices and the size of ZFS's cache. Call it at both ends of the window.
void memory_files__note(struct counters *counters);
// Parts of it, from a text: /proc/swaps and /proc/spl/kstat/zfs/arcstats.
void memory_files__note_swaps(struct counters *counters, const char *text);
void memory_files__note_arc(struct counters *counters, const char *text);
// Sets the meta keys thp_enabled and thp_defrag to the choice that is in force; absent where the kernel has no huge pages.
void memory_files__to_meta(struct recording *recording);
// The word in brackets: "always [madvise] never" gives "madvise"; NULL: there is none. Owned by the caller.
char *memory_files__chosen(const char *text);

#endif
