// What the kernel side and user space share. User space maps the arrays and reads them without system calls.
//
// Clock: all times are the run queue's clock (rq->clock), the time base of PSI and of sched_info, unless they say otherwise.
// Book A: CPU-some time ("pressure"); book B: waiting task time ("task").
#ifndef WHYSTALL_RECORDS_H
#define WHYSTALL_RECORDS_H

#include "bpf/futex_records.h"
#include "bpf/vocabulary.h"

#define TASK_SLOTS 32768         // open addressing by pid; a power of two
#define TASK_PROBES 16           // neighbours looked at before a task is counted as not stored
#define GROUP_DEPTH 8            // cgroup levels below the root that have an account of their own
#define BUCKET_ENTRIES 4
#define BUCKETS 256              // for each CPU; a power of two
#define IDLE_MARKS 64            // for each CPU and grain; a power of two
#define FINE_SHIFT 20            // grains of the idle history: 1 ms …
#define COARSE_SHIFT 24          // … and 17 ms
#define SHARE_MARKS 64           // for each CPU and grain; a power of two
#define SHARE_FINE 21            // grains of the share's history: 2 ms …
#define SHARE_COARSE 27          // … and 134 ms
#define PAIR_BUDGET_SHIFT 9      // the share of each CPU's time that booking pairs may take: 1/512
#define PAIR_BUDGET_MOST_NS 10000000 // what may be saved up of it
#define CPUS_SCANNED 256         // of these CPUs it is known whether a task may use them
#define PLACEMENT_CPUS 64        // CPUs looked at for idleness during one long wait
#define EVENT_SLICE_SHIFT 27     // long waits are listed up to a number in each slice of 134 ms, so that no moment takes all places
#define COMM_LENGTH 16
#define STACK_FRAMES 32
#define GROUP_OCCUPANTS 4

enum special { SPECIAL_IDLE, SPECIAL_STEAL, SPECIAL_HARDIRQ, SPECIAL_SOFTIRQ, SPECIALS };      // in the order of enum occupant, from OCCUPANT_IDLE on

// An occupant: a process and the class its task ran in. Bits 0-21 tgid, 22-27 static priority - 100, 28 realtime or deadline.
#define OCCUPANT_TGID(occupant) ((occupant) & 0x3fffff)
#define OCCUPANT_NICE(occupant) ((int)(((occupant) >> 22) & 0x3f) - 20)
#define OCCUPANT_REALTIME(occupant) (((occupant) >> 28) & 1)
// Occupants that are no task, for pairs and cgroup credits; the rest of the word is an enum occupant.
#define OCCUPANT_SPECIAL 0x80000000u
#define OCCUPANT_OF_SPECIAL(special) (OCCUPANT_SPECIAL | ((special) + OCCUPANT_IDLE))

// Modes of the snapshot program; groups are handled in pieces, so that no CPU is held for long.
enum snapshot_mode { SNAPSHOT_BEGIN, SNAPSHOT_READ, SNAPSHOT_CLOSE, SNAPSHOT_TOUCH_GROUPS, SNAPSHOT_READ_GROUPS };
#define SNAPSHOT_GROUPS 32
struct snapshot_arguments { unsigned long long mode, first_group; };
enum walk_mode { WALK_SEED, WALK_MARK, WALK_SETTLE };
enum phase { PHASE_CALIBRATE, PHASE_RECORD, PHASE_STOPPED };

// The state of occupancy at one moment, so that what came after it can be told apart later.
struct mark {
	unsigned long long bucket;              // number of the CPU's current bucket
	unsigned long long entries[BUCKET_ENTRIES]; // its contents then
	unsigned long long partial;             // how long the occupant had been on the CPU, not in the bucket yet
	unsigned int occupant;
	unsigned int unused;
	unsigned long long special[SPECIALS];   // cpu_account.special_ns then
};

// Who occupied the CPU, in order of time: each bucket sums the occupancy of up to four occupants.
struct bucket {
	unsigned long long number;
	unsigned int count, unused;
	unsigned int occupant[BUCKET_ENTRIES];
	unsigned long long ns[BUCKET_ENTRIES];
};

struct share_mark { unsigned long long time, share; };
struct idle_mark { unsigned long long grain, time, idle_ns, was_idle; };

