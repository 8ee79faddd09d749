// On-CPU samples (bpf/sample.bpf.c): the subject that takes them. Between cpu_samples.c, which takes and keeps them, and
// cpu_sample_rows.c, which makes rows of them.
#ifndef WHYSTALL_COLLECT_CPU_SAMPLES_H
#define WHYSTALL_COLLECT_CPU_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/sample_records.h"
#include "collect/subject.h"

extern const struct subject cpu_samples_subject;

struct sample_bpf;
struct user_stacks;

// Samples of one process in one place.
struct cpu_sample {
	int64_t process;                // process_row.id; the probes know it by tgid, which may be used again
	uint32_t tgid, operation;
	uint32_t kernel_frames, user_frames;
	struct sample_sum sum;
	int user_stack;                 // of user_stacks, once the window has ended; negative: none
	bool merged;                    // not among the heaviest of its process: see cpu_samples__store
	uint64_t addresses[];           // the kernel's half first
};

// Samples of one process on one CPU.
struct sample_place { int64_t process; uint32_t cpu; uint64_t samples, waited; };

struct cpu_samples {
	struct sample_bpf *skeleton;
	struct bpf_link **links;        // one for each CPU, NULL where there is no event
	struct ring_buffer *ring;
	uint32_t cpus, cpus_on;         // possible ones; those with an event
	uint64_t period_ns;
	size_t ring_bytes;
	void *samples;                  // binary tree (tsearch) of struct cpu_sample
	size_t count, room_at;          // of them, and with how many of them the lighter ones lose their stacks
	void *places;                   // binary tree (tsearch) of struct sample_place
	size_t place_count;
	uint64_t places_lost;           // samples that found no place there
	uint64_t taken, folded;         // samples; those that lost a part of their stack to make room
	struct collector *collector;    // of the drain at hand
	bool ended;
};

// The rate for so many CPUs: a prime number of samples a second for each, so that no common timer is in step with it, and some 4,000 a
// second on all of them at most. Returns the time between two samples of a CPU.
uint64_t cpu_samples__period_ns(uint32_t cpus);
void cpu_samples__begin(struct cpu_samples *samples);
void cpu_samples__clear(struct cpu_samples *samples);
// Adds a sample, or several in one place, whose process is key->tgid; `addresses`: key->kernel_frames and key->user_frames of them. Needs samples->collector.
// With more than 16,384 places the lighter ones lose stacks (counter "cpu_samples_folded").
void cpu_samples__add(struct cpu_samples *samples, const struct cpu_sample *key, const unsigned long long *addresses);
// All samples, heaviest first within each process, processes in the order of their ids. `ret_list` is owned by the caller, its items are not.
size_t cpu_samples__sorted(const struct cpu_samples *samples, struct cpu_sample ***ret_list);
// Hands out what was taken so far, with the CPU time that it stands for.
void cpu_samples__each(const struct cpu_samples *samples, void (*handle)(void *context, const struct cpu_sample *sample, uint64_t ns), void *context);
// By process, then by CPU. `ret_list` is owned by the caller, its items are not.
size_t cpu_samples__places(const struct cpu_samples *samples, struct sample_place ***ret_list);
// As subject.h says of store; `state` is a struct cpu_samples.
void cpu_samples__store(const void *state, struct collector *collector, struct recording *recording, struct stack_table *stacks);

#endif
