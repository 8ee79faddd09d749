// What a program is, the pure parts: from bytes made by hand.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "identify/allocator.h"
#include "identify/calls.h"
#include "identify/clues.h"
#include "identify/executable.h"
#include "identify/go_buildinfo.h"
#include "identify/loader_cache.h"
#include "identify/object.h"
#include "identify/package.h"
#include "identify/parcel.h"
#include "identify/root.h"
#include "identify/runtime.h"
#include "identify/settings.h"

static int64_t in_a_second(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec + 1) * (int64_t)NS_PER_SEC + now.tv_nsec;
}

// ---- Go's build information ----

#define FRAME_BEGIN "0w\xaf\f\x92t\b\x02" "A\xe1\xc1\a\xe6\xd6\x18\xe6"
#define FRAME_END "\xf9" "2C1\x86\x18 r\x00\x82" "B\x10" "A\x16\xd8\xf2"
static const char modules[] = FRAME_BEGIN "path\texample.com/a/cmd\nmod\texample.com/a\tv1.2.3\th1:abc=\ndep\texample.com/b\tv0.1.0\t\n"
	"build\t-compiler=gc\nbuild\tCGO_ENABLED=1\n" FRAME_END;
#define MODULES_SIZE (sizeof(modules) - 1)

// The memory of an imagined program: `bytes` are at ADDRESS.
#define ADDRESS 0x500000u
struct memory { uint8_t bytes[1024]; size_t size; };

static size_t read_memory(void *context, uint64_t address, void *buffer, size_t size)
{
	const struct memory *memory = context;
	uint64_t inside = address - ADDRESS;

	if (address < ADDRESS || inside >= memory->size)
		return 0;
	if (size > memory->size - inside)
		size = memory->size - inside;
	memcpy(buffer, memory->bytes + inside, size);
	return size;
}

static void put(struct memory *memory, const void *bytes, size_t size)
{
	memcpy(memory->bytes + memory->size, bytes, size);
	memory->size += size;
}

static void put_number(struct memory *memory, uint64_t value, unsigned size, bool big_endian)
{
	for (unsigned i = 0; i < size; i++)
		memory->bytes[memory->size++] = (uint8_t)(value >> 8 * (big_endian ? size - 1 - i : i));
}

static void put_head(struct memory *memory, unsigned pointer, unsigned flags)
{
	put(memory, "\xff Go buildinf:", 14);
	put_number(memory, pointer, 1, false);
	put_number(memory, flags, 1, false);
}

static struct memory inline_info(const char *version, const char *list, size_t list_size)
{
	struct memory memory = { 0 };
	uint8_t zero[16] = { 0 };

	put_head(&memory, 0, 2);
	put(&memory, zero, sizeof(zero));
	put_number(&memory, strlen(version), 1, false);
	put(&memory, version, strlen(version));
	put_number(&memory, (list_size & 0x7f) | 0x80, 1, false);
	put_number(&memory, list_size >> 7, 1, false);
	put(&memory, list, list_size);
	return memory;
}

static void check_info(const struct go_buildinfo *info)
{
	assert_string_equal(info->version, "1.19.8");
	assert_string_equal(info->module, "example.com/a");
	assert_string_equal(info->module_version, "v1.2.3");
	assert_true(info->cgo_enabled);
}

static void test_go_inline(void **state)
{
	struct memory memory = inline_info("go1.19.8", modules, MODULES_SIZE);
	struct go_buildinfo info = { 0 };

	(void)state;
	assert_int_equal(go_buildinfo__find(memory.bytes, memory.size), 0);
	assert_int_equal(go_buildinfo__parse(memory.bytes, memory.size, NULL, NULL, &info), 0);
	check_info(&info);
	go_buildinfo__free(&info);
	memory = inline_info("devel go1.24-4f0408a", "", 0);
	assert_int_equal(go_buildinfo__parse(memory.bytes, memory.size, NULL, NULL, &info), 0);
	assert_string_equal(info.version, "devel go1.24-4f0408a");
	assert_null(info.module);
	go_buildinfo__free(&info);
}

