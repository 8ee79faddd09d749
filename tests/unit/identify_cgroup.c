// What cgroup paths mean: paths as systemd, container engines and VM managers really write them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"
#include "identify/meaning.h"

#define ID "3f4d9c0b7a5e1d2c8b6f0a9e4d3c2b1a0f9e8d7c6b5a49382716050f4e3d2c1b"
#define SHORT "3f4d9c0b7a5e"

struct sample { const char *path, *unit, *container, *vm_id, *vm_name; };

static const struct sample systemd[] = {
	{ "/", "" }, { "", "" }, { "/init.scope", "init.scope" },
	{ "/system.slice/nginx.service", "nginx.service" },
	{ "/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service" },
	{ "/system.slice/postgresql.service/postgres.scope", "postgresql.service" },
	{ "/system.slice/dev-disk-by\\x2duuid-a\\x2db.swap", "dev-disk-by\\x2duuid-a\\x2db.swap" },
	{ "/system.slice/_cpu.service", "cpu.service" },
	{ "/user.slice/user-1000.slice/session-3.scope", "session-3.scope" },
	{ "/user.slice/user-1000.slice/user@1000.service", "user@1000.service" },
	{ "/user.slice/user-1000.slice/user@1000.service/init.scope", "user@1000.service/init.scope" },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-firefox-4242.scope",
	  "user@1000.service/app-gnome-firefox-4242.scope" },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.gnome.Terminal.slice/vte-spawn-1b.scope",
	  "user@1000.service/vte-spawn-1b.scope" },
	{ "/user.slice/user-1000.slice/user@1000.service/session.slice/org.gnome.Shell@wayland.service",
	  "user@1000.service/org.gnome.Shell@wayland.service" },
	{ "/background.slice", "background.slice" },
	{ "/a.slice/a-b.slice/a-b-c.slice", "a-b-c.slice" },
	{ "/system.slice/snap.lxd.daemon.service", "snap.lxd.daemon.service" },
	{ "/some/place/of/mine", "" },
	{ "/.service", "" }, { "/a b.service", "" },
};

static const struct sample containers[] = {
	{ "/docker/" ID, "", "docker:" SHORT },
	{ "/system.slice/docker-" ID ".scope", "docker-" ID ".scope", "docker:" SHORT },
	{ "/system.slice/docker.service", "docker.service", "" },
	{ "/system.slice/docker-" ID ".scope/init.scope", "init.scope", "docker:" SHORT },
	{ "/system.slice/docker-" ID ".scope/system.slice/nginx.service", "nginx.service", "docker:" SHORT },
	{ "/mine.slice/docker-" ID ".scope", "docker-" ID ".scope", "docker:" SHORT },
	{ "/actions_job/" ID, "", "container:" SHORT },
	{ "/docker/buildkit/qc1y0q5q5mlwz5mfyk6jgvpdx", "", "buildkit:qc1y0q5q5mlwz5mfyk6jgvpdx" },
	{ "/system.slice/nerdctl-" ID ".scope", "nerdctl-" ID ".scope", "containerd:" SHORT },
	{ "/system.slice/containerd.service", "containerd.service", "" },
	{ "/system.slice:docker:" ID, "", "docker:" SHORT },
	{ "/machine.slice/libpod-" ID ".scope", "libpod-" ID ".scope", "podman:" SHORT },
	{ "/machine.slice/libpod-" ID ".scope/container", "libpod-" ID ".scope", "podman:" SHORT },
	{ "/machine.slice/libpod-conmon-" ID ".scope", "libpod-conmon-" ID ".scope", "" },
	{ "/libpod_parent/libpod-" ID, "", "podman:" SHORT },
	{ "/machine.slice/machine-libpod_pod_" ID ".slice/libpod-" ID ".scope/container", "libpod-" ID ".scope",
	  "podman:" SHORT },
	{ "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope/container",
	  "user@1000.service/libpod-" ID ".scope", "podman:" SHORT },
	{ "/system.slice/web.service/libpod-payload-" ID, "web.service", "podman:" SHORT },
	{ "/lxc/101", "", "lxc:101" },
	{ "/lxc/101/ns", "", "lxc:101" },
	{ "/lxc/101/ns/system.slice/ssh.service", "ssh.service", "lxc:101" },
	{ "/lxc/101/ns/init.scope", "init.scope", "lxc:101" },
	{ "/lxc/101/ns/docker/" ID, "", "lxc:101/docker:" SHORT },
	{ "/lxc/101/ns/system.slice/docker-" ID ".scope", "docker-" ID ".scope", "lxc:101/docker:" SHORT },
	{ "/lxc.payload.web-1/system.slice/cron.service", "cron.service", "lxc:web-1" },
	{ "/lxc.payload/web/init.scope", "init.scope", "lxc:web" },
	{ "/lxc.monitor.web", "", "" }, { "/lxc.monitor/101", "", "" },
	{ "/system.slice/pve-container@101.service", "pve-container@101.service", "" },
	{ "/machine.slice/machine-build\\x2dhost.scope/payload/system.slice/cron.service", "cron.service", "nspawn:build-host" },
	{ "/machine.slice/systemd-nspawn@arch.service/payload/init.scope", "init.scope", "nspawn:arch" },
	{ "/machine.slice/machine-lxc\\x2d77\\x2dold.scope", "machine-lxc\\x2d77\\x2dold.scope", "lxc:old" },
	{ "/docker/1234", "", "" }, { "/docker/not-an-id", "", "" },
};

