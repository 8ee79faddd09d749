// Allocators: their settings, and another one. What can work depends on how the program is linked and what it sets itself.
#include "ledger/cpu_profile.h"
#include "remedies/program.h"

#include <string.h>

// What makes the difference: large enough for the buffers of ordinary servers. 32 MiB is also the largest that glibc's own
// growing threshold reaches, and accepted by every version. Setting either of the two freezes both.
#define KEEP_BUFFERS "GLIBC_TUNABLES=glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=536870912"
// Measured with glibc 2.36: 40 MiB buffers are kept with these, and not with 32 MiB.
#define KEEP_LARGE_BUFFERS "GLIBC_TUNABLES=glibc.malloc.mmap_threshold=1073741824:glibc.malloc.trim_threshold=1073741824"
#define MMAP_ENOUGH (32LL << 20)
#define TRIM_ENOUGH (256LL << 20)
#define MOSTLY 0.5

static void say_not_allocating(const struct program *program, struct remedy_offer *offer)
{
	if (program->foreign)
		offer__decide(offer, false, "%s holds up another process, not itself by its memory", program->name);
	else
		offer__decide(offer, false, "%s %s %s, which is no allocator's work", program->name, program->deed,
			      program->party->operation_count ? program->party->operations[0].operation : "something unknown");
}

// Declines where the allocator is out of the question, whichever it is.
static bool is_ruled_out(const struct program *program, struct remedy_offer *offer)
{
	const char *heap = NULL;
	if (program->foreign || program__allocating(program) < MOSTLY)
		say_not_allocating(program, offer);
	else if (program->own_calls)
		offer__decide(offer, false, "the stacks of %s show that its own code makes these calls, not its allocator", program->name);
	else if (program__has_own_heap(program, &heap))
		offer__decide(offer, false, "%s: malloc serves little of %s", heap, program->name);
	else
		return false;
	return true;
}

static long long number(const char *text)
{
	return text ? strtoll(text, NULL, 0) : 0;
}

// ---- glibc's thresholds ----

// Without any setting glibc's threshold rises with the first large buffer that is freed, up to 32 MiB.
static void consider_plain_glibc(const struct program *program, struct remedy_offer *offer)
{
	if (program->break_share >= MOSTLY) {
		offer__decide(offer, true, "%s uses glibc's malloc, and no setting of it is in its environment: with these, freed memory is kept",
			      program->name);
		program__offer_environment(program, KEEP_BUFFERS, offer);
	} else if (program->advise_share >= program->unmap_share && !program->by_malloc) {
		offer__decide(offer, false, "without settings glibc hardly calls madvise: these calls are %s's own", program->name);
	} else {
		offer__decide(offer, true, "without settings glibc keeps buffers up to 32 MiB once one was freed: these keep larger ones, if it is malloc "
			      "that maps what %s maps and unmaps, and not its own code", program->name);
		program__offer_environment(program, KEEP_LARGE_BUFFERS, offer);
	}
}

void malloc_thresholds__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	struct program program;
	if (!program__find(ledger, verdict, offer, &program))
		return;
	const struct process_row *row = program.row;
	cleanup_free char *mmap = program__tunable(row, "glibc.malloc.mmap_threshold", "MALLOC_MMAP_THRESHOLD_");
	cleanup_free char *trim = program__tunable(row, "glibc.malloc.trim_threshold", "MALLOC_TRIM_THRESHOLD_");
	if (program__is(row->runtime, "go"))
		offer__decide(offer, false, "%s is a Go program: its heap is Go's own, not malloc's", program.name);
	else if (program.foreign)
		;                       // one word about allocators is enough: the other remedy says it
	else if (is_ruled_out(&program, offer))
		;
	else if (program__is(row->allocator, "musl"))
		offer__decide(offer, false, "%s uses musl's malloc, which has no settings", program.name);
	else if (!program__is(row->allocator, "glibc"))
		offer__decide(offer, false, "these settings are for glibc's malloc; the allocator of %s is %s", program.name,
			      row->allocator && strcmp(row->allocator, "unknown") ? row->allocator : "not known");
	else if (row->calls_mallopt)
		offer__decide(offer, false, "%s calls mallopt in its own code: what is set there wins over GLIBC_TUNABLES%s", program.name,
			      program.unmap_share < MOSTLY ? "" : ". Its behaviour fits a fixed threshold: left alone, glibc would keep such buffers "
			      "after the first was freed");
	else if (number(mmap) >= MMAP_ENOUGH && number(trim) >= TRIM_ENOUGH)
		offer__decide(offer, false, "both thresholds are set already (%s and %s)", mmap, trim);
	else if (mmap || trim) {
		offer__decide(offer, true, mmap && trim ? "the environment of %s sets both thresholds, but low (%s and %s)"
			      : "the environment of %s sets %s threshold (%s) alone, which freezes the other one too: set the pair",
			      program.name, mmap && trim ? mmap : mmap ? "the mmap" : "the trim", mmap && trim ? trim : mmap ? mmap : trim);
		program__offer_environment(&program, KEEP_BUFFERS, offer);
	} else {
		consider_plain_glibc(&program, offer);
	}
}

