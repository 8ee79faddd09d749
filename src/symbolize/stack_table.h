// Texts of stacks, each kept once, numbered for the recording's table `stack`. Kernel and user stacks alike.
#ifndef WHYSTALL_SYMBOLIZE_STACK_TABLE_H
#define WHYSTALL_SYMBOLIZE_STACK_TABLE_H

#include <stdint.h>

#include "recording/recording.h"

// Adds rows to `recording`, which must outlive the table; all rows of its table `stack` must come from here.
struct stack_table;
struct stack_table *stack_table__new(struct recording *recording);
void stack_table__free(struct stack_table *table);

// The stack_row.id of a stack with these frames (one a line, innermost first), which is stored if it is new.
// 0 for NULL and for an empty text: no stack. The text is copied. Costs one hash and about one comparison.
int64_t stack_table__id(struct stack_table *table, const char *frames);

#endif