// What the kernel says of a CPU at an event. Kept in the account, because the stack of the probes is small.
struct moment {
	unsigned long long clock;       // rq->clock
	unsigned long long now;         // the same, or PSI's own time stamp if that is later
	unsigned int meter;             // CPU-some counter, live state included
	unsigned int running;           // runnable tasks, the one on the CPU included
	unsigned int some;
	unsigned int iowait;            // event model only: tasks that fell asleep here for I/O
	unsigned int memory;            // memory-some counter without its live part
	unsigned int mask;              // PSI's states
};

// One CPU's PSI counters of memory or I/O, brought up to date when something happens to those who wait there. Unlike the rest of the
// account it may be written by other CPUs, which wake tasks that fell asleep here: every sum is changed atomically.
enum line_kind { LINE_IO, LINE_MEMORY, LINES };
struct line {
	unsigned int some, full;        // PSI's counters when they were last read, modulo 2^32
	unsigned int tasks;             // how many waited after that; memory: without the one on the CPU
	unsigned int times_seen;        // memory: the counter without its live part, as the last switch found it
	unsigned int running, unused;   // memory, of cgroups: the task on the CPU is one of theirs and came within such a section
	unsigned long long share[2];    // integral of growth / tasks: some, full
	unsigned long long grown_ns[2]; // growth
	unsigned long long victims_ns[2]; // of it, booked to tasks
};

struct cpu_account {
	struct moment moment;           // the event at hand
	unsigned long long taken[SPECIALS]; // what interrupts and the hypervisor took since the event before
	unsigned int on;                // 1: this CPU's account has begun
	unsigned int cpu;
	unsigned int began_late, unused; // 1: it came online within the window
	unsigned long long rq;          // address of its run queue
	unsigned long long first;       // when it began
	unsigned long long last;        // last event
	unsigned long long offset;      // smallest (CLOCK_MONOTONIC - rq->clock) seen
	unsigned long long percpu;      // what to add to a __percpu pointer for this CPU
	unsigned int meter;             // PSI's CPU-some counter at the last event, modulo 2^32
	unsigned int waiters;           // after the last event
	unsigned int throttled;         // of them, kept off by a quota
	unsigned int some;              // whether CPU some was running after the last event
	unsigned long long share;       // integral of meter growth / waiters
	unsigned int current_pid, current_occupant;
	unsigned int current_slot, current_group; // slot number + 1
	unsigned long long switched;    // when the current task came
	unsigned long long current_special; // special time since then
	unsigned long long current_hardirq, current_softirq; // parts of it
	// the stint that the event at hand ended or looked at, for the cgroups' accounts
	unsigned long long event;       // number of the event at hand
	unsigned long long stint_began, stint_ns;
	unsigned int stint_occupant;    // 0: idle
	unsigned int stint_special;     // 1: interrupts or steal fell into the interval just closed
	unsigned long long bucket;      // number of the current bucket
	unsigned long long special_ns[SPECIALS]; // occupancy that was no task
	unsigned long long steal_seen, hardirq_ns, softirq_ns, hardirq_seen, softirq_seen;
	unsigned long long hardirq_began, softirq_began;
	unsigned long long walk_partial; // of the walk through occupancy at hand
	unsigned long long walk_mask[CPUS_SCANNED / 64]; // affinity mask of the victim at hand
	// sums
	unsigned long long meter_ns, victims_ns, victims_task_ns, culprits_ns;
	unsigned long long credit_ns[SPECIALS], credit_task_ns[SPECIALS];
	unsigned long long quota_ns, quota_task_ns, unknown_ns, unknown_task_ns;
	unsigned long long run_ns, switches, switches_kernel_first, switches_kernel_last;
	unsigned long long gaps, gap_ns, waiter_mismatches, unmarked_waits, unmarked_ns, first_event;
	// idleness
	unsigned long long idle_since, idle_total;
	struct idle_mark fine[IDLE_MARKS], coarse[IDLE_MARKS];
	struct share_mark shares_fine[SHARE_MARKS], shares_coarse[SHARE_MARKS]; // `share` at the first event of each grain
	long long pair_budget_ns;
	unsigned long long pair_budget_at, pairs_skipped, pairs_skipped_ns, pairs_booked_ns;
	unsigned int pending[4];        // slots + 1 of waiting tasks that were moved here, to be marked at the next event
	unsigned long long event_slice, event_budget, events_suppressed, ringbuf_lost, pairs_lost, slots_lost, groups_lost, walk_lost;
	unsigned long long wakeups, migrations;
	// The event model, where the kernel's counters can't be reached.
	unsigned long long nonidle_ns;  // time in which a task ran, waited or slept for I/O: PSI's weight of this CPU
	unsigned long long pending_since; // when a waiting task was moved here without an event of this CPU, 0: none
	unsigned int iowait, unused_end; // moment.iowait after the last event
	// Memory and I/O pressure, and sleeps (pressure.h, sleep.h).
	struct line lines[LINES];
	unsigned long long sleep_sampled; // when the last stack of somebody who fell asleep was taken
	unsigned long long sleep_slice, sleep_budget, sleep_events_suppressed, sleep_rows_lost, sleep_stacks_lost, sleep_sample_count;
	unsigned int completing;        // device whose I/O is being completed here, 0: none
	unsigned int completing_marks;  // in which interrupt: 1 hard, 2 soft (see completing.h)
	unsigned long long completing_stint; // cpu_account.switched then
};

