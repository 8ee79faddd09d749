// Kernel stacks that are named all at once, after the window.
#ifndef WHYSTALL_COLLECT_KERNEL_STACKS_H
#define WHYSTALL_COLLECT_KERNEL_STACKS_H

#include <stddef.h>
#include <stdint.h>

struct kernel_stacks;
struct kernel_symbols;
struct kernel_stacks *kernel_stacks__new(void);
void kernel_stacks__free(struct kernel_stacks *stacks);
// Keeps a stack of return addresses, innermost first; the same stack gets the same number. -1 for none, and beyond 65,536 different ones.
int kernel_stacks__add(struct kernel_stacks *stacks, const unsigned long long *addresses, size_t count);
// Wants the symbols of all of them; they are named by kernel_stacks__resolve, when the symbols are read.
void kernel_stacks__want_symbols(const struct kernel_stacks *stacks, struct kernel_symbols *symbols);
void kernel_stacks__resolve(struct kernel_stacks *stacks, const struct kernel_symbols *symbols);
// Frames of a stack, one a line, innermost first, without probes and without the scheduler's own code; NULL if none is left or nothing
// is named yet. Valid until the next resolve.
const char *kernel_stacks__frames(const struct kernel_stacks *stacks, int number);

#endif
