#include "collect/privileges.h"

#include "base/base.h"
#include "isolate/capabilities.h"

int privileges__drop(void)
{
	static const cap_value_t kept[] = { CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE, CAP_SYSLOG, CAP_KILL,
		CAP_CHECKPOINT_RESTORE, CAP_SETUID, CAP_SETGID };

	return capabilities__keep(kept, ARRAY_SIZE(kept));
}

int privileges__keep_for_saving(void)
{
	static const cap_value_t kept[] = { CAP_DAC_OVERRIDE, CAP_KILL, CAP_SETUID, CAP_SETGID };

	return capabilities__keep(kept, ARRAY_SIZE(kept));
}

int privileges__keep_priority(void)
{
	static const cap_value_t kept[] = { CAP_SYS_NICE };

	return capabilities__keep(kept, ARRAY_SIZE(kept));
}