struct group_account {
	unsigned long long psi;         // address of this CPU's psi_group_cpu
	unsigned int parent;            // group number, 0: none
	unsigned int throttled_waits;
	unsigned long long last;
	unsigned int meter, waiters, some;
	unsigned int marked_by;         // number of the cgroup whose `mark` was taken at the last touch: this one or one below it
	unsigned long long event;       // cpu_account.event at the last touch
	unsigned long long share;
	struct mark mark;
	unsigned long long meter_ns, victims_ns, culprits_ns;
	unsigned int occupant[GROUP_OCCUPANTS];
	unsigned long long credit_ns[GROUP_OCCUPANTS];
	struct line lines[LINES];
	unsigned int lines_on, unused;  // bit by kind: the line has begun
};
struct group { unsigned long long id, pcpu; unsigned int parent, level; };
struct credit_key { unsigned int group, occupant; };
struct pair_key { unsigned int victim, occupant; };
struct pair_value { unsigned long long ns, waits; };

// Why a task sleeps, as far as its system call and its state tell.
#define SYSCALLS_CLASSIFIED 512 // numbers from here on: BLOCKED_OTHER
struct blocked_sum { unsigned long long ns; unsigned int times, max_us; };

#define WAIT_UNKNOWN_START 1ULL  // wait_start of a task that was moved: its start is in sched_info
#define SLOT_THROTTLED 1u      // kept off by a quota when the wait began
#define SLOT_QUOTA 4u          // wait_throttled is set
#define SLOT_GUESS 8u          // its leaving was not seen: it may have been pushed off the CPU, or sleep
#define SLOT_MOVED 2u          // changed its cgroup while waiting: its cgroup shares are void
struct task_slot {
	unsigned int pid, tgid;         // pid 0: free
	unsigned int group, occupant;   // leaf group number; see OCCUPANT_*
	unsigned long long wait_start;  // 0: not waiting
	unsigned int wait_cpu;
	unsigned short flags, seen;     // seen: run_delay_seen was set by an event of the window
	// When its wait began by our own account. wait_start is the kernel's stamp (last_queued), by which the wait is known again: from
	// 6.12 on that stamp can be left over from an earlier wait.
	unsigned long long wait_seen;
	unsigned long long wait_share, wait_throttled;
	struct mark mark;
	unsigned long long group_share[GROUP_DEPTH];
	// sums
	unsigned long long run_ns, switches, wait_ns, waits, wait_max_ns, wait_pressure_ns, throttled_ns;
	unsigned long long run_hardirq_ns, run_softirq_ns; // parts of run_ns that interrupts took
	unsigned long long wait_special[SPECIALS];
	unsigned long long idle_allowed_ns, idle_outside_ns, open_wait_ns, credit_pressure_ns, credit_task_ns;
	unsigned long long run_delay_first, run_delay_last, run_delay_seen, preempted_at_wakeup;
	// a stint whose end was not seen was booked to this task; checked against its run time when it is seen again
	unsigned long long gap_ns, gap_credit_ns, gap_credit_task_ns, gap_exec_ns;
	unsigned long long blocked_since; // 0: not asleep
	unsigned int blocked_reason;
	unsigned int lock_waiting;      // 1: between contention_begin and contention_end of a lock that it may sleep for
	unsigned long long held_lock;   // address of a lock that others were seen to wait for while this task held it, or 0
	struct blocked_sum blocked[BLOCKED_REASONS];
	unsigned int futex, unused;     // enum futex_stage
	unsigned long long start_ns;    // CLOCK_BOOTTIME of the process' leader
	unsigned int parent_tgid, policy, nice20, rt_priority, allowed_cpus, kernel_thread;
	unsigned long long cgroup;      // kernfs id
	char comm[COMM_LENGTH], leader_comm[COMM_LENGTH];
};

