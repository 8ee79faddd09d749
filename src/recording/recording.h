// A recording: everything that one run of `record` learned, as rows of plain structs.
// The collector fills it, the SQLite file keeps it, the ledger reads it. docs/recording.md describes the tables.
//
// Units: all times are nanoseconds (`_ns`). Book A is "pressure" time (what PSI counts: wall time of one CPU during
// which at least one task waited, each moment shared equally among the waiters). Book B is "task" time (each waiter counts).
// Strings are owned by the recording; NULL means unknown.
#ifndef WHYSTALL_RECORDING_H
#define WHYSTALL_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recording/vocabulary.h"

#define RECORDING_SCHEMA_VERSION 1

struct meta_row { char *key, *value; };            // see recording__meta_* below for the keys

// Where something was lost, healed or cut: each counter says what it counts.
struct counter_row { char *name; int64_t value; char *meaning; };

struct process_row {
	int64_t id;             // key within this recording, from 1
	int64_t pid;            // thread group id in the initial pid namespace; 0 for folded groups
	int64_t start_ns;       // CLOCK_BOOTTIME at which the group leader started; 0 unknown
	int64_t parent_pid;
	char *name;             // the group leader's comm
	char *exe;              // path of the executable; NULL for kernel threads and where unknown
	char *command_line;     // arguments joined by spaces, cut at 512 bytes
	char *cgroup;           // path in the v2 hierarchy, "/" for the root
	char *cpu_cgroup;       // path in the hierarchy that has the cpu controller (v1 or v2)
	char *unit;             // systemd unit, or NULL
	char *container;        // "docker:<12 hex>", "podman:…", "lxc:<name>", "kubepods:<pod>/<12 hex>", or NULL
	char *vm_id, *vm_name;  // of a qemu/kvm process, or NULL
	char *runtime, *linkage, *allocator; // "unknown" until identified, see docs/identity.md
	int64_t kernel_thread;  // bool
	int64_t gone;           // bool: had ended when it was looked up; identified from its fork, exec and exit
	int64_t folded;         // processes that this row stands for: 1, or more for short-lived ones of one kind
	// What the executable tells, docs/identity.md; NULL where unknown or none.
	char *runtime_version;
	char *module, *module_version; // Go's main module
	char *loader;           // PT_INTERP
	char *libc;             // "glibc", "musl", "none"
	char *allocator_how;    // "libc", "linked in", "library", "preloaded", "runtime"
	char *build_id;         // hexadecimal
	char *package, *package_version;
	char *settings;         // environment variables that tune memory or runtime, "NAME=value" one a line; no others
	int64_t calls_mallopt;  // bool: imports mallopt, so its code may override malloc's settings
	int64_t exe_deleted;    // bool: the file was removed or replaced since it was started
	int64_t uid;            // effective user id after the window; -1 unknown
	int64_t exe_uid;        // user id of the executable file's owner; -1 unknown
	int64_t exe_trusted;    // bool: it runs as root, and the file at `exe` and all directories above it are root's, writable by root alone
	char *unit_manager;     // whose manager `unit` belongs to: "system", "user", "container"; NULL unknown or no unit
};

struct task_row {
	int64_t process;        // process_row.id
	int64_t tid;            // 0 for folded tasks
	char *name;             // comm
	int64_t policy;         // SCHED_*
	int64_t nice;
	int64_t rt_priority;    // 0 for non-realtime
	int64_t allowed_cpus;   // number of CPUs in its affinity mask
	int64_t run_ns, switches;
	int64_t wait_ns;        // runqueue wait (book B), throttled time included, open waits included
	int64_t waits;          // how many waits
	int64_t wait_max_ns;    // the longest one
	int64_t wait_pressure_ns; // its part of CPU some (book A, CPU seconds before folding)
	int64_t throttled_ns;   // part of wait_ns in which a CPU quota kept it off
	int64_t wait_idle_ns, wait_steal_ns, wait_hardirq_ns, wait_softirq_ns; // parts of wait_ns by occupant kind
	int64_t idle_allowed_ns; // part of wait_ns (waits >= 1 ms only) in which a CPU of its mask was idle: placement
	int64_t idle_outside_ns; // the same for a CPU outside its mask, while none inside was idle: affinity
	int64_t open_wait_ns;   // part of wait_ns that was still waiting at the end of the window
	int64_t credit_pressure_ns; // book A: CPU-some time during which this task occupied the CPU
	int64_t credit_task_ns; // book B: waiters' time during which this task occupied the CPU
	int64_t run_delay_ns;   // growth of the kernel's own sched_info.run_delay in the window; -1 unknown
	int64_t preempted_at_wakeup; // times it took the CPU right after its wake-up from a task that could have gone on
	int64_t folded;         // tasks that this row stands for: 1, or those that have ended; 0 unknown (older recordings)
	int64_t run_hardirq_ns, run_softirq_ns; // parts of run_ns that interrupts took; 0 in older recordings
};