// Before Go 1.18: pointers to strings, in the program's own width and byte order.
static void test_go_pointers(void **state)
{
	static const struct { unsigned pointer; bool big_endian; } kinds[] = { { 8, false }, { 4, false }, { 8, true }, { 4, true } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		unsigned pointer = kinds[i].pointer;
		bool big = kinds[i].big_endian;
		size_t headers = ADDRESS + 16 + 2 * pointer, texts = headers + 4 * pointer;
		struct memory memory = { 0 };
		struct go_buildinfo info = { 0 };

		put_head(&memory, pointer, big);
		put_number(&memory, headers, pointer, big);
		put_number(&memory, headers + 2 * pointer, pointer, big);
		put_number(&memory, texts, pointer, big);
		put_number(&memory, 8, pointer, big);
		put_number(&memory, texts + 8, pointer, big);
		put_number(&memory, MODULES_SIZE, pointer, big);
		put(&memory, "go1.19.8", 8);
		put(&memory, modules, MODULES_SIZE);
		assert_int_equal(go_buildinfo__parse(memory.bytes, memory.size, read_memory, &memory, &info), 0);
		check_info(&info);
		go_buildinfo__free(&info);
		assert_int_equal(go_buildinfo__parse(memory.bytes, memory.size, NULL, NULL, &info), -EINVAL);
	}
}

static void test_go_damaged(void **state)
{
	struct memory memory = inline_info("go1.19.8", modules, MODULES_SIZE);
	struct go_buildinfo info = { 0 };

	(void)state;
	// Cut at every place: never beyond the bytes, and the version only where all of it is there.
	for (size_t size = 0; size < memory.size; size++) {
		uint8_t *cut = malloc(size ? size : 1);

		memcpy(cut, memory.bytes, size);
		int result = go_buildinfo__parse(cut, size, NULL, NULL, &info);
		assert_int_equal(result, size < 41 ? -EINVAL : 0);
		go_buildinfo__free(&info);
		free(cut);
	}
	memory.bytes[3] = 'x';
	assert_int_equal(go_buildinfo__parse(memory.bytes, memory.size, NULL, NULL, &info), -EINVAL);
	assert_int_equal(go_buildinfo__find(memory.bytes, memory.size), -1);
	// A list without its frame is nothing that Go wrote.
	memory = inline_info("go1.19.8", "mod\texample.com/a\tv1.2.3\th1:abc=\nmod\texample.com/a\tv1.2.3\n", 58);
	assert_int_equal(go_buildinfo__parse(memory.bytes, memory.size, NULL, NULL, &info), 0);
	assert_null(info.module);
	go_buildinfo__free(&info);
}

static void test_go_found_aligned(void **state)
{
	struct memory info = inline_info("go1.19.8", modules, MODULES_SIZE);
	static uint8_t bytes[512];

	(void)state;
	memcpy(bytes + 48, info.bytes, info.size);
	assert_int_equal(go_buildinfo__find(bytes, sizeof(bytes)), 48);
	memmove(bytes + 56, bytes + 48, info.size);
	memset(bytes + 48, 0, 8);
	assert_int_equal(go_buildinfo__find(bytes, sizeof(bytes)), -1);
}

// ---- the environment ----