// What a task that sleeps, or waits for memory or I/O, is about; beside task_slot, with the same number.
#define SLEEP_STACKS 8192
#define SLEEP_ROWS 8192
#define SLEEP_FRAMES 48
#define SLEEP_SAMPLE_GAP_NS 1000000    // between two stacks of sleepers on a CPU …
#define SLEEP_SAMPLES 4
#define SLEEP_SAMPLE_FIRST_NS 100000   // … or this, where nothing is known of such sleeps of the task yet
#define SLEEP_EVENT_NS 10000000        // sleeps from here on are listed one by one …
#define SLEEP_EVENTS_PER_SLICE 7       // … up to a number in each slice of 134 ms on each CPU
#define SLEEP_DUE_TIMES 64             // sums go from the slot to the table after so many sleeps
struct sleep_key {
	unsigned int tgid, operation, reason; // operation: OPERATION_*, reason: enum blocked_reason
	int stack, user_stack;          // negative: none
	unsigned int waker_kind, waker_tgid, device; // device: MINORBITS as dev_t of the kernel
};
struct sleep_sum { unsigned long long ns, times, max_ns, io[2], memory[2]; }; // [2]: some, full
struct sleep_slot {
	struct sleep_key key;           // of the sleeps that `due` sums up
	struct sleep_sum due;           // not in the table yet
	// The last stacks that were taken, one pair for each kind of reason (sleep_sample_of), with the reason and operation then.
	struct sleep_sample { unsigned int reason, operation; int stack, user_stack; } samples[SLEEP_SAMPLES];
	int stack, user_stack;          // that stand for the sleep at hand
	unsigned int operation;         // of the sleep at hand
	unsigned int waker_kind, waker_tgid, waker_pid, device; // of the wake-up at hand; WAKER_UNKNOWN: none seen
	unsigned int line_cpu[LINES];   // CPU + 1 where it waits by PSI's count, 0: it does not
	unsigned int in_memory;         // 1: it runs inside a memstall section
	unsigned long long line_share[LINES][2]; // line.share when it began
	unsigned int group_share[LINES][GROUP_DEPTH][2]; // the same of each cgroup's line, in units of 1024 ns
	unsigned long long pressure_ns[LINES][2]; // sums
	unsigned long long running_ns;  // part of pressure_ns[LINE_MEMORY][0] in which it was on the CPU
};

enum record_kind { RECORD_WAIT = 1, RECORD_EXIT, RECORD_EXEC, RECORD_ASLEEP, RECORD_SLEEP };
// A sleep of SLEEP_EVENT_NS or more.
struct sleep_record {
	unsigned int kind, frames;
	unsigned long long end, ns;
	unsigned int pid, tgid, reason, operation, waker_kind, waker_tgid, waker_pid, device;
	int user_stack;
	unsigned int unused;
	char comm[COMM_LENGTH];
	unsigned long long stack[STACK_FRAMES];
};
struct wait_record {
	unsigned int kind, cpu;
	unsigned long long end, wait_ns, throttled_ns, special[SPECIALS];
	unsigned int pid, tgid, occupant, frames;
	char comm[COMM_LENGTH];
	unsigned long long stack[STACK_FRAMES];
};
// A task that sleeps when the window ends. `whole`: an uninterruptible sleep for all of the window: nothing was heard of it, so its stack has to
// tell what it waits for.
struct asleep_record { unsigned int kind, pid, tgid, frames, whole, unused; unsigned long long stack[STACK_FRAMES]; };
struct exit_record {
	unsigned int kind, unused;
	struct task_slot slot;
	unsigned long long pressure_ns[LINES][2], running_ns; // of its sleep_slot
};
struct exec_record {
	unsigned int kind, tgid, parent_tgid, unused;
	unsigned long long start_ns;
	char comm[COMM_LENGTH], filename[128];
};

