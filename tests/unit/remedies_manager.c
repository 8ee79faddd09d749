// Whose a cgroup is, by its path, and the command that changes its limits. A unit of a container or of a user is none of the host's.
#include "unit/stage_locks.h"

#include "remedies/manager.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHORT "0123456789ab"
#define POD "kubepods-burstable-pod0e6f3a2c_1111_2222_3333_444455556666.slice"
#define UID "0e6f3a2c-1111-2222-3333-444455556666"

struct sample { const char *path; enum manager_kind kind; const char *unit, *id, *root; };

static const struct sample samples[] = {
	{ "/", MANAGER_NONE, NULL, NULL, NULL },
	{ "", MANAGER_NONE, NULL, NULL, NULL },
	{ "/jobs/one", MANAGER_NONE, NULL, NULL, NULL },
	{ "/init.scope", MANAGER_SYSTEM, "init.scope", NULL, "/init.scope" },
	{ "/system.slice", MANAGER_SYSTEM, "system.slice", NULL, "/system.slice" },
	{ "/system.slice/ssh.service", MANAGER_SYSTEM, "ssh.service", NULL, "/system.slice/ssh.service" },
	{ "/system.slice/ssh.service/worker/a.service", MANAGER_SYSTEM, "ssh.service", NULL, "/system.slice/ssh.service" },
	{ "/system.slice/_cgroup.x.service", MANAGER_SYSTEM, "cgroup.x.service", NULL, "/system.slice/_cgroup.x.service" },
	{ "/a.slice/a-b.slice/x@1.service", MANAGER_SYSTEM, "x@1.service", NULL, "/a.slice/a-b.slice/x@1.service" },
	// a directory that is no slice: nobody's unit is below it
	{ "/jobs/ssh.service", MANAGER_NONE, NULL, NULL, NULL },
	{ "/jobs/system.slice/ssh.service", MANAGER_NONE, NULL, NULL, NULL },
	{ "/user.slice/user-1000.slice/session-3.scope", MANAGER_SYSTEM, "session-3.scope", NULL, "/user.slice/user-1000.slice/session-3.scope" },
	{ "/user.slice/user-1000.slice/user@1000.service", MANAGER_SYSTEM, "user@1000.service", NULL, "/user.slice/user-1000.slice/user@1000.service" },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/x.service", MANAGER_USER, "x.service", "1000",
	  "/user.slice/user-1000.slice/user@1000.service/app.slice/x.service" },
	{ "/user.slice/user-1000.slice/user@1000.service/system.slice/ssh.service/y", MANAGER_USER, "ssh.service", "1000",
	  "/user.slice/user-1000.slice/user@1000.service/system.slice/ssh.service" },
	// rootless engines are the user's
	{ "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" ID ".scope", MANAGER_USER, "docker-" ID ".scope", "1000",
	  "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" ID ".scope" },
	{ "/system.slice/docker-" ID ".scope", MANAGER_DOCKER, NULL, SHORT, "/system.slice/docker-" ID ".scope" },
	{ "/docker/" ID, MANAGER_DOCKER, NULL, SHORT, "/docker/" ID },
	{ "/docker/" ID "/system.slice/ssh.service", MANAGER_DOCKER, NULL, SHORT, "/docker/" ID },
	{ "/machine.slice/libpod-" ID ".scope/container", MANAGER_PODMAN, NULL, SHORT, "/machine.slice/libpod-" ID ".scope" },
	{ "/system.slice/nerdctl-" ID ".scope", MANAGER_CONTAINERD, NULL, SHORT, "/system.slice/nerdctl-" ID ".scope" },
	{ "/kubepods.slice/kubepods-burstable.slice/" POD "/cri-containerd-" ID ".scope", MANAGER_KUBERNETES, NULL, UID,
	  "/kubepods.slice/kubepods-burstable.slice/" POD },
	{ "/system.slice/containerd.service/" POD ":cri-containerd:" ID, MANAGER_KUBERNETES, NULL, UID, "/system.slice/containerd.service/" POD ":cri-containerd:" ID },
	{ "/lxc/101", MANAGER_PROXMOX, NULL, "101", "/lxc/101" },
	{ "/lxc/101/ns/system.slice/ssh.service", MANAGER_PROXMOX, NULL, "101", "/lxc/101" },
	{ "/lxc/web", MANAGER_CONTAINER, NULL, "web", "/lxc/web" },
	{ "/lxc.payload.web/system.slice/ssh.service", MANAGER_LXC, NULL, "web", "/lxc.payload.web" },
	{ "/lxc/101/ns/docker/" ID, MANAGER_PROXMOX, NULL, "101", "/lxc/101" },
	{ "/qemu.slice/100.scope", MANAGER_PROXMOX_VM, NULL, "100", "/qemu.slice/100.scope" },
	{ "/machine.slice/machine-qemu\\x2d3\\x2dweb.scope/libvirt/emulator", MANAGER_LIBVIRT, NULL, "web", "/machine.slice/machine-qemu\\x2d3\\x2dweb.scope" },
	{ "/machine.slice/machine-debian.scope", MANAGER_SYSTEM, "machine-debian.scope", NULL, "/machine.slice/machine-debian.scope" },
	{ "/machine.slice/systemd-nspawn@debian.service/payload/system.slice/ssh.service", MANAGER_SYSTEM, "systemd-nspawn@debian.service", NULL,
	  "/machine.slice/systemd-nspawn@debian.service" },
};

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static void test_whose_it_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		const struct sample *sample = &samples[i];
		cleanup_manager struct manager manager = manager__of(sample->path);
		if (manager.kind != sample->kind || !same(manager.unit, sample->unit) || !same(manager.id, sample->id) || !same(manager.root, sample->root))
			fail_msg("%s: kind %d, unit %s, id %s, root %s", sample->path, manager.kind, manager.unit, manager.id, manager.root);
		assert_int_equal(manager.whole, sample->root && !strcmp(sample->root, sample->path));
	}
}

