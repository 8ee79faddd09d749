// Who sets the limits of a cgroup: the host's systemd, a container engine, the manager of virtual machines. What one of them has set is changed
// by its own command; systemctl on the host knows the host's units only, whatever units of the same name there are in containers.
#ifndef WHYSTALL_REMEDIES_MANAGER_H
#define WHYSTALL_REMEDIES_MANAGER_H

#include "remedies/offer.h"

enum manager_kind {
	MANAGER_NONE,                   // a directory that nobody known to us has made
	MANAGER_SYSTEM,                 // the host's systemd
	MANAGER_USER,                   // a user's systemd, or a container engine that runs as a user
	MANAGER_DOCKER, MANAGER_PODMAN, MANAGER_CONTAINERD, MANAGER_KUBERNETES, MANAGER_PROXMOX, MANAGER_LXC, MANAGER_CONTAINER, // the last: another engine
	MANAGER_PROXMOX_VM, MANAGER_LIBVIRT, MANAGER_VM,
};

struct manager {
	enum manager_kind kind;
	char *unit;                     // owned; of MANAGER_SYSTEM and MANAGER_USER: the unit, else NULL
	char *id;                       // owned; of containers, VMs: the name that the manager's command takes; of users: the user id
	char *root;                     // owned; the cgroup of that unit, container or VM: the path itself or one above it. NULL: of nobody
	bool whole;                     // the path is `root`
};
// By a path as in /proc/PID/cgroup. Free it with manager__free.
struct manager manager__of(const char *path);
// The same of a process: a container shows in one hierarchy and may not in the other.
struct manager manager__of_process(const struct process_row *row);
void manager__free(struct manager *manager);
#define cleanup_manager __attribute__((cleanup(manager__free)))

// The unit that a process is in, if it is the host's system manager's; NULL otherwise. The only way to a unit for systemctl. Owned.
char *manager__host_unit(const struct process_row *row);
// Who it is, for a sentence: "container docker:0123456789ab", "user 1000's unit x.service"; NULL for nobody and the host's own. Owned.
char *manager__name(const struct manager *manager);

// What is to be set, and to what: a weight (of hierarchy 1: shares), CPUs, or bytes. `high`: memory.high in place of memory.max.
enum manager_limit { LIMIT_WEIGHT, LIMIT_CPUS, LIMIT_MEMORY };
struct manager_setting { enum manager_limit limit; double value; int64_t hierarchy; bool high; };
// Sets the command of the manager, or says in words where it has none that is safe to name. False where the file of the cgroup is the way: the
// path is below what the manager made, or nobody made it. Say why before.
bool manager__offer(const struct manager *manager, const struct manager_setting *setting, struct remedy_offer *offer);

#endif
