// Every remedy. Adding one is one entry here and one function in its family's file.
#include "remedies/remedy.h"
#include "base/base.h"

#include <string.h>

const struct remedy remedy_table[] = {
	{ .id = "cpu-weight", .title = "less weight for the culprit's cgroup", .causes = "cpu.oversubscription cpu.priority cpu.churn",
	  .cost = "the culprit gets slower as long as others want the CPU",
	  .verify = "record again: the victim's part of time lost falls", .consider = cpu_weight__consider },
	{ .id = "nice", .title = "a higher nice value for the culprit", .causes = "cpu.oversubscription",
	  .cost = "the culprit gets slower as long as others want the CPU",
	  .verify = "record again: the victim's part of time lost falls", .consider = cpu_nice__consider },
	{ .id = "fewer-workers", .title = "fewer workers", .causes = "cpu.oversubscription",
	  .cost = "less parallel work; total throughput hardly changes while all CPUs are busy anyway",
	  .verify = "record again: CPU some falls, and the culprit's own throughput stays", .consider = cpu_workers__consider },
	{ .id = "ordinary-class", .title = "an ordinary class for the culprit", .causes = "cpu.priority",
	  .cost = "the culprit may miss its own deadlines", .verify = "record again: waiting behind realtime or heavier tasks falls",
	  .consider = cpu_class__consider },
	{ .id = "raise-quota", .title = "a higher CPU limit, or none", .causes = "cpu.quota",
	  .cost = "less isolation: the cgroup can take more CPU time from others",
	  .verify = "nr_throttled in cpu.stat stands still", .consider = cpu_quota_raise__consider },
	{ .id = "quota-burst", .title = "room for bursts under the same limit", .causes = "cpu.quota",
	  .cost = "short bursts may delay others", .verify = "nr_throttled grows more slowly; nr_bursts grows",
	  .consider = cpu_quota_burst__consider },
	{ .id = "threads-to-quota", .title = "as many threads as the limit feeds", .causes = "cpu.quota",
	  .cost = "a setting of the program (GOMAXPROCS before Go 1.25, -XX:ActiveProcessorCount, worker counts)",
	  .verify = "throttled_usec falls while the work done stays", .consider = cpu_quota_threads__consider },
	{ .id = "widen-affinity", .title = "more CPUs in the victim's mask", .causes = "cpu.affinity",
	  .cost = "caches and NUMA memory may be used less well", .verify = "record again: waits with idle CPUs outside the mask are gone",
	  .consider = cpu_affinity_widen__consider },
	{ .id = "pool", .title = "a pool instead of a process for each piece of work", .causes = "cpu.churn",
	  .cost = "a change of the program that starts them", .verify = "tasks created a second fall (vmstat -f)",
	  .consider = cpu_churn_pool__consider },
	{ .id = "host-share", .title = "a larger share of the host", .causes = "cpu.steal",
	  .cost = "other machines on that host get less", .verify = "steal in /proc/stat stands still", .consider = host_share__consider },
	{ .id = "idle-states", .title = "shallower idle states", .causes = "cpu.wakeup",
	  .cost = "power and heat; less turbo for busy CPUs", .verify = "record again: the mean wake-up latency falls",
	  .consider = idle_states__consider },
	{ .id = "malloc-thresholds", .title = "glibc keeps large buffers instead of unmapping them", .causes = "lock.mmap",
	  .cost = "freed memory stays with the process; takes effect at its restart",
	  .verify = "record again: the owner's munmap and mmap are gone; strace -c counts few of them", .consider = malloc_thresholds__consider },
	{ .id = "preload-allocator", .title = "another allocator through LD_PRELOAD", .causes = "lock.mmap",
	  .cost = "other memory use and other bugs than those it was tested with; takes effect at its restart",
	  .verify = "record again: the process shows the new allocator, and its munmap and mmap are gone", .consider = preload_allocator__consider },
	{ .id = "allocator-decay", .title = "the allocator gives memory back later", .causes = "lock.mmap",
	  .cost = "freed memory stays with the process for longer; takes effect at its restart",
	  .verify = "record again: the owner's madvise and munmap fall", .consider = allocator_decay__consider },
	{ .id = "go-memory", .title = "Go's garbage collector gives memory back less often", .causes = "lock.mmap",
	  .cost = "a larger heap; takes effect at its restart", .verify = "record again: the owner's madvise falls", .consider = go_memory__consider },
	{ .id = "keep-buffers", .title = "buffers that are kept and used again", .causes = "lock.mmap",
	  .cost = "a change of the program; memory stays in use", .verify = "strace -c counts fewer of these calls", .consider = keep_buffers__consider },
	{ .id = "fewer-changes", .title = "fewer changes of the address space", .causes = "lock.mmap",
	  .cost = "a change of the program", .verify = "strace -c counts fewer of these calls", .consider = fewer_changes__consider },
	{ .id = "fewer-threads", .title = "fewer threads that queue for the lock", .causes = "lock.mmap lock.kernel",
	  .cost = "less parallel work; what the threads do outside the lock slows down with them",
	  .verify = "record again: the time waited falls while the work done stays", .consider = fewer_threads__consider },
	{ .id = "newer-kernel", .title = "a kernel that does this without the lock", .causes = "lock.mmap",
	  .cost = "a new kernel: a reboot, and all else that is new in it", .verify = "record again after the update: these waits are gone",
	  .consider = newer_kernel__consider },
	{ .id = "stop-polling", .title = "no more looking into the process from outside", .causes = "lock.mmap",
	  .cost = "the other program learns less, or less often", .verify = "record again: it is no culprit any more", .consider = stop_polling__consider },
	{ .id = "spread-contention", .title = "less work under one kernel lock", .causes = "lock.kernel",
	  .cost = "mostly a change of the program or its layout of files", .verify = "record again: the time waited for this lock falls",
	  .consider = spread_contention__consider },
};
const size_t remedy_table_count = ARRAY_SIZE(remedy_table);

static bool is_meant_for(const struct remedy *remedy, const char *cause)
{
	const char *found = strstr(remedy->causes, cause);
	size_t length = strlen(cause);
	return found && (found == remedy->causes || found[-1] == ' ') && (found[length] == ' ' || found[length] == 0);
}

// A remedy that says nothing (why stays NULL) has nothing to do with the programs in question: a Go knob beside a Rust program.
void remedies__offer(const struct ledger *ledger, struct verdict *verdict)
{
	size_t capacity = verdict->remedy_count;
	for (size_t i = 0; i < remedy_table_count; i++) {
		if (!is_meant_for(&remedy_table[i], verdict->cause->id))
			continue;
		struct remedy_offer offer = { .id = remedy_table[i].id, .cost = base__copy(remedy_table[i].cost),
					      .verify = base__copy(remedy_table[i].verify) };
		remedy_table[i].consider(ledger, verdict, &offer);
		if (!offer.why) {
			free(offer.cost);
			free(offer.verify);
			continue;
		}
		verdict->remedies = base__grow(verdict->remedies, &capacity, verdict->remedy_count + 1, sizeof(offer));
		verdict->remedies[verdict->remedy_count++] = offer;
	}
}
