// Facts of the host, /proc/stat and the pressure files: parsed from odd text, and compared with other sources here.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "collect/host.h"
#include "collect/pressure.h"
#include "collect/proc_stat.h"
#include "collect/virtualization.h"

static void test_cpu_list(void **state)
{
	(void)state;
	assert_int_equal(host__parse_cpu_list("0\n"), 1);
	assert_int_equal(host__parse_cpu_list("0-3\n"), 4);
	assert_int_equal(host__parse_cpu_list("0-3,8,10-11"), 7);
	static const char *const broken[] = { "", "\n", "a", "0-", "3-1", "-1", "0,", "0-1-2", "0;1", "0-99999999999" };
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++)
		assert_int_equal(host__parse_cpu_list(broken[i]), -EINVAL);
}

static void test_os_release(void **state)
{
	static const struct { const char *text, *name; } samples[] = {
		{ "ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n", "Debian GNU/Linux 12 (bookworm)" },
		{ "PRETTY_NAME=Alpine\n", "Alpine" }, { "PRETTY_NAME='A \\ b'", "A \\ b" },
		{ "PRETTY_NAME=\"a \\\"b\\\" \\$c\"\n", "a \"b\" $c" }, { "PRETTY_NAME=\"open\nID=x\n", "open" },
		{ "PRETTY_NAME=\"back\\", "back\\" }, { "PRETTY_NAME=", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		cleanup_free char *name = host__parse_os_release(samples[i].text);

		assert_string_equal(name, samples[i].name);
	}
	assert_null(host__parse_os_release("NAME=x\nVARIANT_PRETTY_NAME=y\n"));
	assert_null(host__parse_os_release(""));
}

static char *run(const char *command)
{
	cleanup_string struct string text = { 0 };
	char buffer[1024];
	FILE *pipe = popen(command, "re");

	for (size_t length; pipe && (length = fread(buffer, 1, sizeof(buffer), pipe)) > 0;)
		string__add_bytes(&text, buffer, length);
	if (!pipe || pclose(pipe) == -1)
		return NULL;
	if (text.length && text.text[text.length - 1] == '\n')
		text.text[text.length - 1] = '\0';
	return string__steal(&text);
}

static void test_this_host(void **state)
{
	struct host host;
	struct utsname names;
	cleanup_free char *cpus = run("getconf _NPROCESSORS_ONLN"), *boot_id = run("cat /proc/sys/kernel/random/boot_id");

	(void)state;
	uname(&names);
	assert_int_equal(host__read(&host), 0);
	assert_string_equal(host.kernel, names.release);
	assert_string_equal(host.machine, names.machine);
	assert_int_equal(host.cpus_online, atoi(cpus));
	assert_true(host.cpus_possible >= host.cpus_online);
	assert_string_equal(host.boot_id, boot_id);
	assert_int_equal(host.btf, !access("/sys/kernel/btf/vmlinux", R_OK));
	assert_true(host.version_major >= 4);
	struct recording *recording = recording__new();
	host__to_meta(&host, recording);
	assert_string_equal(recording__meta(recording, "kernel"), names.release);
	assert_int_equal(recording__meta_number(recording, "cpus", -1), host.cpus_online);
	recording__free(recording);
	host__free(&host);
}

static void test_hz_is_the_configured_one(void **state)
{
	cleanup_free char *hz = run("{ zcat /proc/config.gz || cat /boot/config-$(uname -r); } 2>/dev/null | sed -n 's/^CONFIG_HZ=//p'");
	struct host host;

	(void)state;
	if (!hz || !hz[0])
		skip();
	assert_int_equal(host__read(&host), 0);
	assert_int_equal(host.hz, atoi(hz));
	host__free(&host);
}

static void test_virtualization_here(void **state)
{
	cleanup_free char *name = run("systemd-detect-virt --vm 2>/dev/null");

	(void)state;
	if (!name || !name[0])
		skip();
	assert_string_equal(virtualization__detect(), name);
}

static void test_virtualization_tables(void **state)
{
	(void)state;
	assert_string_equal(virtualization__by_signature("KVMKVMKVM\0\0\0"), "kvm");
	assert_string_equal(virtualization__by_signature("Microsoft Hv"), "microsoft");
	assert_string_equal(virtualization__by_signature("VMwareVMware"), "vmware");
	assert_null(virtualization__by_signature("GenuineIntel"));
	assert_null(virtualization__by_signature(""));
	assert_string_equal(virtualization__by_dmi("Amazon EC2\n"), "amazon");
	assert_string_equal(virtualization__by_dmi("QEMU\n"), "qemu");
	assert_string_equal(virtualization__by_dmi("Virtual Machine\n"), "microsoft");
	assert_null(virtualization__by_dmi("Supermicro\n"));
	assert_null(virtualization__by_dmi("Dell Inc.\n"));
}

static void test_stat_parse(void **state)
{
	struct proc_stat stat;

	(void)state;
	assert_int_equal(proc_stat__parse("cpu  10 1 2 3 4 5 6 7 8 9\ncpu0 1 2 3 4 5 6 7 8 0 0\ncpu12 9 0 0 0 0 0 0 1 0 0\nintr 1 2 3\n"
					  "ctxt 12345678901\nbtime 1\nprocesses 77\nprocs_running 3\nprocs_blocked 1\n", 100, &stat), 0);
	assert_int_equal(stat.total.user_ns, 100000000);
	assert_int_equal(stat.total.steal_ns, 70000000);
	assert_int_equal(stat.cpu_count, 2);
	assert_int_equal(proc_stat__cpu(&stat, 0)->softirq_ns, 70000000);
	assert_int_equal(proc_stat__cpu(&stat, 12)->steal_ns, 10000000);
	assert_null(proc_stat__cpu(&stat, 1));
	assert_int_equal(stat.context_switches, 12345678901);
	assert_int_equal(stat.forks, 77);
	assert_int_equal(stat.running, 3);
	proc_stat__free(&stat);
	static const char *const broken[] = { "", "cpu", "cpu ", "cpu  1 2 3\n", "cpufreq 1 2 3 4 5 6 7 8\n", "cpu0 1 2 3 4 5 6 7 8\n",
					      "cpu\n1 2 3 4 5 6 7 8\n" };
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++)
		assert_int_equal(proc_stat__parse(broken[i], 100, &stat), -EINVAL);
	assert_int_equal(proc_stat__parse("cpu  1 2 3 4 5 6 7 8\n", 0, &stat), -EINVAL);
}

