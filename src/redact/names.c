#include "redact/names.h"

#include <ctype.h>
#include <string.h>

#include "base/base.h"
#include "redact/shapes.h"

#define COMM_MOST 15

// Programs that have no file of their own, or had ended before it was seen; and names of runtimes' threads by which they are known.
static const char programs[] = " sh bash dash cat cp mv rm ls sed awk gawk mawk grep tar gzip xz dd find sort make gcc cc cc1 cc1plus as ld g++ clang rustc cargo go "
	"python3 perl ruby node java php git ssh sshd sudo su cron systemd init runc containerd-shim whystall stress-ng fio swapper kvm qemu-system-x86 ";
static const char thread_starts[] = "tokio-r async-std rayon kworker CPU iou-wrk iou-sqp vhost- GC G1 C1 C2 VM Finalizer Reference Signal ForkJoinPool pool- worker "
	"IO io_ kvm-";
static const char slices[] = " system.slice user.slice machine.slice init.scope qemu.slice app.slice session.slice background.slice docker lxc podman kubepods "
	"kubepods.slice besteffort burstable kubepods-besteffort.slice kubepods-burstable.slice lxc.pivot lxc.monitor ns init .lxc libpod_parent ";
static const char units[] = " cron dbus ssh sshd nginx apache2 httpd mariadb mysql postgresql redis docker containerd crond rsyslog polkit udisks2 getty "
	"serial-getty user user-runtime-dir networking NetworkManager chrony ntp snapd cups pveproxy pvedaemon pvestatd ksmtuned zfs-zed smartd irqbalance ";

static bool is_among(const char *words, const char *text, size_t length)
{
	cleanup_free char *wanted = base__format(" %.*s ", (int)length, text);
	return length && !memchr(text, ' ', length) && strstr(words, wanted);
}

static bool ends(const char *text, size_t length, const char *end)
{
	size_t tail = strlen(end);
	return length > tail && !strncmp(text + length - tail, end, tail);
}

static bool starts(const char *text, size_t length, const char *start)
{
	return length > strlen(start) && !strncmp(text, start, strlen(start));
}

char *names__text(struct aliases *aliases, const char *text)
{
	struct string out = { 0 };
	shapes__redact(aliases, text, strlen(text), &out);
	return string__steal(&out);
}

char *names__vocabulary(struct aliases *aliases, const char *text)
{
	struct string out = { 0 };
	shapes__redact_vocabulary(aliases, text, strlen(text), &out);
	return string__steal(&out);
}

// ---- programs ----

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

void names__learn(struct aliases *aliases, const struct process_row *row)
{
	if (row->exe && shapes__is_system_path(aliases, row->exe, strlen(row->exe)))
		aliases__keep(aliases, base_of(row->exe), strlen(base_of(row->exe)));
}

bool names__is_program_kept(struct aliases *aliases, const char *name)
{
	size_t length = strlen(name);
	// the whole name of a program, what the kernel leaves of it, or python3 for python3.11
	bool own = !strncmp(name, "whystall-", 9) && strspn(name, "abcdefghijklmnopqrstuvwxyz-") == length;
	bool kept = own || aliases__is_kept(aliases, name, length) || (length >= 5 && aliases__is_start_of_kept(aliases, name, length)) ||
		is_among(programs, name, length);
	return kept && shapes__is_harmless(aliases, name, length);
}

static char *program(struct aliases *aliases, const char *name, size_t length)
{
	// The kernel keeps 15 bytes of a program's name, its path has all of them: one alias for both.
	size_t shown = length > COMM_MOST ? COMM_MOST : length;
	return base__copy(aliases__of(aliases, ALIAS_PROGRAM, name, shown));
}

char *names__program(struct aliases *aliases, const struct process_row *row, const char *name)
{
	if (!*name)
		return base__copy(name);
	if (row && row->kernel_thread)
		return names__text(aliases, name);
	return names__is_program_kept(aliases, name) ? base__copy(name) : program(aliases, name, strlen(name));
}

char *names__thread(struct aliases *aliases, const struct process_row *row, const char *name)
{
	bool own = !row || !row->name || !strcmp(row->name, name);
	if (!*name || own || row->kernel_thread || names__is_program_kept(aliases, name))
		return names__program(aliases, row, name);
	for (const char *word = thread_starts; *word; word += strcspn(word, " "), word += *word == ' ') {
		size_t length = strcspn(word, " ");
		if (!strncmp(name, word, length) && shapes__is_harmless(aliases, name, strlen(name)))
			return base__copy(name);
	}
	return base__copy(aliases__of(aliases, ALIAS_THREAD, name, strlen(name)));
}

