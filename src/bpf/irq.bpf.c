// Interrupts: what is behind them. Which network device the packets of soft interrupts belong to and who sends and receives them,
// whose timers expire, which functions CPUs have each other run (flushes of the TLB among them), and at whose request.
//
// A subject's object of its own; the times of handlers and vectors are the scheduler object's (irq.h); the map irq_cpus is shared with it.
#include "bpf/kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/records.h"
#include "bpf/irq_kernel.h"
#include "bpf/operation.h"
#include "bpf/rows.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

volatile unsigned int recording = 0;
// Addresses of kernel functions, 0: unknown.
const volatile unsigned long long flush_tlb_func = 0;
const volatile unsigned long long hrtimer_wakeup = 0, posix_timer_fn = 0, it_real_fn = 0, perf_swevent_hrtimer = 0;

struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, BPF_F_MMAPABLE); __type(key, u32);
	__type(value, struct irq_cpu); __uint(max_entries, 1); } irq_cpus SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, struct irq_party_key);
	__type(value, struct irq_party_sum); __uint(max_entries, IRQ_PARTIES); } irq_parties SEC(".maps");
// Which CPU's request a call_single_data carries, by its address: each CPU has one for each other CPU, which never move.
struct { __uint(type, BPF_MAP_TYPE_LRU_HASH); __type(key, u64);
	__type(value, u32); __uint(max_entries, 4096); } flush_requests SEC(".maps");

#define IRQ_WHO(role, tgid) ((u64)(role) << 32 | (u32)(tgid))

static __always_inline struct irq_cpu *irq_here(void)
{
	u32 cpu = bpf_get_smp_processor_id();

	return recording ? bpf_map_lookup_elem(&irq_cpus, &cpu) : 0;
}

// Adds to a row of irq_parties; `who`: IRQ_WHO(role, tgid). A program of its own, so that the verifier looks at it once.
__noinline int party_add(u64 source, u64 who, u32 operation, u64 count, u64 ns)
{
	struct irq_party_key key = { source, (u32)(who >> 32), (u32)who, operation, 0 };
	struct irq_party_sum *sum = find_or_add(&irq_parties, &key);

	if (!sum) {
		struct irq_cpu *irq = irq_here();

		if (irq)
			irq->parties_lost++;
		return 0;
	}
	__sync_fetch_and_add(&sum->count, count);
	__sync_fetch_and_add(&sum->ns, ns);
	if (ns > sum->max_ns)
		sum->max_ns = ns;
	return 0;
}

// ---- network ----

// The row of a device on this CPU; NULL: there are more than fit.
static __always_inline struct irq_device *device_row(struct irq_cpu *irq, u64 device, const char *name)
{
	for (u32 i = 0; i < IRQ_DEVICES; i++) {
		struct irq_device *row = &irq->devices[i];

		if (row->device == device)
			return row;
		if (row->device)
			continue;
		row->device = device;
		if (name)
			bpf_probe_read_kernel_str(row->name, sizeof(row->name), name);
		return row;
	}
	irq->devices_lost++;
	return 0;
}

// After each poll of a device in NET_RX. What went by since the last one (or since the vector began) is this device's.
SEC("tp_btf/napi_poll")
int BPF_PROG(on_napi_poll, struct napi_struct *napi, int work)
{
	struct irq_cpu *irq = irq_here();
	struct irq_device *row;
	struct net_device *device = napi->dev;

	if (!irq)
		return 0;
	row = device_row(irq, device ? (u64)device : 1, device ? device->name : 0);
	if (!row)
		return 0;
	row->polls++;
	row->packets += work > 0 ? work : 0;
	if (irq->softirq_mark) {        // else: a kernel thread polls it (threaded NAPI), or a task that waits for packets
		u64 now = bpf_ktime_get_ns(), ns = now - irq->softirq_mark;

		irq->softirq_mark = now;
		row->ns += ns;
		if (ns > row->max_ns)
			row->max_ns = ns;
	}
	return 0;
}

// A packet has arrived at its device: one of 32 tells whose packets the backlog holds.
SEC("tp_btf/netif_receive_skb")
int BPF_PROG(on_receive, struct sk_buff *skb)
{
	struct irq_cpu *irq = irq_here();
	struct net_device *device;
	struct irq_device *row;

	if (!irq || ++irq->received & (IRQ_SAMPLE - 1))
		return 0;
	device = skb->dev;
	row = device ? device_row(irq, (u64)device, device->name) : 0;
	if (row)
		row->received += IRQ_SAMPLE;
	return 0;
}

