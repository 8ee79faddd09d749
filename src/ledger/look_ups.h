// Rows of the recording by what names them elsewhere in it. Each is NULL where nothing is found, or asked for.
#ifndef WHYSTALL_LEDGER_LOOK_UPS_H
#define WHYSTALL_LEDGER_LOOK_UPS_H

#include "recording/recording.h"

// A block device by its number, "254:0".
const struct device_row *look_up__device(const struct recording *recording, const char *number);
// A cgroup by its path: in the hierarchy with the cpu controller, whose weight is known, if it is there; and one that has a CPU quota.
const struct cgroup_row *look_up__cgroup(const struct recording *recording, const char *path);
const struct cgroup_row *look_up__limited_cgroup(const struct recording *recording, const char *path);
// What is known of a cgroup's use of a device, and of its limit.
const struct cgroup_io_row *look_up__cgroup_io(const struct recording *recording, const char *cgroup, const char *device);

#endif