#define UID "8f6c1e0a-91b2-4c3d-8e4f-5a6b7c8d9e0f"
#define UID_UNDERSCORES "8f6c1e0a_91b2_4c3d_8e4f_5a6b7c8d9e0f"
static const struct sample kubernetes[] = {
	{ "/kubepods/burstable/pod" UID "/" ID, "", "kubepods:" UID "/" SHORT },
	{ "/kubepods/besteffort/pod" UID "/" ID, "", "kubepods:" UID "/" SHORT },
	{ "/kubepods/pod" UID "/" ID, "", "kubepods:" UID "/" SHORT },
	{ "/kubepods/burstable/pod" UID "/crio-" ID, "", "kubepods:" UID "/" SHORT },
	{ "/kubepods/burstable/pod" UID, "", "kubepods:" UID },
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_UNDERSCORES ".slice/cri-containerd-" ID ".scope",
	  "cri-containerd-" ID ".scope", "kubepods:" UID "/" SHORT },
	{ "/kubepods.slice/kubepods-pod" UID_UNDERSCORES ".slice/crio-" ID ".scope/container", "crio-" ID ".scope",
	  "kubepods:" UID "/" SHORT },
	{ "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID_UNDERSCORES ".slice/docker-" ID ".scope",
	  "docker-" ID ".scope", "kubepods:" UID "/" SHORT },
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0123456789abcdef0123456789abcdef.slice/cri-containerd-" ID
	  ".scope", "cri-containerd-" ID ".scope", "kubepods:0123456789abcdef0123456789abcdef/" SHORT },
	{ "/system.slice/containerd.service/kubepods-burstable-pod" UID_UNDERSCORES ".slice:cri-containerd:" ID,
	  "containerd.service", "kubepods:" UID "/" SHORT },
	{ "/docker/" ID "/kubelet/kubepods/burstable/pod" UID "/" ID, "", "docker:" SHORT "/kubepods:" UID "/" SHORT },
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_UNDERSCORES ".slice/crio-conmon-" ID ".scope",
	  "crio-conmon-" ID ".scope", "kubepods:" UID },
	{ "/podcasts/player", "", "" }, { "/kubelet/podium", "", "" },
};