// A packet joins the backlog, mostly by the task that sends it, before any soft interrupt has begun.
SEC("tp_btf/netif_rx")
int BPF_PROG(on_netif_rx, struct sk_buff *skb)
{
	struct irq_cpu *irq = irq_here();
	struct task_struct *task;

	if (!irq || irq->softirq_mark || irq->hardirq_mark || ++irq->sent & (IRQ_SAMPLE - 1))
		return 0;
	task = bpf_get_current_task_btf();
	return party_add(0, IRQ_WHO(IRQ_ROLE_SENT, task->tgid), 0, IRQ_SAMPLE, 0);
}

// A task copies what it has received. Packets of Unix sockets have no protocol.
SEC("tp_btf/skb_copy_datagram_iovec")
int BPF_PROG(on_copy, const struct sk_buff *skb)
{
	struct irq_cpu *irq = irq_here();
	struct task_struct *task;

	if (!irq || ++irq->copied & (IRQ_SAMPLE - 1) || !skb->protocol)
		return 0;
	task = bpf_get_current_task_btf();
	return party_add(0, IRQ_WHO(IRQ_ROLE_RECEIVED, task->tgid), 0, IRQ_SAMPLE, 0);
}

// ---- timers ----

// Whom a high-resolution timer is for; 0: its function does not tell.
static __always_inline u32 timer_tgid(struct hrtimer *timer, u64 function)
{
	u64 at = (u64)timer;

	if (function == hrtimer_wakeup) {
		struct task_struct *task = BPF_CORE_READ((struct hrtimer_sleeper *)at, task);

		return task ? BPF_CORE_READ(task, tgid) : 0;
	}
	if (function == perf_swevent_hrtimer && bpf_core_field_exists(struct perf_event, owner)) {
		struct perf_event *event = (struct perf_event *)(at - bpf_core_field_offset(struct perf_event, hw.hrtimer));
		struct task_struct *task = BPF_CORE_READ(event, owner);

		return task ? BPF_CORE_READ(task, tgid) : 0;
	}
	if (function == posix_timer_fn && bpf_core_field_exists(struct k_itimer, it_pid)) {
		struct k_itimer *interval = (struct k_itimer *)(at - bpf_core_field_offset(struct k_itimer, it.real.timer));
		struct pid *pid = BPF_CORE_READ(interval, it_pid);

		return pid ? BPF_CORE_READ(pid, numbers[0].nr) : 0;
	}
	if (function == it_real_fn) {
		struct signal_struct *signal = (struct signal_struct *)(at - bpf_core_field_offset(struct signal_struct, real_timer));
		struct pid *pid = BPF_CORE_READ(signal, pids[1]);       // PIDTYPE_TGID

		return pid ? BPF_CORE_READ(pid, numbers[0].nr) : 0;
	}
	return 0;
}

SEC("tp_btf/hrtimer_expire_entry")
int BPF_PROG(on_hrtimer, struct hrtimer *timer)
{
	struct irq_cpu *irq = irq_here();
	u64 function;

	if (!irq || ++irq->expired & (IRQ_SAMPLE - 1))
		return 0;
	function = (u64)BPF_CORE_READ((struct hrtimer *)timer, function); // by a copy: a pointer to code is no number for the verifier
	return party_add(function, IRQ_WHO(IRQ_ROLE_TIMER, timer_tgid(timer, function)), 0, IRQ_SAMPLE, 0);
}

SEC("tp_btf/timer_expire_entry")
int BPF_PROG(on_wheel_timer, struct timer_list *timer)
{
	struct irq_cpu *irq = irq_here();

	if (!irq || ++irq->wheel & (IRQ_SAMPLE - 1))
		return 0;
	return party_add((u64)BPF_CORE_READ((struct timer_list *)timer, function), IRQ_WHO(IRQ_ROLE_WHEEL, 0), 0, IRQ_SAMPLE, 0);
}

// ---- functions that CPUs have each other run ----

static __always_inline void caller_flush(struct irq_cpu *irq)
{
	if (irq->caller_count)
		party_add(irq->caller.source, IRQ_WHO(IRQ_ROLE_CALLER, irq->caller.tgid), irq->caller.operation, irq->caller_count, 0);
	irq->caller_count = 0;
}

// Counts a call. Whoever calls, calls again: the row is written when somebody or something else has its turn.
static __always_inline void caller_add(struct irq_cpu *irq, u64 function, u32 tgid, u32 operation)
{
	if (irq->caller.source != function || irq->caller.tgid != tgid || irq->caller.operation != operation) {
		caller_flush(irq);
		irq->caller.source = function;
		irq->caller.tgid = tgid;
		irq->caller.operation = operation;
	}
	irq->caller_count++;
}

