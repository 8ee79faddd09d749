// What block.bpf.c and user space share. Times are CLOCK_MONOTONIC, as those of the kernel's requests.
#ifndef WHYSTALL_BPF_BLOCK_RECORDS_H
#define WHYSTALL_BPF_BLOCK_RECORDS_H

#define BLOCK_PROBES 4                  // neighbours looked at before a device or cgroup is counted as not stored
#define BLOCK_CGROUPS 64                // rows of cgroups for each CPU; a power of two
#define BLOCK_SUBMITS 4096              // requests whose submitter is remembered at a time; a power of two
#define BLOCK_USERS 8192
#define BLOCK_FLIGHTS 64                // places for each CPU in which requests under way are counted; a power of two
#define BLOCK_FLIGHT_CPUS 64            // with more CPUs they are not counted: each sample would have to look at all of them
#define BLOCK_BUCKETS 24                // of latency: under 1.024 µs, 2.048 µs … 4.3 s, and above
#define BLOCK_SLICE_NS 64000000ULL      // in each slice of this length, on each CPU, the probes look closely at about so many requests …
#define BLOCK_SUBMITTERS 64             // … for who submits them
#define BLOCK_REQUESTS 1024             // … of one operation of one device, for how long they took
#define BLOCK_LONG_NS 4000000ULL        // and at all that took a tick longer than this

enum block_operation { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD, BLOCK_OTHER, BLOCK_OPERATIONS };

// Which of many events are looked at closely: about so many in each slice, with random distances. Each stands for those since the one before.
struct block_pace {
	unsigned long long events;              // all that there were
	unsigned long long sampled_at, next_at; // value of `events` at the last sample, and at the next
	unsigned long long slice_at;            // and when the slice began
	unsigned long long slice;               // when that was, to a tick
	unsigned int period, slice_samples, random, unused;
};

// Requests of one kind that one CPU completed. Sums of samples: each request that was looked at counts for several, but for the long ones,
// which are all looked at.
struct block_sum {
	struct block_pace pace;
	unsigned long long count, bytes;
	unsigned long long ns, max_ns;          // from the request's beginning to its end
	unsigned long long device_count, device_ns; // of the requests of which the kernel kept when the driver got them: from there to the end
	unsigned int latency[BLOCK_BUCKETS];
};

// One device on one CPU. No lock: each CPU writes its own rows.
struct block_row {
	unsigned int device, used;              // major << 20 | minor of the whole disk
	struct block_sum operations[BLOCK_OPERATIONS];
};

// The same of a cgroup (of the hierarchy that has the io controller), all devices apart.
struct block_cgroup {
	unsigned long long cgroup;              // kernfs id; 0: free
	unsigned int device, unused;
	unsigned long long count, bytes, ns;
};

struct block_cpu {
	unsigned long long devices_lost, cgroups_lost, users_lost; // completions that found no row
	struct block_pace submits;              // requests begun on this CPU
	unsigned long long tick, now;           // the coarse clock: its tick, and the time at which it was first asked for
	unsigned long long samples, samples_found; // submitters noted; and met again at the completion
};

// Who submitted the request that begins at this sector. `place`: the sector + 1; 0: free.
// `beside`: how many requests were under way at that moment, + 1; 0: not known.
struct block_submit { unsigned long long place; unsigned int device, tgid, weight, beside; };

// Requests of a device that were begun and ended on one CPU; the sum over all CPUs is what is under way. Devices that share a place count as one: where
// nothing is under way, nothing is for either.
struct block_flight { unsigned int begun, ended; };

struct block_user_key { unsigned int tgid, device, operation; };
// All but max_ns and the samples weighted: each sample stands for several.
struct block_user {
	unsigned long long count, bytes, ns, max_ns, samples;
	unsigned long long alone, alone_ns, alone_samples; // of the requests that began while nothing was under way
	unsigned long long known, beside;       // requests of which it is known what was under way when they began; sum of that
};

#endif
