// One program whose threads map, fill and unmap buffers over and over, beside servers that have too little of the CPUs for that. Its threads share an
// address space: they also wait for its lock, and each unmapping flushes the TLB of the CPUs that others of them run on.
#include "churn.h"

static __attribute__((noreturn)) void *churn(void *argument)
{
	(void)argument;
	prctl(PR_SET_NAME, "decoder");
	churn__run();
	exit(1);
}

static void run_decoders(int fd, long busy_us, long period_us)
{
	(void)fd, (void)busy_us;
	work__crowd((int)period_us, churn, NULL);
}

static int start(struct lab *lab)
{
	lab__start(lab, (struct lab_process){ .name = "photo-service", .role = "decode", .part = LAB_CULPRIT, .period_us = 2 * lab__cpus(NULL, 0) });
	churn__start_servers(lab);
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "threadchurn",
		.causes = (const char *const[]){ "memory.churn", NULL },
		.allowed = (const char *const[]){ "cpu.oversubscription", "lock.mmap", "memory.tlb", NULL },
		.roles = (const struct lab_role[]){ { "decode", run_decoders }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
