// What the kernel's files say of block devices: their counters, and what they are.
#ifndef WHYSTALL_COLLECT_DISK_FACTS_H
#define WHYSTALL_COLLECT_DISK_FACTS_H

#include "collect/counters.h"
#include "recording/recording.h"

// A line of /proc/diskstats (Documentation/admin-guide/iostats.rst). Times in ms; the last six fields came with 4.18 and 5.5: 0 before.
struct disk_stat {
	unsigned int major, minor;
	char name[64];
	int64_t reads, reads_merged, read_sectors, read_ms, writes, writes_merged, write_sectors, write_ms, in_flight, busy_ms, queue_ms;
	int64_t discards, discards_merged, discard_sectors, discard_ms, flushes, flush_ms;
};
// Parses the line at *text and moves on to the next. False: no more lines. Lines that are none of it are passed over.
bool disk_stat__parse(const char **text, struct disk_stat *ret);

// Notes the counters of all devices that ever did something, as source "diskstats", key: the device's name. `first`: at the beginning of the
// window; a device that is met later only was not used before.
void disk_facts__note(struct counters *counters, bool first);
// Adds a row for each device that did something within the window (by `counters`), and for those below or around it.
void disk_facts__store(const struct counters *counters, struct recording *recording);

// Whether one of the devices in `directory` ("/sys/block") completes bios of its own later than it gets them: a mapped or striped one (dm, md,
// bcache, a multipath head), which has no request queue and thus no directory "mq" (blk_mq_sysfs_register, 5.15 to 7.2). A disk in memory has
// none either, but is done with a bio before the submitter goes on: nobody waits for it.
bool disk_facts__any_stacked(const char *directory);

#endif