// ---- locks ----

// Flags of contention_begin (include/trace/events/lock.h, 5.19 … 7.2).
#define LCB_F_SPIN 1u
#define LCB_F_READ 2u
#define LCB_F_WRITE 4u
#define LCB_F_RT 8u
#define LCB_F_PERCPU 16u
#define LCB_F_MUTEX 32u
// How a lock is held: LCB_F_READ, LCB_F_WRITE, or by a task that was woken to take it and has not got a CPU yet.
#define LOCK_HANDED 0x100u

// What a task was doing: the number of its system call, or one of these.
#define OPERATION_COMPAT 0x10000u       // added to the number of a 32-bit system call

// Which lock: an mmap_lock by the process that it belongs to, others by where they are taken.
struct lock_class {
	unsigned int kind;              // enum lock_kind
	unsigned int tgid;              // LOCK_KIND_MMAP: whose address space, else 0
	int stack;                      // others: kernel stack of the first wait seen for this lock, negative: none
};

// The sleeping lock that a task waits for; beside task_slot, with the same number.
struct lock_wait {
	unsigned long long lock;        // address, 0: none
	unsigned long long began;       // CLOCK_MONOTONIC
	unsigned long long run_delay, exec, switches; // of the task then
	unsigned int flags, tgid;
	struct lock_class class;
	unsigned int unused;
};

// One lock that is or was waited for.
struct lock_state {
	unsigned long long last;        // CLOCK_MONOTONIC of the last event
	int waiters;
	unsigned int settled;           // 1: `class` is known
	struct lock_class class;
	unsigned int holder_tgid;       // 0: nobody, or unknown
	unsigned int holder_operation, holder_mode; // OPERATION_*; LCB_F_READ, LCB_F_WRITE or LOCK_HANDED
	int holder_stack, holder_user_stack; // sampled when it took the lock; negative: not sampled
	unsigned int unused;
	unsigned long long holder_task; // address of its task_struct
	unsigned long long task_ns, wall_ns; // booked to this holder since it was made out, not in lock_holds yet
};
struct lock_wait_key { struct lock_class class; unsigned int tgid, mode; };
struct lock_wait_sum { unsigned long long waits, ns, max_ns, sleep_ns, spin_ns, runqueue_ns; };
struct lock_hold_key { struct lock_class class; unsigned int tgid, operation, mode; };
struct lock_hold_sum { unsigned long long task_ns, wall_ns; };
struct lock_stack_key { struct lock_class class; unsigned int tgid, role; int stack, user_stack; };
struct lock_stack_sum { unsigned long long ns, samples; };

#define LOCK_FRAMES 48
#define LOCK_STACKS 8192
#define LOCK_STATES 8192
#define LOCK_ROWS 8192
#define SPIN_DEPTH 4             // contended spinlocks nested on a CPU: task, softirq, hardirq, NMI
#define SPIN_SAMPLE_NS 100000    // each stack of a spinning CPU stands for this much spinning, at least
#define LOCK_SAMPLE_NS 5000000   // each stack of a waiter stands for this much waiting, at least
#define LOCK_SAMPLE_GAP_NS 1000000 // and between two stacks on a CPU there is this much time

// One CPU's part of the locks' account.
struct lock_cpu {
	unsigned int spin_depth;
	unsigned int inside;            // our programs are at work on a map of locks: see inside_enter
	struct { unsigned long long lock, began; unsigned int flags, unused; } spins[SPIN_DEPTH];
	unsigned long long spin_due_ns, spin_due_waits, spin_due_max_ns; // spinning not booked yet
	unsigned long long wait_due_ns; // waiting that no stack stands for yet
	unsigned long long last_waiter_stack, last_owner_stack, last_spin_stack; // when the last one was taken
	unsigned long long begins, ends, states_lost, rows_lost, stacks_lost, unmatched_ends, spin_nested;
	unsigned long long states_made;
	unsigned long long reentries;    // contended spinlocks that may have been such a map's own
};