char *names__executable(struct aliases *aliases, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t length = strlen(path);
	if (shapes__is_system_path(aliases, path, length))
		return base__copy(path);
	shapes__learn_home(aliases, path, length);
	const char *base = base_of(path);
	cleanup_free char *name = !*base ? base__copy("") : names__is_program_kept(aliases, base) ? base__copy(base) : program(aliases, base, strlen(base));
	return slash ? base__format("/%s/%s", aliases__of(aliases, ALIAS_PATH, path, (size_t)(slash - path)), name) : base__copy(name);
}

// ---- cgroups and units ----

static size_t digits(const char *text, size_t length)
{
	size_t n = 0;
	while (n < length && isdigit((unsigned char)text[n]))
		n++;
	return n;
}

static size_t hexadecimal(const char *text, size_t length)
{
	size_t n = 0;
	while (n < length && isxdigit((unsigned char)text[n]))
		n++;
	return n;
}

// A container's id as others cut it.
static const char *container(struct aliases *aliases, const char *id, size_t length)
{
	bool hex = length >= 12 && hexadecimal(id, length) == length;
	const char *alias = aliases__of_word(aliases, ALIAS_CONTAINER, id, hex ? 12 : length);
	aliases__add_word(aliases, id, length, alias);
	return alias;
}

static const char *const unit_ends[] = { ".service", ".scope", ".slice", ".socket", ".mount", ".swap", ".timer" };

static void add_unit(struct aliases *aliases, const char *name, size_t length, const char *end, struct string *out)
{
	size_t stem = length - strlen(end), at = 0;
	while (at < stem && name[at] != '@')
		at++;
	cleanup_free char *first = base__format("%.*s", (int)at, name);
	bool kept = (is_among(units, first, at) || starts(first, at, "systemd-") || (at >= 3 && aliases__is_start_of_kept(aliases, first, at))) &&
		shapes__is_harmless(aliases, first, at);
	string__add(out, "%s", kept ? first : aliases__of(aliases, ALIAS_UNIT, first, at));
	if (at < stem) {
		bool user = starts(first, at + 1, "user");
		string__add(out, "@%s", user ? aliases__of_word(aliases, ALIAS_USER, name + at + 1, stem - at - 1)
				      : aliases__of(aliases, ALIAS_UNIT, name + at + 1, stem - at - 1));
	}
	string__add(out, "%s", end);
}

// "docker-<id>.scope", "<id>", "cri-containerd-<id>.scope", "libpod-<id>.scope", "kubepods-burstable-pod<uid>.slice", "pod<uid>"
static bool add_container(struct aliases *aliases, const char *part, size_t length, struct string *out)
{
	static const char *const engines[] = { "docker-", "libpod-conmon-", "libpod-", "cri-containerd-", "crio-conmon-", "crio-", "nerdctl-", "" };
	for (size_t i = 0; i < ARRAY_SIZE(engines); i++) {
		size_t start = strlen(engines[i]), id = length > start ? hexadecimal(part + start, length - start) : 0;
		if (strncmp(part, engines[i], start) != 0 || id < 12 || (start + id < length && !ends(part, length, ".scope")))
			continue;
		string__add(out, "%s%s%s", engines[i], container(aliases, part + start, id), start + id < length ? ".scope" : "");
		return true;
	}
	for (size_t i = 0; i + 8 < length; i++)
		if (!strncmp(part + i, "pod", 3) && hexadecimal(part + i + 3, length - i - 3) >= 8) {
			size_t end = ends(part, length, ".slice") ? 6 : 0;
			string__add(out, "%s%s", aliases__of_word(aliases, ALIAS_POD, part + i + 3, length - i - 3 - end), end ? ".slice" : "");
			return true;
		}
	return false;
}

