#include "collect/irq_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <bpf/libbpf.h>

#include "base/base.h"
#include "bpf/records.h"
#include "collect/irq_files.h"

#define FIRST_NS (250 * NS_PER_MSEC)    // attached at the beginning, and then
#define STAY_NS NS_PER_SEC              // whenever there is a need
#define SAMPLE_NS (8 * NS_PER_SEC)      // from one sample to the next
#define LOOK_NS (100 * NS_PER_MSEC)
#define READ_PART 500                   // of the time, at most, is spent on reading /proc/interrupts: with many CPUs it is long
#define FLUSHES_A_SECOND 250
#define CALLS_PART 0.01                 // of one CPU
#define PACKETS_PART 0.02               // of one CPU
#define SOFTIRQ_NET_RX 3                // NET_RX_SOFTIRQ, include/linux/interrupt.h

struct probe_group {
	struct bpf_program *programs[IRQ_GROUP_PROGRAMS];
	struct bpf_link *links[IRQ_GROUP_PROGRAMS];
	bool on;
	int refusal;                    // negative errno of the first attachment; 0: none
	uint64_t until_ns;              // it stays attached at least until then
	uint64_t sample_ns;             // when the next sample is due
	uint64_t since_ns, seen_ns;
};

struct irq_watch {
	struct probe_group groups[IRQ_GROUPS];
	struct irq_cpu *cpus;           // NULL: the window has not begun
	uint32_t cpu_count;
	uint64_t next_ns, last_ns;
	uint64_t calls, calls_ns, packets_ns;   // at the last look
	int64_t flushes;                        // -1: not read then
	uint64_t read_ns;                       // how long that took the last time
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
}

static enum irq_need decide_calls(const struct irq_load *load, double least)
{
	if ((double)load->calls >= least && (load->flushes < 0 || (double)load->flushes >= least))
		return IRQ_NEED_ALL;
	return (double)load->calls_ns >= CALLS_PART * (double)load->elapsed_ns ? IRQ_NEED_SAMPLE : IRQ_NEED_NONE;
}

enum irq_need irq_watch__decide(enum irq_group group, const struct irq_load *load)
{
	double elapsed_ns = (double)load->elapsed_ns;

	if (group == IRQ_GROUP_CALLS)
		return decide_calls(load, FLUSHES_A_SECOND * elapsed_ns / NS_PER_SEC);
	return (double)load->packets_ns >= PACKETS_PART * elapsed_ns ? IRQ_NEED_ALL : IRQ_NEED_NONE;
}

// ---- attaching ----

static void detach(struct probe_group *group)
{
	for (size_t i = 0; i < IRQ_GROUP_PROGRAMS; i++) {
		bpf_link__destroy(group->links[i]);
		group->links[i] = NULL;
	}
	group->on = false;
}

static int attach(struct probe_group *group)
{
	for (size_t i = 0; i < IRQ_GROUP_PROGRAMS && group->programs[i]; i++) {
		group->links[i] = bpf_program__attach(group->programs[i]);
		if (!group->links[i]) {
			int error = errno ? -errno : -EOPNOTSUPP;

			detach(group);
			return error;
		}
	}
	group->on = true;
	return 0;
}

struct irq_watch *irq_watch__new(struct bpf_program *const programs[IRQ_GROUPS][IRQ_GROUP_PROGRAMS])
{
	struct irq_watch *watch = base__alloc(1, sizeof(*watch));

	for (size_t i = 0; i < IRQ_GROUPS; i++) {
		for (size_t j = 0; j < IRQ_GROUP_PROGRAMS; j++)
			watch->groups[i].programs[j] = programs[i][j];
		watch->groups[i].refusal = attach(&watch->groups[i]);
	}
	return watch;
}

int irq_watch__refusal(const struct irq_watch *watch, enum irq_group group)
{
	return watch->groups[group].refusal;
}

// A function that began while nobody looked must not be taken for one that still runs.
static void forget_beginnings(struct irq_watch *watch)
{
	for (uint32_t cpu = 0; cpu < watch->cpu_count; cpu++)
		watch->cpus[cpu].call_began = 0;
}

static int set(struct irq_watch *watch, struct probe_group *group, bool on, uint64_t now)
{
	if (on == group->on || group->refusal)
		return 0;
	if (on) {
		forget_beginnings(watch);
		group->since_ns = now;
		return attach(group);
	}
	group->seen_ns += now - group->since_ns;
	detach(group);
	return 0;
}

