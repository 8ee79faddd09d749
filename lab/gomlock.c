// The store of `mlockgrow` in Go, as a real one is: its table stands behind a lock that is made of channels, and who waits for it is parked by
// Go's runtime. The kernel sees the long calls and not one waiter. What the program does is in companions/tablestore.go.
#include "locktable.h"

static int start(struct lab *lab)
{
	char program[4096];
	if (lab__find_companion("tablestore", program, sizeof(program)) < 0) {
		lab->needs = "the program companions/tablestore, which needs a Go compiler to build";
		return -1;
	}
	if (locktable__available(lab) < 0)
		return -1;
	lab__start(lab, (struct lab_process){ .name = "tablestore", .role = "store", .part = LAB_CULPRIT, .operation = "mlock", .program = "tablestore" });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT | LAB_UNHARMED });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "gomlock",
		.busy = (const char *const[]){ "kernel.syscall", NULL },
		// Its goroutines wait where no kernel can see it: that cannot be ruled out.
		.not_testable = (const char *const[]){ "lock.futex", NULL },
		.state = "stalled|partly_stalled|busy",
		.roles = (const struct lab_role[]){ WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
