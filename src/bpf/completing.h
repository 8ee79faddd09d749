// Block I/O is completed here: whoever is woken next in this context has waited for that device. Included by the objects that see completions
// and by the one that sees the wake-ups.
#ifndef WHYSTALL_BPF_COMPLETING_H
#define WHYSTALL_BPF_COMPLETING_H

// The interrupts that a CPU is in, as far as their tracepoints tell.
static __always_inline u32 completing_marks_now(const struct cpu_account *account)
{
	return (account->hardirq_began != 0) | (account->softirq_began != 0) << 1;
}

static __always_inline void completing_set(struct cpu_account *account, u32 device)
{
	if (!account || !account->on)
		return;
	account->completing = device;
	account->completing_marks = completing_marks_now(account);
	account->completing_stint = account->switched;
}

static __always_inline bool is_completing(const struct cpu_account *account)
{
	return account->completing && account->completing_stint == account->switched && account->completing_marks == completing_marks_now(account);
}

#endif
