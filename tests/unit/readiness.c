// What `check` says of machines made up by hand, and of this one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "collect/subject.h"
#include "command/readiness.h"

static const char *const subjects[] = { "files", "block", "memory", "irq", "futex", "sample", "syscall", "host", "disks", "irq.sources", "irq.calls", "irq.packets", "memory.compaction" };

// What a recording would say of its probes, all of which are on.
static struct recording *all_probes_on(void)
{
	static struct recording *probes;        // lives as long as the tests

	if (!probes)
		probes = recording__new();
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
		cleanup_free char *key = base__format("probe.%s", subjects[i]);
		recording__set_meta(probes, key, "on");
	}
	return probes;
}

// A machine on which all is well; each test takes one thing away.
static struct machine good_machine(void)
{
	static char kernel[] = "6.12.9-amd64", v2[] = "/sys/fs/cgroup", lockdown[] = "none", name[] = "x86_64", where[] = "v2", clock[] = "tsc";

	return (struct machine){
		.host = { .kernel = kernel, .machine = name, .version_major = 6, .version_minor = 12, .cpus_online = 4, .virtualization = "none",
			  .btf = true, .lockdown = lockdown },
		.root = true, .capabilities = ~0ULL, .psi_variable = true, .steal_variable = true, .steal_offered = -1, .mounts = { .v2 = v2 },
		.cpu_in_v2 = true, .cgroups = 40, .symbols = true, .run_delay = true, .tried = true, .meter = true, .groups = true,
		.steal = true, .contention_tracepoints = true, .rcu_tracepoint = true, .probes = all_probes_on(),
		.surroundings = { .memory_controller = where, .io_controller = where, .swap_kib = 1 << 20, .clock_source = clock,
				  .thermal_counters = true, .frequency = true, .intel = true, .msr_device = true },
	};
}

static const struct finding *find(const struct finding *findings, size_t count, const char *id)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(findings[i].id, id))
			return &findings[i];
	fail_msg("nothing is said of %s", id);
	return NULL;
}

static const struct finding *requirement(const struct findings *findings, const char *id)
{
	return find(findings->requirements, findings->requirement_count, id);
}

static const struct finding *cause(const struct findings *findings, const char *id)
{
	return find(findings->causes, findings->cause_count, id);
}

static void test_all_is_well(void **state)
{
	struct machine machine = good_machine();
	struct findings findings;

	(void)state;
	readiness__judge(&machine, &findings);
	for (size_t i = 0; i < findings.requirement_count; i++) {
		assert_true(findings.requirements[i].state <= NOTE);
		assert_null(findings.requirements[i].enable);
	}
	assert_int_equal(findings.cause_count, cause_table_count);
	assert_true(findings.judged >= 7);
	assert_int_equal(findings.possible, findings.judged);
	assert_int_equal(cause(&findings, "cpu.steal")->state, READY);
	for (size_t i = 0; i < cause_table_count; i++)
		assert_int_equal(cause(&findings, cause_table[i]->id)->state, cause_table[i]->judge ? READY : NOT_JUDGED_YET);
	readiness__free(&findings);
}

static void test_no_privileges(void **state)
{
	struct machine machine = good_machine();
	struct findings findings;

	(void)state;
	machine.root = machine.tried = machine.symbols = false;
	machine.capabilities = 0;
	readiness__judge(&machine, &findings);
	assert_int_equal(requirement(&findings, "privileges")->state, MISSING);
	assert_string_equal(requirement(&findings, "privileges")->enable, "sudo whystall check");
	assert_int_equal(requirement(&findings, "probes")->state, NOT_TRIED);
	assert_int_equal(cause(&findings, "cpu.quota")->state, MISSING);
	assert_non_null(strstr(cause(&findings, "cpu.quota")->why, "privileges"));
	assert_int_equal(findings.possible, 0);
	readiness__free(&findings);
}

static void test_psi_switched_off(void **state)
{
	struct machine machine = good_machine();
	struct findings findings;

	(void)state;
	machine.host.psi = -EOPNOTSUPP;
	machine.meter = machine.groups = false;
	readiness__judge(&machine, &findings);
	assert_int_equal(requirement(&findings, "psi")->state, DEGRADED);
	assert_non_null(strstr(requirement(&findings, "psi")->enable, "psi=1"));
	assert_non_null(strstr(requirement(&findings, "psi")->enable, "update-grub"));
	assert_int_equal(requirement(&findings, "meter")->state, DEGRADED);
	assert_int_equal(cause(&findings, "cpu.oversubscription")->state, READY);
	readiness__free(&findings);
	machine.has_grubby = true;
	readiness__judge(&machine, &findings);
	assert_non_null(strstr(requirement(&findings, "psi")->enable, "grubby"));
	readiness__free(&findings);
}

