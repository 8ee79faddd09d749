#include "collect/irq_watch.h"

#include <stdlib.h>
#include <time.h>

#include "base/base.h"
#include "bpf/records.h"
#include "collect/attacher.h"
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
	int number;                     // the attacher's
	bool wanted;
	bool empty;                     // none of its programs is loaded
	uint64_t until_ns;              // it stays attached at least until then
	uint64_t sample_ns;             // when the next sample is due
	uint64_t before_ns, seen_ns;    // how long it was attached before the window; in it, once that is over
};

struct irq_watch {
	struct attacher *attacher;
	bool ended;
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

struct irq_watch *irq_watch__new(struct bpf_program *const programs[IRQ_GROUPS][ATTACHER_PROGRAMS], struct attacher *attacher)
{
	struct irq_watch *watch = base__alloc(1, sizeof(*watch));

	watch->attacher = attacher;
	for (size_t i = 0; i < IRQ_GROUPS; i++) {
		watch->groups[i].empty = !programs[i][0];
		watch->groups[i].number = attacher__add(attacher, programs[i]);
	}
	return watch;
}

void irq_watch__start(struct irq_watch *watch)
{
	for (size_t i = 0; i < IRQ_GROUPS; i++) {
		watch->groups[i].wanted = true;
		attacher__order(watch->attacher, watch->groups[i].number, true);
	}
}

int irq_watch__refusal(const struct irq_watch *watch, enum irq_group group)
{
	return watch->groups[group].empty ? 0 : attacher__state(watch->attacher, watch->groups[group].number).refusal;
}

// A function that began while nobody looked must not be taken for one that still runs.
static void forget_beginnings(struct irq_watch *watch)
{
	for (uint32_t cpu = 0; cpu < watch->cpu_count; cpu++)
		watch->cpus[cpu].call_began = 0;
}

static void set(struct irq_watch *watch, struct probe_group *group, bool on)
{
	struct attach_state state = attacher__state(watch->attacher, group->number);

	if (on == group->wanted || state.refusal)
		return;
	if (on && !state.on)
		forget_beginnings(watch);
	group->wanted = on;
	attacher__order(watch->attacher, group->number, on);
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
		watch->groups[i].before_ns = attacher__state(watch->attacher, watch->groups[i].number).on_ns;
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

void irq_watch__look(struct irq_watch *watch)
{
	uint64_t now = now_ns();
	struct irq_load load;

	if (!watch->cpus || now < watch->next_ns)
		return;
	load = measure(watch, now);
	watch->next_ns = now + (watch->read_ns * READ_PART > LOOK_NS ? watch->read_ns * READ_PART : LOOK_NS);
	for (size_t i = 0; i < IRQ_GROUPS; i++) {
		struct probe_group *group = &watch->groups[i];
		enum irq_need need = irq_watch__decide(i, &load);

		if (need == IRQ_NEED_ALL || (need == IRQ_NEED_SAMPLE && now >= group->sample_ns)) {
			group->until_ns = now + STAY_NS;
			group->sample_ns = now + SAMPLE_NS;
		}
		set(watch, group, now < group->until_ns);
	}
}

void irq_watch__end(struct irq_watch *watch)
{
	for (size_t i = 0; i < IRQ_GROUPS; i++)
		watch->groups[i].seen_ns = irq_watch__seen_ns(watch, i);
	watch->ended = true;
}

uint64_t irq_watch__seen_ns(const struct irq_watch *watch, enum irq_group group)
{
	const struct probe_group *one = &watch->groups[group];

	if (watch->ended)
		return one->seen_ns;
	return watch->cpus && !one->empty ? attacher__state(watch->attacher, one->number).on_ns - one->before_ns : 0;
}

uint64_t irq_watch__failures(const struct irq_watch *watch)
{
	uint64_t failures = 0;

	for (size_t i = 0; i < IRQ_GROUPS; i++)
		failures += attacher__state(watch->attacher, watch->groups[i].number).failures;
	return failures;
}

void irq_watch__free(struct irq_watch *watch)
{
	free(watch);
}
