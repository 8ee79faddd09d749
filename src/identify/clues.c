#include "identify/clues.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum side { DEFINED, USED, EITHER };    // USED: without being defined
struct exact { const char *name; enum side side; enum clue clue; };
struct prefix { const char *start; enum side side; enum clue clue; };

// Sorted by name (strcmp), for a binary search; the unit test watches over it.
static const struct exact exacts[] = {
	{ "JLI_Launch", EITHER, CLUE_JVM },
	{ "JNI_CreateJavaVM", EITHER, CLUE_JVM },
	{ "Py_BytesMain", EITHER, CLUE_PYTHON },
	{ "Py_Main", EITHER, CLUE_PYTHON },
	{ "TCMallocInternalMalloc", DEFINED, CLUE_GOOGLE_TCMALLOC },
	{ "_Py_UnixMain", EITHER, CLUE_PYTHON },
	{ "_ZN4node5StartEiPPc", EITHER, CLUE_NODE },
	{ "__asan_init", DEFINED, CLUE_ASAN },
	{ "__expand_heap", DEFINED, CLUE_MUSL },
	{ "__gxx_personality_v0", USED, CLUE_CXX },
	{ "__init_libc", DEFINED, CLUE_MUSL },
	{ "__libc_early_init", DEFINED, CLUE_GLIBC },
	{ "__libc_malloc_impl", DEFINED, CLUE_MUSL },
	{ "__libc_setup_tls", DEFINED, CLUE_GLIBC },
	{ "__malloc_donate", DEFINED, CLUE_MUSL },
	{ "__malloc_replaced", DEFINED, CLUE_MUSL },
	{ "_d_run_main", EITHER, CLUE_FOREIGN },
	{ "_int_malloc", DEFINED, CLUE_GLIBC },
	{ "_mi_malloc_generic", DEFINED, CLUE_MIMALLOC },
	{ "_rjem_mallctl", DEFINED, CLUE_JEMALLOC },
	{ "_rjem_malloc", DEFINED, CLUE_JEMALLOC },
	{ "caml_main", EITHER, CLUE_FOREIGN },
	{ "caml_startup", EITHER, CLUE_FOREIGN },
	{ "gnu_get_libc_version", DEFINED, CLUE_GLIBC },
	{ "hs_main", EITHER, CLUE_FOREIGN },
	{ "je_mallctl", DEFINED, CLUE_JEMALLOC },
	{ "je_malloc", DEFINED, CLUE_JEMALLOC },
	{ "je_mallocx", DEFINED, CLUE_JEMALLOC },
	{ "mallctl", DEFINED, CLUE_JEMALLOC },
	{ "malloc", DEFINED, CLUE_MALLOC },
	{ "mallocx", DEFINED, CLUE_JEMALLOC },
	{ "mallopt", USED, CLUE_MALLOPT },
	{ "mi_heap_malloc", DEFINED, CLUE_MIMALLOC },
	{ "mi_malloc", DEFINED, CLUE_MIMALLOC },
	{ "rpmalloc", DEFINED, CLUE_RPMALLOC },
	{ "runtime.mallocgc", DEFINED, CLUE_GO },
	{ "rust_begin_unwind", DEFINED, CLUE_RUST },
	{ "rust_eh_personality", DEFINED, CLUE_RUST },
	{ "scalable_malloc", DEFINED, CLUE_TBB },
	{ "scudo_malloc", DEFINED, CLUE_SCUDO },
	{ "swift_retain", EITHER, CLUE_FOREIGN },
	{ "tc_malloc", DEFINED, CLUE_TCMALLOC },
	{ "xxmalloc", DEFINED, CLUE_HOARD },
};

static const struct prefix prefixes[] = {
	{ "_ZN8tcmalloc17tcmalloc_internal", DEFINED, CLUE_GOOGLE_TCMALLOC },
	{ "_ZN15partition_alloc", DEFINED, CLUE_PARTITION_ALLOC },
	{ "_ZN8snmalloc", DEFINED, CLUE_SNMALLOC },
	{ "_ZN5scudo", DEFINED, CLUE_SCUDO },
	{ "_rjem_je_", DEFINED, CLUE_JEMALLOC },
	{ "_gfortran_", EITHER, CLUE_FOREIGN },
};

// In Rust's mangled names: `__rust_alloc` leads to `__rdl_alloc` (the system's allocator) or `__rg_alloc` (#[global_allocator]).
static const struct { const char *part; enum clue clue; } rust_parts[] = {
	{ "lang_start", CLUE_RUST_MAIN }, { "__rdl_alloc", CLUE_RUST_SYSTEM_ALLOCATOR }, { "__rg_alloc", CLUE_RUST_OWN_ALLOCATOR },
};

// Texts that only the code itself has: messages, names of its types. Not the names of its settings: tools and documentation of
// others have those, too.
static const struct { struct needle needle; enum clue clue; } texts[] = {
	{ { "<je", "malloc>: " }, CLUE_JEMALLOC },
	{ { "mi", "malloc: warning: " }, CLUE_MIMALLOC },
	{ { "22TCMalloc", "Implementation" }, CLUE_TCMALLOC },
	{ { "tcmalloc/", "internal/" }, CLUE_GOOGLE_TCMALLOC },
	{ { "malloc(): ", "corrupted top size" }, CLUE_GLIBC },        // since 2.29
	{ { "malloc(): ", "memory corruption" }, CLUE_GLIBC },         // before
	{ { "No error ", "information" }, CLUE_MUSL },                 // its strerror(0)
	{ { "library/", "std/src/" }, CLUE_RUST },
	{ { "library/", "core/src/" }, CLUE_RUST },
	{ { "library/", "alloc/src/" }, CLUE_RUST },
	{ { "N10__", "cxxabiv1" }, CLUE_CXX },                         // names of type information classes
};

