#include "redact/shapes.h"

#include <ctype.h>
#include <string.h>

#define HEX_LEAST 12            // digits of an id; kernel and build ids, container ids
#define TOKEN_LEAST 20
#define WORD_LONGEST 128
// Each word of a run may be looked at up to the run's end. Nobody's text has such long ones with so many words in them: they go as a whole.
#define RUN_LONGEST 512
#define RUN_WORDS 64
#define PATH_LONGEST 512        // of the system's own
#define HEX "0123456789abcdefABCDEF"
#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static bool is_alnum(char c) { return isalnum((unsigned char)c) || (c & 0x80); }

// How many bytes of text[0…length) are in `set`.
static size_t span(const char *text, size_t length, const char *set)
{
	size_t n = 0;
	while (n < length && text[n] && strchr(set, text[n]))
		n++;
	return n;
}

static bool is_one_of(const char *text, size_t length, const char *words)
{
	for (size_t n; *words; words += n + (words[n] == ' ')) {
		n = strcspn(words, " ");
		if (n == length && !strncasecmp(words, text, n))
			return true;
	}
	return false;
}

// ---- one recogniser for each shape: how many bytes at `text` have it, 0: not this one ----

static size_t match_url(const char *text, size_t length)
{
	size_t n = span(text, length, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+");
	if (!n || length - n < 4 || strncmp(text + n, "://", 3) != 0)
		return 0;
	while (n < length && !strchr(" \t\n\"'<>,;)", text[n]))
		n++;
	return n;
}

static size_t match_path(const char *text, size_t length)
{
	size_t start = length && text[0] == '~' ? 1 : 0, n = start;
	if (length < start + 2 || text[start] != '/' || (!is_alnum(text[start + 1]) && !strchr("._/~-@", text[start + 1])))
		return 0;
	while (n < length && !strchr(" \t\n\"'<>,;:()[]=", text[n]))
		n++;
	return n;
}

// Below these a path begins wherever it stands, behind "-I" too.
static bool is_private_path(const char *text)
{
	static const char *const begins[] = { "/home/", "/root/", "/Users/", "/srv/", "/mnt/", "/media/", "/opt/", "/var/", "/tmp/", "/etc/", "/run/", "/data/" };
	for (size_t i = 0; i < ARRAY_SIZE(begins); i++)
		if (!strncmp(text, begins[i], strlen(begins[i])))
			return true;
	return false;
}

static size_t match_mail(const char *text, size_t length)
{
	size_t name = span(text, length, ALNUM "._%+-"), domain;
	if (!name || name + 1 >= length || text[name] != '@')
		return 0;
	domain = span(text + name + 1, length - name - 1, ALNUM ".-");
	return domain ? name + 1 + domain : 0;
}

static size_t match_ip4(const char *text, size_t length)
{
	size_t n = 0;
	for (int part = 0; part < 4; part++) {
		size_t digits = span(text + n, length - n, "0123456789");
		if (!digits || digits > 3 || atoi(text + n) > 255)
			return 0;
		n += digits;
		if (part < 3 && (n >= length || text[n++] != '.'))
			return 0;
	}
	return n < length && is_alnum(text[n]) ? 0 : n;
}

static size_t match_ip6(const char *text, size_t length)
{
	size_t n = span(text, length, HEX ":."), colons = 0, group = 0;
	bool doubled = false, digit = false;
	while (n && text[n - 1] == '.')
		n--;
	for (size_t i = 0; i < n; i++) {
		digit = digit || isdigit((unsigned char)text[i]);
		if (text[i] == ':') {
			colons++;
			doubled = doubled || (i && text[i - 1] == ':');
			group = 0;
		} else if (++group > 4 && !memchr(text + i, '.', n - i)) {
			return 0;
		}
	}
	return digit && colons >= 2 && (doubled || colons >= 5) && !(n < length && is_alnum(text[n])) ? n : 0;
}

static size_t match_uuid(const char *text, size_t length)
{
	static const size_t parts[] = { 8, 4, 4, 4, 12 };
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (span(text + n, length - n, HEX) != parts[i])
			return 0;
		n += parts[i];
		if (i + 1 < ARRAY_SIZE(parts) && (n >= length || (text[n] != '-' && text[n] != '_')))
			return 0;
		n += i + 1 < ARRAY_SIZE(parts);
	}
	return n;
}

