// When the probes of calls between CPUs and of packets are needed, and what happens where the kernel refuses them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>
#include <cmocka.h>

#include <bpf/libbpf.h>

#include "base/base.h"
#include "bpf/records.h"
#include "collect/irq_watch.h"
#include "irq.skel.h"

static enum irq_need calls(uint64_t count, uint64_t ns, int64_t flushes)
{
	struct irq_load load = { .elapsed_ns = 2 * NS_PER_SEC, .calls = count, .calls_ns = ns, .flushes = flushes };

	return irq_watch__decide(IRQ_GROUP_CALLS, &load);
}

static void test_calls(void **state)
{
	(void)state;
	assert_int_equal(calls(0, 0, -1), IRQ_NEED_NONE);
	// Few calls cannot be many flushes, however long they take: then it is their callers that are wanted.
	assert_int_equal(calls(499, 19 * NS_PER_MSEC, -1), IRQ_NEED_NONE);
	assert_int_equal(calls(499, 21 * NS_PER_MSEC, -1), IRQ_NEED_SAMPLE);
	// Many, but for something else than flushes: wake-ups of another CPU.
	assert_int_equal(calls(100000, 10 * NS_PER_MSEC, 100), IRQ_NEED_NONE);
	assert_int_equal(calls(100000, 200 * NS_PER_MSEC, 100), IRQ_NEED_SAMPLE);
	// Flushes from 250 a second on; where they are not known, what are many calls.
	assert_int_equal(calls(100000, 10 * NS_PER_MSEC, 500), IRQ_NEED_ALL);
	assert_int_equal(calls(100000, 10 * NS_PER_MSEC, 499), IRQ_NEED_NONE);
	assert_int_equal(calls(100000, 10 * NS_PER_MSEC, -1), IRQ_NEED_ALL);
}

static void test_packets(void **state)
{
	struct irq_load load = { .elapsed_ns = NS_PER_SEC, .calls = 100000, .calls_ns = NS_PER_SEC, .flushes = 100000 };
	(void)state;
	assert_int_equal(irq_watch__decide(IRQ_GROUP_PACKETS, &load), IRQ_NEED_NONE);
	load.packets_ns = 19 * NS_PER_MSEC;
	assert_int_equal(irq_watch__decide(IRQ_GROUP_PACKETS, &load), IRQ_NEED_NONE);
	load.packets_ns = 20 * NS_PER_MSEC;
	assert_int_equal(irq_watch__decide(IRQ_GROUP_PACKETS, &load), IRQ_NEED_ALL);
}

// A program that is not loaded cannot be attached: as one that the kernel refuses.
static void test_a_group_that_is_refused_leaves_the_other_alone(void **state)
{
	struct irq_bpf *skeleton = irq_bpf__open();
	struct irq_cpu cpu = { 0 };

	(void)state;
	assert_non_null(skeleton);
	libbpf_set_print(NULL);
	struct bpf_program *const programs[IRQ_GROUPS][ATTACHER_PROGRAMS] = { [IRQ_GROUP_PACKETS] = { skeleton->progs.on_receive } };
	struct attacher *attacher = attacher__new();
	struct irq_watch *watch = irq_watch__new(programs, attacher);
	attacher__start(attacher);
	irq_watch__start(watch);
	assert_true(attacher__wait(attacher, 5 * NS_PER_SEC));
	assert_true(irq_watch__refusal(watch, IRQ_GROUP_PACKETS) < 0);
	assert_int_equal(irq_watch__refusal(watch, IRQ_GROUP_CALLS), 0);
	assert_int_equal(irq_watch__failures(watch), 1);
	irq_watch__begin(watch, &cpu, 1);
	usleep(110000);
	cpu.softirq[3].ns = NS_PER_SEC;         // NET_RX: its probes would be needed
	irq_watch__look(watch);
	assert_true(attacher__wait(attacher, 5 * NS_PER_SEC));
	assert_int_equal(irq_watch__failures(watch), 1);        // it is not tried again
	assert_int_equal(irq_watch__seen_ns(watch, IRQ_GROUP_PACKETS), 0);
	irq_watch__end(watch);
	assert_int_equal(irq_watch__seen_ns(watch, IRQ_GROUP_PACKETS), 0);
	attacher__leave(attacher);
	attacher__free(attacher);
	irq_watch__free(watch);
	irq_bpf__destroy(skeleton);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls), cmocka_unit_test(test_packets),
		cmocka_unit_test(test_a_group_that_is_refused_leaves_the_other_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