// The one way to a unit: only where path, unit and manager say that it is the host's.
static void test_units_of_the_host(void **state)
{
	static const struct { const char *cgroup, *cpu_cgroup, *unit, *container, *manager, *host; } cases[] = {
		{ "/system.slice/ssh.service", "/system.slice/ssh.service", "ssh.service", NULL, "system", "ssh.service" },
		{ "/system.slice/ssh.service", NULL, "ssh.service", NULL, NULL, "ssh.service" },
		{ "/lxc/101/ns/system.slice/ssh.service", NULL, "ssh.service", "lxc:101", "container", NULL },
		{ "/lxc/101/ns/system.slice/ssh.service", NULL, "ssh.service", NULL, NULL, NULL },
		{ "/system.slice/ssh.service", NULL, "ssh.service", NULL, "container", NULL },
		{ "/system.slice/docker.service", "/docker/" ID, "docker.service", NULL, "system", NULL },
		{ "/user.slice/user-1000.slice/user@1000.service/app.slice/x.service", NULL, "user@1000.service/x.service", NULL, "user", NULL },
		{ "/user.slice/user-1000.slice/user@1000.service/app.slice/x.service", NULL, "x.service", NULL, NULL, NULL },
		{ "/", "/", "x.service", NULL, "system", NULL },
		{ NULL, NULL, "x.service", NULL, "system", NULL },
		{ "/system.slice/y.service", NULL, "x.service", NULL, "system", NULL },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct process_row row = { .cgroup = (char *)cases[i].cgroup, .cpu_cgroup = (char *)cases[i].cpu_cgroup, .unit = (char *)cases[i].unit,
					   .container = (char *)cases[i].container, .unit_manager = (char *)cases[i].manager };
		cleanup_free char *unit = manager__host_unit(&row);
		if (!same(unit, cases[i].host))
			fail_msg("%zu: %s", i, unit ? unit : "none");
	}
}