static void add_part(struct aliases *aliases, const char *part, size_t length, const char *before, size_t before_length, struct string *out)
{
	const char *payload = "lxc.payload.";
	size_t number;
	if (!length || is_among(slices, part, length)) {
		string__add_bytes(out, part, length);
	} else if (starts(part, length, "user-") && ends(part, length, ".slice")) {
		string__add(out, "%s.slice", aliases__of(aliases, ALIAS_USER, part + 5, length - 11));
	} else if (starts(part, length, "session-") && ends(part, length, ".scope")) {
		string__add(out, "%s.scope", aliases__of(aliases, ALIAS_SESSION, part + 8, length - 14));
	} else if (add_container(aliases, part, length, out)) {
		return;
	} else if ((number = digits(part, length)) && number + 6 == length && ends(part, length, ".scope")) {
		string__add(out, "%s.scope", aliases__of(aliases, ALIAS_VM, part, number));
	} else if (starts(part, length, payload)) {
		string__add(out, "%s%s", payload, container(aliases, part + strlen(payload), length - strlen(payload)));
	} else if (before_length == 3 && !strncmp(before, "lxc", 3)) {
		string__add(out, "%s", container(aliases, part, length));
	} else {
		for (size_t i = 0; i < ARRAY_SIZE(unit_ends); i++)
			if (ends(part, length, unit_ends[i])) {
				add_unit(aliases, part, length, unit_ends[i], out);
				return;
			}
		string__add(out, "%s", aliases__of(aliases, ALIAS_CGROUP, part, length));
	}
}

char *names__cgroup(struct aliases *aliases, const char *path)
{
	struct string out = { 0 };
	const char *before = "";
	size_t before_length = 0;
	string__add(&out, "%s", "");
	for (const char *part = path;; ) {
		size_t length = strcspn(part, "/");
		add_part(aliases, part, length, before, before_length, &out);
		before = part, before_length = length;
		if (!part[length])
			break;
		string__add(&out, "/");
		part += length + 1;
	}
	return string__steal(&out);
}

char *names__container(struct aliases *aliases, const char *text)
{
	static const char known[] = " docker podman lxc kubepods libpod nerdctl containerd crio nspawn systemd-nspawn ";
	const char *colon = strchr(text, ':'), *id = colon ? colon + 1 : text, *slash = strrchr(id, '/');
	struct string out = { 0 };
	if (colon && is_among(known, text, (size_t)(colon - text)))
		string__add(&out, "%.*s:", (int)(colon - text), text);
	else
		id = text, slash = NULL;
	if (slash)
		string__add(&out, "%s/", aliases__of_word(aliases, ALIAS_POD, id, (size_t)(slash - id)));
	id = slash ? slash + 1 : id;
	string__add(&out, "%s", container(aliases, id, strlen(id)));
	return string__steal(&out);
}

// ---- stacks ----

// A file that is mapped: libraries that many have stay, others are programs.
static void add_file(struct aliases *aliases, const char *file, size_t length, struct string *out)
{
	static const char *const libraries[] = { "libc.", "libc-", "libpthread", "libm.", "libm-", "libdl", "librt", "libstdc++", "libgcc", "ld-linux", "ld-musl", "libjvm",
		"libpython", "libnode", "libcrypto", "libssl", "libz.", "libglib", "libuv", "libjemalloc", "libtcmalloc", "libmimalloc", "libsqlite3", "[" };
	cleanup_free char *name = base__format("%.*s", (int)length, file);
	bool kept = names__is_program_kept(aliases, name);
	for (size_t i = 0; i < ARRAY_SIZE(libraries) && !kept; i++)
		kept = !strncmp(name, libraries[i], strlen(libraries[i])) && shapes__is_harmless(aliases, name, length);
	cleanup_free char *shown = kept ? base__copy(name) : program(aliases, name, length);
	string__add(out, "%s", shown);
}

// Code stays by its name, but not where the name is a place: modules of Go are addresses of repositories.
static void add_function(struct aliases *aliases, const char *function, size_t length, struct string *out)
{
	const char *slash = memchr(function, '/', length), *dot = memchr(function, '.', length);
	if ((slash && (slash == function || (dot && dot < slash))) || memchr(function, '@', length))
		string__add(out, "%s", aliases__of(aliases, ALIAS_FUNCTION, function, length));
	else
		shapes__redact(aliases, function, length, out);
}

static void add_user_frame(struct aliases *aliases, const char *frame, size_t length, struct string *out)
{
	const char *plus = NULL, *open = NULL;
	for (size_t i = 0; i + 2 < length; i++) {
		plus = !plus && !strncmp(frame + i, "+0x", 3) ? frame + i : plus;
		open = !strncmp(frame + i, " (", 2) ? frame + i : open;
	}
	if (open && frame[length - 1] == ')') {
		add_function(aliases, frame, (size_t)(open - frame), out);
		string__add(out, " (");
		add_file(aliases, open + 2, (size_t)(frame + length - 1 - open - 2), out);
		string__add(out, ")");
	} else if (plus) {
		const char *end = frame + length, *build = memchr(plus, '[', (size_t)(end - plus));
		size_t distance = 3 + hexadecimal(plus + 3, (size_t)(end - plus - 3));
		add_file(aliases, frame, (size_t)(plus - frame), out);
		string__add_bytes(out, plus, distance);
		if (build && end[-1] == ']')
			string__add(out, " [%s]", aliases__of(aliases, ALIAS_BUILD, build + 1, (size_t)(end - 1 - build - 1)));
		else if (plus + distance < end)
			shapes__redact(aliases, plus + distance, (size_t)(end - plus) - distance, out);
	} else {
		add_function(aliases, frame, length, out);
	}
}