// Who waited for whom: waits over the threshold, cut by what occupied the CPU meanwhile (book B).
struct pair_row {
	int64_t victim;         // process_row.id
	int64_t kind;           // enum occupant
	int64_t culprit;        // process_row.id for OCCUPANT_TASK, else 0
	int64_t wait_ns;        // victim's waiting time that this occupant filled
	int64_t waits;          // number of waits it took part in
	int64_t realtime_ns;    // part of wait_ns while the culprit ran in a realtime or deadline class
	int64_t heavier_ns;     // part of wait_ns while the culprit's load weight was over 4 times the victim's
};

// Cgroups: one row for each directory of a hierarchy that matters to a recorded process.
struct cgroup_row {
	int64_t id;             // kernfs id (inode number of the directory)
	int64_t hierarchy;      // 2 = v2, 1 = v1 cpu controller
	char *path;             // within its hierarchy, "/" for the root
	int64_t level;
	int64_t has_pressure;   // bool: has cpu.pressure
	int64_t quota_us, period_us; // cpu.max; quota -1: no limit or no controller
	int64_t weight;         // cpu.weight or cpu.shares; -1 unknown
	int64_t periods, throttled_periods, throttled_us; // growth of cpu.stat in the window; -1 unknown
	char *cpus;             // cpuset.cpus.effective, NULL unknown
};

// The kernel's own totals over the window.
struct pressure_row {
	int64_t cgroup;         // cgroup_row.id (v2), 0 = system
	char *resource, *kind;  // cpu|memory|io|irq, some|full
	int64_t kernel_ns;      // growth of total=
};

// The meter and the books per CPU; cgroup 0 = system. Only rows with some growth are kept.
struct book_row {
	int64_t cgroup, cpu;
	int64_t meter_ns;       // growth of the kernel's per-CPU CPU-some counter (or the event model)
	int64_t victims_ns;     // book A booked to named victims
	int64_t culprits_ns;    // book A booked to named occupants (tasks, interrupts, steal, quota, wake-up latency)
	int64_t victims_task_ns; // book B: waiting task time (system rows only, else 0)
};

// CPU-some time of a cgroup by who occupied the CPU meanwhile (book A, CPU seconds before folding).
struct cgroup_credit_row { int64_t cgroup, kind, process, pressure_ns; };

// One fold of total=, CPU by CPU: the kernel adds sum(some*weight)/sum(weight), weight = whole jiffies of nonidle.
struct fold_row {
	int64_t cgroup;         // 0 = system
	int64_t number;         // 0, 1, 2 … in the order of time
	int64_t cpu;
	int64_t some_ns, nonidle_ns;
	int64_t foreign;        // bool: somebody else's fold (the kernel's 2 s worker or another reader), seen afterwards
	int64_t io_some_ns, io_full_ns, memory_some_ns, memory_full_ns; // growth of these counters at the same fold
	int64_t since_ns;       // since the fold before, as far as it was seen; 0 in older recordings
};

// Many folds of one cgroup, summed up for one CPU: windows with more folds than a recording lists (see collect/folds.h). They stand beside the fold
// rows, which are the later ones. Of each counter: its growth; what of it reached the kernel's total, by the weights of each single fold; and what
// would have with differences of 32 bits, as the kernel takes them (less only where a fold came late).
struct fold_sum_row {
	int64_t cgroup;         // 0 = system
	int64_t cpu;
	int64_t folds, foreign_folds; // of the cgroup, summed up here, and of these somebody else's: the same in all of its rows
	int64_t longest_ns;     // longest time without a fold, of the cgroup, likewise
	int64_t nonidle_ns;
	int64_t some_ns, some_counted_ns, some_wrapped_ns;
	int64_t io_some_ns, io_some_counted_ns, io_some_wrapped_ns;
	int64_t io_full_ns, io_full_counted_ns, io_full_wrapped_ns;
	int64_t memory_some_ns, memory_some_counted_ns, memory_some_wrapped_ns;
	int64_t memory_full_ns, memory_full_counted_ns, memory_full_wrapped_ns;
};