// Our own forks must show, and as many as we made (others may fork too, so: at least).
static void test_stat_counts(void **state)
{
	struct proc_stat before, after;

	(void)state;
	assert_int_equal(proc_stat__read(&before), 0);
	for (int i = 0; i < 20; i++)
		free(run("true"));
	assert_int_equal(proc_stat__read(&after), 0);
	assert_true(after.forks - before.forks >= 20);
	assert_true(after.context_switches - before.context_switches >= 20);
	assert_int_equal(after.cpu_count, sysconf(_SC_NPROCESSORS_ONLN));
	proc_stat__free(&before);
	proc_stat__free(&after);
}

static void test_pressure_parse(void **state)
{
	struct pressure_totals totals = { 7, 7 };

	(void)state;
	assert_int_equal(pressure__parse("some avg10=0.00 avg60=0.00 avg300=0.00 total=123\nfull avg10=0.00 total=45\n", &totals), 0);
	assert_int_equal(totals.some_us, 123);
	assert_int_equal(totals.full_us, 45);
	assert_int_equal(pressure__parse("full avg10=0.00 avg60=0.00 avg300=0.00 total=9876543210\n", &totals), 0);
	assert_int_equal(totals.some_us, -1);
	assert_int_equal(totals.full_us, 9876543210);
	assert_int_equal(pressure__parse("some avg10=1\nfull total=3\n", &totals), 0);
	assert_int_equal(totals.some_us, -1);
	static const char *const broken[] = { "", "\n", "some", "some total=", "some total=x", "somewhat total=1", "some total=-1" };
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++)
		assert_int_equal(pressure__parse(broken[i], &totals), -EINVAL);
	assert_int_equal(totals.full_us, 3);
}

static void test_pressure_here(void **state)
{
	struct pressure_totals totals;
	int error = pressure__read_system(PRESSURE_CPU, &totals);

	(void)state;
	if (error == -ENOENT || error == -EOPNOTSUPP)
		skip();
	assert_int_equal(error, 0);
	cleanup_free char *text = run("sed -n 's/^some.*total=//p' /proc/pressure/cpu");
	int64_t later_us = atoll(text);
	assert_in_range(totals.some_us, 1, later_us);
	int fd = open("/tmp", O_RDONLY | O_DIRECTORY);
	assert_int_equal(pressure__read_cgroup(fd, PRESSURE_IO, &totals), -ENOENT);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpu_list), cmocka_unit_test(test_os_release), cmocka_unit_test(test_this_host),
		cmocka_unit_test(test_hz_is_the_configured_one), cmocka_unit_test(test_virtualization_here),
		cmocka_unit_test(test_virtualization_tables), cmocka_unit_test(test_stat_parse), cmocka_unit_test(test_stat_counts),
		cmocka_unit_test(test_pressure_parse), cmocka_unit_test(test_pressure_here),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
