// The file lists core symbols in no promised order and modules behind them, some 200,000 lines. Instead of a table of all
// of them, each line is offered to the one asked address that it is nearest to from below; one sweep at the end hands
// the nearest symbol on to the addresses above.
#include "symbolize/kallsyms.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/base.h"

// No function is that long; a larger distance means a gap between modules or a module that is gone.
#define OFFSET_LIMIT (1u << 20)
#define NAME_SIZE 320                   // KSYM_NAME_LEN is 512 since 6.1, but what is longer is cut, and nothing else lost

struct wanted {
	uint64_t address;
	size_t place;                   // in the caller's arrays
	uint64_t symbol_address;        // 0: none yet
	char type;
	char *name;                     // "symbol" or "symbol\t[module]"
	size_t name_capacity;
};

struct symbol { uint64_t address; char type; const char *name, *module; size_t name_length, module_length; };

static int compare(const void *left, const void *right)
{
	const struct wanted *a = left, *b = right;

	return a->address < b->address ? -1 : a->address > b->address;
}

// "ffffffff81000000 T name\t[module]"
static bool parse(char *line, struct symbol *symbol)
{
	char *end;

	symbol->address = strtoull(line, &end, 16);
	if (end == line || end[0] != ' ' || !end[1] || end[2] != ' ')
		return false;
	symbol->type = end[1];
	symbol->name = end + 3;
	symbol->name_length = strcspn(symbol->name, " \t\n");
	symbol->module = memchr(symbol->name, '[', strlen(symbol->name));
	symbol->module_length = symbol->module ? strcspn(symbol->module, "\n") : 0;
	return symbol->name_length > 0;
}

// The lowest place whose address is not below the symbol.
static size_t find(const struct wanted *wanted, size_t count, uint64_t address)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (wanted[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

// The file ascends mostly, so an address takes many symbols before the nearest: the buffer is kept.
static void set_name(struct wanted *wanted, const struct symbol *symbol)
{
	size_t length = symbol->name_length, needed = length + symbol->module_length + 2;

	wanted->name = base__grow(wanted->name, &wanted->name_capacity, needed, 1);
	memcpy(wanted->name, symbol->name, length);
	if (symbol->module) {
		wanted->name[length++] = '\t';
		memcpy(wanted->name + length, symbol->module, symbol->module_length);
		length += symbol->module_length;
	}
	wanted->name[length] = '\0';
}

static void offer(struct wanted *wanted, size_t count, const struct symbol *symbol)
{
	size_t place = find(wanted, count, symbol->address);

	// Among several names of one address the first listed counts, as in the kernel's own lookup.
	if (place == count || symbol->address <= wanted[place].symbol_address)
		return;
	wanted[place].symbol_address = symbol->address;
	wanted[place].type = symbol->type;
	set_name(&wanted[place], symbol);
}

// Other symbols (data, the marks at the end of a section) only serve as borders.
static bool is_text(const struct wanted *wanted)
{
	return wanted->name && strchr("tTwW", wanted->type) && strcmp(wanted->name, "_etext") && strcmp(wanted->name, "_einittext");
}

static char *format(const struct wanted *wanted)
{
	uint64_t offset = wanted->address - wanted->symbol_address;
	char *tab = wanted->name ? strchr(wanted->name, '\t') : NULL;

	if (!is_text(wanted) || offset >= OFFSET_LIMIT)
		return base__format("0x%llx", (unsigned long long)wanted->address);
	if (!tab)
		return base__format("%s+0x%llx", wanted->name, (unsigned long long)offset);
	return base__format("%.*s+0x%llx %s", (int)(tab - wanted->name), wanted->name, (unsigned long long)offset, tab + 1);
}

static void read_symbols(FILE *file, struct wanted *wanted, size_t count, bool *ret_hidden)
{
	char line[NAME_SIZE + 128];
	bool any = false, visible = false, whole_line = true;

	while (fgets(line, sizeof(line), file)) {
		struct symbol symbol;
		bool is_start = whole_line;

		whole_line = strchr(line, '\n') != NULL;
		if (!is_start || !parse(line, &symbol))
			continue;
		any = true;
		if (!symbol.address)
			continue;
		visible = true;
		offer(wanted, count, &symbol);
	}
	*ret_hidden = any && !visible;
}

int kallsyms__resolve_from(FILE *file, const uint64_t *addresses, size_t count, char **ret_names)
{
	struct wanted *wanted = base__alloc(count ? count : 1, sizeof(*wanted));
	bool hidden = false;

	for (size_t i = 0; i < count; i++)
		wanted[i] = (struct wanted){ .address = addresses[i], .place = i };
	qsort(wanted, count, sizeof(*wanted), compare);
	if (file)
		read_symbols(file, wanted, count, &hidden);
	for (size_t i = 1; i < count; i++) {
		if (wanted[i].symbol_address > wanted[i - 1].symbol_address || !wanted[i - 1].name)
			continue;
		free(wanted[i].name);
		wanted[i].name = base__copy(wanted[i - 1].name);
		wanted[i].symbol_address = wanted[i - 1].symbol_address;
		wanted[i].type = wanted[i - 1].type;
	}
	for (size_t i = 0; i < count; i++)
		ret_names[wanted[i].place] = format(&wanted[i]);
	for (size_t i = 0; i < count; i++)
		free(wanted[i].name);
	free(wanted);
	return hidden ? -EPERM : 0;
}

int kallsyms__resolve(const uint64_t *addresses, size_t count, char **ret_names)
{
	cleanup_file FILE *file = fopen("/proc/kallsyms", "re");
	int error = file ? 0 : -errno;
	int result = kallsyms__resolve_from(file, addresses, count, ret_names);

	return error ? error : result;
}

// Whether a symbol is the function of that name, whatever the compiler made of it ("name.isra.0", "name.constprop.0"); parts of it that lie
// elsewhere ("name.cold") are not.
static bool is_named(const struct symbol *symbol, const char *name)
{
	size_t length = strlen(name);
	const char *suffix = symbol->name + length;

	return symbol->name_length >= length && !memcmp(symbol->name, name, length) && strchr("tTwW", symbol->type)
		&& (symbol->name_length == length || !strncmp(suffix, ".isra.", 6) || !strncmp(suffix, ".constprop.", 11));
}

int kallsyms__find_in(FILE *file, const char *const *names, size_t count, uint64_t *ret_addresses)
{
	char line[NAME_SIZE + 128];
	bool *doubtful = base__alloc(count + 1, sizeof(*doubtful));
	bool any = false, visible = false;

	memset(ret_addresses, 0, count * sizeof(*ret_addresses));
	while (file && fgets(line, sizeof(line), file)) {
		struct symbol symbol;

		if (!parse(line, &symbol))
			continue;
		any = true;
		visible |= symbol.address != 0;
		for (size_t i = 0; symbol.address && i < count; i++) {
			if (!is_named(&symbol, names[i]))
				continue;
			doubtful[i] |= ret_addresses[i] && ret_addresses[i] != symbol.address;
			ret_addresses[i] = symbol.address;
		}
	}
	for (size_t i = 0; i < count; i++)
		if (doubtful[i])
			ret_addresses[i] = 0;
	free(doubtful);
	return any && !visible ? -EPERM : 0;
}

int kallsyms__find(const char *const *names, size_t count, uint64_t *ret_addresses)
{
	cleanup_file FILE *file = fopen("/proc/kallsyms", "re");
	int error = file ? 0 : -errno;
	int result = kallsyms__find_in(file, names, count, ret_addresses);

	return error ? error : result;
}
