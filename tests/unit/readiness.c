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
#include "command/readiness.h"

// A machine on which all is well; each test takes one thing away.
static struct machine good_machine(void)
{
	static char kernel[] = "6.12.9-amd64", v2[] = "/sys/fs/cgroup", lockdown[] = "none", name[] = "x86_64";

	return (struct machine){
		.host = { .kernel = kernel, .machine = name, .version_major = 6, .version_minor = 12, .cpus_online = 4, .virtualization = "none",
			  .btf = true, .lockdown = lockdown },
		.root = true, .capabilities = ~0ULL, .psi_variable = true, .steal_variable = true, .steal_offered = -1, .mounts = { .v2 = v2 },
		.cpu_in_v2 = true, .cgroups = 40, .symbols = true, .run_delay = true, .tried = true, .meter = true, .groups = true,
		.steal = true, .contention_tracepoints = true,
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
	assert_int_equal(cause(&findings, "io.device")->state, NOT_JUDGED_YET);
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
	assert_int_equal(findings.possible, findings.judged - 1);
	readiness__free(&findings);
	machine.steal_offered = 1;
	readiness__judge(&machine, &findings);
	assert_int_equal(cause(&findings, "cpu.steal")->state, READY);
	readiness__free(&findings);
	machine.host.virtualization = "vmware";
	machine.steal_offered = -1;
	readiness__judge(&machine, &findings);
	assert_int_equal(cause(&findings, "cpu.steal")->state, DEGRADED);
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

static const struct broken broken[] = {
	{ "kernel", MISSING, true, old_kernel }, { "btf", MISSING, true, no_btf }, { "lockdown", MISSING, true, locked_down },
	{ "tracepoints", MISSING, true, no_tracepoint }, { "probes", MISSING, true, refused },
	{ "privileges", MISSING, true, no_capability }, { "privileges", DEGRADED, false, no_ptrace },
	{ "cgroups", DEGRADED, false, no_v2 }, { "symbols", DEGRADED, false, no_symbols },
	{ "run-delay", DEGRADED, false, no_schedstat }, { "bpf-statistics", DEGRADED, false, no_statistics },
	{ "namespaces", DEGRADED, false, in_container },
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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
