// Interrupts: how long handlers and soft interrupts held each CPU, in all (the scheduler's account takes the time from here) and by source.
//
// Handlers nest: a soft interrupt does not count the hard interrupts that fall into it. Interrupts of the timer and of other
// CPUs have vectors of their own (x86); elsewhere they come as numbered ones.
#ifndef WHYSTALL_BPF_IRQ_H
#define WHYSTALL_BPF_IRQ_H

static __always_inline struct irq_cpu *irq_cpu_at(u32 cpu)
{
	return bpf_map_lookup_elem(&irq_cpus, &cpu);
}

static __always_inline void irq_sum_add(struct irq_sum *sum, u64 ns)
{
	sum->count++;
	sum->ns += ns;
	if (ns > sum->max_ns)
		sum->max_ns = ns;
}

static __always_inline int hardirq_begin(void)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct cpu_account *account = find_cpu(cpu);
	struct irq_cpu *irq = irq_cpu_at(cpu);

	if (account && irq && account->on)
		account->hardirq_began = irq->hardirq_mark = bpf_ktime_get_ns();
	return 0;
}

// Ends the handler that runs on this CPU: its length in *ret_ns; false: its beginning was not seen.
static __always_inline bool hardirq_end(struct irq_cpu *irq, struct cpu_account *account, u64 *ret_ns)
{
	u64 ns;

	if (!account->hardirq_began)
		return false;
	ns = bpf_ktime_get_ns() - account->hardirq_began;
	account->hardirq_ns += ns;
	account->hardirq_began = irq->hardirq_mark = 0;
	account->completing = 0;
	if (account->softirq_began) {
		account->softirq_began += ns;
		irq->softirq_mark += ns;
	}
	*ret_ns = ns;
	return true;
}

SEC("tp_btf/irq_handler_entry")
int BPF_PROG(on_hardirq_entry)
{
	return hardirq_begin();
}

// Each handler of a shared line is called once for an interrupt, so the interrupt is counted with the last of them.
SEC("tp_btf/irq_handler_exit")
int BPF_PROG(on_hardirq_exit, int number, struct irqaction *action)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct cpu_account *account = find_cpu(cpu);
	struct irq_cpu *irq = irq_cpu_at(cpu);
	struct irq_sum *sum;
	u64 ns;

	if (!account || !irq || !hardirq_end(irq, account, &ns))
		return 0;
	sum = (u32)number < IRQ_NUMBERS ? &irq->number[(u32)number & (IRQ_NUMBERS - 1)] : &irq->beyond;
	irq_sum_add(sum, ns);
	if (UNTRUSTED(action)->next)
		sum->count--;
	return 0;
}

static __always_inline int vector_end(u32 vector)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct cpu_account *account = find_cpu(cpu);
	struct irq_cpu *irq = irq_cpu_at(cpu);
	u64 ns;

	if (account && irq && hardirq_end(irq, account, &ns))
		irq_sum_add(&irq->vector[vector], ns);
	return 0;
}

SEC("tp_btf/local_timer_entry")
int BPF_PROG(on_timer_entry) { return hardirq_begin(); }
SEC("tp_btf/local_timer_exit")
int BPF_PROG(on_timer_exit) { return vector_end(IRQ_VECTOR_TIMER); }
SEC("tp_btf/call_function_entry")
int BPF_PROG(on_call_entry) { return hardirq_begin(); }
SEC("tp_btf/call_function_exit")
int BPF_PROG(on_call_exit) { return vector_end(IRQ_VECTOR_CALL); }
SEC("tp_btf/call_function_single_entry")
int BPF_PROG(on_call_single_entry) { return hardirq_begin(); }
SEC("tp_btf/call_function_single_exit")
int BPF_PROG(on_call_single_exit) { return vector_end(IRQ_VECTOR_CALL); }
SEC("tp_btf/irq_work_entry")
int BPF_PROG(on_work_entry) { return hardirq_begin(); }
SEC("tp_btf/irq_work_exit")
int BPF_PROG(on_work_exit) { return vector_end(IRQ_VECTOR_WORK); }

SEC("tp_btf/softirq_entry")
int BPF_PROG(on_softirq_entry)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct cpu_account *account = find_cpu(cpu);
	struct irq_cpu *irq = irq_cpu_at(cpu);

	if (account && irq && account->on)
		account->softirq_began = irq->softirq_mark = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/softirq_exit")
int BPF_PROG(on_softirq_exit, unsigned int vector)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct cpu_account *account = find_cpu(cpu);
	struct irq_cpu *irq = irq_cpu_at(cpu);

	if (account && irq && account->softirq_began && vector < SOFTIRQ_VECTORS) {
		u64 ns = bpf_ktime_get_ns() - account->softirq_began;

		account->softirq_ns += ns;
		account->softirq_began = irq->softirq_mark = 0;
		account->completing = 0;
		irq_sum_add(&irq->softirq[vector], ns);
		if (account->current_pid && account->current_pid == irq->ksoftirqd_pid)
			irq->ksoftirqd_ns[vector] += ns;
	}
	return 0;
}

#endif
