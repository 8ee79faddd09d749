// main → outer → (inlined_outer → inlined_inner, inlined) → innermost; with LIBRARY, outer is in a library loaded at run time.
#include "walk.h"

#ifdef MEMORY
#include <dlfcn.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

// Addresses that no walk would give: in code without a file, in data, in nothing, in the vDSO.
int main(void)
{
	char *code = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *data = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *vdso = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
	char *clock = vdso ? dlsym(vdso, "__vdso_clock_gettime") : NULL;

	memset(code, 0xc3, 8192);
	printf("STACK %d %lx %lx %lx\n", getpid(), (unsigned long)code + 0x123, (unsigned long)data + 0x10, (unsigned long)&main + 2);
	printf("STACK %d %lx %lx\n", getpid(), (unsigned long)clock + 1, (unsigned long)&main + 2);
	fflush(stdout);
	pause();
}
#else
__attribute__((noinline, visibility("default"))) void innermost(void)
{
	walk();
	__asm__ volatile("");
}

// Other names for the same function, as the C library has them. The public one without underscores is the one to print.
extern void __in(void) __attribute__((alias("innermost")));
static void in(void) __attribute__((alias("innermost"), used));

static inline __attribute__((always_inline)) void inlined_inner(void)
{
	innermost();
	__asm__ volatile("");
}

static inline __attribute__((always_inline)) void inlined_outer(void)
{
	inlined_inner();
	__asm__ volatile("");
}

static __attribute__((noinline)) void private_outer(void)
{
	inlined_outer();
	__asm__ volatile("");
}

__attribute__((noinline, visibility("default"))) void outer(void)
{
	private_outer();
	__asm__ volatile("");
}

#ifndef LIBRARY
int main(void)
{
	outer();
	return 0;
}
#endif
#endif
