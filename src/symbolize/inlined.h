// Functions by debug information (DWARF), those that the compiler put into others included.
#ifndef WHYSTALL_SYMBOLIZE_INLINED_H
#define WHYSTALL_SYMBOLIZE_INLINED_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Told for each address that lies in a function: names innermost first, the last one that of the function itself, the
// others of those inlined into it; as the tables have them (to be demangled), NULL where there is no name.
typedef void inlined_found(void *context, size_t index, const char *const *names, size_t count);

#define INLINED_DEPTH 32        // deeper ones are left out

// `addresses` ascend. Goes through the compile units that hold any of them, once. Gives up after `cpu_ns` of CPU time, and tells what
// was found until then. Returns true if it got to the end.
bool inlined__find(Dwarf *dwarf, const uint64_t *addresses, size_t count, int64_t cpu_ns, inlined_found *found, void *context);

#endif
