// Futexes: what the kernel side and user space share. Part of records.h.
#ifndef WHYSTALL_FUTEX_RECORDS_H
#define WHYSTALL_FUTEX_RECORDS_H

#define FUTEX_STATES 8192
#define FUTEX_ROWS 8192
#define FUTEX_SAMPLE_GAP_NS 10000000     // between two stacks of one side of a futex
#define FUTEX_SAMPLE_CPU_GAP_NS 1000000  // between two stacks on a CPU
#define FUTEX_SAMPLE_CPUS 64             // CPUs share a place beyond that
#define FUTEX_VALUES 4                   // values told apart: 0, 1, 2, the rest

// task_slot.futex
enum futex_stage { FUTEX_AWAKE, FUTEX_ASLEEP, FUTEX_WOKEN };

// The futex that a task sleeps on; beside task_slot, with the same number.
struct futex_wait {
	unsigned long long address;     // 0: it has never waited for one
	unsigned long long before;      // the one that it waited for before that, elsewhere (not in the same eight bytes)
	unsigned long long began, woken; // CLOCK_MONOTONIC
	unsigned int tgid, timed;
	int user_stack;                 // sampled when it fell asleep, negative: not
	unsigned int handed;            // 1: it was woken by a hand-over
};

// Which futex: by user address and the process that waits.
struct futex_key { unsigned long long address; unsigned int tgid, unused; };

// One futex that is or was waited for. Sums grow from the window's begin on.
struct futex_state {
	unsigned long long last;        // CLOCK_MONOTONIC of the last event
	int waiters;
	unsigned int operation;         // of the first wait, as the program gave it
	unsigned int value;             // the last value beyond FUTEX_VALUES that a waiter expected there
	unsigned int pid;               // the first thread that waited there
	unsigned long long others;      // waits of other threads
	unsigned long long pending_task_ns, pending_wall_ns; // waited for since the last hand-over
	unsigned long long waiter_due_ns, waker_due_ns; // waiting that no stack of that side stands for yet
	unsigned long long waiter_sampled, waker_sampled; // when the last stack was taken
	unsigned long long waits, ns, max_ns, wall_ns, runqueue_ns;
	unsigned long long handed_at;   // a hand-over whose woken thread has no CPU yet, 0: none
	unsigned long long handed_ns;   // waiting of others from a hand-over until the first that was woken had a CPU
	unsigned long long timed;       // waits with a timeout
	unsigned long long wakes;       // ended by a task that was in futex(2) on the same address: handed over
	unsigned long long mutual;      // of these: that task had waited here itself, as its last or last but one wait
	unsigned long long wakes_all;   // of these: it woke more than one
	unsigned long long values[FUTEX_VALUES]; // waits that expected 0, 1, 2, another value
	unsigned long long named, owned; // of the sampled waits that expected another value: all; those whose value is a thread of the process
};

struct futex_hold_key { struct futex_key futex; unsigned int tgid, pid; };
struct futex_hold_sum { unsigned long long task_ns, wall_ns, wakes, mutual; };
struct futex_stack_key { struct futex_key futex; unsigned int tgid, role; int user_stack; unsigned int unused; };
struct futex_stack_sum { unsigned long long ns, samples; };

#endif
