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
	  .cost = "a setting of the program (GOMAXPROCS, -XX:ActiveProcessorCount, worker counts)",
	  .verify = "throttled_usec falls while the work done stays", .consider = cpu_quota_threads__consider },
	{ .id = "leave-deadline", .title = "an ordinary class for the victim", .causes = "cpu.quota",
	  .cost = "it may miss its deadlines while others want the CPU", .verify = "policy in /proc/PID/sched is 0, and dl.runtime is gone",
	  .consider = cpu_quota_deadline__consider },
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
	{ .id = "receive-steering", .title = "other CPUs for the packets", .causes = "irq.softirq",
	  .cost = "an interrupt between CPUs for each batch, colder caches; the CPUs named there get the load",
	  .verify = "record again: the victims' CPU spends less time in NET_RX", .consider = receive_steering__consider },
	{ .id = "device-queues", .title = "more queues of the network device", .causes = "irq.softirq",
	  .cost = "the link goes down for a moment; more memory", .verify = "record again: NET_RX is spread over the CPUs", .consider = device_queues__consider },
	{ .id = "coalescing", .title = "fewer interrupts for the same packets", .causes = "irq.softirq irq.hard",
	  .cost = "packets wait up to some 10 µs longer", .verify = "the interrupt's row in /proc/interrupts grows more slowly",
	  .consider = coalescing__consider },
	{ .id = "softirq-budget", .title = "another share for NET_RX at a time", .causes = "irq.softirq",
	  .cost = "smaller: packets may be dropped under load; larger: others wait longer", .verify = "record again: the victims' loss falls; drops in softnet_stat do not grow",
	  .consider = softirq_budget__consider },
	{ .id = "less-traffic", .title = "fewer packets", .causes = "irq.softirq", .cost = "a change of the program or its configuration",
	  .verify = "record again: NET_RX takes less time", .consider = less_traffic__consider },
	{ .id = "irq-affinity", .title = "another CPU for the interrupt", .causes = "irq.hard", .cost = "that CPU gets the load",
	  .verify = "the interrupt's row in /proc/interrupts grows in another column", .consider = irq_affinity__consider },
	{ .id = "fewer-timers", .title = "fewer timers", .causes = "irq.hard", .cost = "coarser sampling, or timers that are less exact",
	  .verify = "the row LOC of /proc/interrupts grows more slowly", .consider = fewer_timers__consider },
	{ .id = "fewer-shootdowns", .title = "fewer changes of the address space", .causes = "memory.tlb", .cost = "a change of the program; memory stays in use",
	  .verify = "the row TLB of /proc/interrupts grows more slowly", .consider = fewer_shootdowns__consider },
	{ .id = "narrower-process", .title = "the program on fewer CPUs", .causes = "memory.tlb", .cost = "less CPU time for it",
	  .verify = "record again: fewer CPUs are asked for each flush", .consider = spread_process__consider },
	{ .id = "frequency-limits", .title = "what holds the CPUs' frequency down", .causes = "cpu.frequency", .cost = "heat, noise and power",
	  .verify = "turbostat: Bzy_MHz at the base frequency or above", .consider = frequency_limits__consider },
	{ .id = "firmware-settings", .title = "firmware that interrupts less", .causes = "host.smi", .cost = "a reboot; features of the firmware that are switched off",
	  .verify = "the counter (MSR 0x34) stands still", .consider = firmware_settings__consider },
	{ .id = "malloc-thresholds", .title = "glibc keeps large buffers instead of unmapping them", .causes = "lock.mmap memory.churn",
	  .cost = "freed memory stays with the process; takes effect at its restart",
	  .verify = "record again: the owner's munmap and mmap are gone; strace -c counts few of them", .consider = malloc_thresholds__consider },
	{ .id = "preload-allocator", .title = "another allocator through LD_PRELOAD", .causes = "lock.mmap memory.churn",
	  .cost = "other memory use and other bugs than those it was tested with; takes effect at its restart",
	  .verify = "record again: the process shows the new allocator, and its munmap and mmap are gone", .consider = preload_allocator__consider },
	{ .id = "allocator-decay", .title = "the allocator gives memory back later", .causes = "lock.mmap memory.churn",
	  .cost = "freed memory stays with the process for longer; takes effect at its restart",
	  .verify = "record again: the owner's madvise and munmap fall", .consider = allocator_decay__consider },
	{ .id = "go-memory", .title = "Go's garbage collector gives memory back less often", .causes = "lock.mmap memory.churn",
	  .cost = "a larger heap; takes effect at its restart", .verify = "record again: the owner's madvise falls", .consider = go_memory__consider },
	{ .id = "keep-buffers", .title = "buffers that are kept and used again", .causes = "lock.mmap memory.churn",
	  .cost = "a change of the program; memory stays in use", .verify = "strace -c counts fewer of these calls", .consider = keep_buffers__consider },
	{ .id = "huge-pages", .title = "huge pages for its buffers", .causes = "memory.churn",
	  .cost = "memory comes by 2 MiB: more of it stays resident, and each page is zeroed as a whole",
	  .verify = "minflt/s of pidstat -r falls; record again: page faults take less of its CPU time", .consider = huge_pages__consider },
	{ .id = "fewer-changes", .title = "fewer changes of the address space", .causes = "lock.mmap",
	  .cost = "a change of the program", .verify = "strace -c counts fewer of these calls", .consider = fewer_changes__consider },
	{ .id = "shorter-section", .title = "less work under the lock", .causes = "lock.futex", .cost = "a change of the program",
	  .verify = "record again: the time waited for this lock falls", .consider = shorter_section__consider },
	{ .id = "split-lock", .title = "several locks in place of one", .causes = "lock.futex",
	  .cost = "a change of the program; what must be consistent over several parts needs more than one of them",
	  .verify = "record again: the time waited falls while the work done stays", .consider = split_lock__consider },
	{ .id = "python-processes", .title = "processes in place of Python's threads", .causes = "lock.futex",
	  .cost = "memory for each process; data must be passed between them", .verify = "record again: nobody waits for the GIL, and more CPUs are busy",
	  .consider = python_processes__consider },
	{ .id = "malloc-arenas", .title = "more arenas of glibc's malloc", .causes = "lock.futex",
	  .cost = "more memory, and more of it in pieces; takes effect at its restart", .verify = "record again: no thread waits inside malloc or free",
	  .consider = malloc_arenas__consider },
	{ .id = "preload-thread-caches", .title = "an allocator with caches for each thread, through LD_PRELOAD", .causes = "lock.futex",
	  .cost = "other memory use and other bugs than those it was tested with; takes effect at its restart",
	  .verify = "record again: no thread waits inside malloc or free", .consider = preload_for_threads__consider },
	{ .id = "profile-locks", .title = "the runtime's own profile of its locks", .causes = "lock.futex", .cost = "some CPU time while it records; it changes nothing by itself",
	  .verify = "it names the lock and the places that hold it", .consider = profile_locks__consider },
	{ .id = "fewer-threads", .title = "fewer threads that queue for the lock", .causes = "lock.mmap lock.kernel lock.futex",
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
	{ .id = "io-priority", .title = "a lower I/O priority for who fills the queue", .causes = "io.device",
	  .cost = "its requests wait as long as others have some", .verify = "record again: the victims' mean wait falls; iostat -x shows a lower await",
	  .consider = io_priority__consider },
	{ .id = "io-depth", .title = "fewer requests at a time", .causes = "io.device",
	  .cost = "a setting of the program; a device that serves many at once may do less in all",
	  .verify = "aqu-sz and await of iostat -x fall, while its throughput stays", .consider = io_depth__consider },
	{ .id = "io-scheduler", .title = "another I/O scheduler for the device", .causes = "io.device",
	  .cost = "CPU time for each request, and less throughput on fast devices", .verify = "record again: the victims' mean wait falls",
	  .consider = io_scheduler__consider },
	{ .id = "io-spread", .title = "less load on this device, or a faster one", .causes = "io.device",
	  .cost = "hardware, or a move of data", .verify = "iostat -x shows a lower await", .consider = io_spread__consider },
	{ .id = "raise-io-limit", .title = "a higher I/O limit, or none", .causes = "io.limit",
	  .cost = "less isolation: the cgroup can take more of the device from others", .verify = "record again: its waits are as long as its requests",
	  .consider = io_limit_raise__consider },
	{ .id = "io-weight", .title = "a weight in place of the limit", .causes = "io.limit",
	  .cost = "others get slower while the cgroup has much to do", .verify = "record again: its waits are as long as its requests",
	  .consider = io_weight__consider },
	{ .id = "batch-syncs", .title = "several changes in one sync", .causes = "io.fsync io.journal",
	  .cost = "a change or a setting of the program", .verify = "record again: fewer syncs a second for the same work", .consider = batch_syncs__consider },
	{ .id = "database-durability", .title = "transactions that are reported before they are on the disk", .causes = "io.fsync",
	  .cost = "durability: the last moment of transactions is lost when the machine fails", .verify = "record again: the victim's loss falls",
	  .consider = database_durability__consider },
	{ .id = "durable-device", .title = "a device that makes data durable faster", .causes = "io.fsync io.journal",
	  .cost = "hardware, or a move of data", .verify = "record again: the mean sleep in a sync falls", .consider = durable_device__consider },
	{ .id = "journal-device", .title = "the journal on a faster device of its own", .causes = "io.fsync io.journal",
	  .cost = "a second device that can fail, and time without the file system", .verify = "record again: commits are shorter",
	  .consider = journal_device__consider },
	{ .id = "own-file-system", .title = "a file system of its own for whoever makes the commits", .causes = "io.journal",
	  .cost = "a partition or volume, and a move of data", .verify = "record again: the victim waits for no commits of others",
	  .consider = own_file_system__consider },
	{ .id = "dirty-limits", .title = "other limits for dirty memory", .causes = "io.dirty",
	  .cost = "smaller limits: more writes for data that changes again; larger ones: more is lost in a crash, and syncs take longer",
	  .verify = "record again: writers are held back less", .consider = dirty_limits__consider },
	{ .id = "write-less", .title = "a rate for whoever writes so much", .causes = "io.dirty",
	  .cost = "its work takes longer", .verify = "record again: the others are not held back", .consider = write_less__consider },
	{ .id = "look-at-server", .title = "what the server itself waits for", .causes = "io.remote",
	  .cost = "none: it only looks", .verify = "record again after its cause is gone: answers are shorter", .consider = look_at_server__consider },
	{ .id = "fewer-round-trips", .title = "fewer requests, or several at a time", .causes = "io.remote",
	  .cost = "caches may be old; more load on the server at a time", .verify = "record again: fewer sleeps for the same work",
	  .consider = fewer_round_trips__consider },
	{ .id = "raise-memory-limit", .title = "a higher memory limit", .causes = "memory.limit",
	  .cost = "less memory for the others, and none of the protection that the limit was set for",
	  .verify = "high and max in memory.events (v1: memory.failcnt) stand still", .consider = memory_limit_raise__consider },
	{ .id = "smaller-working-set", .title = "a program that wants less memory", .causes = "memory.limit memory.thrash",
	  .cost = "less is cached: more work or more I/O inside the program",
	  .verify = "record again: refaults and the time for memory fall", .consider = memory_smaller_cache__consider },
	{ .id = "memory-reserve", .title = "background reclaim that begins earlier", .causes = "memory.reclaim",
	  .cost = "that much memory is kept free and caches nothing", .verify = "allocstall in /proc/vmstat stands still", .consider = memory_reserve__consider },
	{ .id = "cap-memory", .title = "a limit for who takes the memory", .causes = "memory.reclaim memory.kswapd",
	  .cost = "the culprit gets slower: it waits for its own limit instead", .verify = "record again: nobody else waits for memory",
	  .consider = memory_cap__consider },
	{ .id = "zram", .title = "swap in compressed memory", .causes = "memory.thrash memory.reclaim",
	  .cost = "CPU time for each page, and a part of memory for the compressed ones", .verify = "record again: waits for pages fall",
	  .consider = memory_zram__consider },
	{ .id = "thp-defrag", .title = "huge pages without waiting for them", .causes = "memory.compaction",
	  .cost = "fewer huge pages at first, so more misses of the TLB", .verify = "compact_stall in /proc/vmstat stands still",
	  .consider = thp_defrag__consider },
	{ .id = "min-free", .title = "more memory kept free", .causes = "memory.compaction",
	  .cost = "that much memory is used for nothing", .verify = "compact_stall in /proc/vmstat grows more slowly", .consider = memory_free_reserve__consider },
};
const size_t remedy_table_count = ARRAY_SIZE(remedy_table);

static bool is_meant_for(const struct remedy *remedy, const char *cause)
{
	const char *found = strstr(remedy->causes, cause);
	size_t length = strlen(cause);
	return found && (found == remedy->causes || found[-1] == ' ') && (found[length] == ' ' || found[length] == 0);
}

// A remedy that says nothing (why stays NULL) has nothing to do with the programs in question: a Go knob beside a Rust program.
void remedies__offer_for(const struct ledger *ledger, struct verdict *verdict)
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

void remedies__offer(struct diagnosis *diagnosis)
{
	for (size_t i = 0; i < diagnosis->verdict_count; i++)
		if (diagnosis->verdicts[i].kind >= VERDICT_CONTRIBUTING)
			remedies__offer_for(diagnosis->ledger, &diagnosis->verdicts[i]);
}
