// Interrupts: how long handlers and soft interrupts held each CPU. The scheduler's account takes the time from here.
#ifndef WHYSTALL_BPF_IRQ_H
#define WHYSTALL_BPF_IRQ_H

SEC("tp_btf/irq_handler_entry")
int BPF_PROG(on_hardirq_entry)
{
	struct cpu_account *account = find_cpu(bpf_get_smp_processor_id());

	if (account && account->on)
		account->hardirq_began = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/irq_handler_exit")
int BPF_PROG(on_hardirq_exit)
{
	struct cpu_account *account = find_cpu(bpf_get_smp_processor_id());

	if (account && account->hardirq_began) {
		u64 ns = bpf_ktime_get_ns() - account->hardirq_began;

		account->hardirq_ns += ns;
		account->hardirq_began = 0;
		if (account->softirq_began)
			account->softirq_began += ns;
	}
	return 0;
}

SEC("tp_btf/softirq_entry")
int BPF_PROG(on_softirq_entry)
{
	struct cpu_account *account = find_cpu(bpf_get_smp_processor_id());

	if (account && account->on)
		account->softirq_began = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/softirq_exit")
int BPF_PROG(on_softirq_exit)
{
	struct cpu_account *account = find_cpu(bpf_get_smp_processor_id());

	if (account && account->softirq_began) {
		account->softirq_ns += bpf_ktime_get_ns() - account->softirq_began;
		account->softirq_began = 0;
	}
	return 0;
}

#endif