static size_t match_hex(const char *text, size_t length)
{
	size_t n = span(text, length, HEX);
	if (n < HEX_LEAST || span(text, n, "0123456789") == n || span(text, n, "abcdefABCDEF") == n || (n < length && is_alnum(text[n])))
		return 0;
	return n;
}

static size_t match_token(const char *text, size_t length)
{
	size_t n = span(text, length, ALNUM "_-+=");
	size_t upper = 0, digit = 0;
	for (size_t i = 0; i < n; i++) {
		upper += isupper((unsigned char)text[i]) != 0;
		digit += isdigit((unsigned char)text[i]) != 0;
	}
	// "kworker/R-ext4-rsv-conversion" is none
	return n >= TOKEN_LEAST && upper > 1 && digit > 1 ? n : 0;
}

// `well_known`: only below such a top as there is for hosts; "probe.irq.calls" is none.
static size_t find_host(const char *text, size_t length, bool well_known)
{
	size_t n = span(text, length, ALNUM ".-"), dots = 0, last = 0;
	while (n && strchr(".-", text[n - 1]))
		n--;
	for (size_t i = 0; i < n; i++)
		if (text[i] == '.') {
			if (i == last)
				return 0;
			dots++;
			last = i + 1;
		}
	const char *top = text + last;
	size_t letters = n - last;
	if (!dots || letters < 2 || span(top, letters, ALNUM) < letters || strcspn(top, "0123456789") < letters || (n < length && text[n] == '_'))
		return 0;
	if (is_one_of(top, letters, "com net org de eu uk fr ch at nl info example local localdomain lan internal home corp invalid test arpa"))
		return n;
	bool file = is_one_of(top, letters, "so service slice scope socket mount timer target path conf log smp java text cold isra part constprop llvm");
	return dots >= 2 && !file && !well_known ? n : 0;
}

static size_t match_host(const char *text, size_t length) { return find_host(text, length, false); }
static size_t match_well_known_host(const char *text, size_t length) { return find_host(text, length, true); }

static const struct { size_t (*match)(const char *text, size_t length); enum alias_kind kind; } shapes[] = {
	{ match_url, ALIAS_ADDRESS }, { match_path, ALIAS_PATH }, { match_mail, ALIAS_MAIL }, { match_ip4, ALIAS_ADDRESS },
	{ match_uuid, ALIAS_MACHINE }, { match_ip6, ALIAS_ADDRESS }, { match_hex, ALIAS_TOKEN }, { match_token, ALIAS_TOKEN }, { match_host, ALIAS_HOST },
};

// ---- paths ----

void shapes__learn_home(struct aliases *aliases, const char *path, size_t length)
{
	static const char *const homes[] = { "/home/", "/Users/", "/var/mail/", "/var/spool/mail/", "/var/spool/cron/crontabs/" };
	for (size_t i = 0; i < ARRAY_SIZE(homes); i++)
		for (size_t at = 0, home = strlen(homes[i]); at + home < length; at++) {
			if (strncmp(path + at, homes[i], home) != 0)
				continue;
			size_t name = at + home;
			while (name < length && (is_alnum(path[name]) || strchr("._-", path[name])))
				name++;
			aliases__of_word(aliases, ALIAS_USER, path + at + home, name - at - home);
			break;
		}
}

// Without paths, or there would be no end.
static size_t match_other(const char *text, size_t length)
{
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(shapes) && !n; i++)
		n = shapes[i].kind == ALIAS_PATH ? 0 : shapes[i].match(text, length);
	return n;
}

static size_t match_word(struct aliases *aliases, const char *text, size_t length, const char **ret_alias)
{
	size_t most = length < WORD_LONGEST ? length : WORD_LONGEST;
	for (size_t n = most; n; n--)
		if ((n == length || !is_alnum(text[n])) && is_alnum(text[n - 1]) && (*ret_alias = aliases__word(aliases, text, n)))
			return n;
	return 0;
}

