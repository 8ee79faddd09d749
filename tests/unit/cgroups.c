// The cgroups: mounts from odd mountinfo, hand-made trees, and cgroups made here for the purpose.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "collect/cgroups.h"

struct mounts_sample { const char *mountinfo, *v2, *v1_cpu, *v1_cpuset; };

static const struct mounts_sample mounts_samples[] = {
	{ "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n", "/sys/fs/cgroup", NULL, NULL },
	{ "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
	  "33 31 0:30 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct\n34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup none rw,cpuset\n"
	  "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 none rw", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/cpu",
	  "/sys/fs/cgroup/cpuset" },
	{ "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:1 master:2 - cgroup cgroup rw,cpu,cpuacct\n", NULL,
	  "/sys/fs/cgroup/cpu,cpuacct", NULL },
	{ "50 1 0:30 /docker/abc /run/part rw - cgroup2 c rw\n51 1 0:30 / /sys/fs/cgroup rw - cgroup2 c rw\n"
	  "52 1 0:30 / /mnt/again rw - cgroup2 c rw\n", "/sys/fs/cgroup", NULL, NULL },
	{ "50 1 0:30 /docker/abc /run/part rw - cgroup2 c rw\n", "/run/part", NULL, NULL },
	{ "50 1 0:30 / /mnt/a\\040b\\134c rw - cgroup2 c rw\n", "/mnt/a b\\c", NULL, NULL },
	{ "", NULL, NULL, NULL }, { "\n\n - \n", NULL, NULL, NULL }, { "1 2 3 - cgroup2 c rw\n", NULL, NULL, NULL },
	{ "1 2 3 4 5 6 -\n1 2 3 / /x rw - cgroup2\n", NULL, NULL, NULL },
};

static void check(const char *found, const char *expected)
{
	if (expected)
		assert_string_equal(found, expected);
	else
		assert_null(found);
}

static void test_mounts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(mounts_samples); i++) {
		struct cgroup_mounts mounts;

		cgroups__parse_mounts(mounts_samples[i].mountinfo, &mounts);
		check(mounts.v2, mounts_samples[i].v2);
		check(mounts.v1_cpu, mounts_samples[i].v1_cpu);
		check(mounts.v1_cpuset, mounts_samples[i].v1_cpuset);
		cgroups__free_mounts(&mounts);
	}
}

static void shell(const char *format, const char *directory)
{
	cleanup_string struct string command = { 0 };

	string__add(&command, "set -e; cd %s; %s", directory, format);
	assert_int_equal(system(command.text), 0);
}

static struct cgroups *snapshot(const struct cgroup_mounts *mounts, bool with_pressure)
{
	struct cgroups *cgroups = NULL;

	assert_int_equal(cgroups__snapshot_of(mounts, with_pressure, &cgroups), 0);
	return cgroups;
}

static const struct cgroup_row *row_of(const struct recording *recording, const char *path)
{
	for (size_t i = 0; i < recording->cgroup_count; i++)
		if (!strcmp(recording->cgroup[i].path, path))
			return &recording->cgroup[i];
	fail_msg("no row for %s", path);
	return NULL;
}

static int64_t pressure_of(const struct recording *recording, int64_t cgroup, const char *resource, const char *kind)
{
	for (size_t i = 0; i < recording->pressure_count; i++)
		if (recording->pressure[i].cgroup == cgroup && !strcmp(recording->pressure[i].resource, resource) &&
		    !strcmp(recording->pressure[i].kind, kind))
			return recording->pressure[i].kernel_ns;
	return 0;
}

static const char make_v2_tree[] =
	"mkdir -p a/b gone; for d in . a a/b gone; do echo 'some avg10=0 total=1000' > $d/cpu.pressure;"
	"printf 'usage_usec 5\\nnr_periods 10\\nnr_throttled 4\\nthrottled_usec 700\\n' > $d/cpu.stat; done;"
	"echo '20000 100000' > a/cpu.max; echo 'max 50000' > a/b/cpu.max; echo 300 > a/cpu.weight; echo 0-1 > a/cpuset.cpus.effective";