static const struct sample machines[] = {
	{ "/qemu.slice/112.scope", "112.scope", "", "112", "" },
	{ "/qemu.slice/storj.scope", "storj.scope", "", "", "" },
	{ "/machine.slice/machine-qemu\\x2d1\\x2dweb\\x2dserver.scope", "machine-qemu\\x2d1\\x2dweb\\x2dserver.scope", "", "1",
	  "web-server" },
	{ "/machine.slice/machine-qemu\\x2d23\\x2ddb.scope/libvirt/vcpu0", "machine-qemu\\x2d23\\x2ddb.scope", "", "23", "db" },
	{ "/machine/qemu-7-mail.libvirt-qemu/emulator", "", "", "7", "mail" },
	{ "/machine/mail.libvirt-qemu", "", "", "", "mail" },
	{ "/firecracker/551e7604-e35c-42b3-b825-416853441234", "", "", "551e7604-e35c-42b3-b825-416853441234", "" },
};

static void check(const char *path, const char *what, const char *found, const char *expected)
{
	if (strcmp(found, expected ? expected : ""))
		fail_msg("%s: %s is \"%s\", not \"%s\"", path, what, found, expected ? expected : "");
}

static void check_samples(const struct sample *samples, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct cgroup_meaning meaning = { 0 };

		identify__cgroup(samples[i].path, &meaning);
		check(samples[i].path, "unit", meaning.unit, samples[i].unit);
		check(samples[i].path, "container", meaning.container, samples[i].container);
		check(samples[i].path, "VM id", meaning.vm_id, samples[i].vm_id);
		check(samples[i].path, "VM name", meaning.vm_name, samples[i].vm_name);
	}
}

static void test_systemd(void **state) { (void)state; check_samples(systemd, ARRAY_SIZE(systemd)); }
static void test_containers(void **state) { (void)state; check_samples(containers, ARRAY_SIZE(containers)); }
static void test_kubernetes(void **state) { (void)state; check_samples(kubernetes, ARRAY_SIZE(kubernetes)); }
static void test_machines(void **state) { (void)state; check_samples(machines, ARRAY_SIZE(machines)); }

// On a hybrid system the unit stands in v2, the container in the cpu hierarchy; what is known is not overwritten.
static void test_several_hierarchies(void **state)
{
	struct cgroup_meaning meaning = { 0 };

	(void)state;
	identify__cgroup("/system.slice/docker.service", &meaning);
	identify__cgroup("/docker/" ID, &meaning);
	identify__cgroup("/lxc/9/system.slice/other.service", &meaning);
	assert_string_equal(meaning.unit, "docker.service");
	assert_false(meaning.unit_in_container);
	assert_string_equal(meaning.container, "docker:" SHORT);
}

static void test_unit_in_container(void **state)
{
	struct cgroup_meaning inside = { 0 }, around = { 0 };

	(void)state;
	identify__cgroup("/lxc/101/ns/system.slice/ssh.service", &inside);
	assert_true(inside.unit_in_container);
	identify__cgroup("/system.slice/docker-" ID ".scope", &around);
	assert_false(around.unit_in_container);
}

// Names of any length, nested as deep as anybody likes, must neither overflow nor leave half a character.
static void test_too_long(void **state)
{
	char path[9000] = "";
	struct cgroup_meaning meaning = { 0 };

	(void)state;
	for (size_t i = 0; strlen(path) + 300 < sizeof(path); i++)
		strcat(path, i % 2 ? "/lxc.payload.\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9" : "/docker/" ID "/user@1000.service/a.service");
	identify__cgroup(path, &meaning);
	assert_true(strlen(meaning.container) > 200 && strlen(meaning.container) < MEANING_NAME_SIZE);
	char copy[MEANING_NAME_SIZE];
	identify__printable(meaning.container, strlen(meaning.container), copy, sizeof(copy));
	assert_string_equal(copy, meaning.container);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_systemd), cmocka_unit_test(test_containers), cmocka_unit_test(test_kubernetes),
		cmocka_unit_test(test_machines), cmocka_unit_test(test_several_hierarchies), cmocka_unit_test(test_unit_in_container),
		cmocka_unit_test(test_too_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