struct cpu_row {
	int64_t cpu;
	int64_t run_ns, idle_ns, steal_ns, hardirq_ns, softirq_ns;
	int64_t credit_idle_ns, credit_steal_ns, credit_hardirq_ns, credit_softirq_ns, credit_quota_ns, credit_unknown_ns; // book A
	int64_t credit_idle_task_ns, credit_steal_task_ns, credit_hardirq_task_ns, credit_softirq_task_ns, credit_quota_task_ns,
		credit_unknown_task_ns; // book B
	int64_t switches;       // seen by the probe
	int64_t kernel_switches; // counted by the kernel (rq->nr_switches)
	int64_t gaps;           // places where events were missing
	int64_t gap_ns;         // time covered by them
};

// A wait over the event threshold, with the victim's kernel stack where one was taken.
struct event_row {
	int64_t time_ns;        // end of the wait, since the start of the window
	int64_t cpu, process, tid;
	char *name;             // the task's comm
	int64_t wait_ns, throttled_ns;
	int64_t kind, culprit;  // what occupied the CPU for the largest part: enum occupant, process_row.id
	int64_t stack;          // stack_row.id, 0 none
};
struct stack_row { int64_t id; char *frames; };     // one frame a line, innermost first: "symbol+0x12"

// Kernel locks that were waited for (contention_begin, contention_end). One row for each process' mmap_lock; other locks are one row for
// each place in the kernel where they are taken: kind, and the functions that lead there.
struct lock_row {
	int64_t id;             // from 1
	char *kind;             // enum lock_kind by its name: "mmap_lock", "vma_lock", "rwsem", "mutex", "spinlock", "rwlock", "percpu_rwsem", "rtmutex"
	int64_t process;        // mmap_lock, vma_lock: whose address space; else 0
	char *place;            // function that asked for the lock: "do_unlinkat"; NULL unknown
	int64_t stack;          // stack_row.id of the first wait seen there, 0 none
	int64_t wall_ns;        // time in which at least one task waited for it
};
// Who waited for a lock. wait_ns = sleep_ns + spin_ns + runqueue_ns.
struct lock_wait_row {
	int64_t lock, process;
	char *mode;             // "read", "write" (also for locks that know only one holder)
	int64_t waits, wait_ns, wait_max_ns;
	int64_t sleep_ns, spin_ns;
	int64_t runqueue_ns;    // already woken, but without a CPU: runqueue wait, in no other sum of lock waits
	int64_t open_wait_ns;   // part of wait_ns of waits that had not ended at the end of the window
};
// Who held a lock while others waited for it: the other side of the same account. Sum over the holders of a lock = its waiters' time.
struct lock_hold_row {
	int64_t lock, process;  // process 0: nobody or unknown, `operation` says which
	char *operation;        // system call ("munmap"), "page fault", "exit", "kernel thread"; of process 0: "handing over"
				// (it was free, the next one had not taken it up yet), "unknown"
	char *mode;             // "read", "write"; "handed over": woken to take it, but without a CPU yet
	int64_t task_ns;        // waiters' time, each waiter counts
	int64_t wall_ns;        // time in which somebody waited
};
// Stacks of waiters and holders; each stands for `ns` of waiting (book B).
struct lock_stack_row { int64_t lock, process; char *role; int64_t kernel_stack, user_stack, ns, samples; }; // "waiter", "owner"

// Blocked time of a process by what it waited for; the run queue's part is in task_row.wait_ns.
struct blocked_row {
	int64_t process;
	char *reason;           // "lock", "io", "timer", "work" (idle), "process", "futex", "memory", "other": docs/figures.md
	int64_t blocked_ns, times, max_ns;
	int64_t open_ns;        // part of blocked_ns of intervals that had not ended at the end of the window
};