static const char change_v2_tree[] =
	"printf 'some avg10=0 total=4500\\nfull avg10=0 total=9\\n' > a/cpu.pressure; mkdir new; rm -r gone;"
	"printf 'nr_periods 35\\nnr_throttled 14\\nthrottled_usec 1700\\n' > a/cpu.stat; cp a/cpu.stat new/;"
	"echo 'some total=50' > new/cpu.pressure; echo nonsense > a/b/cpu.max; echo 0 > a/b/cpu.stat";

static void test_growth_v2(void **state)
{
	char root[] = "/tmp/whystall-cgroup-XXXXXX";
	struct cgroup_mounts mounts = { .v2 = root };
	struct recording *recording = recording__new();

	(void)state;
	assert_non_null(mkdtemp(root));
	shell(make_v2_tree, root);
	struct cgroups *start = snapshot(&mounts, true);
	assert_int_equal(start->count, 4);
	const struct cgroup_facts *a = cgroups__by_path(start, 2, "/a");
	assert_int_equal(a->quota_us, 20000);
	assert_int_equal(a->period_us, 100000);
	assert_int_equal(a->weight, 300);
	assert_string_equal(a->cpus, "0-1");
	assert_int_equal(a->level, 1);
	assert_ptr_equal(cgroups__by_id(start, a->id), a);
	assert_int_equal(cgroups__by_path(start, 2, "/a/b")->quota_us, -1);
	assert_int_equal(cgroups__by_path(start, 2, "/a/b")->period_us, 50000);
	assert_int_equal(cgroups__by_path(start, 2, "/a/b")->weight, -1);
	assert_false(cgroups__by_path(start, 2, "/")->has_pressure);
	assert_true(cgroups__by_path(start, 2, "/a/b")->has_pressure);
	assert_true(cgroups__any_quota(start));
	assert_int_equal(cgroups__touch(start), 3);

	shell(change_v2_tree, root);
	assert_int_equal(cgroups__touch(start), 2); // one has gone
	struct cgroups *end = snapshot(&mounts, true);
	cgroups__growth(start, end, recording);
	assert_int_equal(recording->cgroup_count, 5);
	assert_int_equal(row_of(recording, "/a")->periods, 25);
	assert_int_equal(row_of(recording, "/a")->throttled_periods, 10);
	assert_int_equal(row_of(recording, "/a")->throttled_us, 1000);
	assert_int_equal(row_of(recording, "/new")->throttled_us, 1700);
	assert_int_equal(row_of(recording, "/gone")->throttled_us, -1);
	assert_int_equal(row_of(recording, "/a/b")->throttled_us, -1);
	assert_int_equal(row_of(recording, "/a/b")->period_us, -1);
	assert_int_equal(pressure_of(recording, row_of(recording, "/a")->id, "cpu", "some"), 3500000);
	assert_int_equal(pressure_of(recording, row_of(recording, "/a")->id, "cpu", "full"), 0); // no such line at the start
	assert_int_equal(pressure_of(recording, row_of(recording, "/new")->id, "cpu", "some"), 50000);
	assert_int_equal(recording->pressure_count, 2);
	for (size_t i = 1; i < recording->cgroup_count; i++)
		assert_true(recording->cgroup[i - 1].id < recording->cgroup[i].id);
	cgroups__free(start);
	cgroups__free(end);
	recording__free(recording);
	shell("rm -r \"$PWD\"", root);
}

static void test_v1_tree(void **state)
{
	char root[] = "/tmp/whystall-cgroup-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(root));
	shell("mkdir -p cpu/docker/x set/docker/x; cd cpu/docker/x; echo 50000 > cpu.cfs_quota_us; echo 100000 > cpu.cfs_period_us;"
	      "echo 512 > cpu.shares; printf 'nr_periods 3\\nnr_throttled 2\\nthrottled_time 9000999\\n' > cpu.stat;"
	      "echo 2-3 > ../../../set/docker/x/cpuset.effective_cpus", root);
	cleanup_free char *cpu = base__format("%s/cpu", root), *set = base__format("%s/set", root);
	struct cgroup_mounts mounts = { .v1_cpu = cpu, .v1_cpuset = set };
	struct cgroups *cgroups = snapshot(&mounts, true);
	const struct cgroup_facts *facts = cgroups__by_path(cgroups, 1, "/docker/x");
	assert_int_equal(facts->quota_us, 50000);
	assert_int_equal(facts->weight, 512);
	assert_int_equal(facts->throttled_us, 9000);
	assert_int_equal(facts->throttled_periods, 2);
	assert_string_equal(facts->cpus, "2-3");
	assert_false(facts->has_pressure);
	assert_true(facts->id > CGROUP_V1_ID_BASE);
	assert_null(cgroups__by_path(cgroups, 2, "/docker/x"));
	assert_int_equal(cgroups__touch(cgroups), 0);
	cgroups__free(cgroups);
	shell("rm -r \"$PWD\"", root);
}

