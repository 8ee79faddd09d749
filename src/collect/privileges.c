#include "collect/privileges.h"

#include <errno.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "base/base.h"

static int keep(const cap_value_t *kept, size_t count)
{
	cap_t held = cap_get_proc(), wanted = cap_init();
	int error = 0;

	if (!held || !wanted)
		error = -ENOMEM;
	for (size_t i = 0; !error && i < count; i++) {
		cap_flag_value_t permitted = CAP_CLEAR;

		if (cap_get_flag(held, kept[i], CAP_PERMITTED, &permitted) || permitted != CAP_SET)
			continue;
		if (cap_set_flag(wanted, CAP_PERMITTED, 1, &kept[i], CAP_SET) || cap_set_flag(wanted, CAP_EFFECTIVE, 1, &kept[i], CAP_SET))
			error = -errno;
	}
	if (!error && cap_set_proc(wanted))
		error = -errno;
	cap_free(held);
	cap_free(wanted);
	if (!error && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		error = -errno;
	return error;
}

int privileges__drop(void)
{
	static const cap_value_t kept[] = { CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE, CAP_SYSLOG, CAP_KILL,
		CAP_CHECKPOINT_RESTORE, CAP_SETUID, CAP_SETGID };

	return keep(kept, ARRAY_SIZE(kept));
}

int privileges__keep_priority(void)
{
	static const cap_value_t kept[] = { CAP_SYS_NICE };

	return keep(kept, ARRAY_SIZE(kept));
}
