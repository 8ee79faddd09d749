// What the probes of long system calls and user space share.
#ifndef WHYSTALL_SYSCALLS_RECORDS_H
#define WHYSTALL_SYSCALLS_RECORDS_H

#define SYSCALL_WATCHES 8       // calls of programs that are watched at a time
#define SYSCALL_ARGUMENTS 4
#define SYSCALL_RETURNED SYSCALL_ARGUMENTS // in place of an argument's number
#define SYSCALL_NO_BYTES (SYSCALL_ARGUMENTS + 1)
#define SYSCALL_BUCKETS 32      // of latencies: below 2^i units of 1024 ns
#define SYSCALL_FRAMES 64
#define SYSCALL_OPEN 4096       // calls under way
#define SYSCALL_STACK_NS 500000 // of calls from this length on the caller's stack is taken

// One program's calls of one kind. tgid 0: the place is free. Written by user space.
struct syscall_watch { unsigned int tgid, number, bytes_from, pad; };   // bytes_from: the argument that is a size, SYSCALL_RETURNED, SYSCALL_NO_BYTES
// What was seen of it.
struct syscall_sum {
	unsigned long long calls, ns, max_ns, bytes, failed;
	unsigned long long longest[SYSCALL_ARGUMENTS]; // arguments of the longest one
	unsigned long long latency[SYSCALL_BUCKETS];
};
struct syscall_open { unsigned long long began, arguments[SYSCALL_ARGUMENTS]; unsigned int watch, tgid; };
// A long call's caller.
struct syscall_stack {
	unsigned int watch, tgid;
	unsigned long long ns;
	long long bytes;                // of addresses; negative: an error
	unsigned long long frames[SYSCALL_FRAMES];
};

#endif