// More cgroups than are read: the upper levels are kept, the others counted.
static void test_limit(void **state)
{
	char root[] = "/tmp/whystall-cgroup-XXXXXX";
	struct cgroup_mounts mounts = { .v2 = root };

	(void)state;
	assert_non_null(mkdtemp(root));
	shell("mkdir -p deep/er/and/deeper; seq -f 'n%g' 1 4200 | xargs mkdir; mkdir n1/leaf", root);
	struct cgroups *cgroups = snapshot(&mounts, false);
	assert_int_equal(cgroups->count, CGROUPS_LIMIT);
	assert_int_equal(cgroups->left_out, 1 + 4 + 4200 + 1 - CGROUPS_LIMIT);
	for (size_t i = 0; i < cgroups->count; i++)
		assert_true(cgroups->all[i].level <= 1);
	cgroups__free(cgroups);
	shell("rm -r \"$PWD\"", root);
}

static void test_nothing_mounted(void **state)
{
	struct cgroup_mounts nothing = { 0 }, absent = { .v2 = (char *)(uintptr_t)"/nonexistent" };
	struct cgroups *cgroups = NULL;

	(void)state;
	assert_int_equal(cgroups__snapshot_of(&nothing, false, &cgroups), -ENOENT);
	assert_int_equal(cgroups__snapshot_of(&absent, false, &cgroups), -ENOENT);
	assert_null(cgroups);
}

// The real thing: ids as the kernel's BPF helpers give them are inodes; a quota set here is seen.
static void test_this_machine(void **state)
{
	struct cgroup_mounts mounts;

	(void)state;
	assert_int_equal(cgroups__find_mounts(&mounts), 0);
	const char *mount = mounts.v1_cpu ? mounts.v1_cpu : mounts.v2;
	cleanup_free char *directory = base__format("%s/whystall-test-%d", mount ? mount : "", (int)getpid());
	if (!mount || mkdir(directory, 0755)) {
		cgroups__free_mounts(&mounts);
		print_message("# no cgroup can be made here\n");
		skip();
	}
	cleanup_free char *file = base__format("%s/%s", directory, mounts.v1_cpu ? "cpu.cfs_quota_us" : "cpu.max");
	cleanup_file FILE *quota = fopen(file, "w");
	struct stat status;
	stat(directory, &status);
	bool has_quota = quota && fputs("30000", quota) >= 0 && !fflush(quota);

	struct cgroups *cgroups = NULL;
	assert_int_equal(cgroups__snapshot(true, &cgroups), 0);
	int hierarchy = mounts.v1_cpu ? 1 : 2;
	const struct cgroup_facts *facts = cgroups__by_path(cgroups, hierarchy, strrchr(directory, '/'));
	assert_non_null(facts);
	assert_int_equal(facts->id, (int64_t)status.st_ino + (hierarchy == 1 ? CGROUP_V1_ID_BASE : 0));
	if (has_quota) {
		assert_int_equal(facts->quota_us, 30000);
		assert_int_equal(facts->period_us, 100000);
		assert_int_equal(facts->throttled_us, 0);
		assert_true(cgroups__any_quota(cgroups));
	}
	assert_non_null(cgroups__by_path(cgroups, hierarchy, "/"));
	cgroups__free(cgroups);
	cgroups__free_mounts(&mounts);
	rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mounts), cmocka_unit_test(test_growth_v2), cmocka_unit_test(test_v1_tree),
		cmocka_unit_test(test_limit), cmocka_unit_test(test_nothing_mounted), cmocka_unit_test(test_this_machine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
