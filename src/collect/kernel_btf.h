// The kernel's type information, read once for all who ask what this kernel has while the programs are chosen.
#ifndef WHYSTALL_COLLECT_KERNEL_BTF_H
#define WHYSTALL_COLLECT_KERNEL_BTF_H

struct btf;

// Returns it, or NULL (errno says why). It stays with this module. Some 6 MiB; for one thread at a time.
const struct btf *kernel_btf__get(void);
// Gives the memory back, when all is loaded; whoever asks again gets it read again.
void kernel_btf__free(void);

#endif
