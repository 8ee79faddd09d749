#include "isolate/capabilities.h"

#include <errno.h>
#include <sys/prctl.h>

#include "base/base.h"

static int choose(cap_t held, cap_t wanted, const cap_value_t *kept, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		cap_flag_value_t permitted = CAP_CLEAR;

		// A kernel that is older than a capability does not know it.
		if (cap_get_flag(held, kept[i], CAP_PERMITTED, &permitted) || permitted != CAP_SET)
			continue;
		if (cap_set_flag(wanted, CAP_PERMITTED, 1, &kept[i], CAP_SET) || cap_set_flag(wanted, CAP_EFFECTIVE, 1, &kept[i], CAP_SET))
			return -errno;
	}
	return 0;
}

int capabilities__keep(const cap_value_t *kept, size_t count)
{
	cap_t held = cap_get_proc(), wanted = cap_init(), now = NULL;
	int error = held && wanted ? choose(held, wanted, kept, count) : -ENOMEM;

	if (!error && (cap_set_proc(wanted) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)))
		error = -errno;
	if (!error && (!(now = cap_get_proc()) || cap_compare(now, wanted) || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1))
		error = -EPERM;
	cap_free(held);
	cap_free(wanted);
	cap_free(now);
	return error;
}
