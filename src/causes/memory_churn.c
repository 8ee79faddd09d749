// A program maps, faults in and gives back memory over and over: the kernel zeroes, maps and frees the same pages again and again.
#include "causes/judged.h"

const struct cause memory_churn = {
	.id = "memory.churn", .title = "memory mapped, faulted in and given back over and over", .counted_by_pressure = "cpu", .account = ACCOUNT_CPU,
	.claim = "a program gives memory back that it wants again at once; the kernel's work for that (page faults, zeroing, unmapping) takes the CPU",
	.decisive = "bytes faulted in against the growth of the program's resident memory, and its CPU time in faults and unmapping",
	.by_hand = "pidstat -r 1 (minflt/s) beside a resident size that does not grow; perf record -g -p PID: clear_page, zap_pte_range",
	.helps = "buffers that are kept, an allocator that gives memory back later, huge pages; more memory stays resident",
	.needs = "this version does not judge it yet: it needs samples of what programs do on the CPU",
};
