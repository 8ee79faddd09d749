// Whether code calls a function: for programs linked statically, whose symbols tell what is there but not what is used.
#ifndef WHYSTALL_IDENTIFY_CALLS_H
#define WHYSTALL_IDENTIFY_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "identify/elf_reader.h"

// Whether there is a direct call of (or jump to) `target` within `size` bytes of code that is loaded at `address`. Instructions
// are not decoded one by one: on x86-64 any place that reads as a call counts (wrong by chance: size / 4 GiB). False for
// machines whose instructions are not known here.
bool calls__in_code(int machine, const uint8_t *code, size_t size, uint64_t address, uint64_t target);

// The same in the executable segments of a file, 64 MiB of them at most.
bool calls__function(const struct elf_reader *reader, uint64_t target);

#endif