bool shapes__is_system_path(struct aliases *aliases, const char *path, size_t length)
{
	static const char *const kept[] = { "/usr/bin/", "/usr/sbin/", "/usr/lib", "/usr/libexec/", "/usr/share/", "/bin/", "/sbin/", "/lib", "/sys/", "/proc/",
					    "/dev/" };
	bool system = false;
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		system = system || (length > strlen(kept[i]) && !strncmp(path, kept[i], strlen(kept[i])));
	if (!system || length > PATH_LONGEST || span(path, length, ALNUM "/._+-") < length || (length > 5 && !strncmp(path, "/dev/", 5) && memchr(path + 5, '/', length - 5)))
		return false;
	for (size_t i = 0; i < length; i++) {
		const char *alias;
		if (i && is_alnum(path[i - 1]))
			continue;
		if (match_other(path + i, length - i) || match_word(aliases, path + i, length - i, &alias) || !strncmp(path + i, "../", 3))
			return false;
	}
	return true;
}

// ---- text ----

static void learn_host(struct aliases *aliases, const char *host, size_t length, const char *alias)
{
	const char *dot = memchr(host, '.', length);
	aliases__add_word(aliases, host, length, alias);
	if (dot)
		aliases__add_word(aliases, host, (size_t)(dot - host), alias);
}

static size_t redact_shape(struct aliases *aliases, const char *text, size_t length, bool words, struct string *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		size_t n = shapes[i].kind == ALIAS_HOST && !words ? match_well_known_host(text, length) : shapes[i].match(text, length);
		if (!n)
			continue;
		if (shapes[i].kind == ALIAS_PATH) {
			shapes__learn_home(aliases, text, n);
			if (shapes__is_system_path(aliases, text, n))
				string__add_bytes(out, text, n);
			else
				string__add(out, "/%s", aliases__of(aliases, ALIAS_PATH, text, n));
			return n;
		}
		const char *alias = aliases__of(aliases, shapes[i].kind, text, n);
		if (shapes[i].kind == ALIAS_HOST)
			learn_host(aliases, text, n, alias);
		string__add(out, "%s", alias);
		return n;
	}
	return 0;
}

// How many bytes at `text` are a run that takes too long to look at, 0: none. `ret_end`: where the run ends, which need not be asked again before that.
static size_t match_endless(const char *text, size_t length, size_t *ret_end)
{
	size_t n = 0, words = 0;
	while (n < length && !strchr(" \t\n\"'<>,;()", text[n])) {
		words += is_alnum(text[n]) && (!n || !is_alnum(text[n - 1]));
		n++;
	}
	*ret_end = n;
	return n > RUN_LONGEST && words > RUN_WORDS ? n : 0;
}

static void redact(struct aliases *aliases, const char *text, size_t length, bool words, struct string *out)
{
	string__add(out, "%s", "");
	for (size_t i = 0, known = 0; i < length;) {
		size_t run = 0, endless = i < known ? 0 : match_endless(text + i, length - i, &run);
		known = i < known ? known : i + run + 1;
		if (endless) {
			string__add(out, "%s", aliases__of(aliases, ALIAS_TOKEN, text + i, endless));
			i += endless;
			continue;
		}
		bool begins = !i || !is_alnum(text[i - 1]) || is_private_path(text + i);
		const char *alias;
		size_t n = begins && words ? match_word(aliases, text + i, length - i, &alias) : 0;
		if (n) {
			string__add(out, "%s", alias);
		} else if (begins && !strncmp(text + i, "0x", 2)) {
			n = 2 + span(text + i + 2, length - i - 2, HEX);        // a number
			string__add_bytes(out, text + i, n);
		} else if (!begins || !(n = redact_shape(aliases, text + i, length - i, words, out))) {
			n = 1;
			string__add_bytes(out, text + i, 1);
		}
		i += n;
	}
}

void shapes__redact(struct aliases *aliases, const char *text, size_t length, struct string *out)
{
	redact(aliases, text, length, true, out);
}

void shapes__redact_vocabulary(struct aliases *aliases, const char *text, size_t length, struct string *out)
{
	redact(aliases, text, length, false, out);
}

bool shapes__is_harmless(struct aliases *aliases, const char *text, size_t length)
{
	cleanup_string struct string out = { 0 };
	shapes__redact(aliases, text, length, &out);
	return out.length == length && !memcmp(out.text, text, length);
}
