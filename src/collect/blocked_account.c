#include "collect/blocked_account.h"

#include <string.h>

#include "base/base.h"
#include "recording/recording.h"

struct sums { int64_t ns, times, max_ns, open_ns; };
struct blocked_account {
	struct sums (*rows)[BLOCKED_REASONS];   // by process row id
	size_t count, capacity;
};

struct blocked_account *blocked_account__new(void)
{
	return base__alloc(1, sizeof(struct blocked_account));
}

void blocked_account__free(struct blocked_account *blocked)
{
	if (!blocked)
		return;
	free(blocked->rows);
	free(blocked);
}

struct blocked_account *blocked_account__copy(const struct blocked_account *blocked)
{
	struct blocked_account *copy = blocked_account__new();

	copy->rows = base__alloc(blocked->count + 1, sizeof(*copy->rows));
	for (size_t i = 0; i < blocked->count; i++)
		memcpy(copy->rows[i], blocked->rows[i], sizeof(copy->rows[i]));
	copy->count = blocked->count;
	copy->capacity = blocked->count + 1;
	return copy;
}

void blocked_account__add(struct blocked_account *blocked, int64_t process, const struct task_slot *slot, uint64_t end_ns)
{
	if (process <= 0)
		return;
	if ((size_t)process >= blocked->count) {
		blocked->rows = base__grow(blocked->rows, &blocked->capacity, (size_t)process + 1, sizeof(*blocked->rows));
		blocked->count = (size_t)process + 1;
	}
	struct sums *sums = blocked->rows[process];
	for (int i = 0; i < BLOCKED_REASONS; i++) {
		int64_t max_ns = (int64_t)slot->blocked[i].max_us << 10;

		sums[i].ns += (int64_t)slot->blocked[i].ns;
		sums[i].times += slot->blocked[i].times;
		sums[i].max_ns = max_ns > sums[i].max_ns ? max_ns : sums[i].max_ns;
	}
	if (!slot->blocked_since || end_ns <= slot->blocked_since)
		return;
	struct sums *open = &sums[slot->blocked_reason & (BLOCKED_REASONS - 1)];
	int64_t ns = (int64_t)(end_ns - slot->blocked_since);
	open->ns += ns;
	open->open_ns += ns;
	open->times++;
	open->max_ns = ns > open->max_ns ? ns : open->max_ns;
}

void blocked_account__store(const struct blocked_account *blocked, struct recording *recording)
{
	for (size_t process = 1; process < blocked->count; process++)
		for (int i = 0; i < BLOCKED_REASONS; i++) {
			const struct sums *sums = &blocked->rows[process][i];
			struct blocked_row *row;

			if (!sums->times)
				continue;
			row = recording__add_blocked(recording);
			row->process = (int64_t)process;
			row->reason = base__copy(blocked_reason__name((enum blocked_reason)i));
			row->blocked_ns = sums->ns;
			row->times = sums->times;
			row->max_ns = sums->max_ns;
			row->open_ns = sums->open_ns;
		}
}
