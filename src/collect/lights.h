// The lighter rows of a binary tree (tsearch): what is summed up first where there are too many.
#ifndef WHYSTALL_COLLECT_LIGHTS_H
#define WHYSTALL_COLLECT_LIGHTS_H

#include <stddef.h>
#include <stdint.h>

struct light { int64_t ns; size_t number; void *row; };
struct lights { struct light *all; size_t count; size_t weight_offset; };

// The rows of a tree of `count`, lightest first; those of equal weight in the tree's order. Their weight is an int64_t at `weight_offset`. `all` is owned
// by the caller.
struct lights lights__of(const void *tree, size_t count, size_t weight_offset);

#endif