static const struct { enum clue clue; const char *name; } allocators[] = {
	{ CLUE_ASAN, "asan" }, { CLUE_JEMALLOC, "jemalloc" }, { CLUE_MIMALLOC, "mimalloc" }, { CLUE_GOOGLE_TCMALLOC, "google-tcmalloc" },
	{ CLUE_TCMALLOC, "tcmalloc" }, { CLUE_SNMALLOC, "snmalloc" }, { CLUE_RPMALLOC, "rpmalloc" }, { CLUE_TBB, "tbbmalloc" },
	{ CLUE_SCUDO, "scudo" }, { CLUE_PARTITION_ALLOC, "partition_alloc" }, { CLUE_HARDENED, "hardened_malloc" },
	{ CLUE_HOARD, "hoard" }, { CLUE_GLIBC, "glibc" }, { CLUE_MUSL, "musl" },
};

static bool fits(enum side side, bool defined)
{
	return side == EITHER || (side == DEFINED) == defined;
}

static int compare_exact(const void *key, const void *element)
{
	return strcmp(key, ((const struct exact *)element)->name);
}

// Rust's older names look like those of C++ but end in a hash: …17h0123456789abcdefE, in later builds with ".llvm.…" behind.
static bool has_rust_hash(const char *name)
{
	const char *end = strstr(name, ".llvm.");
	size_t length = end ? (size_t)(end - name) : strlen(name);

	if (length < 20 || name[length - 1] != 'E' || memcmp(name + length - 20, "17h", 3))
		return false;
	for (size_t i = length - 17; i < length - 1; i++)
		if (!isxdigit((unsigned char)name[i]))
			return false;
	return true;
}

// Rust's newer names: _R, then a capital letter for what the path is.
static bool has_rust_prefix(const char *name)
{
	return name[0] == '_' && name[1] == 'R' && name[2] && strchr("NCMXYI", name[2]) && isalnum((unsigned char)name[3]);
}

static uint64_t clues_of_rust(const char *name)
{
	uint64_t clues = CLUE_BIT(CLUE_RUST);

	for (size_t i = 0; i < ARRAY_SIZE(rust_parts); i++)
		if (strstr(name, rust_parts[i].part))
			clues |= CLUE_BIT(rust_parts[i].clue);
	return clues;
}

static uint64_t clues_of_mangled(const char *name, bool defined)
{
	uint64_t clues = 0;

	if (name[1] == 'R')
		return has_rust_prefix(name) ? clues_of_rust(name) : 0;
	if (name[1] == '_' && name[2] == 'r')   // __rust_alloc, __rdl_alloc, __rg_alloc of older compilers
		return !strncmp(name, "__rust_", 7) || !strcmp(name, "__rdl_alloc") || !strcmp(name, "__rg_alloc") ? clues_of_rust(name) : 0;
	if (name[1] == 'Z' && name[2] == 'N' && has_rust_hash(name))
		return clues_of_rust(name);
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (fits(prefixes[i].side, defined) && !strncmp(name, prefixes[i].start, strlen(prefixes[i].start)))
			clues |= CLUE_BIT(prefixes[i].clue);
	if (name[1] == 'Z')
		clues |= CLUE_BIT(CLUE_CXX);
	return clues;
}

uint64_t clues__of_symbol(const char *name, bool defined)
{
	uint64_t clues = name[0] == '_' ? clues_of_mangled(name, defined) : 0;
	const struct exact *exact = bsearch(name, exacts, ARRAY_SIZE(exacts), sizeof(exacts[0]), compare_exact);

	if (exact && fits(exact->side, defined))
		clues |= CLUE_BIT(exact->clue);
	return clues;
}

uint64_t clues__of_texts(const struct elf_reader *reader, uint64_t offset, uint64_t size, uint64_t limit)
{
	struct needle needles[ARRAY_SIZE(texts)];
	uint64_t clues = 0;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		needles[i] = texts[i].needle;
	uint32_t found = elf_reader__scan(reader, offset, size, limit, needles, ARRAY_SIZE(texts));
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (found & (1U << i))
			clues |= CLUE_BIT(texts[i].clue);
	return clues;
}

const char *clues__allocator_name(enum clue clue)
{
	for (size_t i = 0; i < ARRAY_SIZE(allocators); i++)
		if (allocators[i].clue == clue)
			return allocators[i].name;
	return NULL;
}

const char *clues__allocator(uint64_t clues, bool with_libc)
{
	for (enum clue clue = CLUE_FIRST_ALLOCATOR; clue <= CLUE_LAST_ALLOCATOR; clue++)
		if ((clues & CLUE_BIT(clue)) && (with_libc || clue < CLUE_GLIBC))
			return clues__allocator_name(clue);
	return NULL;
}
