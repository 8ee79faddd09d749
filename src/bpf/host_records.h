// What the probes of the subject "host" and user space share. Clock: CLOCK_MONOTONIC (bpf_ktime_get_ns).
#ifndef WHYSTALL_HOST_RECORDS_H
#define WHYSTALL_HOST_RECORDS_H

#define HOST_BEAT_NS 20000000ULL // a timer on each CPU beats so often …
#define HOST_GAP_NS 40000000ULL // … and this long without a beat is written down
#define HOST_GAPS 32            // the last ones are kept for each CPU, until user space takes them; a power of two
#define HOST_NOTICES 32         // likewise for all CPUs; a power of two

// No beat from start to end. `steal_ns`: what the hypervisor says it took from this CPU meanwhile.
struct host_gap { unsigned long long start_ns, end_ns, steal_ns; };

// A row for each CPU, written by that CPU alone.
struct host_cpu {
	unsigned long long beats, last_ns, last_steal_ns;
	unsigned long long gap_count;           // ever; gap number n stands in gaps[n % HOST_GAPS]
	unsigned long long stopped_ns;          // when the hypervisor's mark "this guest was stopped" was first seen; 0 not now
	unsigned long long stopped_count;       // how often it appeared
	struct host_gap gaps[HOST_GAPS];
};

enum host_notice_kind { HOST_NOTICE_RCU_STALL = 1, HOST_NOTICE_HUNG_TASK };
#define HOST_WORDS 24
// A complaint of the kernel, by its tracepoint.
struct host_notice {
	unsigned long long time_ns;
	unsigned int kind, cpu, pid, tgid;
	char words[HOST_WORDS];                 // hung task: its name; RCU: what kind of stall ("SelfDetected" …)
	unsigned int ready, unused;             // 1 + its number, once it is whole
};

#endif