// Blocked time (idle waiting left out) by process, system call, who ended it, and the stacks it was seen in.
struct sleep_row {
	int64_t process;
	char *operation;        // system call that it slept in, as in lock_hold_row
	char *reason;           // "io" (in_iowait), "other" (uninterruptible), "memory" (in a memstall section), "futex", "process"
	char *waker_kind;       // "task", "hardirq", "softirq", "block" (completion of block I/O), "" unknown
	int64_t waker;          // process_row.id for "task", else 0
	char *device;           // "254:0" for "block", else NULL
	int64_t kernel_stack, user_stack; // where it fell asleep: samples that stand for all of ns; 0 none
	int64_t ns, times, max_ns;
	int64_t open_ns;        // part of ns of sleeps that had not ended at the end of the window
	int64_t io_some_ns, io_full_ns, memory_some_ns, memory_full_ns; // its share of PSI's counters (book A, CPU seconds before folding)
};
// Single sleeps of 10 ms and more, for chains of wake-ups.
struct sleep_event_row {
	int64_t time_ns;        // when it ended, since the start of the window
	int64_t process, tid;
	char *name;             // the task's comm
	char *reason, *operation;
	int64_t ns;
	char *waker_kind;
	int64_t waker, waker_tid;
	char *device;
	int64_t kernel_stack, user_stack;
};
// Memory and I/O pressure by who waited (book A, CPU seconds before folding).
struct pressure_share_row {
	int64_t process;
	char *resource;         // "memory", "io"
	int64_t some_ns, full_ns;
	int64_t running_ns;     // part of some_ns in which the task itself was on the CPU (reclaim)
};
// The meter of memory and I/O pressure: like book_row.
struct resource_book_row { int64_t cgroup; char *resource, *kind; int64_t cpu, meter_ns, victims_ns; };
// The kernel's own counters at both ends of the window.
struct kernel_counter_row { char *source, *key, *name; int64_t before, after; };
// What the probes of a subject summed up, by whatever tells it apart.
struct activity_row { char *subject, *kind, *key; int64_t process, cpu, count, ns, max_ns, amount; };
// Block devices that were used: what they are. Numbers are "major:minor".
struct device_row {
	char *number, *name;
	char *kind;             // "nvme", "scsi", "virtio", "loop", "device mapper", "md", "zram", … ; "partition"
	char *model;            // NULL unknown
	char *disk;             // of a partition: the number of its disk, else NULL
	char *below;            // numbers of the devices that it stands on, separated by spaces; NULL none
	char *backing;          // of a loop device: its file; of a device-mapper device: its name
	int64_t rotational;     // bool; -1 unknown
	int64_t requests;       // bool: it has a queue of requests; else (dm, md, zram) it passes bios on or handles them at once
	char *scheduler;        // "none", "mq-deadline", …
	int64_t queue_requests; // nr_requests; -1 unknown
	char *cache;            // "write back", "write through"
};
// What a device did, by operation: "read", "write", "flush", "discard", "other". From the probes.
struct device_io_row {
	char *device, *operation;
	int64_t count, bytes;
	int64_t ns, max_ns;     // from the request's beginning to its end; ns / window = requests in flight on average
	int64_t device_count, device_ns; // of the requests of which it is known when the driver got them: from there to the end
	char *latency;          // "1024:12 2048:3": below so many units of 1024 ns (and not below half of it), and how many requests that were
};
// Who asked for the requests: from samples, each of which stands for several.
struct device_user_row {
	char *device;
	int64_t process;
	char *operation;
	int64_t count, bytes, ns, max_ns;
	int64_t samples;        // how many requests were looked at
	int64_t crowding_ns;    // time that others' requests spent while this one's were in flight, by its share of those, second by second
	int64_t alone, alone_ns; // of the requests that began while nothing was under way on the device: how many, and their time; 0 in older recordings
	int64_t alone_samples;
	int64_t known, beside;  // requests of which it is known how many were under way when they began, its own included; sum of these
};
// I/O limits of cgroups, and what the cgroups did on that device by the kernel's own count.
struct cgroup_io_row {
	char *cgroup;           // path in the hierarchy that has the io (v1: blkio) controller
	int64_t hierarchy;
	char *device;
	int64_t read_bps, write_bps, read_iops, write_iops; // limits; -1 none
	int64_t latency_us;     // io.latency target; -1 none
	int64_t cost;           // bool: io.cost is on for the device
	int64_t read_bytes, write_bytes, reads, writes; // growth in the window, descendants included; -1 unknown
	int64_t cost_wait_us, cost_delay_us; // growth of cost.wait and cost.indelay in io.stat; -1 unknown
	int64_t watched_ns, at_limit_ns; // time looked at second by second, and that in which it used 90 % of a limit or more
	int64_t requests, request_ns; // completed requests of it and its descendants, and their time from beginning to end, from the probes
};
// Single happenings: pauses of the machine, warnings of the kernel.
struct host_event_row { int64_t time_ns; char *kind; int64_t cpu, process, ns; char *text; };