// ---- another allocator ----

static void consider_replacing_glibc(const struct recording *recording, const struct program *program, struct remedy_offer *offer)
{
	const struct process_row *row = program->row;
	cleanup_free char *mmap = program__tunable(row, "glibc.malloc.mmap_threshold", "MALLOC_MMAP_THRESHOLD_");
	cleanup_free char *trim = program__tunable(row, "glibc.malloc.trim_threshold", "MALLOC_TRIM_THRESHOLD_");
	if (row->calls_mallopt)
		offer__decide(offer, true, "%s is dynamic and calls malloc of glibc, which it sets by mallopt in its own code; a preloaded allocator "
			      "knows nothing of that and keeps freed buffers (jemalloc: package libjemalloc2)", program->name);
	else if (program->advise_share >= program->unmap_share + program->break_share && !mmap && !trim && !program->by_malloc) {
		offer__decide(offer, false, "without settings glibc hardly calls madvise: these calls are %s's own, not its allocator's", program->name);
		return;
	} else {
		offer__decide(offer, true, "%s is dynamic and calls malloc of glibc; another one keeps freed buffers%s (jemalloc: package "
			      "libjemalloc2)", program->name,
			      program->by_malloc || mmap || trim ? "" : ", if it is malloc that maps them and not its own code");
	}
	// By default jemalloc gives buffers of more than 8 MiB back at once (measured with 5.3: 16 MiB buffers are no faster than with
	// malloc's fixed threshold; with this setting they are).
	cleanup_free char *assignments = base__format("LD_PRELOAD=/usr/lib/%s/libjemalloc.so.2 MALLOC_CONF=oversize_threshold:0",
						      program__library_directory(recording));
	program__offer_environment(program, assignments, offer);
}

void preload_allocator__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	struct program program;
	if (!program__find(ledger, verdict, offer, &program))
		return;
	const struct process_row *row = program.row;
	if (!program__reads_preload(&program, offer) || is_ruled_out(&program, offer) || !program__asks_loader_for_malloc(&program, offer))
		;                       // has been declined
	else if (program__is(row->allocator, "musl"))
		offer__decide(offer, true, "%s calls malloc of musl, which maps and unmaps every buffer from 128 KiB on; a preloaded allocator must be built "
			      "for musl, too", program.name);
	else if (program__is(row->allocator, "glibc"))
		consider_replacing_glibc(ledger->recording, &program, offer);
	else
		offer__decide(offer, false, "%s does not use the C library's malloc, but %s: its own settings come first", program.name,
			      row->allocator && strcmp(row->allocator, "unknown") ? row->allocator : "an allocator that is not known");
}

// ---- settings of other allocators ----

struct decay { const char *allocator, *variable, *assignment, *says; };

static const struct decay *find_decay(const struct process_row *row)
{
	static const struct decay decays[] = {
		{ "jemalloc", "MALLOC_CONF", "MALLOC_CONF=retain:true,dirty_decay_ms:60000", "dirty_decay_ms (10000 without a setting) and retain" },
		{ "mimalloc", "MIMALLOC_PURGE_DELAY", "MIMALLOC_PURGE_DELAY=10000", "MIMALLOC_PURGE_DELAY (in milliseconds)" },
		{ "tcmalloc", "TCMALLOC_RELEASE_RATE", "TCMALLOC_RELEASE_RATE=0.1", "TCMALLOC_RELEASE_RATE" },
	};
	// The crate that links jemalloc into Rust programs gives the variable a prefix of its own.
	static const struct decay prefixed = { "jemalloc", "_RJEM_MALLOC_CONF", "_RJEM_MALLOC_CONF=retain:true,dirty_decay_ms:60000",
					       "dirty_decay_ms (10000 without a setting) and retain, in _RJEM_MALLOC_CONF" };
	if (program__is(row->allocator, "jemalloc") && program__is(row->runtime, "rust") && program__is(row->allocator_how, "linked in"))
		return &prefixed;
	for (size_t i = 0; i < ARRAY_SIZE(decays); i++)
		if (program__is(row->allocator, decays[i].allocator))
			return &decays[i];
	return NULL;
}

