// What a cgroup path means: the naming habits of systemd, container engines and VM managers, as tables.
#include "identify/meaning.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define ID_SHOWN 12             // characters of a container id that the engines' own listings show
#define ID_SHORTEST 12

struct part { const char *text; size_t length; };

// A path component that names a container by itself: PREFIX id SUFFIX.
static const struct { const char *prefix, *suffix, *engine; bool hexadecimal; } named_containers[] = {
	{ "docker-", ".scope", "docker", true },
	{ "cri-containerd-", ".scope", "containerd", true },
	{ "nerdctl-", ".scope", "containerd", true },
	{ "crio-", ".scope", "crio", true },
	{ "crio-", "", "crio", true },
	{ "libpod-payload-", "", "podman", true },
	{ "libpod-", ".scope", "podman", true },
	{ "libpod-", "", "podman", true },
	{ "lxc.payload.", "", "lxc", false },
	{ "systemd-nspawn@", ".service", "nspawn", false },
};

// A directory whose children are containers, named by id or by name; also the middle of PARENT:ENGINE:ID.
static const struct { const char *parent, *engine; bool hexadecimal; } container_parents[] = {
	{ "docker", "docker", true },
	{ "buildkit", "buildkit", false },
	{ "cri-containerd", "containerd", true },
	{ "containerd", "containerd", true },
	{ "nerdctl", "containerd", true },
	{ "crio", "crio", true },
	{ "libpod", "podman", true },
	{ "libpod_parent", "podman", true },
	{ "lxc", "lxc", false },
	{ "lxc.payload", "lxc", false },
};

struct walk {
	struct cgroup_meaning found;
	char pod[MEANING_NAME_SIZE];    // uid of the kubernetes pod that we are in
	bool kubernetes;                // below a kubepods directory
	char manager[MEANING_NAME_SIZE]; // "user@1000.service" that we are in
	char slice[MEANING_NAME_SIZE];  // the deepest slice of this segment
	bool unit_is_final;             // the first service or scope of this segment is known
};

static bool has_prefix(struct part part, const char *prefix)
{
	return part.length >= strlen(prefix) && !memcmp(part.text, prefix, strlen(prefix));
}

static bool has_suffix(struct part part, const char *suffix)
{
	size_t length = strlen(suffix);

	return part.length >= length && !memcmp(part.text + part.length - length, suffix, length);
}

static bool is(struct part part, const char *text)
{
	return part.length == strlen(text) && has_prefix(part, text);
}

// What stands between prefix and suffix; length 0 where they do not fit or nothing is between them.
static struct part between(struct part part, const char *prefix, const char *suffix)
{
	size_t around = strlen(prefix) + strlen(suffix);

	if (part.length <= around || !has_prefix(part, prefix) || !has_suffix(part, suffix))
		return (struct part){ "", 0 };
	return (struct part){ part.text + strlen(prefix), part.length - around };
}

static bool is_number(struct part part)
{
	for (size_t i = 0; i < part.length; i++)
		if (!isdigit((unsigned char)part.text[i]))
			return false;
	return part.length > 0;
}

static bool is_container_id(struct part part)
{
	for (size_t i = 0; i < part.length; i++)
		if (!isdigit((unsigned char)part.text[i]) && (part.text[i] < 'a' || part.text[i] > 'f'))
			return false;
	return part.length >= ID_SHORTEST;
}

static void copy(char *ret, struct part part)
{
	identify__printable(part.text, part.length, ret, MEANING_NAME_SIZE);
}

static int hexadecimal_digit(char digit)
{
	return digit >= '0' && digit <= '9' ? digit - '0' : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

// Undoes systemd's escaping of unit names, "\x2d" for "-" and so on (systemd.unit(5)).
static struct part unescape(struct part part, char *buffer, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < part.length && used < size; i++) {
		const char *at = part.text + i;

		if (at[0] == '\\' && i + 3 < part.length && at[1] == 'x' && hexadecimal_digit(at[2]) >= 0 &&
		    hexadecimal_digit(at[3]) >= 0) {
			buffer[used++] = (char)(hexadecimal_digit(at[2]) << 4 | hexadecimal_digit(at[3]));
			i += 3;
		} else {
			buffer[used++] = at[0];
		}
	}
	return (struct part){ buffer, used };
}