// Stolen time that nobody tells must not pass for none.
static void test_steal(void **state)
{
	struct machine machine = good_machine();
	struct findings findings;

	(void)state;
	machine.host.virtualization = "kvm";
	machine.steal_offered = 0;
	readiness__judge(&machine, &findings);
	assert_int_equal(cause(&findings, "cpu.steal")->state, MISSING);
	assert_int_equal(cause(&findings, "cpu.quota")->state, READY);
	assert_int_equal(cause(&findings, "host.smi")->state, MISSING); // a virtual machine has no counter of them
	assert_int_equal(findings.possible, findings.judged - 2);
	readiness__free(&findings);
	machine.steal_offered = 1;
	readiness__judge(&machine, &findings);
	assert_int_equal(cause(&findings, "cpu.steal")->state, READY);
	readiness__free(&findings);
	machine.host.virtualization = "vmware";
	machine.steal_offered = -1;
	readiness__judge(&machine, &findings);
	assert_int_equal(cause(&findings, "cpu.steal")->state, MISSING);
	readiness__free(&findings);
}

struct broken { const char *id; enum readiness state; bool stops_all; void (*breaks)(struct machine *machine); };
static char text[] = "confidentiality", absent[] = "sched_wakeup";
static void old_kernel(struct machine *m) { m->host.version_major = 5; m->host.version_minor = 10; }
static void no_btf(struct machine *m) { m->host.btf = false; }
static void locked_down(struct machine *m) { m->host.lockdown = text; }
static void no_tracepoint(struct machine *m) { m->tracepoints_absent = absent; }
static void refused(struct machine *m) { m->load_error = -EPERM; }
static void no_capability(struct machine *m) { m->capabilities &= ~(1ULL << 39); }
static void no_ptrace(struct machine *m) { m->capabilities &= ~(1ULL << 19); }
static void no_v2(struct machine *m) { m->mounts.v2 = NULL; }
static void no_symbols(struct machine *m) { m->symbols = false; }
static void no_schedstat(struct machine *m) { m->run_delay = false; }
static void no_statistics(struct machine *m) { m->statistics_error = -EPERM; }
static void in_container(struct machine *m) { m->own_pid_namespace = true; }
static void no_swap(struct machine *m) { m->surroundings.swap_kib = 0; }
static void no_controllers(struct machine *m) { m->surroundings.memory_controller = m->surroundings.io_controller = NULL; }

static const struct broken broken[] = {
	{ "kernel", MISSING, true, old_kernel }, { "btf", MISSING, true, no_btf }, { "lockdown", MISSING, true, locked_down },
	{ "tracepoints", MISSING, true, no_tracepoint }, { "probes", MISSING, true, refused },
	{ "privileges", MISSING, true, no_capability }, { "privileges", DEGRADED, false, no_ptrace },
	{ "cgroups", DEGRADED, false, no_v2 }, { "symbols", DEGRADED, false, no_symbols },
	{ "run-delay", DEGRADED, false, no_schedstat }, { "bpf-statistics", DEGRADED, false, no_statistics },
	{ "namespaces", DEGRADED, false, in_container }, { "swap", NOTE, false, no_swap },
	{ "memory-controller", NOTE, false, no_controllers }, { "io-controller", NOTE, false, no_controllers },
	
};

static void test_what_is_missing_is_said(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		struct machine machine = good_machine();
		struct findings findings;

		broken[i].breaks(&machine);
		readiness__judge(&machine, &findings);
		const struct finding *finding = requirement(&findings, broken[i].id);
		if (finding->state != broken[i].state)
			fail_msg("%s is %s", finding->id, readiness__name(finding->state));
		assert_non_null(finding->why);
		if (findings.possible != (broken[i].stops_all ? 0 : findings.judged))
			fail_msg("%s: %zu causes are possible", finding->id, findings.possible);
		readiness__free(&findings);
	}
}