// The flush before this one is over, for its caller has gone on: books how long the slowest CPU took to answer.
static __always_inline void flush_close(struct irq_cpu *irq)
{
	u64 ns = irq->flush_answered > irq->flush_began ? irq->flush_answered - irq->flush_began : 0;

	if (ns && irq->flush_answers >= irq->flush_asked)
		party_add(IRQ_FLUSHES, IRQ_WHO(IRQ_ROLE_CALLER, irq->flush_tgid), irq->flush_operation, 1, ns);
	irq->flush_asked = irq->flush_answers = 0;
}

static __always_inline void flush_ask(struct irq_cpu *irq, struct task_struct *task, u32 operation, u64 request)
{
	u64 now = bpf_ktime_get_ns();
	u32 cpu = bpf_get_smp_processor_id();
	u32 *known;

	if (irq->flush_answers >= irq->flush_asked || now - irq->flush_began > 100000000) {
		flush_close(irq);
		irq->flush_began = now;
		irq->flush_tgid = task->tgid;
		irq->flush_operation = operation;
	}
	irq->flush_asked++;
	known = bpf_map_lookup_elem(&flush_requests, &request);
	if (!known || *known != cpu)
		bpf_map_update_elem(&flush_requests, &request, &cpu, BPF_ANY);
}

// Since 6.5 (commit 949fa3f11ced): a CPU is asked to run a function.
// (Not tp_btf: the verifier does not let a pointer to a function be read there.) Arguments: CPU, call site, function, request.
SEC("raw_tp/csd_queue_cpu")
int on_call_queue(struct bpf_raw_tracepoint_args *ctx)
{
	u64 function = ctx->args[2], request = ctx->args[3];
	struct irq_cpu *irq = irq_here();
	struct task_struct *task;
	u32 operation;

	if (!irq)
		return 0;
	task = bpf_get_current_task_btf();
	operation = operation_here(task);
	caller_add(irq, function, task->tgid, operation);
	if (function == flush_tlb_func)
		flush_ask(irq, task, operation, request);
	return 0;
}

// Arguments of both: function, request.
SEC("raw_tp/csd_function_entry")
int on_called(struct bpf_raw_tracepoint_args *ctx)
{
	struct irq_cpu *irq = irq_here();

	if (irq && ctx->args[1])     // without a request the CPU does its own part of a call
		irq->call_began = bpf_ktime_get_ns();
	return 0;
}

static __always_inline void flush_answer(u64 request, u64 now)
{
	u32 *cpu = bpf_map_lookup_elem(&flush_requests, &request);
	struct irq_cpu *caller = cpu ? bpf_map_lookup_elem(&irq_cpus, cpu) : 0;

	if (!caller)
		return;
	caller->flush_answered = now;
	__sync_fetch_and_add(&caller->flush_answers, 1);
}

SEC("raw_tp/csd_function_exit")
int on_call_done(struct bpf_raw_tracepoint_args *ctx)
{
	u64 function = ctx->args[0], request = ctx->args[1];
	struct irq_cpu *irq = irq_here();
	struct task_struct *task;
	u64 now, ns;

	if (!irq || !request || !irq->call_began)
		return 0;
	now = bpf_ktime_get_ns();
	ns = now - irq->call_began;
	irq->call_began = 0;
	for (u32 i = 0; i < IRQ_CALLS; i++) {
		struct irq_call *call = &irq->calls[i];

		if (call->function && call->function != function) {
			irq->calls_lost += i == IRQ_CALLS - 1;
			continue;
		}
		call->function = function;
		call->sum.count++;
		call->sum.ns += ns;
		if (ns > call->sum.max_ns)
			call->sum.max_ns = ns;
		break;
	}
	if (function != flush_tlb_func)
		return 0;
	flush_answer(request, now);
	task = bpf_get_current_task_btf();
	return party_add(function, IRQ_WHO(IRQ_ROLE_CALLED, task->tgid), 0, 1, ns);
}

// Before 6.5: who flushes others' TLBs. It comes with each switch of address spaces too, so it is attached there only.
SEC("tp_btf/tlb_flush")
int BPF_PROG(on_tlb_flush, int reason, unsigned long pages)
{
	struct irq_cpu *irq;
	struct task_struct *task;

	if (reason != TLB_REMOTE_SEND_IPI)
		return 0;
	irq = irq_here();
	if (!irq)
		return 0;
	task = bpf_get_current_task_btf();
	caller_add(irq, IRQ_FLUSHES, task->tgid, operation_here(task));
	return 0;
}

// Run by user space on each CPU at the end: rows that are still at hand.
SEC("raw_tp/whystall_irq_flush")
int irq_flush(void *ctx)
{
	struct irq_cpu *irq = irq_here();

	if (irq) {
		caller_flush(irq);
		flush_close(irq);
	}
	return 0;
}