// A container begins here: what was found so far is around it, and its own systemd may follow.
static void enter_container(struct walk *walk, const char *engine, struct part name, bool shorten)
{
	char text[MEANING_NAME_SIZE];
	size_t used = strlen(walk->found.container);

	if (shorten && name.length > ID_SHOWN)
		name.length = ID_SHOWN;
	copy(text, name);
	// The pod has been written already; the container goes below it.
	if (walk->pod[0])
		snprintf(walk->found.container + used, MEANING_NAME_SIZE - used, "/%s", text);
	else
		snprintf(walk->found.container + used, MEANING_NAME_SIZE - used, "%s%s:%s", used ? "/" : "", engine, text);
	// snprintf may have cut a character in two.
	copy(text, (struct part){ walk->found.container, strlen(walk->found.container) });
	memcpy(walk->found.container, text, sizeof(text));
	walk->pod[0] = walk->slice[0] = walk->manager[0] = '\0';
	walk->kubernetes = walk->unit_is_final = false;
}

// "kubepods-burstable-pod<uid with underscores>.slice" (systemd driver) or "pod<uid>" (cgroupfs driver).
static bool take_pod(struct walk *walk, struct part part)
{
	char name[MEANING_NAME_SIZE];
	struct part uid = between(part, "pod", "");

	if (is(part, "kubepods") || has_prefix(part, "kubepods.") || has_prefix(part, "kubepods-"))
		walk->kubernetes = true;
	if (has_prefix(part, "kubepods-") && has_suffix(part, ".slice")) {
		uid.length = 0;
		for (size_t i = 0; i + 4 < part.length && !uid.length; i++)
			if (!memcmp(part.text + i, "-pod", 4))
				uid = between((struct part){ part.text + i, part.length - i }, "-pod", ".slice");
	}
	if (!walk->kubernetes || !uid.length || !isxdigit((unsigned char)uid.text[0]))
		return false;
	copy(name, uid);
	for (char *c = name; *c; c++)
		if (*c == '_')
			*c = '-';
	enter_container(walk, "kubepods", (struct part){ name, strlen(name) }, false);
	walk->kubernetes = true;
	memcpy(walk->pod, name, sizeof(name));
	return true;
}

// machine.slice/machine-….scope: registered with systemd-machined by libvirt (qemu-1-NAME, lxc-1-NAME) or nspawn (NAME).
static bool take_machine(struct walk *walk, struct part part)
{
	char buffer[MEANING_NAME_SIZE];
	struct part scope = between(part, "machine-", ".scope"), bare = between(part, "", ".libvirt-qemu"), name;
	bool qemu, lxc;
	size_t digits = 0;

	if (!scope.length && !bare.length)
		return false;
	name = unescape(scope.length ? scope : bare, buffer, sizeof(buffer));
	qemu = bare.length || has_prefix(name, "qemu-");
	lxc = has_prefix(name, "lxc-");
	if (!qemu && !lxc) {
		enter_container(walk, "nspawn", name, false);
		return true;
	}
	if (has_prefix(name, "qemu-") || lxc)
		name = (struct part){ name.text + (lxc ? 4 : 5), name.length - (lxc ? 4 : 5) };
	while (digits < name.length && isdigit((unsigned char)name.text[digits]))
		digits++;
	if (digits && digits + 1 < name.length && name.text[digits] == '-') {
		if (qemu)
			copy(walk->found.vm_id, (struct part){ name.text, digits });
		name = (struct part){ name.text + digits + 1, name.length - digits - 1 };
	}
	if (qemu)
		copy(walk->found.vm_name, name);
	else
		enter_container(walk, "lxc", name, false);
	return true;
}

static bool take_vm(struct walk *walk, struct part previous, struct part part)
{
	struct part proxmox = between(part, "", ".scope");

	if (is(previous, "qemu.slice") && is_number(proxmox))
		copy(walk->found.vm_id, proxmox);
	else if (is(previous, "firecracker") && part.length)
		copy(walk->found.vm_id, part);
	else
		return false;
	return true;
}

static bool take_child(struct walk *walk, struct part previous, struct part part)
{
	for (size_t i = 0; i < sizeof(container_parents) / sizeof(container_parents[0]); i++)
		if (is(previous, container_parents[i].parent) &&
		    (!container_parents[i].hexadecimal || is_container_id(part))) {
			enter_container(walk, container_parents[i].engine, part, container_parents[i].hexadecimal);
			return true;
		}
	return false;
}

