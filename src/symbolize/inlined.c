// One descent through the tree of each compile unit, for all its addresses together: functions are looked into where an
// address lies in them, name spaces and types always (Rust and C++ have functions there), all else never.
#include "symbolize/inlined.h"

#include <dwarf.h>
#include <stdlib.h>
#include <time.h>

#include "base/base.h"

#define TREE_DEPTH 200
#define RANGES_LIMIT 100000
#define STEPS_PER_CHECK 256

// The chain of functions around one address, outermost first.
struct chain { Dwarf_Die functions[INLINED_DEPTH]; size_t count; bool taken; };

struct search {
	const uint64_t *addresses;
	size_t count;
	struct chain *chains;
	int64_t end_ns;
	size_t taken;                   // chains that have begun
	size_t steps;
	bool late;
};

static int64_t cpu_time(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return time.tv_sec * (int64_t)NS_PER_SEC + time.tv_nsec;
}

static bool is_late(struct search *search)
{
	if (++search->steps % STEPS_PER_CHECK == 0 && cpu_time() > search->end_ns)
		search->late = true;
	return search->late;
}

static size_t find(const struct search *search, uint64_t address)
{
	size_t low = 0, high = search->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (search->addresses[middle] < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

typedef void on_hit(struct search *search, size_t index, Dwarf_Die *die);

// Calls `hit` for the addresses in the ranges of `die`. Returns their number, -1 if it has no ranges.
static int visit_ranges(struct search *search, Dwarf_Die *die, on_hit *hit)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t offset = 0;
	int hits = 0;
	size_t ranges = 0;

	while ((offset = dwarf_ranges(die, offset, &base, &start, &end)) > 0 && ranges++ < RANGES_LIMIT && !is_late(search))
		for (size_t i = find(search, start); i < search->count && search->addresses[i] < end; i++, hits++)
			if (hit)
				hit(search, i, die);
	return ranges ? hits : -1;
}

// Functions that share code (folded, or copies in several units) are listed more than once: the first one counts.
static void enter_function(struct search *search, size_t index, Dwarf_Die *die)
{
	struct chain *chain = &search->chains[index];

	if (chain->taken)
		return;
	chain->taken = true;
	search->taken++;
	chain->functions[chain->count++] = *die;
}

static void enter_inlined(struct search *search, size_t index, Dwarf_Die *die)
{
	struct chain *chain = &search->chains[index];

	if (chain->count && chain->count < INLINED_DEPTH)
		chain->functions[chain->count++] = *die;
}

// Within a function: blocks and inlined functions.
static void descend_function(struct search *search, Dwarf_Die *die, int depth)
{
	Dwarf_Die child;

	if (depth > TREE_DEPTH || dwarf_child(die, &child))
		return;
	do {
		int tag = dwarf_tag(&child);
		int hits = tag == DW_TAG_inlined_subroutine ? visit_ranges(search, &child, enter_inlined) :
			tag == DW_TAG_lexical_block || tag == DW_TAG_try_block || tag == DW_TAG_catch_block ?
			visit_ranges(search, &child, NULL) : 0;

		if (hits > 0)
			descend_function(search, &child, depth + 1);
	} while (!is_late(search) && !dwarf_siblingof(&child, &child));
}

static bool holds_functions(int tag)
{
	return tag == DW_TAG_namespace || tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type ||
	       tag == DW_TAG_enumeration_type || tag == DW_TAG_module;
}

static void descend_unit(struct search *search, Dwarf_Die *die, int depth)
{
	Dwarf_Die child;

	if (depth > TREE_DEPTH || dwarf_child(die, &child))
		return;
	do {
		int tag = dwarf_tag(&child);
		size_t before;

		if (holds_functions(tag))
			descend_unit(search, &child, depth + 1);
		if (tag != DW_TAG_subprogram)
			continue;
		before = search->taken;
		if (visit_ranges(search, &child, enter_function) > 0 && search->taken > before)
			descend_function(search, &child, depth + 1);
	} while (!is_late(search) && !dwarf_siblingof(&child, &child));
}

// Where a function is declared: what it was inlined from, what it is the definition of.
static Dwarf_Die declaration_of(Dwarf_Die die)
{
	static const unsigned references[] = { DW_AT_abstract_origin, DW_AT_specification };

	for (int depth = 0; depth < 8; depth++) {
		Dwarf_Attribute attribute;
		bool found = false;

		for (size_t i = 0; i < ARRAY_SIZE(references) && !found; i++)
			found = dwarf_attr(&die, references[i], &attribute) && dwarf_formref_die(&attribute, &die);
		if (!found)
			break;
	}
	return die;
}

// "shop::Basket::pay" for the functions of C++ that have no mangled name, because no other file can call them.
static char *qualified_name(Dwarf_Die *die, const char *name)
{
	Dwarf_Die declaration = declaration_of(*die), unit, *scopes = NULL;
	int language = dwarf_diecu(&declaration, &unit, NULL, NULL) ? dwarf_srclang(&unit) : -1;
	bool has_spaces = language == DW_LANG_C_plus_plus || language == DW_LANG_C_plus_plus_03 || language == DW_LANG_C_plus_plus_11 ||
		language == DW_LANG_C_plus_plus_14;
	int count = has_spaces ? dwarf_getscopes_die(&declaration, &scopes) : 0;
	struct string text = { 0 };

	for (int i = count - 1; i > 0; i--) {
		const char *space = dwarf_diename(&scopes[i]);

		if (holds_functions(dwarf_tag(&scopes[i])))
			string__add(&text, "%s::", space ? space : "(anonymous namespace)");
	}
	free(scopes);
	string__add(&text, "%s", name);
	return string__steal(&text);
}

// The mangled name says more than the bare one. Both may stand at the declaration that a function refers to. Owned by the caller.
static char *name_of(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;
	const char *name = NULL;

	if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute) || dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute))
		name = dwarf_formstring(&attribute);
	if (name)
		return base__copy(name);
	name = dwarf_diename(die);
	return name ? qualified_name(die, name) : NULL;
}

bool inlined__find(Dwarf *dwarf, const uint64_t *addresses, size_t count, int64_t cpu_ns, inlined_found *found, void *context)
{
	struct search search = { .addresses = addresses, .count = count, .end_ns = cpu_time() + cpu_ns };
	Dwarf_CU *unit = NULL;
	Dwarf_Die die, split;
	uint8_t type;

	search.chains = base__alloc(count, sizeof(*search.chains));
	while (!is_late(&search) && !dwarf_get_units(dwarf, unit, &unit, NULL, &type, &die, &split)) {
		if (type != DW_UT_compile && type != DW_UT_skeleton)
			continue;
		if (visit_ranges(&search, &die, NULL) != 0)
			descend_unit(&search, type == DW_UT_skeleton && dwarf_tag(&split) != DW_TAG_invalid ? &split : &die, 0);
	}
	for (size_t i = 0; i < count; i++) {
		struct chain *chain = &search.chains[i];
		char *names[INLINED_DEPTH];

		for (size_t j = 0; j < chain->count; j++)
			names[j] = name_of(&chain->functions[chain->count - 1 - j]);
		if (chain->count)
			found(context, i, (const char *const *)names, chain->count);
		for (size_t j = 0; j < chain->count; j++)
			free(names[j]);
	}
	free(search.chains);
	return !search.late;
}
