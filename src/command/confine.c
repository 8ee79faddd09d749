#include "command/confine.h"

#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "command/command.h"
#include "isolate/sandbox.h"

int confine__to_report(int late_status)
{
	bool is_root = !getuid() || !geteuid();
	struct sandbox_means means;
	int error = sandbox__work("the report took more than 5 minutes of CPU time and was given up: no honest recording needs that", late_status, &means);

	if (error) {
		say__error("the report is not made, because this process could not give up its privileges (%s): run 'whystall report' as an ordinary user",
			   strerror(-error));
		return EXIT_NOT_RECORDED;
	}
	if (!means.filter && is_root) {
		say__error("the report is not made as root, because the kernel refuses a seccomp filter: run 'whystall report' as an ordinary user");
		return EXIT_NOT_RECORDED;
	}
	if (!means.filter)
		say__warning("the kernel refuses a seccomp filter: the recording is read with all the rights of this user");
	return 0;
}
