// The kernel's files about interrupts.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "base/base.h"
#include "collect/irq_files.h"

static void test_softirqs(void **state)
{
	struct counters *counters = counters__new();
	(void)state;
	assert_int_equal(irq_files__note_softirqs(counters, "                    CPU0       CPU2\n          HI:          1          0\n"
		"      NET_RX:        629        700\n"), 3);
	assert_int_equal(counters__last(counters, "softirqs", "0", "HI"), 1);
	assert_int_equal(counters__last(counters, "softirqs", "2", "NET_RX"), 700);
	assert_int_equal(counters__last(counters, "softirqs", "2", "HI"), -1);
	assert_int_equal(irq_files__note_softirqs(counters, ""), 0);
	assert_int_equal(irq_files__note_softirqs(counters, "no heading\n HI: 1 2\n"), 0);
	counters__free(counters);
}

static void test_row_sum(void **state)
{
	const char *text = "           CPU0       CPU1\n 36:   0   52875  virtio1-req.0\nCAL:  1  2  Function call interrupts\n"
		"TLB:      30637      30056   TLB shootdowns\nERR:          7\n";
	(void)state;
	assert_int_equal(irq_files__row_sum(text, "TLB"), 60693);
	assert_int_equal(irq_files__row_sum(text, "36"), 52875);
	assert_int_equal(irq_files__row_sum(text, "ERR"), 7);
	assert_int_equal(irq_files__row_sum(text, "6"), -1);
	assert_int_equal(irq_files__row_sum("TLB:", "TLB"), 0);
	assert_int_equal(irq_files__row_sum("", "TLB"), -1);
}

static void test_interrupts(void **state)
{
	struct counters *counters = counters__new();
	(void)state;
	assert_int_equal(irq_files__note_interrupts(counters, "           CPU0       CPU1       \n"
		" 24:          1          0  IO-APIC   5-edge      ACPI:Ged\n"
		" 36:          0      52875 PCI-MSIX-0000:00:02.0   1-edge      virtio1-req.0\n"
		" 37:          0          0 PCI-MSIX-0000:00:03.0   0-edge      virtio2-config\n"
		" 16:          3          4  IO-APIC  16-fasteoi   ehci_hcd:usb1, i801_smbus\n"
		" 11:          5          6  GICv3  27 Level     arch_timer\n"
		"NMI:          0          0   Non-maskable interrupts\n"
		"TLB:      30637      30056   TLB shootdowns\n"
		"ERR:          7\n"), 6);
	assert_int_equal(counters__last(counters, "interrupts", "24", "ACPI:Ged"), 1);
	assert_int_equal(counters__last(counters, "interrupts", "36", "virtio1-req.0"), 52875);
	assert_int_equal(counters__last(counters, "interrupts", "16", "ehci_hcd:usb1, i801_smbus"), 7);
	assert_int_equal(counters__last(counters, "interrupts", "11", "arch_timer"), 11);
	assert_int_equal(counters__last(counters, "interrupts", "TLB", "TLB shootdowns"), 60693);
	assert_int_equal(counters__last(counters, "interrupts", "ERR", ""), 7);
	assert_int_equal(irq_files__note_interrupts(counters, "CPU0\n"), 0);
	counters__free(counters);
}

static void test_softnet(void **state)
{
	struct counters *counters = counters__new();
	(void)state;
	// The second line is of CPU 3: CPUs 1 and 2 are offline.
	assert_int_equal(irq_files__note_softnet(counters,
		"00000010 00000001 00000002 00000000 00000000 00000000 00000000 00000000 00000000 0000000a 00000000 00000000 00000000 00000000\n"
		"00000415 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000005 00000000 00000003 00000000\n"), 10);
	assert_int_equal(counters__last(counters, "softnet", "0", "packets"), 16);
	assert_int_equal(counters__last(counters, "softnet", "0", "dropped"), 1);
	assert_int_equal(counters__last(counters, "softnet", "0", "squeezed"), 2);
	assert_int_equal(counters__last(counters, "softnet", "0", "received_rps"), 10);
	assert_int_equal(counters__last(counters, "softnet", "3", "packets"), 0x415);
	assert_int_equal(counters__last(counters, "softnet", "3", "flow_limit"), 5);
	// An old kernel's shorter line: the row is the CPU.
	assert_int_equal(irq_files__note_softnet(counters, "00000001 00000000 00000000\n00000002 00000000 00000009\n"), 10);
	assert_int_equal(counters__last(counters, "softnet", "1", "squeezed"), 9);
	counters__free(counters);
}

static void test_ksoftirqd(void **state)
{
	(void)state;
	assert_int_equal(irq_files__ksoftirqd_cpu("ksoftirqd/12\n"), 12);
	assert_int_equal(irq_files__ksoftirqd_cpu("ksoftirqd/0"), 0);
	assert_int_equal(irq_files__ksoftirqd_cpu("ksoftirqd/1x"), -1);
	assert_int_equal(irq_files__ksoftirqd_cpu("ksoftirqd"), -1);
	assert_int_equal(irq_files__ksoftirqd_cpu("kworker/1:2"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_softirqs), cmocka_unit_test(test_row_sum), cmocka_unit_test(test_interrupts), cmocka_unit_test(test_softnet), cmocka_unit_test(test_ksoftirqd),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
