// Who took the memory: what grew in this window, apart from who had to wait.
#include "causes/memory_case.h"
#include "causes/wording.h"

#include <math.h>
#include <string.h>

struct taker { double grown, filled; };         // bytes of a crowd
struct kernel_taker { enum kernel_part part; const char *name; double bytes; };

static double counter_growth(const struct recording *recording, const char *source, const char *name, double unit)
{
	return fmax(0, (double)kernel_counter__growth(recording, source, "", name) * unit);
}

// Memory that the kernel keeps for itself and no process can be asked for. The growth of slab belongs to whoever made the inodes and dentries,
// which nothing tells.
static size_t gather_kernel(const struct recording *recording, struct kernel_taker takers[2])
{
	takers[0] = (struct kernel_taker){ KERNEL_PART_OTHER, "the kernel's slab caches", counter_growth(recording, "meminfo", "Slab", 1024) };
	takers[1] = (struct kernel_taker){ KERNEL_PART_ARC, "ZFS's cache (ARC)", counter_growth(recording, "arcstats", "size", 1) };
	return 2;
}

static struct taker *gather_crowds(const struct memory_case *one, double *ret_all)
{
	struct taker *takers = base__alloc(one->scene->crowd_count + 1, sizeof(*takers));
	for (size_t i = 0; i < one->memory->count; i++) {
		const struct memory_process *process = &one->memory->processes[i];
		struct taker *taker = &takers[one->scene->crowd_of[process->index]];
		taker->grown += (double)process->grown_bytes;
		taker->filled += (double)process->filled_bytes;
		*ret_all += (double)process->grown_bytes + (double)process->filled_bytes;
	}
	return takers;
}

static void note_taker(struct party *party, const struct taker *taker)
{
	if (taker->grown > 0 && taker->filled > 0)
		party__set_note(party, "grew by %s, and put %s of files into the page cache", memory__bytes(taker->grown).text, memory__bytes(taker->filled).text);
	else if (taker->grown > 0)
		party__set_note(party, "grew by %s of memory of its own", memory__bytes(taker->grown).text);
	else
		party__set_note(party, "put %s of files into the page cache", memory__bytes(taker->filled).text);
}

static void add_evidence(const struct memory_case *one, double all, struct verdict *verdict)
{
	static const struct { const char *what, *name; } grown[] = {
		{ "growth of all anonymous memory", "AnonPages" }, { "growth of the page cache", "Cached" }, { "growth of slab", "Slab" },
	};
	const struct recording *recording = one->scene->ledger->recording;
	verdict__add_evidence(verdict, "memory taken by processes, and files put into the page cache", all / (1 << 20), UNIT("MiB"), NAN,
			      "activity table");
	for (size_t i = 0; i < ARRAY_SIZE(grown); i++) {
		const double kib = (double)kernel_counter__growth(recording, "meminfo", "", grown[i].name);
		if (kib > 1024)
			verdict__add_evidence(verdict, grown[i].what, kib / 1024, UNIT("MiB"), NAN, "/proc/meminfo");
	}
}

bool memory_takers__accuse(const struct memory_case *one, double ns, struct verdict *verdict)
{
	const struct recording *recording = one->scene->ledger->recording;
	struct kernel_taker kernel[2];
	size_t kernel_count = gather_kernel(recording, kernel), before = verdict->culprit_count;
	double all = 0, total = (double)kernel_counter__after(recording, "meminfo", "", "MemTotal") * 1024;
	cleanup_free struct taker *takers = gather_crowds(one, &all);
	for (size_t i = 0; i < kernel_count; i++)
		all += kernel[i].bytes;
	double least = fmax(threshold__value(THRESHOLD_MEMORY_TAKEN_SHARE) * all, threshold__value(THRESHOLD_MEMORY_TAKEN_LEAST) * fmax(0, total));
	for (size_t i = 0; i < one->scene->crowd_count; i++) {
		double bytes = takers[i].grown + takers[i].filled;
		if (bytes <= 0 || bytes < least || one->scene->crowds[i].tool)
			continue;
		note_taker(verdict__add_culprit(verdict, &one->scene->crowds[i], ns * bytes / all), &takers[i]);
	}
	for (size_t i = 0; i < kernel_count; i++)
		if (kernel[i].bytes > 0 && kernel[i].bytes >= least) {
			struct party *party = verdict__add_other_culprit(verdict, PARTY_KERNEL, kernel[i].name, NULL, ns * kernel[i].bytes / all);
			party->part = kernel[i].part;
			party__set_note(party, "grew by %s", memory__bytes(kernel[i].bytes).text);
		}
	add_evidence(one, all, verdict);
	return verdict->culprit_count > before;
}
