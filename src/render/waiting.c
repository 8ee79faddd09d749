// What is waited for beside CPUs, in words: locks, blocked time, stacks.
#include "render/answer.h"
#include "base/base.h"
#include "causes/accounts.h"
#include "causes/wording.h"

#include <string.h>

char *answer__lock_balance(const struct lock_balance *account)
{
	return base__format("waits %.*f s · victims %.*f s · owners %.*f s · %.1f %% explained", answer__digits(account->wait_seconds),
			    account->wait_seconds, answer__digits(account->victims_seconds), account->victims_seconds,
			    answer__digits(account->owners_seconds), account->owners_seconds, account->explained * 100);
}

char *answer__blocked(const struct ledger_blocking *blocking)
{
	struct string out = { 0 };
	int64_t idle_ns = 0;
	for (size_t i = 0; i < BLOCKED_REASONS; i++) {
		enum blocked_reason reason = blocked_reasons[i];
		const struct blocked_total *sum = &blocking->by_reason[reason];
		if (blocked_reason__is_idle(reason))
			idle_ns += sum->ns;
		else if ((double)sum->ns >= NS_PER_MSEC)
			string__add(&out, "%s%s %s", out.text ? " · " : "", blocked_reason__name(reason),
				    wording__seconds((double)sum->ns / NS_PER_SEC).text);
	}
	if (idle_ns > 0)
		string__add(&out, "%sidle %s", out.text ? " · " : "", wording__seconds((double)idle_ns / NS_PER_SEC).text);
	return out.text;
}

// Classes that are reasons of their own in the account of blocked time, or say nothing.
static bool says_no_more(enum sleep_class class)
{
	return class == SLEEP_UNKNOWN || class == SLEEP_OTHER || class == SLEEP_FUTEX || class == SLEEP_PROCESS || class == SLEEP_KERNEL_LOCK;
}

char *answer__sleeps(const struct ledger_sleeps *sleeps, size_t most)
{
	struct string out = { 0 };
	int64_t before = INT64_MAX;
	for (size_t shown = 0; shown < most; shown++) {
		int largest = -1;
		for (int class = 0; class < SLEEP_CLASSES; class++) {
			int64_t ns = sleeps->by_class[class].ns;
			if (!says_no_more((enum sleep_class)class) && ns < before && ns >= (int64_t)NS_PER_MSEC &&
			    (largest < 0 || ns > sleeps->by_class[largest].ns))
				largest = class;
		}
		if (largest < 0)
			break;
		before = sleeps->by_class[largest].ns;
		string__add(&out, "%s%s %s", out.text ? " · " : "", sleep_class__name((enum sleep_class)largest),
			    wording__seconds((double)before / NS_PER_SEC).text);
	}
	return out.text;
}

// Frames that are in every stack and tell nothing.
static bool is_entry(const char *frame, size_t length)
{
	static const char *const names[] = { "entry_SYSCALL_64_after_hwframe", "do_syscall_64", "x64_sys_call", "asm_exc_page_fault", "el0t_64_sync",
		"el0t_64_sync_handler", "el0_svc", "do_el0_svc", "el0_svc_common.constprop.0", "invoke_syscall", "ret_from_fork", "ret_from_fork_asm",
		"entry_SYSCALL_64_safe_stack", "exc_page_fault" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i]) == length && !strncmp(frame, names[i], length))
			return true;
	return false;
}

// The code of locks and of the scheduler at the inner end: who asked for the lock, or gave the CPU away, comes after it.
static bool is_locking(const char *frame, size_t length)
{
	static const char *const names[] = { "rwsem_", "down_read", "down_write", "__down_", "mutex_lock", "__mutex_lock", "_raw_spin_", "_raw_read_",
		"_raw_write_", "queued_", "native_queued_", "__pv_queued_", "__raw_callee_save_", "percpu_down_", "__percpu_down_", "percpu_rwsem_",
		"schedule", "__schedule", "preempt_schedule", "__cond_resched", "rt_mutex_", "__rt_mutex_", "osq_lock", "mmap_read_lock", "mmap_write_lock" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (length >= strlen(names[i]) && !strncmp(frame, names[i], strlen(names[i])))
			return true;
	return false;
}

// The length of a frame without its offset; what follows the offset (a module, a file) is shown.
static size_t name_length(const char *frame, size_t length)
{
	for (size_t i = 0; i + 2 < length; i++)
		if (!strncmp(frame + i, "+0x", 3))
			return i;
	return length;
}

char *answer__frames(const char *frames, size_t most)
{
	struct string out = { 0 };
	size_t shown = 0;
	while (frames && *frames) {
		size_t length = strcspn(frames, "\n"), name = name_length(frames, length);
		// An unknown function's offset in its file is all there is: it stays.
		bool unknown = memchr(frames, '[', length) && !memchr(frames, ' ', name);
		bool skipped = !length || is_entry(frames, name) || (!shown && is_locking(frames, name)) || !strncmp(frames, "…", length);
		if (!skipped && shown++ < most)
			string__add(&out, "%s%.*s", out.text ? " ← " : "", (int)(unknown ? strcspn(frames, " \n") : name), frames);
		frames += length + (frames[length] == '\n');
	}
	if (shown > most)
		string__add(&out, " ← …");
	return out.text;
}

// Those that could not be judged, by the reason: "memory, I/O (this recording has no …)".
static void add_not_judged(const enum account *accounts, const char *const *reasons, size_t count, struct string *out)
{
	bool said[ACCOUNTS] = { false };
	for (size_t i = 0; i < count; i++) {
		if (said[i])
			continue;
		for (size_t j = i; j < count; j++) {
			if (strcmp(reasons[i], reasons[j]))
				continue;
			string__add(out, "%s%s", out->length ? j == i ? "; " : ", " : "", account__waits(accounts[j]));
			said[j] = true;
		}
		string__add(out, " (%s)", reasons[i]);
	}
}

char *answer__coverage(const struct answer *answer)
{
	enum account judged[ACCOUNTS], rest[ACCOUNTS];
	const char *reasons[ACCOUNTS];
	size_t judged_count = 0, rest_count = 0;
	struct string out = { 0 };
	cleanup_string struct string not_judged = { 0 };

	for (enum account account = 0; account < ACCOUNTS; account++) {
		if (account__is_judged(answer->diagnosis, account, &reasons[rest_count]))
			judged[judged_count++] = account;
		else
			rest[rest_count++] = account;
	}
	string__add(&out, "%s", "Judged here: ");
	for (size_t i = 0; i < judged_count; i++)
		string__add(&out, "%s%s", !i ? "" : i + 1 == judged_count ? " and " : ", ", account__waits(judged[i]));
	string__add(&out, "%s", judged_count ? "." : "nothing.");
	add_not_judged(rest, reasons, rest_count, &not_judged);
	if (not_judged.length)
		string__add(&out, " Not judged: %s.", not_judged.text);
	return string__steal(&out);
}
