// Kernel addresses to names.
#ifndef WHYSTALL_SYMBOLIZE_KALLSYMS_H
#define WHYSTALL_SYMBOLIZE_KALLSYMS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

// Names `count` addresses in one pass over /proc/kallsyms; no table is kept. Every ret_names[i] is set, to a string the
// caller owns: "symbol+0x1a", "symbol+0x1a [module]", or "0xffffffff81234567" where no text symbol covers it.
// Takes some 50 ms and little memory, whatever the count: accounts that ask at the same time share one pass (kernel_symbols.h). Returns 0;
// -EPERM when the kernel hides its addresses (kernel.kptr_restrict, no CAP_SYSLOG) or another negative errno when the file can't be read:
// all are hexadecimal then.
int kallsyms__resolve(const uint64_t *addresses, size_t count, char **ret_names);

// Addresses of functions by name, in one pass too: ret_addresses[i] is 0 where none has that name, or where several have (static functions
// of the same name). A suffix of the compiler (".isra.0", ".constprop.0") does not count. Returns 0 or a negative errno, as above.
int kallsyms__find(const char *const *names, size_t count, uint64_t *ret_addresses);
int kallsyms__find_in(FILE *file, const char *const *names, size_t count, uint64_t *ret_addresses);

// Resolves from any file in kallsyms' format; lines that make no sense are skipped.
int kallsyms__resolve_from(FILE *file, const uint64_t *addresses, size_t count, char **ret_names);

#endif