static void test_the_managers_own_commands(void **state)
{
	static const struct { const char *path; enum manager_limit limit; double value; const char *command, *says; } cases[] = {
		{ "/system.slice/x.service", LIMIT_WEIGHT, 20, "systemctl set-property --runtime x.service CPUWeight=20", NULL },
		{ "/system.slice/x.service", LIMIT_CPUS, 1.5, "systemctl set-property --runtime x.service CPUQuota=150%", NULL },
		{ "/system.slice/x.service", LIMIT_MEMORY, 134217728, "systemctl set-property --runtime x.service MemoryMax=134217728", NULL },
		{ "/machine.slice/machine-debian.scope", LIMIT_WEIGHT, 20, "systemctl set-property --runtime machine-debian.scope CPUWeight=20", NULL },
		{ "/docker/" ID, LIMIT_WEIGHT, 20, "docker update --cpu-shares 205 " SHORT, NULL },
		{ "/docker/" ID, LIMIT_CPUS, 1.5, "docker update --cpus 1.50 " SHORT, NULL },
		{ "/docker/" ID, LIMIT_MEMORY, 134217728, "docker update --memory 134217728 --memory-swap 268435456 " SHORT, NULL },
		{ "/machine.slice/libpod-" ID ".scope", LIMIT_CPUS, 2, "podman update --cpus 2.00 " SHORT, NULL },
		{ "/lxc/101", LIMIT_WEIGHT, 20, "pct set 101 --cpuunits 20", NULL },
		{ "/lxc/101", LIMIT_CPUS, 1.5, "pct set 101 --cpulimit 1.50", NULL },
		{ "/lxc/101", LIMIT_MEMORY, 134217728, "pct set 101 --memory 128", NULL },
		{ "/lxc/101/ns/system.slice/ssh.service", LIMIT_CPUS, 1.5, NULL, "below that of container 101" },
		{ "/qemu.slice/100.scope", LIMIT_WEIGHT, 20, "qm set 100 --cpuunits 20", NULL },
		{ "/lxc.payload.web", LIMIT_CPUS, 1.5, "lxc config set web limits.cpu.allowance 150ms/100ms", "incus config set" },
		{ "/lxc.payload.web", LIMIT_MEMORY, 134217728, "lxc config set web limits.memory 128MiB", NULL },
		{ "/machine.slice/machine-qemu\\x2d3\\x2dweb.scope", LIMIT_WEIGHT, 20, "virsh schedinfo web --live cpu_shares=20", NULL },
		{ "/kubepods.slice/kubepods-burstable.slice/" POD "/cri-containerd-" ID ".scope", LIMIT_MEMORY, 1, NULL,
		  "Kubernetes pod (" UID "): change resources.limits.memory" },
		{ "/user.slice/user-1000.slice/user@1000.service/app.slice/x.service", LIMIT_WEIGHT, 20, NULL, "unit x.service of user 1000" },
		{ "/jobs", LIMIT_WEIGHT, 20, NULL, NULL },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_manager struct manager manager = manager__of(cases[i].path);
		struct remedy_offer offer = { .why = base__copy("it helps") };
		struct manager_setting setting = { cases[i].limit, cases[i].value, .hierarchy = 2 };
		bool done = manager__offer(&manager, &setting, &offer);
		if (!same(offer.command, cases[i].command))
			fail_msg("%s: %s", cases[i].path, offer.command ? offer.command : "no command");
		assert_int_equal(done, offer.command || manager.kind == MANAGER_KUBERNETES);
		if (cases[i].says)
			assert_says(offer.why, cases[i].says);
		free(offer.why);
		free(offer.command);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whose_it_is),
		cmocka_unit_test(test_units_of_the_host),
		cmocka_unit_test(test_the_managers_own_commands),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
