// Privileges after the probes are attached.
#ifndef WHYSTALL_COLLECT_PRIVILEGES_H
#define WHYSTALL_COLLECT_PRIVILEGES_H

// Keeps only what recording still needs: CAP_BPF and CAP_PERFMON (reading maps, test runs), CAP_SYS_PTRACE (reading links in
// /proc of other users), CAP_DAC_READ_SEARCH (files of others), CAP_DAC_OVERRIDE (the place of the recording), CAP_SYSLOG (kernel symbols),
// CAP_KILL (the command that was started, those children), CAP_CHECKPOINT_RESTORE (mapped files that have been deleted or replaced, through
// /proc/PID/map_files: after an upgrade most services run from such), CAP_SETUID and CAP_SETGID (the children that read strangers' files stop being
// root with them: isolate/sandbox.h); no new ones can be gained, not even by exec.
// Returns 0 or a negative errno.
int privileges__drop(void);
// Once the collector is closed: keeps CAP_DAC_OVERRIDE (the place of the recording), CAP_KILL (the command that was started), CAP_SETUID and CAP_SETGID
// (to stop being root before the report is made: command/confine.h).
int privileges__keep_for_saving(void);
// Keeps CAP_SYS_NICE alone: for the lifter.
int privileges__keep_priority(void);

#endif
