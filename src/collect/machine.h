// What a recording needs of this machine, as raw facts. Gathering them changes nothing here.
#ifndef WHYSTALL_COLLECT_MACHINE_H
#define WHYSTALL_COLLECT_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "collect/cgroups.h"
#include "collect/host.h"
#include "collect/surroundings.h"

struct machine {
	struct host host;
	bool root;
	uint64_t capabilities;          // effective ones, bit CAP_*
	bool own_pid_namespace, own_cgroup_namespace; // not the machine's initial ones
	bool has_grubby;                // how boot options are set here: grubby, or update-grub
	char *tracepoints_absent;       // names of those that we attach to and this kernel does not have, or NULL
	bool contention_tracepoints, rcu_tracepoint;
	bool psi_variable, steal_variable; // listed in the BTF, so BPF programs can reach them
	int steal_offered;              // by a KVM host: 1 yes, 0 no, -1 unknown
	int64_t steal_ns;               // stolen since boot by /proc/stat
	struct cgroup_mounts mounts;
	bool cpu_in_v2;                 // the v2 hierarchy has the cpu controller
	int64_t cgroups, quotas;        // how many there are; how many of them have a CPU quota
	bool symbols;                   // /proc/kallsyms shows addresses
	bool run_delay;                 // /proc/PID/schedstat counts
	int statistics_error;           // of switching the BPF statistics on for a moment: 0 or negative errno
	struct surroundings surroundings;
	char *pressure_readers;         // "name (pid), …": who else holds pressure files open, NULL: nobody seen
	// The probes, loaded and attached for a moment; only when root.
	bool tried;
	int load_error;                 // 0 or negative errno
	char *load_message;             // why not, one sentence
	int64_t load_ns;
	bool meter, groups, steal;      // what the loaded probes reach
	struct recording *probes;       // meta only: what a recording would say of each probe (assemble__describe_probes), or NULL
};

// Facts that can't be had stay 0 or NULL. Takes about half a second when root. Returns 0 or a negative errno.
int machine__read(struct machine *ret);
void machine__free(struct machine *machine);

#endif
