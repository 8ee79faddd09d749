#include "collect/kernel_btf.h"
#include <bpf/btf.h>

static struct btf *types;

const struct btf *kernel_btf__get(void)
{
	if (!types)
		types = btf__load_vmlinux_btf();
	return types;
}

void kernel_btf__free(void)
{
	btf__free(types);
	types = NULL;
}
