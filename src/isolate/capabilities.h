// Giving up capabilities (capabilities(7)), and making sure of it.
#ifndef WHYSTALL_ISOLATE_CAPABILITIES_H
#define WHYSTALL_ISOLATE_CAPABILITIES_H

#include <stddef.h>
#include <sys/capability.h>

// Keeps those of `kept` that the calling thread has, effective and permitted, and nothing else; no new ones can be gained from then on, not even by
// exec. Then asks the kernel whether it is so. Returns 0 or a negative errno: then the thread may have more than that.
int capabilities__keep(const cap_value_t *kept, size_t count);

#endif
