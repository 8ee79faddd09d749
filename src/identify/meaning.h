// What cgroup paths and command lines mean: pure functions over text that anybody on the machine can choose.
#ifndef WHYSTALL_IDENTIFY_MEANING_H
#define WHYSTALL_IDENTIFY_MEANING_H

#include <stdbool.h>
#include <stddef.h>

#define MEANING_NAME_SIZE 256

// Empty strings: not known. All are valid UTF-8 without control characters.
struct cgroup_meaning {
	// systemd unit: "nginx.service", "session-3.scope"; of a user's manager "user@1000.service/app-foo.scope"; the
	// deepest slice where there is nothing below it. Within a container that runs a systemd of its own: that one's unit.
	char unit[MEANING_NAME_SIZE];
	bool unit_in_container;
	// "docker:<12 hex>", "containerd:…", "podman:…", "crio:…", "lxc:<name>", "nspawn:<name>",
	// "kubepods:<pod uid>/<12 hex>"; nested ones joined by "/", outermost first: "lxc:101/docker:0123456789ab".
	char container[MEANING_NAME_SIZE];
	char vm_id[MEANING_NAME_SIZE], vm_name[MEANING_NAME_SIZE];
};

// Adds what `path` ("/system.slice/…") tells to `meaning`, where a field is still empty: call it with the v2 path first,
// then with those of other hierarchies. The struct must be zeroed before the first call. Does not allocate.
void identify__cgroup(const char *path, struct cgroup_meaning *meaning);

struct command_meaning {
	bool vm;                        // runs a virtual machine: qemu, kvm, firecracker, cloud-hypervisor
	char vm_id[MEANING_NAME_SIZE];  // -id (Proxmox), else -uuid; firecracker --id
	char vm_name[MEANING_NAME_SIZE]; // -name NAME or guest=NAME
};

// `arguments`: as in /proc/PID/cmdline, each argument ended by a NUL (the last one may lack it). `exe`: the file that the process runs, by which
// it is known what it is; the first argument, which a process chooses itself, counts only where that is NULL (not known).
void identify__command_line(const char *arguments, size_t length, const char *exe, struct command_meaning *ret);

// Makes arbitrary bytes fit for a report: NULs to spaces (none at the end), other control characters and invalid UTF-8 to
// '?', cut to less than `size` bytes at a character's border. Returns the length. `size` must be > 0.
size_t identify__printable(const char *bytes, size_t length, char *ret, size_t size);

#endif
