// The settings of allocators and runtimes that stand in a process' environment. The rest of an environment holds secrets:
// nothing but what is listed here is ever copied out of it.
#ifndef WHYSTALL_IDENTIFY_SETTINGS_H
#define WHYSTALL_IDENTIFY_SETTINGS_H

#include <stddef.h>

// Strings are owned.
struct settings {
	char *lines;            // "NAME=value" lines fit for a report, in the order of the environment; "" where none is set
	char *preload;          // LD_PRELOAD as it is, NULL where it is not set
	char *library_path;     // LD_LIBRARY_PATH likewise; for finding libraries, not for reports
};

// `environment`: as in /proc/PID/environ, each "NAME=value" ended by a NUL (the last one may lack it).
void settings__read(const char *environment, size_t length, struct settings *ret);
void settings__free(struct settings *settings);

#endif