static void test_settings(void **state)
{
	static const char environment[] = "PATH=/bin\0PASSWORD=secret\0GOGC=off\0MALLOC_ARENA_MAX=2\0MALLOC=x\0MALLOC_=x\0LD_PRELOAD=/a.so\0"
		"GLIBC_TUNABLES=a=b\nc\0LD_LIBRARY_PATH=/lib\0_RJEM_MALLOC_CONF=x\0LD_PRELOAD=/b.so\0GOGCX=1\0=x\0MALLOC_CONF";
	struct settings settings;

	(void)state;
	settings__read(environment, sizeof(environment) - 1, &settings);
	assert_string_equal(settings.lines, "GOGC=off\nMALLOC_ARENA_MAX=2\nLD_PRELOAD=/a.so\nGLIBC_TUNABLES=a=b?c\n_RJEM_MALLOC_CONF=x\nLD_PRELOAD=/b.so");
	assert_string_equal(settings.preload, "/b.so");
	assert_string_equal(settings.library_path, "/lib");
	settings__free(&settings);
	settings__read("", 0, &settings);
	assert_string_equal(settings.lines, "");
	assert_null(settings.preload);
	settings__free(&settings);
}

static void test_settings_are_bounded(void **state)
{
	static char environment[400000];
	struct settings settings;

	(void)state;
	for (size_t i = 0; i + 1000 < sizeof(environment); i += 1000) {
		memset(environment + i, 'x', 999);
		memcpy(environment + i, "MALLOC_A=", 9);
	}
	settings__read(environment, sizeof(environment), &settings);
	assert_in_range(strlen(settings.lines), 1000, 4096);
	settings__free(&settings);
}

// ---- clues ----

struct symbol { const char *name; bool defined; uint64_t clues; };
static const struct symbol symbols[] = {
	{ "malloc", true, CLUE_BIT(CLUE_MALLOC) }, { "malloc", false, 0 }, { "mallopt", false, CLUE_BIT(CLUE_MALLOPT) }, { "mallopt", true, 0 },
	{ "mallocx", true, CLUE_BIT(CLUE_JEMALLOC) }, { "_rjem_je_arena_init", true, CLUE_BIT(CLUE_JEMALLOC) }, { "_rjem_mallctl", true, CLUE_BIT(CLUE_JEMALLOC) },
	{ "mallctl", false, 0 }, { "mi_malloc", true, CLUE_BIT(CLUE_MIMALLOC) }, { "tc_malloc", true, CLUE_BIT(CLUE_TCMALLOC) },
	{ "TCMallocInternalMalloc", true, CLUE_BIT(CLUE_GOOGLE_TCMALLOC) }, { "xxmalloc", true, CLUE_BIT(CLUE_HOARD) },
	{ "JLI_Launch", false, CLUE_BIT(CLUE_JVM) }, { "_ZN4node5StartEiPPc", false, CLUE_BIT(CLUE_NODE) | CLUE_BIT(CLUE_CXX) },
	{ "_ZN3std2rt10lang_start17h0123456789abcdefE", true, CLUE_BIT(CLUE_RUST) | CLUE_BIT(CLUE_RUST_MAIN) },
	{ "_ZN3std2rt10lang_start17h0123456789abcdefE.llvm.123", true, CLUE_BIT(CLUE_RUST) | CLUE_BIT(CLUE_RUST_MAIN) },
	{ "_ZN3std2rt10lang_start17h0123456789abcdeE", true, CLUE_BIT(CLUE_CXX) },
	{ "_RNvCs4fqI2P2rA04_7___rustc11___rdl_alloc", true, CLUE_BIT(CLUE_RUST) | CLUE_BIT(CLUE_RUST_SYSTEM_ALLOCATOR) },
	{ "__rg_alloc", true, CLUE_BIT(CLUE_RUST) | CLUE_BIT(CLUE_RUST_OWN_ALLOCATOR) },
	{ "_ZNSt6vectorIiSaIiEE3endEv", false, CLUE_BIT(CLUE_CXX) }, { "_RESULT", true, 0 }, { "_R", true, 0 }, { "_Z", true, CLUE_BIT(CLUE_CXX) },
	{ "_", true, 0 }, { "__", true, 0 }, { "main", true, 0 }, { "", true, 0 },
};

