// A process whose threads do nothing but fault in pages and drop them again, one thread for each CPU: all readers of its
// mmap_lock, or of none at all (6.4 and later), and no writer. They never wait for each other.
#include <sys/mman.h>

#include "work.h"

#define REGION_BYTES (8 << 20)

static __attribute__((noreturn)) void *fault(void *argument)
{
	(void)argument;
	volatile char *region = mmap(NULL, REGION_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (region == MAP_FAILED)
		exit(1);
	madvise((void *)region, REGION_BYTES, MADV_NOHUGEPAGE);
	for (;;) {
		for (size_t at = 0; at < REGION_BYTES; at += 4096)
			region[at] = 1;
		madvise((void *)region, REGION_BYTES, MADV_DONTNEED);
	}
}

static void run_faults(int fd, long busy_us, long period_us)
{
	(void)fd, (void)busy_us, (void)period_us;
	work__crowd(lab__cpus(NULL, 0), fault, NULL);
}

static int start(struct lab *lab)
{
	lab__start(lab, (struct lab_process){ .name = "sparse-matrix", .role = "faults", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "pagefaults",
		.roles = (const struct lab_role[]){ { "faults", run_faults }, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