// Each subject's probes have a requirement, which says what a recording would say; causes that need them can't be judged then.
static void test_probes_that_are_off(void **state)
{
	static const struct { const char *subject, *cause; } hit[] = {
		{ "block", "io.device" }, { "memory", "memory.reclaim" }, { "irq", "irq.softirq" }, { "futex", "lock.futex" }, { "sample", "memory.churn" },
		{ "host", "host.pause" },
	};
	(void)state;
	for (size_t i = 0; i < subject_table_count; i++) {
		// These have no probes: "disks" reads files that are always there, the others are the requirements "frequency" and "smi-probes".
		bool known = !subject_table[i] || !strcmp(subject_table[i]->name, "disks") || !strcmp(subject_table[i]->name, "frequency")
			|| !strcmp(subject_table[i]->name, "smi");
		for (size_t j = 0; j < ARRAY_SIZE(subjects); j++)
			known = known || !strcmp(subjects[j], subject_table[i]->name);
		if (!known)
			fail_msg("'check' says nothing of the subject %s", subject_table[i]->name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(hit); i++) {
		struct machine machine = good_machine();
		struct findings findings;
		cleanup_free char *key = base__format("probe.%s", hit[i].subject), *id = base__format("%s-probes", hit[i].subject);

		recording__set_meta(machine.probes, key, "this kernel has no such tracepoint");
		readiness__judge(&machine, &findings);
		assert_int_equal(requirement(&findings, id)->state, MISSING);
		assert_string_equal(requirement(&findings, id)->why, "this kernel has no such tracepoint");
		assert_non_null(requirement(&findings, id)->enable);
		const struct finding *finding = cause(&findings, hit[i].cause);
		if (finding->state != NOT_JUDGED_YET) {
			assert_int_equal(finding->state, MISSING);
			assert_string_equal(finding->because, id);
		}
		assert_int_equal(cause(&findings, "cpu.quota")->state, READY);
		readiness__free(&findings);
	}
	struct machine machine = good_machine();
	struct findings findings;
	machine.probes = NULL;
	readiness__judge(&machine, &findings);
	assert_int_equal(requirement(&findings, "block-probes")->state, NOT_TRIED);
	readiness__free(&findings);
}

// A virtual machine sees neither heat nor firmware; an AMD machine does not count SMIs; msr may be a module.
static void test_hardware(void **state)
{
	static const struct { const char *virtualization; bool intel, msr, thermal, frequency; enum readiness smi, frequency_state; const char *enable; } cases[] = {
		{ "none", true, true, true, true, READY, READY, NULL }, { "none", true, false, false, true, MISSING, READY, "modprobe msr" },
		{ "none", false, true, true, false, MISSING, READY, "hwlat" }, { "none", true, true, false, false, READY, MISSING, NULL },
		{ "kvm", true, true, false, false, MISSING, MISSING, "on the host" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct machine machine = good_machine();
		struct findings findings;

		machine.host.virtualization = cases[i].virtualization;
		machine.steal_offered = 1;
		machine.surroundings.intel = cases[i].intel;
		machine.surroundings.msr_device = cases[i].msr;
		machine.surroundings.thermal_counters = cases[i].thermal;
		machine.surroundings.frequency = cases[i].frequency;
		readiness__judge(&machine, &findings);
		assert_int_equal(requirement(&findings, "smi-probes")->state, cases[i].smi);
		assert_int_equal(requirement(&findings, "frequency-probes")->state, cases[i].frequency_state);
		if (cases[i].enable)
			assert_non_null(strstr(requirement(&findings, "smi-probes")->enable, cases[i].enable));
		assert_int_equal(requirement(&findings, "clocks")->state, strcmp(cases[i].virtualization, "none") ? READY : NOTE);
		readiness__free(&findings);
	}
}

// RCU stalls are told by a tracepoint and by the log; lockups by the log only, so that it must be there.
static void test_rcu(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct machine machine = good_machine();
		struct findings findings;

		machine.rcu_tracepoint = i & 1;
		machine.surroundings.kernel_log = i & 2 ? -EPERM : 0;
		readiness__judge(&machine, &findings);
		assert_int_equal(requirement(&findings, "rcu-tracepoint")->state, i & 1 ? READY : NOTE);
		assert_int_equal(requirement(&findings, "kernel-log")->state, i & 2 ? MISSING : READY);
		assert_int_equal(cause(&findings, "kernel.rcu")->state, i & 2 ? MISSING : READY);
		readiness__free(&findings);
	}
}

static void test_lists(void **state)
{
	(void)state;
	assert_true(surroundings__lists("cpuset cpu io memory\n", "cpu"));
	assert_true(surroundings__lists("cpuset cpu io memory\n", "memory"));
	assert_true(surroundings__lists("rw,blkio", "blkio"));
	assert_false(surroundings__lists("cpuset io\n", "cpu"));
	assert_false(surroundings__lists("rdma", "dma"));
	assert_false(surroundings__lists("", "cpu"));
}

// The facts of this machine, gathered for real: probes__load must agree with what is said of them.
static void test_this_machine(void **state)
{
	struct machine machine;
	struct findings findings;

	(void)state;
	assert_int_equal(machine__read(&machine), 0);
	assert_int_equal(machine.root, geteuid() == 0);
	assert_int_equal(machine.tried, machine.root);
	readiness__judge(&machine, &findings);
	assert_int_equal(requirement(&findings, "btf")->state, access("/sys/kernel/btf/vmlinux", R_OK) ? MISSING : READY);
	if (machine.tried)
		assert_int_equal(requirement(&findings, "probes")->state, machine.load_error ? MISSING : READY);
	for (size_t i = 0; i < findings.requirement_count; i++) {
		assert_non_null(findings.requirements[i].why);
		assert_true(findings.requirements[i].state != MISSING || findings.requirements[i].enable);
	}
	readiness__free(&findings);
	machine__free(&machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_is_well), cmocka_unit_test(test_no_privileges), cmocka_unit_test(test_psi_switched_off),
		cmocka_unit_test(test_steal), cmocka_unit_test(test_what_is_missing_is_said), cmocka_unit_test(test_this_machine),
		cmocka_unit_test(test_probes_that_are_off), cmocka_unit_test(test_hardware), cmocka_unit_test(test_rcu), cmocka_unit_test(test_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
