// Long system calls: how many, how long, of which size, by whom.
//
// A tracepoint on all system calls of the machine sends all of them through the kernel's slower path (SYSCALL_WORK_SYSCALL_TRACEPOINT, set for every
// task: kernel/tracepoint.c, syscall_regfunc). So it is attached only while samples and sleeps say that some program spends much of its time
// in one kind of call, and it looks at those programs and calls alone.
#include "bpf/kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/records.h"
#include "bpf/operation.h"
#include "bpf/syscalls_records.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define KVM_RUN 0xae80          // _IO(KVMIO, 0x80), include/uapi/linux/kvm.h

const volatile unsigned int ioctl_number = ~0u;
volatile unsigned int recording = 0;
struct syscall_watch watches[SYSCALL_WATCHES];
struct syscall_sum sums[SYSCALL_WATCHES];
unsigned long long opens_lost = 0, stacks_lost = 0;

struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, u32);
	__type(value, struct syscall_open); __uint(max_entries, SYSCALL_OPEN); } open_calls SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 1 << 18); } syscall_stacks SEC(".maps");

// The place of this process' watch, or -1; `number` < 0: of any of its calls.
static __always_inline s32 watch_of(u32 tgid, s64 number)
{
	for (u32 i = 0; i < SYSCALL_WATCHES; i++)
		if (watches[i].tgid == tgid && (number < 0 || watches[i].number == (u32)number))
			return (s32)i;
	return -1;
}

// The first four, of a 64-bit call.
static __always_inline u64 argument_of(struct pt_regs *regs, u32 number)
{
	if (!bpf_core_field_exists(regs->orig_ax))
		return ((struct pt_regs___arm64 *)regs)->regs[number & 3];
	return number == 0 ? regs->di : number == 1 ? regs->si : number == 2 ? regs->dx : regs->r10;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(on_enter, struct pt_regs *regs, long number)
{
	u64 id = bpf_get_current_pid_tgid();
	u32 pid = (u32)id, tgid = id >> 32;
	struct syscall_open open = { 0 };
	s32 watch;

	if (!recording || number < 0)
		return 0;
	watch = watch_of(tgid, number);
	if (watch < 0 || is_compat(bpf_get_current_task_btf()))
		return 0;
	// A virtual CPU is in one call as long as its guest runs or idles.
	if ((u32)number == ioctl_number && (u32)argument_of(regs, 1) == KVM_RUN)
		return 0;
	open.began = bpf_ktime_get_ns();
	open.watch = (u32)watch;
	open.tgid = tgid;
	for (u32 i = 0; i < SYSCALL_ARGUMENTS; i++)
		open.arguments[i] = argument_of(regs, i);
	if (bpf_map_update_elem(&open_calls, &pid, &open, BPF_ANY))
		__sync_fetch_and_add(&opens_lost, 1);
	return 0;
}

static __always_inline u32 bucket_of(u64 ns)
{
	u64 units = ns >> 10;
	u32 bucket = 0;

	for (; bucket < SYSCALL_BUCKETS - 1 && units >> bucket; bucket++)
		;
	return bucket;
}

static __always_inline void take_stack(void *ctx, const struct syscall_open *open, u64 ns)
{
	struct syscall_stack *stack = bpf_ringbuf_reserve(&syscall_stacks, sizeof(*stack), 0);

	if (!stack) {
		__sync_fetch_and_add(&stacks_lost, 1);
		return;
	}
	stack->watch = open->watch;
	stack->tgid = open->tgid;
	stack->ns = ns;
	stack->bytes = bpf_get_stack(ctx, stack->frames, sizeof(stack->frames), BPF_F_USER_STACK);
	bpf_ringbuf_submit(stack, BPF_RB_NO_WAKEUP);
}

static __always_inline void sum_up(struct syscall_sum *sum, const struct syscall_open *open, u32 bytes_from, u64 ns, s64 returned)
{
	u64 bytes = bytes_from < SYSCALL_ARGUMENTS ? open->arguments[bytes_from & 3] : bytes_from == SYSCALL_RETURNED ? (u64)returned : 0;

	__sync_fetch_and_add(&sum->calls, 1);
	__sync_fetch_and_add(&sum->ns, ns);
	__sync_fetch_and_add(&sum->latency[bucket_of(ns) & (SYSCALL_BUCKETS - 1)], 1);
	if (returned < 0 && returned >= -4095)
		__sync_fetch_and_add(&sum->failed, 1);
	else
		__sync_fetch_and_add(&sum->bytes, bytes);
	if (ns <= sum->max_ns)
		return;
	sum->max_ns = ns;
	for (u32 i = 0; i < SYSCALL_ARGUMENTS; i++)
		sum->longest[i] = open->arguments[i];
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_exit, struct pt_regs *regs, long returned)
{
	u64 id = bpf_get_current_pid_tgid(), ns;
	u32 pid = (u32)id;
	struct syscall_open *found, open;

	if (!recording || watch_of(id >> 32, -1) < 0)
		return 0;
	found = bpf_map_lookup_elem(&open_calls, &pid);
	if (!found)
		return 0;
	open = *found;
	bpf_map_delete_elem(&open_calls, &pid);
	ns = bpf_ktime_get_ns() - open.began;
	if (open.watch >= SYSCALL_WATCHES || watches[open.watch].tgid != open.tgid)
		return 0;
	sum_up(&sums[open.watch], &open, watches[open.watch].bytes_from, ns, returned);
	if (ns >= SYSCALL_STACK_NS)
		take_stack(ctx, &open, ns);
	return 0;
}
