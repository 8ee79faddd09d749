// Pairs of processes hand a number to and fro through eventfds, four for each CPU: each wakes its partner and sleeps, so that the CPU goes from one to
// the next of them for seconds, and threads of the kernel that are ordinary tasks wait as long (seen on 6.18: rcu_preempt, kworkers).
#include <sys/eventfd.h>

#include "work.h"

#define PAIRS 4                 // for each CPU

static struct { int to, fro; } channel;

static void play(int in, int out, bool first)
{
	uint64_t number = 1;
	if (first && write(out, &number, sizeof(number)) != sizeof(number))
		return;
	while (read(in, &number, sizeof(number)) == sizeof(number))
		if (write(out, &number, sizeof(number)) != sizeof(number))
			return;
}

// The partner is a child: both have the two eventfds, which no program inherits by one number.
static void toss(int fd, long busy_us, long period_us)
{
	(void)fd, (void)busy_us, (void)period_us;
	channel.to = eventfd(0, EFD_CLOEXEC);
	channel.fro = eventfd(0, EFD_CLOEXEC);
	pid_t partner = channel.to < 0 || channel.fro < 0 ? -1 : fork();
	if (partner < 0)
		return;
	if (partner == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		play(channel.to, channel.fro, false);
		_exit(1);
	}
	play(channel.fro, channel.to, true);
}

static int start(struct lab *lab)
{
	int cpus = lab__cpus(NULL, 0);
	for (int i = 0; i < PAIRS * cpus && i < 128; i++)
		lab__start(lab, (struct lab_process){ .name = "event-tosser", .role = "toss" });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "starvedkthreads",
		.busy = (const char *const[]){ "cpu.oversubscription", NULL },
		.allowed = (const char *const[]){ "cpu.wakeup", NULL },
		.culprit_names = "event-tosser",        // the partners are nobody's members
		.starves_kernel_threads = true,
		.roles = (const struct lab_role[]){ { "toss", toss }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
