// What the sampling probes and user space share.
#ifndef WHYSTALL_SAMPLE_RECORDS_H
#define WHYSTALL_SAMPLE_RECORDS_H

#define SAMPLE_FRAMES 64        // of each half of a stack, innermost first; deeper frames are left out
#define SAMPLE_SUMS 8192        // rows of samples whose stacks found no place

// A sample: who was on the CPU, doing what, while how many waited for it. As much of `frames` as is used is sent: the kernel's half first.
struct sample_record {
	unsigned int tgid, operation;   // OPERATION_*
	unsigned int waiters;           // tasks that waited for this CPU, those kept off by a quota included
	unsigned int some;              // PSI counted CPU some for this CPU
	unsigned int kernel_frames, user_frames;
	unsigned int cpu, unused;
	unsigned long long frames[2 * SAMPLE_FRAMES];
};

// Samples that did not fit into the ring buffer: they keep all but their stacks.
struct sample_key { unsigned int tgid, operation; };
struct sample_sum { unsigned long long samples, waited, waiters; };

#endif