static bool take_container(struct walk *walk, struct part previous, struct part part)
{
	for (size_t i = 0; i < sizeof(named_containers) / sizeof(named_containers[0]); i++) {
		struct part name = between(part, named_containers[i].prefix, named_containers[i].suffix);

		if (!name.length || (named_containers[i].hexadecimal && !is_container_id(name)))
			continue;
		enter_container(walk, named_containers[i].engine, name, named_containers[i].hexadecimal);
		return true;
	}
	if (take_child(walk, previous, part))
		return true;
	// A bare id of full length below a directory of somebody's choice (--cgroup-parent, a CI runner).
	if (is_container_id(part) && (part.length == 64 || walk->pod[0])) {
		enter_container(walk, "container", part, true);
		return true;
	}
	return false;
}

// PARENT:ENGINE:ID, which runc writes as one directory when the engine speaks systemd and runc does not.
static bool take_colons(struct walk *walk, struct part part)
{
	const char *first = memchr(part.text, ':', part.length), *second, *end = part.text + part.length;
	struct part engine, id;

	if (!first || !(second = memchr(first + 1, ':', (size_t)(end - first - 1))))
		return false;
	engine = (struct part){ first + 1, (size_t)(second - first - 1) };
	id = (struct part){ second + 1, (size_t)(end - second - 1) };
	if (!is_container_id(id))
		return false;
	take_pod(walk, (struct part){ part.text, (size_t)(first - part.text) });
	if (!take_child(walk, engine, id))
		enter_container(walk, "container", id, true);
	return true;
}

static bool is_unit(struct part part, const char *const *suffixes)
{
	for (size_t i = 0; i < part.length; i++)
		if (!isalnum((unsigned char)part.text[i]) && !memchr(":-_.\\@", part.text[i], 6))
			return false;
	for (; *suffixes; suffixes++)
		if (part.length > strlen(*suffixes) && has_suffix(part, *suffixes))
			return true;
	return false;
}

// As cg_path_get_unit() of systemd reads a path: slices, then one unit; below user@UID.service the same once more.
static void take_unit(struct walk *walk, struct part part)
{
	static const char *const slices[] = { ".slice", NULL };
	static const char *const units[] = { ".service", ".scope", ".mount", ".socket", ".swap", NULL };
	char name[MEANING_NAME_SIZE];
	bool in_container = walk->found.container[0] && !walk->pod[0];

	// A name that would collide with a file of the kernel has a "_" before it (cg_escape()).
	if (part.length && part.text[0] == '_')
		part = (struct part){ part.text + 1, part.length - 1 };
	if (walk->unit_is_final)
		return;
	copy(name, part);
	if (is_unit(part, slices)) {
		if (!walk->manager[0] && !in_container)
			memcpy(walk->slice, name, sizeof(name));
		return;
	}
	if (!is_unit(part, units))
		return;
	if (!walk->manager[0] && has_prefix(part, "user@") && has_suffix(part, ".service")) {
		memcpy(walk->manager, name, sizeof(name));
		memcpy(walk->found.unit, name, sizeof(name));
	} else {
		if (walk->manager[0]) {
			size_t length = strlen(walk->manager);

			memcpy(walk->found.unit, walk->manager, length);
			snprintf(walk->found.unit + length, MEANING_NAME_SIZE - length, "/%s", name);
		} else {
			memcpy(walk->found.unit, name, sizeof(name));
		}
		walk->unit_is_final = true;
	}
	walk->found.unit_in_container = in_container;
}

static void take(struct walk *walk, struct part previous, struct part part)
{
	// The unit first: a scope that stands for a container is the unit around it.
	if (!take_colons(walk, part))
		take_unit(walk, part);
	else
		return;
	if (take_vm(walk, previous, part) || take_machine(walk, part) || take_pod(walk, part))
		return;
	take_container(walk, previous, part);
}

static void merge(char *into, const char *from)
{
	if (!into[0])
		memcpy(into, from, MEANING_NAME_SIZE);
}

void identify__cgroup(const char *path, struct cgroup_meaning *meaning)
{
	struct walk walk = { 0 };
	struct part previous = { "", 0 };

	for (const char *at = path; *at;) {
		struct part part = { at, strcspn(at, "/") };

		if (part.length)
			take(&walk, previous, part);
		if (part.length)
			previous = part;
		at += part.length;
		at += strspn(at, "/");
	}
	if (!walk.found.unit[0])
		memcpy(walk.found.unit, walk.slice, sizeof(walk.slice));
	if (!meaning->unit[0])
		meaning->unit_in_container = walk.found.unit_in_container;
	merge(meaning->unit, walk.found.unit);
	merge(meaning->container, walk.found.container);
	if (!meaning->vm_id[0] && !meaning->vm_name[0])
		merge(meaning->vm_id, walk.found.vm_id), merge(meaning->vm_name, walk.found.vm_name);
}
