// A noisy bystander: one process burns a CPU with system calls and yields, at nice 19, beside a separate light service.
// It tops every list by CPU use, system calls and yields, but there is always another CPU for the service.
#include <fcntl.h>

#include "work.h"

static void make_noise(int fd, long busy_us, long period_us)
{
	char buffer[64];
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	(void)fd, (void)busy_us, (void)period_us;
	for (;;) {
		for (int i = 0; i < 50; i++)
			if (read(zero, buffer, sizeof(buffer)) < 0)
				return;
		sched_yield();
	}
}

static int start(struct lab *lab)
{
	if (lab__cpus(NULL, 0) < 2) {
		lab->needs = "two CPUs, one for the noise and one for the rest";
		return -1;
	}
	lab__start(lab, (struct lab_process){ .name = "noisy-scanner", .role = "noise", .part = LAB_INNOCENT, .nice = 19 });
	lab__start_pair(lab, (struct lab_process){ .name = "api-server", .role = "serve", .part = LAB_INNOCENT, .busy_us = 2000 },
			(struct lab_process){ .name = "api-client", .role = "ask", .part = LAB_INNOCENT, .period_us = 10000 });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "bystander",
		.roles = (const struct lab_role[]){ { "noise", make_noise }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
