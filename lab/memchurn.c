// Programs that map, fill and unmap buffers over and over: nearly all that they use of the CPUs is the kernel's work of handing out and taking
// back pages. Servers have too little of the CPUs for that. Each of the programs has one thread, so that nobody waits for an address space.
#include "churn.h"

static void churn(int fd, long busy_us, long period_us)
{
	(void)fd, (void)busy_us, (void)period_us;
	churn__run();
}

static int start(struct lab *lab)
{
	int cpus = lab__cpus(NULL, 0);
	for (int i = 0; i < 2 * cpus && i < 64; i++)
		lab__start(lab, (struct lab_process){ .name = "thumbnailer", .role = "churn", .part = LAB_CULPRIT });
	churn__start_servers(lab);
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "memchurn",
		.causes = (const char *const[]){ "memory.churn", NULL },
		// More tasks than CPUs all the same.
		.allowed = (const char *const[]){ "cpu.oversubscription", NULL },
		.roles = (const struct lab_role[]){ { "churn", churn }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
