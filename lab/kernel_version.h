// Which kernel runs: what the same program does to others can depend on it.
#ifndef WHYSTALL_LAB_KERNEL_VERSION_H
#define WHYSTALL_LAB_KERNEL_VERSION_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/utsname.h>

// True, too, where the kernel does not say its version.
static inline bool kernel__is_older_than(int major, int minor)
{
	struct utsname name;
	int own_major = 0, own_minor = 0;
	return uname(&name) < 0 || sscanf(name.release, "%d.%d", &own_major, &own_minor) != 2 || own_major < major ||
	       (own_major == major && own_minor < minor);
}

#endif