static void test_clues(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++)
		if (clues__of_symbol(symbols[i].name, symbols[i].defined) != symbols[i].clues)
			fail_msg("%s: %llx", symbols[i].name, (unsigned long long)clues__of_symbol(symbols[i].name, symbols[i].defined));
	// The table that is searched must be sorted: every name in it is found, first and last ones too.
	assert_true(clues__of_symbol("_int_malloc", true) && clues__of_symbol("gnu_get_libc_version", true) && clues__of_symbol("__init_libc", true));
	for (enum clue clue = CLUE_FIRST_ALLOCATOR; clue <= CLUE_LAST_ALLOCATOR; clue++)
		assert_non_null(clues__allocator_name(clue));
	assert_null(clues__allocator_name(CLUE_RUST));
	assert_null(clues__allocator(CLUE_BIT(CLUE_GLIBC), false));
	assert_string_equal(clues__allocator(CLUE_BIT(CLUE_GLIBC) | CLUE_BIT(CLUE_JEMALLOC), true), "jemalloc");
}

static void test_languages(void **state)
{
	char *needed[] = { (char *)"libstdc++.so.6" };
	static const struct { uint64_t clues; bool symbols; const char *runtime; } samples[] = {
		{ CLUE_BIT(CLUE_GLIBC), true, "c" }, { 0, true, "unknown" }, { CLUE_BIT(CLUE_CXX), true, "c++" },
		{ CLUE_BIT(CLUE_CXX) | CLUE_BIT(CLUE_RUST), true, "c++" },                            // a library of Rust in it
		{ CLUE_BIT(CLUE_CXX) | CLUE_BIT(CLUE_RUST) | CLUE_BIT(CLUE_RUST_MAIN), true, "rust" }, // one of C++
		{ CLUE_BIT(CLUE_CXX) | CLUE_BIT(CLUE_RUST), false, "rust" }, { CLUE_BIT(CLUE_GO) | CLUE_BIT(CLUE_CXX), true, "go" },
		{ CLUE_BIT(CLUE_FOREIGN) | CLUE_BIT(CLUE_GLIBC), true, "unknown" }, { CLUE_BIT(CLUE_NODE) | CLUE_BIT(CLUE_CXX), true, "node" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		struct object object = { .clues = samples[i].clues, .has_symbols = samples[i].symbols };

		assert_string_equal(runtime__of(&object), samples[i].runtime);
	}
	struct object with_library = { .needed = needed, .needed_count = 1 };
	assert_string_equal(runtime__of(&with_library), "c++");
	struct object packed = { .packed = true, .clues = CLUE_BIT(CLUE_GLIBC) };
	assert_string_equal(runtime__of(&packed), "unknown");
}

static void test_java_version(void **state)
{
	static const struct { const char *text, *version; } samples[] = {
		{ "IMPLEMENTOR=\"Debian\"\nJAVA_VERSION=\"17.0.15\"\nJAVA_VERSION_DATE=\"2025\"\n", "17.0.15" }, { "JAVA_VERSION=\"1.8.0_452\"", "1.8.0_452" },
		{ "XJAVA_VERSION=\"17\"\n", NULL }, { "JAVA_VERSION=\"\"\n", NULL }, { "", NULL }, { "JAVA_VERSION=", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		cleanup_free char *version = runtime__java_version(samples[i].text);

		if (samples[i].version)
			assert_string_equal(version, samples[i].version);
		else
			assert_null(version);
	}
}

static void test_libc_names(void **state)
{
	(void)state;
	assert_string_equal(allocator__libc_of("/lib64/ld-linux-x86-64.so.2"), "glibc");
	assert_string_equal(allocator__libc_of("libc.so.6"), "glibc");
	assert_string_equal(allocator__libc_of("libc.musl-x86_64.so.1"), "musl");
	assert_null(allocator__libc_of("libcrypto.so.3"));
	assert_null(allocator__libc_of(NULL));
}

// ---- code ----

static void test_calls(void **state)
{
	uint8_t x86[32] = { 0x90, 0xe8, 0x0a, 0, 0, 0, 0x90, 0xe9, 0xf4, 0xff, 0xff, 0xff };
	uint32_t arm[4] = { 0xd503201f, 0x94000003, 0x17ffffff, 0xd503201f };

	(void)state;
	assert_true(calls__in_code(EM_X86_64, x86, sizeof(x86), 0x1000, 0x1010));
	assert_true(calls__in_code(EM_X86_64, x86, sizeof(x86), 0x1000, 0x1000));        // a jump backwards
	assert_false(calls__in_code(EM_X86_64, x86, sizeof(x86), 0x1000, 0x1011));
	assert_false(calls__in_code(EM_X86_64, x86, 5, 0x1000, 0x1010));                 // cut
	assert_true(calls__in_code(EM_AARCH64, (uint8_t *)arm, sizeof(arm), 0x1000, 0x1010));
	assert_true(calls__in_code(EM_AARCH64, (uint8_t *)arm, sizeof(arm), 0x1000, 0x1004));
	assert_false(calls__in_code(EM_AARCH64, (uint8_t *)arm, sizeof(arm), 0x1000, 0x1008));
	assert_false(calls__in_code(EM_S390, x86, sizeof(x86), 0x1000, 0x1010));
}

// ---- the loader ----

static void put_entry(uint8_t *at, uint32_t flags, uint32_t key, uint32_t value)
{
	memcpy(at, &flags, 4);
	memcpy(at + 4, &key, 4);
	memcpy(at + 8, &value, 4);
}

static void test_loader_cache(void **state)
{
	uint8_t image[160] = "glibc-ld.so.cache1.1";
	uint32_t count = 2, absurd = UINT32_MAX;

	(void)state;
	memcpy(image + 20, &count, 4);
	memcpy(image + 96, "liba.so.1\0/lib/liba.so.1\0/lib32/liba.so.1", 42);
	put_entry(image + 48, 3, 96, 121);
	put_entry(image + 72, 0x303, 96, 106);
	assert_string_equal(loader_cache__find((char *)image, sizeof(image), "liba.so.1", 0x303), "/lib/liba.so.1");
	assert_string_equal(loader_cache__find((char *)image, sizeof(image), "liba.so.1", 3), "/lib32/liba.so.1");
	assert_null(loader_cache__find((char *)image, sizeof(image), "libb.so.1", 3));
	memcpy(image + 20, &absurd, 4);
	assert_null(loader_cache__find((char *)image, sizeof(image), "libb.so.1", 3));
	put_entry(image + 72, 0x303, absurd, 106);
	assert_null(loader_cache__find((char *)image, sizeof(image), "liba.so.1", 0x303));
	for (size_t size = 0; size < sizeof(image); size++) {
		char *cut = malloc(size + 1);

		memcpy(cut, image, size);
		loader_cache__find(cut, size, "liba.so.1", 3);
		free(cut);
	}
}

static void test_loaded_program(void **state)
{
	static const char plain[] = "/lib64/ld-linux-x86-64.so.2\0/bin/x\0y", options[] = "ld.so\0--library-path\0/a\0--inhibit-cache\0--argv0\0z\0/bin/x\0",
		none[] = "ld.so\0--list", cut[] = { 'l', 'd', 0, '/', 'x' };

	(void)state;
	assert_string_equal(executable__loaded_program(plain, sizeof(plain)), "/bin/x");
	assert_string_equal(executable__loaded_program(options, sizeof(options) - 1), "/bin/x");
	assert_null(executable__loaded_program(none, sizeof(none)));
	assert_null(executable__loaded_program(cut, sizeof(cut)));
	assert_null(executable__loaded_program("", 0));
	assert_true(executable__is_loader("/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2") && executable__is_loader("ld-musl-x86_64.so.1"));
	assert_false(executable__is_loader("/usr/bin/ld") || executable__is_loader(NULL));
}

// ---- ELF files ----

static int file_of(const void *bytes, size_t size)
{
	int fd = memfd_create("object", MFD_CLOEXEC);

	assert_int_equal(write(fd, bytes, size), size);
	return fd;
}

// No sections, one note: what is left of a program that was stripped to the bone.
static void test_bare_object(void **state)
{
	struct { Elf64_Ehdr header; Elf64_Phdr segments[2]; Elf64_Nhdr note; char name[4]; uint8_t id[4]; } file = {
		.header = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT }, .e_type = ET_EXEC, .e_machine = EM_X86_64,
			.e_version = EV_CURRENT, .e_phoff = sizeof(Elf64_Ehdr), .e_ehsize = sizeof(Elf64_Ehdr), .e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 2, .e_shentsize = sizeof(Elf64_Shdr) },
		.note = { 4, 4, NT_GNU_BUILD_ID }, .name = "GNU", .id = { 0xde, 0xad, 0x00, 0x01 },
	};
	struct object object;

	(void)state;
	file.segments[0] = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = sizeof(file.header) + sizeof(file.segments), .p_filesz = 20, .p_align = 4 };
	file.segments[1] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_filesz = sizeof(file), .p_memsz = sizeof(file) };
	int fd = file_of(&file, sizeof(file));
	assert_int_equal(object__read(fd, true, &object), 0);
	assert_string_equal(object.build_id, "dead0001");
	assert_null(object.loader);
	assert_false(object.position_independent || object.has_symbols);
	assert_string_equal(runtime__of(&object), "unknown");
	object__free(&object);
	close(fd);
	// Cut at every place: an answer or an error, never a crash.
	for (size_t size = 0; size < sizeof(file); size++) {
		fd = file_of(&file, size);
		if (!object__read(fd, true, &object))
			object__free(&object);
		close(fd);
	}
	// Counts that do not fit into their fields are for object files of compilers.
	file.header.e_shoff = 64;
	fd = file_of(&file, sizeof(file));
	assert_int_equal(object__read(fd, true, &object), -E2BIG);
	close(fd);
	fd = file_of("#!/bin/sh\n", 10);
	assert_int_equal(object__read(fd, true, &object), -ENOEXEC);
	close(fd);
}

