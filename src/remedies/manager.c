#include "remedies/manager.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "identify/meaning.h"

#define DEFAULT_SHARES 1024     // of engines that count in shares
#define USUAL_PERIOD_MS 100

static bool begins(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

static bool ends(const char *text, const char *ending)
{
	size_t length = strlen(text), tail = strlen(ending);
	return length > tail && !strcmp(text + length - tail, ending);
}

static bool is_number(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

// A unit that systemd keeps a cgroup for, but for slices.
static bool is_unit(const char *name)
{
	static const char *const endings[] = { ".service", ".scope", ".mount", ".socket", ".swap" };
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
		if (ends(name, endings[i]))
			return true;
	return false;
}

// A unit's cgroup has a "_" before its name where the kernel has files that are called so (cg_escape() of systemd).
static const char *unescaped(const char *name)
{
	return name[0] == '_' ? name + 1 : name;
}

static void set_root(struct manager *manager, const char *path, size_t length)
{
	free(manager->root);
	manager->root = base__format("%.*s", (int)length, path);
	manager->whole = !path[length];
}

// The engine by the first container that the path enters: "docker:0123456789ab", "kubepods:UID/…", "lxc:101".
static void enter_container(struct manager *manager, const char *container, const char *parent, const char *name)
{
	static const struct { const char *engine; enum manager_kind kind; } engines[] = {
		{ "docker", MANAGER_DOCKER }, { "podman", MANAGER_PODMAN }, { "containerd", MANAGER_CONTAINERD }, { "kubepods", MANAGER_KUBERNETES },
		{ "crio", MANAGER_KUBERNETES },
	};
	const char *colon = strchr(container, ':');
	size_t length = colon ? (size_t)(colon - container) : 0;
	manager->kind = MANAGER_CONTAINER;
	for (size_t i = 0; i < ARRAY_SIZE(engines); i++)
		if (length == strlen(engines[i].engine) && !strncmp(container, engines[i].engine, length))
			manager->kind = engines[i].kind;
	free(manager->id);
	manager->id = base__format("%.*s", (int)strcspn(colon ? colon + 1 : container, "/"), colon ? colon + 1 : container);
	if (!strcmp(parent, "lxc") && is_number(name))
		manager->kind = MANAGER_PROXMOX;
	else if (begins(name, "lxc.payload."))
		manager->kind = MANAGER_LXC;
	// systemd's own containers are units of the host.
	if ((begins(container, "nspawn:") && (ends(name, ".scope") || ends(name, ".service")))) {
		free(manager->unit);
		free(manager->id);
		manager->unit = base__copy(unescaped(name));
		manager->id = NULL;
		manager->kind = MANAGER_SYSTEM;
	} else {
		free(manager->unit);
		manager->unit = NULL;
	}
}

static void enter_machine(struct manager *manager, const struct cgroup_meaning *meaning, const char *parent, const char *name)
{
	bool libvirt = begins(name, "machine-qemu") || ends(name, ".libvirt-qemu");
	manager->kind = libvirt ? MANAGER_LIBVIRT : !strcmp(parent, "qemu.slice") ? MANAGER_PROXMOX_VM : MANAGER_VM;
	free(manager->unit);
	manager->unit = NULL;
	free(manager->id);
	manager->id = base__copy(libvirt ? meaning->vm_name : meaning->vm_id);
}

// One directory of the path, which ends at `length`. False: what is below it is no business of the host's.
static bool enter(struct manager *manager, const char *path, size_t length, const char *parent, const char *name, bool *in_slices)
{
	cleanup_free char *so_far = base__format("%.*s", (int)length, path);
	struct cgroup_meaning meaning = { 0 };
	bool users = manager->kind == MANAGER_USER, last = !path[length];
	identify__cgroup(so_far, &meaning);
	if (users) {                    // whatever is below a user's manager is that user's
		if (!is_unit(name) || manager->unit)
			return true;
		manager->unit = base__copy(unescaped(name));
		set_root(manager, path, length);
	} else if (meaning.container[0]) {
		enter_container(manager, meaning.container, parent, name);
		set_root(manager, path, length);
		return false;
	} else if (meaning.vm_id[0] || meaning.vm_name[0]) {
		enter_machine(manager, &meaning, parent, name);
		set_root(manager, path, length);
		return false;
	} else if (begins(name, "user@") && ends(name, ".service") && !last) {
		manager->kind = MANAGER_USER;
		free(manager->unit);
		manager->unit = NULL;
		free(manager->id);
		manager->id = base__format("%.*s", (int)(strlen(name) - strlen("user@") - strlen(".service")), name + strlen("user@"));
		set_root(manager, path, length);
	} else if (*in_slices && (is_unit(name) || (ends(name, ".slice") && last))) {
		manager->kind = MANAGER_SYSTEM;
		manager->unit = base__copy(unescaped(name));
		set_root(manager, path, length);
	}
	*in_slices = *in_slices && ends(name, ".slice");
	return true;
}

struct manager manager__of(const char *path)
{
	struct manager manager = { 0 };
	cleanup_free char *parent = base__copy("");
	bool in_slices = true;
	for (size_t at = 0; path && path[at];) {
		at += strspn(path + at, "/");
		size_t length = strcspn(path + at, "/");
		if (!length)
			break;
		cleanup_free char *name = base__format("%.*s", (int)length, path + at);
		at += length;
		if (!enter(&manager, path, at, parent, name, &in_slices))
			break;
		free(parent);
		parent = base__copy(name);
	}
	return manager;
}

struct manager manager__of_process(const struct process_row *row)
{
	struct manager manager = manager__of(row->cgroup), other = manager__of(row->cpu_cgroup);
	bool better = other.kind > MANAGER_USER && manager.kind <= MANAGER_USER;
	manager__free(better || manager.kind == MANAGER_NONE ? &manager : &other);
	return better || manager.kind == MANAGER_NONE ? other : manager;
}

void manager__free(struct manager *manager)
{
	free(manager->unit);
	free(manager->id);
	free(manager->root);
	*manager = (struct manager){ 0 };
}

char *manager__host_unit(const struct process_row *row)
{
	cleanup_manager struct manager manager = manager__of_process(row);
	bool known_other = row->unit_manager && strcmp(row->unit_manager, "system");
	if (manager.kind != MANAGER_SYSTEM || known_other || row->container || row->vm_id || !row->unit || !manager.unit || strcmp(row->unit, manager.unit))
		return NULL;
	return base__copy(manager.unit);
}

char *manager__name(const struct manager *manager)
{
	static const char *const names[] = {
		[MANAGER_DOCKER] = "container docker:", [MANAGER_PODMAN] = "container podman:", [MANAGER_CONTAINERD] = "container containerd:",
		[MANAGER_KUBERNETES] = "the Kubernetes pod ", [MANAGER_PROXMOX] = "container ", [MANAGER_LXC] = "container ",
		[MANAGER_CONTAINER] = "container ", [MANAGER_PROXMOX_VM] = "VM ", [MANAGER_LIBVIRT] = "VM ", [MANAGER_VM] = "VM ",
	};
	if (manager->kind == MANAGER_USER)
		return base__format("%s%s of user %s", manager->unit ? "unit " : "a cgroup", manager->unit ? manager->unit : "", manager->id);
	return manager->kind > MANAGER_USER ? base__format("%s%s", names[manager->kind], manager->id) : NULL;
}

// ---- the commands ----

static void add_why(struct remedy_offer *offer, const char *words)
{
	cleanup_free char *why = offer->why;
	offer->why = base__format("%s; %s", why ? why : "", words);
}

static bool offer_system(const struct manager *manager, const struct manager_setting *setting, struct remedy_offer *offer)
{
	double value = setting->value;
	if (setting->limit == LIMIT_WEIGHT)
		offer__set_command(offer, "systemctl set-property --runtime %s CPUWeight=%.0f", manager->unit,
				   setting->hierarchy == 2 ? value : fmax(1, round(value * 100 / DEFAULT_SHARES)));
	else if (setting->limit == LIMIT_CPUS)
		offer__set_command(offer, "systemctl set-property --runtime %s CPUQuota=%.0f%%", manager->unit, value * 100);
	else if (setting->hierarchy != 2)
		offer__set_command(offer, "systemctl set-property --runtime %s MemoryLimit=%.0f", manager->unit, value);
	else if (setting->high)
		offer__set_command(offer, "systemctl set-property --runtime %s MemoryHigh=%.0f", manager->unit, value);
	else
		offer__set_command(offer, "systemctl set-property --runtime %s MemoryMax=%.0f", manager->unit, value);
	return true;
}

// Shares where 1024 is what everybody has, weights where 100 is.
static double shares(const struct manager_setting *setting)
{
	return setting->hierarchy == 2 ? fmax(2, round(setting->value * DEFAULT_SHARES / 100)) : setting->value;
}

static bool offer_engine(const char *engine, const struct manager *manager, const struct manager_setting *setting, struct remedy_offer *offer)
{
	if (setting->limit == LIMIT_WEIGHT)
		offer__set_command(offer, "%s update --cpu-shares %.0f %s", engine, shares(setting), manager->id);
	else if (setting->limit == LIMIT_CPUS)
		offer__set_command(offer, "%s update --cpus %.2f %s", engine, setting->value, manager->id);
	else if (setting->high)
		return false;           // they have no word for it
	else                            // with swap, as much again: what they set where nothing is said
		offer__set_command(offer, "%s update --memory %.0f --memory-swap %.0f %s", engine, setting->value, 2 * setting->value, manager->id);
	return true;
}

static bool offer_proxmox(const char *tool, const struct manager *manager, const struct manager_setting *setting, struct remedy_offer *offer)
{
	if (setting->limit == LIMIT_WEIGHT)
		offer__set_command(offer, "%s set %s --cpuunits %.0f", tool, manager->id, setting->value);
	else if (setting->limit == LIMIT_CPUS)
		offer__set_command(offer, "%s set %s --cpulimit %.2f", tool, manager->id, setting->value);
	else if (setting->high || manager->kind == MANAGER_PROXMOX_VM)
		return false;
	else
		offer__set_command(offer, "%s set %s --memory %.0f", tool, manager->id, ceil(setting->value / (1 << 20)));
	return true;
}

static bool offer_lxc(const struct manager *manager, const struct manager_setting *setting, struct remedy_offer *offer)
{
	if (setting->high)
		return false;
	add_why(offer, "the command is LXD's; Incus has the same (incus config set), plain LXC has lxc-cgroup");
	if (setting->limit == LIMIT_WEIGHT)
		offer__set_command(offer, "lxc config set %s limits.cpu.allowance 20%%", manager->id);
	else if (setting->limit == LIMIT_CPUS)
		offer__set_command(offer, "lxc config set %s limits.cpu.allowance %.0fms/%dms", manager->id, ceil(setting->value * USUAL_PERIOD_MS), USUAL_PERIOD_MS);
	else
		offer__set_command(offer, "lxc config set %s limits.memory %.0fMiB", manager->id, ceil(setting->value / (1 << 20)));
	return true;
}

static bool offer_libvirt(const struct manager *manager, const struct manager_setting *setting, struct remedy_offer *offer)
{
	if (setting->limit == LIMIT_WEIGHT)
		offer__set_command(offer, "virsh schedinfo %s --live cpu_shares=%.0f", manager->id, setting->value);
	else if (setting->limit == LIMIT_CPUS)
		offer__set_command(offer, "virsh schedinfo %s --live global_period=%d global_quota=%.0f", manager->id, USUAL_PERIOD_MS * 1000,
				   ceil(setting->value * USUAL_PERIOD_MS * 1000));
	else if (setting->high)
		return false;
	else
		offer__set_command(offer, "virsh memtune %s --live --hard-limit %.0f", manager->id, ceil(setting->value / 1024));
	return true;
}

static bool offer_kubernetes(const struct manager *manager, const struct manager_setting *setting, struct remedy_offer *offer)
{
	static const char *const fields[] = {
		[LIMIT_WEIGHT] = "requests.cpu", [LIMIT_CPUS] = "limits.cpu", [LIMIT_MEMORY] = "limits.memory",
	};
	cleanup_free char *words = base__format("it is a Kubernetes pod (%s): change resources.%s of its containers in its manifest, what is set on this "
						"node is overwritten", manager->id, fields[setting->limit]);
	add_why(offer, words);
	return true;
}

bool manager__offer(const struct manager *manager, const struct manager_setting *setting, struct remedy_offer *offer)
{
	if (manager->kind == MANAGER_KUBERNETES)
		return offer_kubernetes(manager, setting, offer);
	if (!manager->whole) {
		cleanup_free char *name = manager__name(manager);
		cleanup_free char *words = name ? base__format("the cgroup is below that of %s, whose own manager may set it anew", name) : NULL;
		if (words)
			add_why(offer, words);
		return false;
	}
	switch (manager->kind) {
	case MANAGER_SYSTEM: return offer_system(manager, setting, offer);
	case MANAGER_DOCKER: return offer_engine("docker", manager, setting, offer);
	case MANAGER_PODMAN: return offer_engine("podman", manager, setting, offer);
	case MANAGER_CONTAINERD: return offer_engine("nerdctl", manager, setting, offer);
	case MANAGER_PROXMOX: return offer_proxmox("pct", manager, setting, offer);
	case MANAGER_PROXMOX_VM: return offer_proxmox("qm", manager, setting, offer);
	case MANAGER_LXC: return offer_lxc(manager, setting, offer);
	case MANAGER_LIBVIRT: return offer_libvirt(manager, setting, offer);
	default: break;                 // whose command is not known, or is that of a user
	}
	cleanup_free char *name = manager__name(manager);
	cleanup_free char *words = name ? base__format("it is %s, whose own manager may set it anew", name) : NULL;
	if (words)
		add_why(offer, words);
	return false;
}
