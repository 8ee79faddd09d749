// Python threads that compute: only the one that holds the global interpreter lock runs, the others wait for it on a condition variable
// with a timeout, which looks like an idle pool. One CPU is busy, the others idle.
#include "work.h"

static bool has_python(void)
{
	char path[4096], *rest = path;
	snprintf(path, sizeof(path), "%s", getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
	for (char *folder; (folder = strsep(&rest, ":"));) {
		char file[8192];
		snprintf(file, sizeof(file), "%s/python3", folder);
		if (access(file, X_OK) == 0)
			return true;
	}
	return false;
}

static int start(struct lab *lab)
{
	char path[4096];
	if (!has_python() || lab__find_companion("pyworkers", path, sizeof(path)) < 0) {
		lab->needs = "python3";
		return -1;
	}
	lab__start(lab, (struct lab_process){ .name = "pyworkers", .role = "compute", .program = "pyworkers", .part = LAB_CULPRIT | LAB_VICTIM,
					      .cause = "lock.futex" });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "gil",
		.causes = (const char *const[]){ "lock.futex", NULL },
		.roles = (const struct lab_role[]){ WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
