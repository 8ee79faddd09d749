// What the probes of file systems and user space share.
#ifndef WHYSTALL_FILES_RECORDS_H
#define WHYSTALL_FILES_RECORDS_H

#define FILES_COMMITTERS 128    // journal threads within a commit at a time
#define FILES_JOURNALS 512
#define FILES_USERS 8192        // processes × file systems
#define FILES_SYNCING 4096      // threads within a sync at a time
#define FILES_NAME 24           // "254:16", "0:45-fuse"; longer names of a writeback device are cut

// A process and a file system, or a device for writeback (device 0, by name: network file systems have no block device).
struct files_key { unsigned int tgid, device; char name[FILES_NAME]; };
struct files_user {
	unsigned long long syncs, sync_ns, sync_max_ns; // ext4: from the beginning of its part of a sync to the end; btrfs: only how many
	unsigned long long handles, blocks;     // jbd2: changes of metadata, and the blocks that they put into the journal
	unsigned long long pauses, pause_jiffies, pause_max_jiffies; // by balance_dirty_pages
	unsigned long long dirtied_pages;       // since the last pause, summed up at the pauses
};
struct files_journal { unsigned long long commits, ns, max_ns; };
struct files_since { unsigned long long since; unsigned int device; };

#endif
