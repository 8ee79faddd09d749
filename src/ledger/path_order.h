// Things that have a cgroup each (processes, crowds), in an order in which all that are in a cgroup or below it stand side by side: so the parts of
// thousands of cgroups are found without looking at each thing for each cgroup. Part of the ledger (ledger.h).
#ifndef WHYSTALL_LEDGER_PATH_ORDER_H
#define WHYSTALL_LEDGER_PATH_ORDER_H

#include <stddef.h>

struct path_order {
	struct path_place { const char *path; size_t index; } *places;  // of a path: by index
	size_t count;
};

typedef const char *path_order_fn(const void *context, size_t index);
// path_of: the cgroup's path of thing `index`, 0 … count - 1; NULL: it has none and stands below no cgroup but the root. The paths must outlive the order.
struct path_order path_order__make(size_t count, path_order_fn *path_of, const void *context);
void path_order__free(struct path_order *order);
// The places of all that are in `cgroup` or below it: from *ret_first up to, but without, the one returned. All for "/".
size_t path_order__below(const struct path_order *order, const char *cgroup, size_t *ret_first);

#endif
