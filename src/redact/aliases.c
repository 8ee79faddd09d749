#include "redact/aliases.h"

#include "base/base.h"

#include <nettle/hmac.h>
#include <search.h>
#include <string.h>

#define DIGEST_SHOWN 5          // bytes: 40 bits, so that among 1000 things two share an alias once in two million recordings
#define NAME_LONGEST 255        // of a file
#define WORD_LEAST 3            // shorter ones are parts of too many words

enum { ENTRY_WORD = ALIAS_KINDS, ENTRY_KEPT };  // what else stands in the tree

struct alias_entry {
	int kind;
	size_t length;
	char *secret, *alias;
	bool used;
};

struct aliases {
	void *tree;                     // of struct alias_entry, by kind and secret
	const struct redact_key *key;
	size_t numbers[ALIAS_KINDS], used[ALIAS_KINDS];
	bool counting;
};

static const struct { const char *name, *plural; } kinds[ALIAS_KINDS] = {
	[ALIAS_HOST] = { "host", "host names" }, [ALIAS_USER] = { "user", "users" }, [ALIAS_SESSION] = { "session", "sessions" },
	[ALIAS_PATH] = { "path", "paths" }, [ALIAS_PROGRAM] = { "program", "program names" }, [ALIAS_THREAD] = { "thread", "thread names" },
	[ALIAS_ARGUMENTS] = { "arguments", "command lines" }, [ALIAS_CONTAINER] = { "container", "containers" }, [ALIAS_POD] = { "pod", "pods" },
	[ALIAS_VM] = { "vm", "virtual machines" }, [ALIAS_UNIT] = { "unit", "unit names" }, [ALIAS_CGROUP] = { "cgroup", "cgroup names" },
	[ALIAS_VOLUME] = { "volume", "volume names" }, [ALIAS_MACHINE] = { "machine", "machine ids" }, [ALIAS_BUILD] = { "build", "build ids" },
	[ALIAS_MODULE] = { "module", "module names" }, [ALIAS_PACKAGE] = { "package", "package names" },
	[ALIAS_FUNCTION] = { "function", "function names" }, [ALIAS_ADDRESS] = { "address", "addresses" }, [ALIAS_MAIL] = { "mail", "mail addresses" },
	[ALIAS_TOKEN] = { "token", "ids and tokens" },
};

const char *alias_kind__name(enum alias_kind kind) { return kinds[kind].name; }
const char *alias_kind__plural(enum alias_kind kind) { return kinds[kind].plural; }

struct aliases *aliases__new(const struct redact_key *key)
{
	struct aliases *aliases = base__alloc(1, sizeof(*aliases));
	aliases->key = key;
	return aliases;
}

static void free_entry(void *node)
{
	struct alias_entry *entry = node;
	free(entry->secret);
	free(entry->alias);
	free(entry);
}

void aliases__free(struct aliases *aliases)
{
	tdestroy(aliases->tree, free_entry);
	free(aliases);
}

static int compare(const void *one, const void *other)
{
	const struct alias_entry *a = one, *b = other;
	size_t shorter = a->length < b->length ? a->length : b->length;
	int order = a->kind - b->kind;
	if (!order)
		order = memcmp(a->secret, b->secret, shorter);
	return order ? order : (a->length > b->length) - (a->length < b->length);
}

static struct alias_entry *find(struct aliases *aliases, int kind, const char *secret, size_t length)
{
	struct alias_entry wanted = { .kind = kind, .secret = (char *)secret, .length = length };
	void *node = tfind(&wanted, &aliases->tree, compare);
	return node ? *(struct alias_entry **)node : NULL;
}

// Takes the alias over.
static struct alias_entry *add(struct aliases *aliases, int kind, const char *secret, size_t length, char *alias)
{
	struct alias_entry *entry = base__alloc(1, sizeof(*entry));
	*entry = (struct alias_entry){ .kind = kind, .length = length, .secret = base__alloc(length + 1, 1), .alias = alias };
	memcpy(entry->secret, secret, length);
	base__tsearch(entry, &aliases->tree, compare);
	return entry;
}

static char *make(struct aliases *aliases, enum alias_kind kind, const char *secret, size_t length)
{
	if (!aliases->key)
		return base__format("%s-%zu", kinds[kind].name, ++aliases->numbers[kind]);
	struct hmac_sha256_ctx context;
	uint8_t digest[DIGEST_SHOWN];
	char hexadecimal[2 * DIGEST_SHOWN + 1];
	hmac_sha256_set_key(&context, aliases->key->length, aliases->key->bytes);
	hmac_sha256_update(&context, strlen(kinds[kind].name) + 1, (const uint8_t *)kinds[kind].name);
	hmac_sha256_update(&context, length, (const uint8_t *)secret);
	hmac_sha256_digest(&context, sizeof(digest), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(hexadecimal + 2 * i, 3, "%02x", digest[i]);
	return base__format("%s-%s", kinds[kind].name, hexadecimal);
}

static const char *use(struct aliases *aliases, struct alias_entry *entry)
{
	if (aliases->counting && !entry->used && entry->kind < ALIAS_KINDS) {
		entry->used = true;
		aliases->used[entry->kind]++;
	}
	return entry->alias;
}

const char *aliases__of(struct aliases *aliases, enum alias_kind kind, const char *secret, size_t length)
{
	struct alias_entry *entry = find(aliases, (int)kind, secret, length);
	return use(aliases, entry ? entry : add(aliases, (int)kind, secret, length, make(aliases, kind, secret, length)));
}

void aliases__add_word(struct aliases *aliases, const char *word, size_t length, const char *alias)
{
	bool number = strspn(word, "0123456789") >= length;
	if (length >= WORD_LEAST && !number && !find(aliases, ENTRY_WORD, word, length))
		add(aliases, ENTRY_WORD, word, length, base__copy(alias));
}

const char *aliases__of_word(struct aliases *aliases, enum alias_kind kind, const char *secret, size_t length)
{
	const char *alias = aliases__of(aliases, kind, secret, length);
	aliases__add_word(aliases, secret, length, alias);
	return alias;
}

const char *aliases__word(struct aliases *aliases, const char *text, size_t length)
{
	struct alias_entry *entry = find(aliases, ENTRY_WORD, text, length);
	return entry ? entry->alias : NULL;
}

void aliases__keep(struct aliases *aliases, const char *name, size_t length)
{
	if (length > NAME_LONGEST)
		return;
	// and each beginning of it, for what the kernel and unit files shorten
	for (size_t part = length; part >= WORD_LEAST; part--)
		if (!find(aliases, ENTRY_KEPT + (part < length), name, part))
			add(aliases, ENTRY_KEPT + (part < length), name, part, NULL);
}

bool aliases__is_kept(struct aliases *aliases, const char *name, size_t length)
{
	return find(aliases, ENTRY_KEPT, name, length) != NULL;
}

bool aliases__is_start_of_kept(struct aliases *aliases, const char *name, size_t length)
{
	return aliases__is_kept(aliases, name, length) || find(aliases, ENTRY_KEPT + 1, name, length);
}

void aliases__start_counting(struct aliases *aliases) { aliases->counting = true; }
size_t aliases__used(const struct aliases *aliases, enum alias_kind kind) { return aliases->used[kind]; }