// "symbol.isra.0+0x1a [module]": nothing in it is anybody's.
static bool is_kernel_frame(const char *frame, size_t length)
{
	size_t n = 0;
	while (n < length && (isalnum((unsigned char)frame[n]) || strchr("_.", frame[n])))
		n++;
	return n && (n == length || (length > n + 3 && !strncmp(frame + n, "+0x", 3)));
}

static void add_kernel_frame(struct aliases *aliases, const char *frame, size_t length, struct string *out)
{
	size_t symbol = 0;
	while (symbol < length && frame[symbol] != '+' && frame[symbol] != ' ')
		symbol++;
	const char *dot = memchr(frame, '.', symbol);
	bool plain = is_kernel_frame(frame, symbol) &&
		(!dot || isdigit((unsigned char)frame[symbol - 1]) || ends(frame, symbol, ".cold"));
	if (plain)
		string__add_bytes(out, frame, symbol);
	else
		shapes__redact(aliases, frame, symbol, out);
	if (symbol < length)
		shapes__redact(aliases, frame + symbol, length - symbol, out);
}

char *names__frames(struct aliases *aliases, const char *frames, bool user)
{
	struct string out = { 0 };
	string__add(&out, "%s", "");
	for (const char *line = frames; *line;) {
		size_t length = strcspn(line, "\n");
		if (length && user)
			add_user_frame(aliases, line, length, &out);
		else if (length)
			add_kernel_frame(aliases, line, length, &out);
		line += length;
		if (*line == '\n')
			string__add(&out, "\n"), line++;
	}
	return string__steal(&out);
}

// ---- the kernel's log ----

static const struct { const char *before, *after; } named[] = {
	{ "Comm: ", " " }, { "comm: ", " " }, { "comm ", " " }, { "task ", ":" }, { "! [", ":" }, { "! [", "]" },
};

char *names__log(struct aliases *aliases, const char *text)
{
	cleanup_string struct string out = { 0 };
	string__add(&out, "%s", "");
	for (const char *at = text; *at;) {
		size_t i = 0, before = 0, length = 0;
		for (; i < ARRAY_SIZE(named); i++) {
			before = strlen(named[i].before);
			if (strncmp(at, named[i].before, before) != 0)
				continue;
			for (length = 0; length <= COMM_MOST && at[before + length] && at[before + length] != *named[i].after;)
				length++;
			if (length && length <= COMM_MOST && at[before + length])
				break;
		}
		size_t plain = 0;
		if (i < ARRAY_SIZE(named)) {
			cleanup_free char *name = base__format("%.*s", (int)length, at + before);
			bool kernel = !strncmp(name, "swapper", 7) || !strncmp(name, "kworker", 7) || !strncmp(name, "rcu_", 4) || !strncmp(name, "ksoftirqd", 9);
			cleanup_free char *shown = kernel && shapes__is_harmless(aliases, name, length) ? base__copy(name) : names__program(aliases, NULL, name);
			string__add(&out, "%s%s", named[i].before, shown);
			at += before + length;
		} else if (!strncmp(at, "Hardware name: ", 15)) {
			plain = strcspn(at, "\n");
			string__add(&out, "Hardware name: %s", aliases__of(aliases, ALIAS_MACHINE, at + 15, plain - 15));
			at += plain;
		}
		for (plain = 0; at[plain] && at[plain] != '\n'; plain++) {
			bool special = !strncmp(at + plain, "Hardware name: ", 15);
			for (size_t j = 0; j < ARRAY_SIZE(named) && plain; j++)
				special = special || !strncmp(at + plain, named[j].before, strlen(named[j].before));
			if (special)
				break;
		}
		shapes__redact(aliases, at, plain, &out);
		at += plain;
		if (*at == '\n')
			string__add(&out, "\n"), at++;
	}
	return string__steal(&out);
}
