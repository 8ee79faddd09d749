// A program spends much of its time in few and long system calls of one kind: whatever it holds meanwhile is held as long.
#include "causes/judged.h"

const struct cause kernel_syscall = {
	.id = "kernel.syscall", .title = "long system calls", .counted_by_pressure = "none", .account = ACCOUNT_CPU,
	.claim = "a program spends much of its time, on a CPU or asleep, in few and long system calls of one kind",
	.decisive = "time on a CPU and asleep within one system call, the number of its calls and their mean length",
	.by_hand = "strace -f -T -e trace=CALL -p PID",
	.helps = "smaller calls, or calls made by a thread that holds nothing others want",
	.needs = "this version does not judge it yet: it needs samples of what programs do on the CPU",
};
