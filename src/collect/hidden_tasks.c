#include "collect/hidden_tasks.h"

#include <string.h>

#include "base/base.h"
#include "collect/probes.h"

static bool is_runnable(const struct task_slot *slot)
{
	// Not stat, which waits for an execve that is under way (identify/process.h).
	cleanup_free char *path = base__format("/proc/%u/task/%u/status", slot->tgid, slot->pid);
	cleanup_free char *text = NULL;
	const char *state = base__read_file(path, 8192, &text) > 0 ? strstr(text, "\nState:\t") : NULL;

	return state && state[strlen("\nState:\t")] == 'R';
}

void hidden_tasks__settle(struct probes *probes)
{
	for (uint32_t i = 0; i < TASK_SLOTS; i++) {
		struct task_slot *slot = &probes->slots[i];
		struct cpu_account *account;
		uint64_t wait, share;

		if (!slot->pid || !slot->wait_start || slot->wait_cpu >= probes->cpus)
			continue;
		account = &probes->accounts[slot->wait_cpu];
		if (account->last <= slot->wait_seen || account->current_pid == slot->pid || !is_runnable(slot))
			continue;
		wait = account->last - (slot->wait_seen > account->first ? slot->wait_seen : account->first);
		share = account->share - slot->wait_share;
		slot->wait_ns += wait;
		slot->open_wait_ns += wait;
		slot->waits++;
		if (wait > slot->wait_max_ns)
			slot->wait_max_ns = wait;
		slot->wait_pressure_ns += share < wait ? share : wait;
		account->victims_ns += share < wait ? share : wait;
		account->victims_task_ns += wait;
		slot->wait_start = 0;
	}
}