// Futexes that somebody slept on, most waiting first; and one row for each process' remaining ones (address NULL). What a futex is - a
// lock, a queue, a timer - is not in the recording: ledger/futexes.h tells it from these rows.
struct futex_row {
	int64_t id;             // from 1
	int64_t process;        // who waits
	char *address;          // "0x7f…", in that process; NULL: several
	int64_t operation;      // as the program gave it: FUTEX_* with flags (include/uapi/linux/futex.h)
	int64_t value;          // the last value a waiter expected there that was neither 0 nor 1 nor 2
	int64_t waits, wait_ns, wait_max_ns;
	int64_t open_wait_ns;   // part of wait_ns of waits that had not ended at the end of the window
	int64_t runqueue_ns;    // woken from it, but without a CPU: not in wait_ns
	int64_t handed_ns;      // part of wait_ns: a waiter had been woken, and had no CPU yet
	int64_t wall_ns;        // time in which at least one thread slept on it
	int64_t timed;          // waits with a timeout
	int64_t others;         // waits of other threads than the first that was seen there; 0: it is one thread's own
	int64_t wakes;          // waits that a task ended which was in futex(2) on the same address
	int64_t mutual;         // of these: it had waited there itself, as its last or last but one futex
	int64_t wakes_all;      // of these: it woke more than one
	int64_t expected_zero, expected_one, expected_two, expected_other; // waits by the value that the waiter expected to find
	int64_t owner_sought;   // of expected_other those that were looked at for a thread's number in that value
	int64_t owner_found;    // and had one of the same process
	int64_t folded;         // futexes that this row stands for
};
// Who woke the waiters of a futex: of a lock, who had held it. process 0: waited for since the last hand-over, nobody known.
struct futex_hold_row {
	int64_t futex, process;
	int64_t tid;            // 0: several threads
	char *name;             // the thread's comm
	int64_t task_ns, wall_ns; // waiting since the hand-over before: each waiter counts; time in which somebody waited
	int64_t wakes, mutual;  // as in futex_row
};
// Sampled user stacks of both sides; each stands for `ns` of waiting. user_stack 0: not sampled.
struct futex_stack_row { int64_t futex, process; char *role; int64_t user_stack, ns, samples; }; // "waiter", "waker"

// What ran on the CPUs: samples of processes by what they did and where. The heaviest places of each process one by one, the rest merged.
struct cpu_sample_row {
	int64_t process;        // who had the CPU
	char *operation;        // system call as in lock_hold_row, "page fault" (or another exception or interrupt of user code), "softirq"
				// (a soft interrupt on top of whatever the process did), "" user code
	int64_t kernel_stack, user_stack; // stack_row.id; 0: none, or too many different ones
	int64_t samples;
	int64_t waited;         // of these: at least one task waited for that CPU, by PSI's count
	int64_t ns;             // CPU time that the samples stand for: samples × meta "sample.period_ns"
	int64_t pressure_ns;    // part of it with waiters (book A, CPU seconds before folding)
	int64_t waiters_ns;     // the waiters' time (book B)
};

// On which CPUs the samples of cpu_sample found a process, those that lost their stacks left out: what a CPU's pressure weighs in the total differs
// between CPUs (folding.h), and this tells how a process' part is spread over them.
struct process_cpu_row {
	int64_t process;        // process_row.id
	int64_t cpu;
	int64_t samples;
	int64_t waited;         // of these: at least one task waited for that CPU, by PSI's count
};

