#include "ledger/attribution.h"

#include "base/base.h"

void attributed__add(struct attributed_list *list, struct attributed item)
{
	if (item.some_ns <= 0 && item.full_ns <= 0)
		return;
	list->items = base__grow(list->items, &list->capacity, list->count + 1, sizeof(*list->items));
	list->items[list->count++] = item;
}