// ---- packages ----

static void write_text(const char *directory, const char *name, const char *text)
{
	cleanup_free char *path = base__format("%s/%s", directory, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void test_packages(void **state)
{
	char directory[] = "/tmp/whystall-packages.XXXXXX";
	struct package_query queries[] = { { .path = "/opt/x/bin/x" }, { .path = "/opt/y" }, { .path = "/opt/none" }, { .path = "/opt/removed" },
		{ .path = "/opt/x/bin" } };
	struct stat bin;

	(void)state;
	assert_non_null(mkdtemp(directory));
	cleanup_free char *info = base__format("%s/info", directory);
	mkdir(info, 0755);
	write_text(info, "xpkg.list", "/.\n/opt/x/bin/x.old\n/opt/x/bin/x\n/bin/merged-program\n");
	write_text(info, "ypkg:arm64.list", "/opt/y");
	write_text(info, "gone.list", "/opt/removed\n");
	write_text(info, "xpkg.md5sums", "/opt/none\n");
	write_text(directory, "status", "Package: xpkg2\nStatus: install ok installed\nVersion: 9\n\nPackage: xpkg\nStatus: install ok installed\nPriority: x\n"
		"Architecture: amd64\nVersion: 1:2.3-4\nDescription: y\n Version: no\n\nPackage: ypkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n"
		"Package: ypkg\nStatus: install ok installed\nArchitecture: arm64\nVersion: 2\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 3\n");
	packages__find(directory, queries, ARRAY_SIZE(queries), in_a_second());
	assert_string_equal(queries[0].name, "xpkg");
	assert_string_equal(queries[0].version, "1:2.3-4");
	assert_string_equal(queries[1].name, "ypkg");
	assert_string_equal(queries[1].version, "2");
	assert_null(queries[2].name);
	assert_string_equal(queries[3].name, "gone");
	assert_null(queries[3].version);
	assert_null(queries[4].name);
	packages__free(queries, ARRAY_SIZE(queries));
	// Time ran out before it began.
	packages__find(directory, queries, 1, 0);
	assert_null(queries[0].name);
	if (!lstat("/bin", &bin) && S_ISLNK(bin.st_mode)) {
		struct package_query merged = { .path = "/usr/bin/merged-program" };

		packages__find(directory, &merged, 1, in_a_second());
		assert_string_equal(merged.name, "xpkg");
		packages__free(&merged, 1);
	}
	cleanup_free char *remove = base__format("rm -r %s", directory);
	assert_int_equal(system(remove), 0);
	packages__find("/nonexistent", queries, 1, INT64_MAX);
	assert_null(queries[0].name);
}

// ---- what an opener hands over ----

static bool is_shared(const char *path, const char *text, mode_t mode)
{
	cleanup_fd int fd = memfd_create("shared", 0);

	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && !fchmod(fd, mode));
	return root__may_share(fd, path);
}

static void test_only_programs_are_shared(void **state)
{
	(void)state;
	assert_true(is_shared("/opt/program", "\177ELF", 0700));
	assert_true(is_shared("/usr/lib/jvm/java-17/release", "JAVA_VERSION=", 0644));
	assert_true(is_shared("/etc/ld.so.cache", "glibc-ld.so.cache1.1", 0644));
	assert_true(is_shared("/etc/ld-musl-x86_64.path", "/lib", 0644));
	assert_false(is_shared("/etc/ld-musl-x/../../root/x.path", "secret", 0644));
	assert_false(is_shared("/etc/shadow", "root:", 0640));
	assert_false(is_shared("/etc/passwd", "root:", 0644));
	assert_false(is_shared("/root/release", "secret", 0600));
	assert_false(is_shared("/etc/shadow", "", 0644));
}

// ---- texts between processes ----

static void test_parcels(void **state)
{
	struct string bytes = { 0 };

	(void)state;
	parcel__add(&bytes, "one");
	parcel__add(&bytes, NULL);
	parcel__add(&bytes, "");
	parcel__add(&bytes, "a\nb\x1b");
	parcel__add(&bytes, "a\nb\x1b");
	struct parcel parcel = { bytes.text, bytes.text + bytes.length };
	assert_string_equal(parcel__next(&parcel), "one");
	assert_null(parcel__next(&parcel));
	assert_string_equal(parcel__next(&parcel), "");
	cleanup_free char *line = parcel__next_printable(&parcel), *lines = parcel__next_lines(&parcel);
	assert_string_equal(line, "a?b?");
	assert_string_equal(lines, "a\nb?");
	assert_null(parcel__next(&parcel));
	// Cut anywhere, it ends where it ends.
	for (size_t length = 0; length < bytes.length; length++) {
		cleanup_free char *copy = base__alloc(length, 1);

		memcpy(copy, bytes.text, length);
		parcel = (struct parcel){ copy, copy + length };
		for (int i = 0; i < 8; i++)
			parcel__next(&parcel);
		assert_true(parcel.at == parcel.end);
	}
	string__free(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_go_inline), cmocka_unit_test(test_go_pointers), cmocka_unit_test(test_go_damaged),
		cmocka_unit_test(test_go_found_aligned), cmocka_unit_test(test_settings), cmocka_unit_test(test_settings_are_bounded),
		cmocka_unit_test(test_clues), cmocka_unit_test(test_languages), cmocka_unit_test(test_java_version), cmocka_unit_test(test_libc_names),
		cmocka_unit_test(test_calls), cmocka_unit_test(test_loader_cache), cmocka_unit_test(test_loaded_program), cmocka_unit_test(test_bare_object),
		cmocka_unit_test(test_packages), cmocka_unit_test(test_only_programs_are_shared), cmocka_unit_test(test_parcels),
	};

	return cmocka_run_group_tests_name("identify_executable", tests, NULL, NULL);
}
