// Names of the kernel addresses that many accounts ask for, from one reading of /proc/kallsyms: first all of them say what they want, then
// the names are read, then each takes its own.
#ifndef WHYSTALL_SYMBOLIZE_KERNEL_SYMBOLS_H
#define WHYSTALL_SYMBOLIZE_KERNEL_SYMBOLS_H

#include <stdint.h>
#include <stdio.h>

struct kernel_symbols;
struct kernel_symbols *kernel_symbols__new(void);
void kernel_symbols__free(struct kernel_symbols *symbols);      // NULL is none

// This address will be asked for; any number of times. Not after the reading.
void kernel_symbols__want(struct kernel_symbols *symbols, uint64_t address);
// Reads the names of all wanted addresses, once; no file is opened where none is wanted. Returns 0 or a negative errno as
// kallsyms__resolve: all names are hexadecimal numbers then.
int kernel_symbols__read(struct kernel_symbols *symbols);
// The same from any file in kallsyms' format; NULL: one that can't be opened.
int kernel_symbols__read_from(struct kernel_symbols *symbols, FILE *file);
// "symbol+0x1a", "symbol+0x1a [module]" or a hexadecimal number, as of kallsyms__resolve; owned by `symbols`. NULL where the address was not
// wanted, before the reading, and where `symbols` is NULL.
const char *kernel_symbols__name(const struct kernel_symbols *symbols, uint64_t address);

#endif
