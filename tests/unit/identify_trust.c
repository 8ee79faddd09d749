// Whose a program is: what a report may advise root to start again.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "identify/process.h"
#include "identify/programs.h"
#include "identify/trust.h"

#define SOMEBODY 54321

// Whether each directory down to this one is root's, asked in another way.
static bool is_a_place_of_roots(const char *directory)
{
	struct statvfs mount;
	cleanup_free char *command = base__format("d='%s'; while :; do case $(stat -c '%%u %%a' \"$d\") in '0 '*[0145][0145]) ;; *) exit 1 ;; esac; "
						  "[ \"$d\" = / ] && exit 0; d=$(dirname \"$d\"); done", directory);
	return !statvfs(directory, &mount) && !(mount.f_flag & ST_NOSUID) && !system(command);
}

static bool is_roots(const char *path)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return trust__is_roots(path, fd);
}

static void copy_sleep(const char *path)
{
	cleanup_free char *command = base__format("cp \"$(readlink -f /bin/sleep)\" '%s' && chmod 755 '%s'", path, path);
	assert_int_equal(system(command), 0);
}

static void test_files_of_root_alone(void **state)
{
	(void)state;
	char here[2048], base[sizeof(here) + 8];
	assert_non_null(getcwd(here, sizeof(here)));
	snprintf(base, sizeof(base), "%s/build", here);
	if (geteuid() || !is_a_place_of_roots(base))
		skip();                 // leaves at once: nothing may be owned yet
	cleanup_free char *top = base__format("%s/trust-XXXXXX", base);
	assert_non_null(mkdtemp(top));
	cleanup_free char *directory = base__format("%s/below", top), *file = base__format("%s/program", directory), *other = base__format("%s/other", top);
	cleanup_free char *link = base__format("%s/link", top), *linked = base__format("%s/program", link), *tidy = base__format("rm -rf '%s'", top);
	assert_int_equal(chmod(top, 0755) | mkdir(directory, 0755) | symlink("below", link), 0);
	copy_sleep(file);
	copy_sleep(other);
	assert_true(is_roots(file));
	assert_false(is_roots(linked));
	cleanup_fd int fd = open(other, O_RDONLY | O_CLOEXEC);
	assert_false(trust__is_roots(file, fd));
	assert_false(trust__is_roots("relative", fd));
	assert_false(trust__is_roots(NULL, fd));
	static const struct { mode_t mode; bool roots; } modes[] = { { 0755, true }, { 0775, false }, { 0757, false }, { 01777, false }, { 0700, true } };
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		assert_int_equal(chmod(file, modes[i].mode), 0);
		assert_int_equal(is_roots(file), modes[i].roots);
		assert_int_equal(chmod(file, 0755) | chmod(top, modes[i].mode), 0);
		assert_int_equal(is_roots(file), modes[i].roots);
		assert_int_equal(chmod(top, 0755), 0);
	}
	assert_int_equal(chown(directory, SOMEBODY, 0), 0);
	assert_false(is_roots(file));
	assert_int_equal(chown(directory, 0, 0) | chown(file, SOMEBODY, 0), 0);
	assert_false(is_roots(file));
	assert_int_equal(chown(file, 0, 0), 0);
	assert_true(is_roots(file));
	assert_int_equal(system(tidy), 0);
}

enum who { ROOT, USER, EFFECTIVE_ROOT };

static pid_t start(const char *program, enum who who)
{
	pid_t pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if ((who == USER && setresuid(SOMEBODY, SOMEBODY, SOMEBODY)) || (who == EFFECTIVE_ROOT && setresuid(SOMEBODY, 0, 0)))
			_exit(1);
		execl(program, "sleep", "100", (char *)NULL);
		_exit(1);
	}
	usleep(200000);
	return pid;
}

static void test_users(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	for (enum who who = ROOT; who <= EFFECTIVE_ROOT; who++) {
		pid_t pid = start("/bin/sleep", who);
		cleanup_free char *path = base__format("/proc/%d", (int)pid);
		cleanup_fd int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		bool root = true;
		assert_int_equal(trust__user(directory, &root), who == USER ? SOMEBODY : 0);
		assert_int_equal(root, who == ROOT);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		root = true;
		assert_int_equal(trust__user(directory, &root), -1);
		assert_false(root);
	}
}

static void free_row(struct process_row *row)
{
	char *strings[] = { row->name, row->exe, row->command_line, row->cgroup, row->cpu_cgroup, row->unit, row->container, row->vm_id, row->vm_name, row->runtime,
		row->linkage, row->allocator, row->runtime_version, row->module, row->module_version, row->loader, row->libc, row->allocator_how, row->build_id,
		row->package, row->package_version, row->settings, row->unit_manager };
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		free(strings[i]);
}

// From the process to the row that a report reads.
static void test_programs(void **state)
{
	(void)state;
	cleanup_free char *copy = base__copy("/tmp/whystall-trust-XXXXXX");
	char *real = realpath("/bin/sleep", NULL);
	int fd = mkstemp(copy);
	assert_true(fd >= 0);
	close(fd);
	copy_sleep(copy);
	cleanup_free char *place = base__format("%.*s", (int)(strrchr(real, '/') - real), real);
	bool trusted = is_a_place_of_roots(place);
	const struct { const char *program; enum who who; bool trusted; } cases[] = {
		{ real, ROOT, trusted }, { real, USER, false }, { real, EFFECTIVE_ROOT, false }, { copy, ROOT, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases) && !geteuid(); i++) {
		pid_t pid = start(cases[i].program, cases[i].who);
		struct process_row row = { .folded = 1, .uid = -1, .exe_uid = -1 };
		assert_int_equal(identify__process(pid, &row), 0);
		assert_int_equal(identify__programs(&row, 1, (int64_t)(4 * NS_PER_SEC)), 0);
		assert_int_equal(row.uid, cases[i].who == USER ? SOMEBODY : 0);
		assert_int_equal(row.exe_uid, 0);
		assert_int_equal(row.exe_trusted, cases[i].trusted);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		free_row(&row);
	}
	unlink(copy);
	free(real);
	if (geteuid())
		skip();
}

static void test_whose_unit_it_is(void **state)
{
	static const struct { const char *path, *manager; } cases[] = {
		{ "/system.slice/ssh.service", "system" }, { "/lxc/101/ns/system.slice/ssh.service", "container" }, { "/jobs", NULL },
		{ "/user.slice/user-1000.slice/user@1000.service/app.slice/x.service", "user" }, { "/user.slice/user-1000.slice/session-3.scope", "system" },
		{ "/user.slice/user-1000.slice/user@1000.service", "system" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct process_row row = { 0 };
		identify__set_cgroups(cases[i].path, NULL, &row);
		if (cases[i].manager)
			assert_string_equal(row.unit_manager, cases[i].manager);
		else
			assert_null(row.unit_manager);
		free_row(&row);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files_of_root_alone),
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_whose_unit_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