// ---- looking ----

static int64_t read_flushes(struct irq_watch *watch)
{
	cleanup_free char *text = NULL;
	uint64_t began = now_ns();
	int64_t flushes = base__read_file("/proc/interrupts", 16 << 20, &text) > 0 ? irq_files__row_sum(text, "TLB") : -1;

	watch->read_ns = now_ns() - began;
	return flushes;
}

static void sum_up(const struct irq_watch *watch, uint64_t *ret_calls, uint64_t *ret_calls_ns, uint64_t *ret_packets_ns)
{
	*ret_calls = *ret_calls_ns = *ret_packets_ns = 0;
	for (uint32_t cpu = 0; cpu < watch->cpu_count; cpu++) {
		*ret_calls += watch->cpus[cpu].vector[IRQ_VECTOR_CALL].count;
		*ret_calls_ns += watch->cpus[cpu].vector[IRQ_VECTOR_CALL].ns;
		*ret_packets_ns += watch->cpus[cpu].softirq[SOFTIRQ_NET_RX].ns;
	}
}

void irq_watch__begin(struct irq_watch *watch, struct irq_cpu *cpus, uint32_t cpu_count)
{
	watch->cpus = cpus;
	watch->cpu_count = cpu_count;
	watch->last_ns = now_ns();
	watch->next_ns = watch->last_ns + LOOK_NS;
	watch->flushes = read_flushes(watch);
	sum_up(watch, &watch->calls, &watch->calls_ns, &watch->packets_ns);
	for (size_t i = 0; i < IRQ_GROUPS; i++) {
		watch->groups[i].since_ns = watch->last_ns;
		watch->groups[i].until_ns = watch->last_ns + FIRST_NS;
	}
}

// What happened since the last look. The row TLB is read only where there are as many calls as flushes would matter.
static struct irq_load measure(struct irq_watch *watch, uint64_t now)
{
	struct irq_load load = { .elapsed_ns = now - watch->last_ns, .flushes = -1 };
	uint64_t calls, calls_ns, packets_ns;
	int64_t flushes = -1;

	sum_up(watch, &calls, &calls_ns, &packets_ns);
	load.calls = calls - watch->calls;
	load.calls_ns = calls_ns - watch->calls_ns;
	load.packets_ns = packets_ns - watch->packets_ns;
	if ((double)load.calls * NS_PER_SEC >= FLUSHES_A_SECOND * (double)load.elapsed_ns) {
		flushes = read_flushes(watch);
		load.flushes = flushes >= 0 && watch->flushes >= 0 ? flushes - watch->flushes : -1;
	}
	watch->last_ns = now;
	watch->calls = calls;
	watch->calls_ns = calls_ns;
	watch->packets_ns = packets_ns;
	watch->flushes = flushes;
	return load;
}

int irq_watch__look(struct irq_watch *watch)
{
	uint64_t now = now_ns();
	struct irq_load load;
	int failed = 0;

	if (!watch->cpus || now < watch->next_ns)
		return 0;
	load = measure(watch, now);
	watch->next_ns = now + (watch->read_ns * READ_PART > LOOK_NS ? watch->read_ns * READ_PART : LOOK_NS);
	for (size_t i = 0; i < IRQ_GROUPS; i++) {
		struct probe_group *group = &watch->groups[i];
		enum irq_need need = irq_watch__decide(i, &load);

		if (need == IRQ_NEED_ALL || (need == IRQ_NEED_SAMPLE && now >= group->sample_ns)) {
			group->until_ns = now + STAY_NS;
			group->sample_ns = now + SAMPLE_NS;
		}
		failed += set(watch, group, now < group->until_ns, now) < 0;
	}
	return failed;
}

void irq_watch__end(struct irq_watch *watch)
{
	uint64_t now = now_ns();

	for (size_t i = 0; i < IRQ_GROUPS; i++)
		set(watch, &watch->groups[i], false, now);
}

uint64_t irq_watch__seen_ns(const struct irq_watch *watch, enum irq_group group)
{
	const struct probe_group *one = &watch->groups[group];

	return one->seen_ns + (watch->cpus && one->on ? now_ns() - one->since_ns : 0);
}

void irq_watch__free(struct irq_watch *watch)
{
	if (!watch)
		return;
	for (size_t i = 0; i < IRQ_GROUPS; i++)
		detach(&watch->groups[i]);
	free(watch);
}