// Pressure by slices of the window, for the spread of each figure: who occupied the CPU (resource "cpu"), or who waited ("memory", "io"; kind 0), in
// each slice. Neighbouring slices of long windows are merged, so that there are at most some 120 of them.
struct slice_row {
	int64_t number;         // 0, 1, 2 … in the order of time; the rows of one slice have the same time_ns and ns
	int64_t time_ns;        // its end, since the start of the window
	int64_t ns;             // its length
	char *resource;         // "cpu", "memory", "io"
	int64_t kind;           // enum occupant
	int64_t process;        // process_row.id; 0: no process, or several that have little
	int64_t pressure_ns;    // book A, CPU seconds before folding
};

// System calls that a program spent much of its time in, as probes saw them while they were attached: see collect/long_calls.h.
struct syscall_row {
	int64_t process;
	char *operation;        // as in lock_hold_row
	int64_t watched_ns;     // for how long its calls were watched; all else is of that time
	int64_t calls, ns, max_ns; // calls that began and ended in it, from entry to return: runqueue waits within are in it
	int64_t open_calls, open_ns; // calls that had not ended at the end of the window
	int64_t failed;         // of calls: returned an error
	int64_t bytes;          // by the argument that is a size, or what it returned; -1: this call has neither
	char *latency;          // "1024:12 2048:3": below so many units of 1024 ns (and not below half of it), and how many calls that were
	char *arguments;        // the first four of the longest call, hexadecimal
};
// Who made those that took 0.5 ms and more; the four stacks with most of their time.
struct syscall_stack_row { int64_t process; char *operation; int64_t user_stack, ns, samples; };

// Time series: "cpu.some_total_us", "cpu.idle_ns" … by key ("system", a cgroup path, a CPU number).
struct sample_row { int64_t time_ns; char *series, *key; double value; };


#define RECORDING_TABLES(TABLE) \
	TABLE(meta) TABLE(counter) TABLE(process) TABLE(task) TABLE(pair) TABLE(cgroup) TABLE(pressure) TABLE(book) \
	TABLE(cgroup_credit) TABLE(fold) TABLE(cpu) TABLE(event) TABLE(stack) TABLE(sample) \
	TABLE(lock) TABLE(lock_wait) TABLE(lock_hold) TABLE(lock_stack) TABLE(blocked) \
	TABLE(sleep) TABLE(sleep_event) TABLE(pressure_share) TABLE(resource_book) TABLE(kernel_counter) TABLE(activity) TABLE(host_event) \
	TABLE(device) TABLE(device_io) TABLE(device_user) TABLE(cgroup_io) \
	TABLE(futex) TABLE(futex_hold) TABLE(futex_stack) TABLE(cpu_sample) TABLE(slice) \
	TABLE(syscall) TABLE(syscall_stack) TABLE(fold_sum) TABLE(process_cpu)

// All rows in memory, each table an array: `recording->tasks`-style access is through table_NAME and count_NAME.
#define RECORDING_MEMBER(name) struct name##_row *name; size_t name##_count, name##_capacity;
struct texts;
struct recording {
	RECORDING_TABLES(RECORDING_MEMBER)
	struct texts *texts;            // of a recording that was read: what the text columns point to, meta and counter left out; else NULL
	size_t processes_numbered;      // so many processes, from the first one, are numbered 1, 2, 3 … (recording__repair has looked)
};

// Appends a zeroed row and returns it; the pointer is valid until the next append to the same table.
#define RECORDING_DECLARE_ADD(name) struct name##_row *recording__add_##name(struct recording *recording);
RECORDING_TABLES(RECORDING_DECLARE_ADD)

struct recording *recording__new(void);
void recording__free(struct recording *recording);