// ---- interrupts ----

#define SOFTIRQ_VECTORS 10      // HI … RCU, include/linux/interrupt.h
#define IRQ_NUMBERS 1024        // interrupts with a row of their own, by number; a power of two
// Interrupts without a number (x86): of the CPU's own timer, function calls from other CPUs, and work of an interrupt's context.
enum irq_vector { IRQ_VECTOR_TIMER, IRQ_VECTOR_CALL, IRQ_VECTOR_WORK, IRQ_VECTORS };
struct irq_sum { unsigned long long count, ns, max_ns; };

// A network device whose packets a CPU handled in soft interrupts.
#define IRQ_DEVICES 16          // for each CPU
struct irq_device {
	unsigned long long device;      // address of its net_device, 1: the backlog (packets of devices without queues of their own); 0: free
	char name[COMM_LENGTH];
	unsigned long long polls, ns, max_ns, packets; // as napi_poll tells
	unsigned long long received;    // packets, as far as sampled (IRQ_SAMPLE)
};
#define IRQ_SAMPLE 32           // one of so many packets, timers and copies is looked at; a power of two

// A function that other CPUs have called here.
#define IRQ_CALLS 16            // for each CPU
struct irq_call { unsigned long long function; struct irq_sum sum; };

// Who is behind interrupts: rows of `irq_parties`.
enum irq_role {
	IRQ_ROLE_SENT = 1,      // source: 0: packets given to a device without queues of its own (veth, lo), by the task that sent them
	IRQ_ROLE_RECEIVED,      // source: 0: packets copied to user space
	IRQ_ROLE_TIMER,         // source: function of a high-resolution timer that expired; tgid: whom it is for, 0 unknown
	IRQ_ROLE_WHEEL,         // source: function of a timer of the wheel (softirq TIMER)
	IRQ_ROLE_CALLER,        // source: function that this process had other CPUs run; operation: its system call
	IRQ_ROLE_CALLED,        // source: the same, by the process that was interrupted by it: ns
};
#define IRQ_FLUSHES 1ULL        // source of IRQ_ROLE_CALLER: flushes of other CPUs' TLBs; ns: until the last of these CPUs had answered
struct irq_party_key { unsigned long long source; unsigned int role, tgid, operation, unused; };
struct irq_party_sum { unsigned long long count, ns, max_ns; };
#define IRQ_PARTIES 4096

struct irq_cpu {
	struct irq_sum softirq[SOFTIRQ_VECTORS];
	unsigned long long ksoftirqd_ns[SOFTIRQ_VECTORS]; // part of it within ksoftirqd
	struct irq_sum vector[IRQ_VECTORS];
	struct irq_sum number[IRQ_NUMBERS], beyond;
	unsigned long long softirq_mark;        // when the piece of a soft interrupt began that no device answers for yet; 0: in none
	unsigned long long hardirq_mark;        // when the hard interrupt at hand began; 0: none
	unsigned int ksoftirqd_pid, unused;     // set by user space
	// by the programs of irq.bpf.c
	struct irq_device devices[IRQ_DEVICES];
	struct irq_call calls[IRQ_CALLS];
	unsigned long long devices_lost, calls_lost, parties_lost;
	unsigned int received, sent, copied, expired, wheel, unused_too; // for sampling
	unsigned long long call_began;          // a function called from another CPU runs since then, 0: none
	// what this CPU had others run: not in irq_parties yet
	struct irq_party_key caller;
	unsigned long long caller_count;
	// the last flush of others' TLBs that this CPU began: it waits until all of them have answered
	unsigned long long flush_began, flush_answered, flush_asked, flush_answers;
	unsigned int flush_tgid, flush_operation;
};

// What one CPU's PSI counters said at a moment, for folding; group 0 is the system.
struct fold_sample {
	unsigned long long now;
	unsigned int some, nonidle;     // counters, live state included, modulo 2^32
	unsigned int previous_some, previous_nonidle; // at the last fold of total=; not written where the event model stands in
	unsigned int previous_line[LINES][2]; // memory and I/O at the last fold: some, full
};

#endif