void allocator_decay__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	struct program program;
	struct remedy_offer declined = *offer;
	declined.why = NULL;
	bool found = program__find(ledger, verdict, &declined, &program);
	free(declined.why);
	const struct decay *decay = found ? find_decay(program.row) : NULL;
	if (!decay)
		return;
	cleanup_free char *value = program__setting(program.row, decay->variable);
	if (is_ruled_out(&program, offer))
		return;
	offer__decide(offer, true, "%s uses %s; %s says how soon it gives memory back%s%s%s", program.name, decay->allocator, decay->says,
		      value ? " (now " : "", value ? value : "", value ? ")" : "");
	program__offer_environment(&program, decay->assignment, offer);
}

void go_memory__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	struct program program;
	struct remedy_offer declined = *offer;
	declined.why = NULL;
	bool found = program__find(ledger, verdict, &declined, &program);
	free(declined.why);
	if (!found || !program__is(program.row->runtime, "go"))
		return;
	if (program.foreign || program.advise_share < MOSTLY) {
		offer__decide(offer, false, "Go's heap is not unmapped, but given back by madvise; %s %s %s: its own mappings or its C code",
			      program.name, program.deed, program.party->operation_count ? program.party->operations[0].operation : "something unknown");
		return;
	}
	cleanup_free char *gogc = program__setting(program.row, "GOGC");
	// The soft limit came with Go 1.19.
	bool limit = !program__is_older(program.row, 1, 19);
	offer__decide(offer, true, "%s is a Go program%s%s and gives its heap back by madvise; a higher GOGC (now %s)%s makes that rarer", program.name,
		      program.row->runtime_version ? " of version " : "", program.row->runtime_version ? program.row->runtime_version : "",
		      gogc ? gogc : "100, the default", limit ? " or a GOMEMLIMIT near what it may use" : "");
	program__offer_environment(&program, "GOGC=400", offer);
}

// ---- huge pages ----

// Part of its page faults' CPU time that made huge pages already.
static double huge_part(const struct ledger *ledger, const struct party *party)
{
	struct cpu_profile *profile = cpu_profile__of_all(ledger, party->members, party->member_count);
	double all = 0, huge = profile ? (double)cpu_profile__work(profile, WORK_FAULT_HUGE).samples : 0;
	for (enum cpu_work work = 0; profile && work < WORKS; work++)
		all += cpu_work__is_fault(work) ? (double)cpu_profile__work(profile, work).samples : 0;
	cpu_profile__free(profile);
	return all > 0 ? huge / all : 0;
}

void huge_pages__consider(const struct ledger *ledger, const struct verdict *verdict, struct remedy_offer *offer)
{
	struct program program;
	struct remedy_offer declined = *offer;
	declined.why = NULL;
	bool found = program__find(ledger, verdict, &declined, &program);
	free(declined.why);
	const char *enabled = recording__meta(ledger->recording, "thp_enabled");
	const struct process_row *row = found ? program.row : NULL;
	if (!found || !enabled)
		return;
	if (!strcmp(enabled, "never"))
		offer__decide(offer, false, "transparent huge pages are switched off on this machine (/sys/kernel/mm/transparent_hugepage/enabled)");
	else if (!strcmp(enabled, "always") || huge_part(ledger, program.party) >= MOSTLY)
		offer__decide(offer, false, "%s gets huge pages already where its mappings are aligned and large enough", program.name);
	else if (program__is(row->runtime, "go"))       // -fanalyzer: there is a row where one was found
		offer__decide(offer, false, "Go asks for huge pages by itself, from 1.21 on where it expects to keep the memory");
	else if (program__is(row->runtime, "jvm")) {
		offer__decide(offer, true, "Java's heap takes huge pages with -XX:+UseTransparentHugePages, and all its memory at once with -XX:+AlwaysPreTouch");
	} else if (program__is(row->allocator, "glibc") && program__is(row->linkage, "dynamic") && program__allocating(&program) >= MOSTLY && !program.own_calls) {
		offer__decide(offer, true, "one page fault brings 2 MiB: glibc from 2.35 on asks for huge pages for what malloc maps, with this setting");
		program__offer_environment(&program, "GLIBC_TUNABLES=glibc.malloc.hugetlb=1", offer);
	} else {
		offer__decide(offer, true, "one page fault brings 2 MiB where %s calls madvise(MADV_HUGEPAGE) on its buffers, aligned to 2 MiB", program.name);
	}
}
