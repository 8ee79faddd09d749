// On-CPU samples: who runs on a CPU, where in the kernel and in its own code, and how many wait for that CPU at that moment.
//
// One cpu-clock event for each CPU runs on_sample from the timer's interrupt. Whether somebody waits is PSI's own state of the CPU, the
// same that the books' meter reads: so samples with waiters, times their period, estimate what the meter counts. The samples go out one
// by one through a ring buffer that is emptied once a second; where it is full, they lose their stacks only.
#include "bpf/kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/records.h"
#include "bpf/drift.h"
#include "bpf/operation.h"
#include "bpf/rows.h"
#include "bpf/sample_records.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

volatile unsigned int recording = 0;
unsigned long long stacks_lost = 0, samples_lost = 0; // by full rings and full tables

struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, BPF_F_MMAPABLE); __type(key, u32);
	__type(value, struct cpu_account); __uint(max_entries, 1); } cpu_accounts SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __type(key, u32);
	__type(value, struct sample_record); __uint(max_entries, 1); } sample_scratch SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, struct sample_key);
	__type(value, struct sample_sum); __uint(max_entries, SAMPLE_SUMS); } sample_sums SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 1 << 20); } samples SEC(".maps");

// struct bpf_perf_event_data, whose layout is fixed: the registers of the interrupted code come first.
#if defined(__TARGET_ARCH_x86)
struct sample_context { u64 before[16], address; };      // struct pt_regs: r15 … orig_ax, ip
#elif defined(__TARGET_ARCH_arm64)
struct sample_context { u64 before[32], address; };      // struct user_pt_regs: x0 … x30, sp, pc
#else
#error "where are the registers of the interrupted code?"
#endif

// Who waits for this CPU. The current task is not idle, so it is one of those that PSI counts as running.
static __always_inline void count_waiters(const struct cpu_account *account, struct sample_record *sample)
{
	u64 psi = account->rq + distance_psi;
	u32 running;

	if (!have_meter) {      // the event model stands in, as in account.h
		sample->waiters = account->waiters;
		sample->some = account->waiters || account->pending_since;
		return;
	}
	running = READ_AT(struct psi_group_cpu, psi, tasks[2]);
	sample->waiters = running > 1 ? running - 1 : 0;
	sample->some = READ_AT(struct psi_group_cpu, psi, state_mask) >> PSI_CPU_SOME & 1;
}

static __always_inline void sum_up(const struct sample_record *sample)
{
	struct sample_key key = { sample->tgid, sample->operation };
	struct sample_sum *sum = find_or_add(&sample_sums, &key);

	__sync_fetch_and_add(&stacks_lost, 1);
	if (!sum) {
		__sync_fetch_and_add(&samples_lost, 1);
		return;
	}
	__sync_fetch_and_add(&sum->samples, 1);
	__sync_fetch_and_add(&sum->waited, sample->some);
	__sync_fetch_and_add(&sum->waiters, sample->waiters);
}

// How many frames a helper's answer stands for, in bounds that the verifier can follow.
static __always_inline u32 frames_of(long bytes)
{
	u32 count = bytes > 0 ? (u32)bytes >> 3 : 0;

	return count < SAMPLE_FRAMES ? count : SAMPLE_FRAMES;
}

SEC("perf_event")
int on_sample(struct sample_context *ctx)
{
	u32 number = bpf_get_smp_processor_id(), zero = 0, kernel, user;
	struct task_struct *task = bpf_get_current_task_btf();
	struct cpu_account *account;
	struct sample_record *sample;
	u64 address = ctx->address;

	if (!recording || !task->pid)
		return 0;
	account = bpf_map_lookup_elem(&cpu_accounts, &number);
	sample = bpf_map_lookup_elem(&sample_scratch, &zero);
	if (!account || !sample || !account->on)
		return 0;
	sample->tgid = task->tgid;
	count_waiters(account, sample);
	kernel = frames_of(bpf_get_stack(ctx, sample->frames, SAMPLE_FRAMES * 8, 0));
	// No frames: it runs user code; or a guest of KVM, whose host's stack the kernel does not walk (perf_callchain_kernel, x86).
	if (!kernel && (s64)address < 0) {
		sample->frames[0] = address;
		kernel = 1;
	}
	sample->operation = account->softirq_began ? OPERATION_SOFTIRQ : kernel ? operation_here(task) : OPERATION_USER;
	user = UNTRUSTED(task)->mm ? frames_of(bpf_get_stack(ctx, &sample->frames[kernel], SAMPLE_FRAMES * 8, BPF_F_USER_STACK)) : 0;
	sample->kernel_frames = kernel;
	sample->user_frames = user;
	sample->cpu = number;
	sample->unused = 0;
	if (bpf_ringbuf_output(&samples, sample, sizeof(*sample) - sizeof(sample->frames) + 8 * (kernel + user), BPF_RB_NO_WAKEUP))
		sum_up(sample);
	return 0;
}