// Meta keys, all present in a finished recording:
//  schema, tool_version, complete (0|1), start_time (RFC 3339 UTC with ns), window_ns, pressure_read_ns, requested_ns, ended_by (time|signal|command|kill),
//  kernel (uname -r), machine (arch), cpus (online), hz, boot_id, virtualization (none|kvm|qemu|vmware|microsoft|xen|…),
//  distribution, meter (psi_group_cpu|events), pair_threshold_ns, event_threshold_ns, scope_pid, scope_cgroup, command, command_lines (recorded|left out),
//  tool_cpu_ns, tool_start_cpu_ns, tool_end_cpu_ns, tool_class, tool_memory_kib, probe_ns, probe_runs, forks, execs, exits, context_switches (growth of /proc/stat),
//  first_event_ns (from the start of the process to the first event),
//  locks (1: lock waits were recorded; 0: this kernel has no contention_begin/contention_end tracepoints),
//  probe.SUBJECT ("on", or why the probes of this subject are off)
const char *recording__meta(const struct recording *recording, const char *key);             // NULL if absent
int64_t recording__meta_number(const struct recording *recording, const char *key, int64_t fallback);
void recording__set_meta(struct recording *recording, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int64_t recording__counter(const struct recording *recording, const char *name);              // 0 if absent
void recording__set_counter(struct recording *recording, const char *name, int64_t value, const char *meaning);
// Row by id, NULL if there is none. Linear for hand-made tables, binary where ids ascend.
const struct process_row *recording__process(const struct recording *recording, int64_t id);
// The frames of a stack by its id, one a line, innermost first; NULL if there is none.
const char *recording__frames(const struct recording *recording, int64_t stack);
const struct cgroup_row *recording__cgroup(const struct recording *recording, int64_t id);

// Makes rows fit to be believed, in place: text becomes UTF-8 without control characters, numbers that cannot be (negative
// times, absurd sizes, ids that point nowhere) become the nearest possible value or 0, rows with an id already seen are
// dropped, tasks are grouped by process. What was changed is counted in the counter "values_repaired". Sums that a recording cannot hold (of
// thousands of tasks over days) are cut: counter "sums_cut", and meta "sums_cut" names the columns. Idempotent.
// recording__read does it; call it before recording_file__save and before the ledger, so that a report made at once and
// one made from the file are the same byte for byte.
void recording__repair(struct recording *recording);

// ---- the file ----

// A file being written. Opening creates it with mode 0600 (never follows a symbolic link, refuses to overwrite what is
// neither empty nor a recording of ours) and stores meta `complete`=0 at once. Errors: negative errno, with a sentence in
// *ret_error (owned by the caller): what is wrong, where, what to do.
struct recording_file;
int recording_file__create(const char *path, struct recording_file **ret_file, char **ret_error);
// Replaces the contents with the rows given, all or nothing (a new file beside the old one, then rename): whoever kills us
// leaves the last state that was saved, and so does a full disk. Waits for the disk (fsync) only when meta `complete` is 1:
// before that a slow disk must not hold up the recording of what makes it slow. And then for 0.4 s at most.
int recording_file__save(struct recording_file *file, const struct recording *recording, char **ret_error);
// A recording that is larger than what recording__read takes loses rows, which the counter "rows_cut" counts: single happenings first. For tests: other
// limits than the reader's.
void recording_file__set_limits(struct recording_file *file, size_t rows_max, size_t bytes_max);
// Whether the disk had not confirmed the last save when that time was over: the recording is there, but not yet safe from a power failure.
bool recording_file__unconfirmed(const struct recording_file *file);
// Closing without a save takes the opening back: what stood at the path before stands there again (a run that cannot even
// begin destroys no older recording). A writer that is killed before its first save cannot do that: the next one for the same
// path does it first, and until then recording_file__former tells where the older recording is.
void recording_file__close(struct recording_file *file);
// The same for a signal handler that ends the program: takes the opening back (if nothing was saved yet), and frees nothing.
void recording_file__take_back(const struct recording_file *file);
// Where the recording is that stood at `path` before a writer began that was killed before its first save; NULL if none.
// Owned by the caller.
char *recording_file__former(const char *path);

// Reads a recording. Errors (negative errno + sentence): no such file, no permission, not a recording, of a newer schema,
// damaged. A file that holds absurd values (counts, ids that point nowhere, text that is not UTF-8) is refused or repaired,
// never trusted: it may come from somebody else's machine.
int recording__read(const char *path, struct recording **ret_recording, char **ret_error);
// The same in two steps. The first reads the file's bytes and nothing of what they say; the second opens no file, so that the process can have given up
// before it what it does not need (isolate/sandbox.h). It gives the bytes back, recording__unload does so without it.
struct recording_bytes { char *path; unsigned char *bytes; size_t length; };
int recording__load(const char *path, struct recording_bytes *ret, char **ret_error);
int recording__parse(struct recording_bytes *bytes, struct recording **ret_recording, char **ret_error);
void recording__unload(struct recording_bytes *bytes);

#endif
