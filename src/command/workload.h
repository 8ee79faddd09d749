// Labelled workloads: programs that state their truth as one line of JSON and then run until they are told to stop.
#ifndef WHYSTALL_WORKLOAD_H
#define WHYSTALL_WORKLOAD_H

#include <stdio.h>
#include <sys/types.h>

struct workload { pid_t pid; int output; char *truth; };

// Where the workloads are: beside the program, or where they are installed. NULL if nowhere; owned by the caller.
char *workload__directory(void);
// Names of the workloads there, sorted, NULL-terminated; free with workload__free_names. Never NULL.
char **workload__names(const char *directory);
void workload__free_names(char **names);
// Starts one for `seconds` and waits for its truth. Returns 0, or a negative errno after one sentence on stderr.
// The workload ends with this process, whatever ends it.
int workload__start(const char *directory, const char *name, int seconds, struct workload *ret_workload);
// Stops it and waits until nothing of it is left.
void workload__stop(struct workload *workload);

#endif
