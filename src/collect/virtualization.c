#include "collect/virtualization.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include "base/base.h"

#define HYPERVISOR_LEAF 0x40000000u
#define HYPERVISOR_BIT (1u << 31)       // leaf 1, ecx
#define KVM_FEATURES_LEAF 0x40000001u
#define KVM_STEAL_TIME (1u << 5)        // eax
#define HYPERV_FEATURES_LEAF 0x40000003u
#define HYPERV_CREATE_PARTITIONS 1u     // ebx: only the root partition, which is the host itself, may

struct known { const char *text, *name; };

static const struct known signatures[] = {
	{ "KVMKVMKVM", "kvm" }, { "Linux KVM Hv", "kvm" }, { "TCGTCGTCGTCG", "qemu" }, { "VMwareVMware", "vmware" },
	{ "Microsoft Hv", "microsoft" }, { "XenVMMXenVMM", "xen" }, { "VBoxVBoxVBox", "oracle" }, { "bhyve bhyve ", "bhyve" },
	{ "QNXQVMBSQG", "qnx" }, { "ACRNACRNACRN", "acrn" }, { "SRESRESRESRE", "sre" }, { " lrpepyh  vr", "parallels" },
	{ "prl hyperv  ", "parallels" }, { "Apple VZ", "apple" },
};

// Beginnings of DMI fields.
static const struct known dmi_fields[] = {
	{ "KVM", "kvm" }, { "OpenStack", "kvm" }, { "KubeVirt", "kvm" }, { "Amazon EC2", "amazon" }, { "QEMU", "qemu" },
	{ "VMware", "vmware" }, { "VMW", "vmware" }, { "innotek GmbH", "oracle" }, { "VirtualBox", "oracle" },
	{ "Oracle Corporation", "oracle" }, { "Xen", "xen" }, { "Bochs", "bochs" }, { "Parallels", "parallels" },
	{ "BHYVE", "bhyve" }, { "Hyper-V", "microsoft" }, { "Virtual Machine", "microsoft" },
	{ "Apple Virtualization", "apple" }, { "Google Compute Engine", "google" },
};

// Platforms built on KVM or Xen that only the DMI names.
static const char *const named_by_dmi_only[] = { "amazon", "google", "oracle", "parallels" };

const char *virtualization__by_signature(const char *signature)
{
	for (size_t i = 0; i < ARRAY_SIZE(signatures); i++)
		if (!strncmp(signature, signatures[i].text, strlen(signatures[i].text)))
			return signatures[i].name;
	return NULL;
}

const char *virtualization__by_dmi(const char *field)
{
	for (size_t i = 0; i < ARRAY_SIZE(dmi_fields); i++)
		if (!strncmp(field, dmi_fields[i].text, strlen(dmi_fields[i].text)))
			return dmi_fields[i].name;
	return NULL;
}

static const char *ask_dmi(void)
{
	static const char *const files[] = { "product_name", "sys_vendor", "board_vendor", "bios_vendor", "product_version" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		cleanup_free char *path = base__format("/sys/class/dmi/id/%s", files[i]), *text = NULL;
		const char *name = NULL;

		if (base__read_file(path, 4096, &text) > 0 && (name = virtualization__by_dmi(text)))
			return name;
	}
	return NULL;
}

static bool file_has(const char *path, const char *text)
{
	cleanup_free char *content = NULL;

	return base__read_file(path, 65536, &content) > 0 && strstr(content, text);
}

// Xen without hardware support shows no hypervisor bit; its control domain counts as the host.
static const char *ask_xen(void)
{
	if (!file_has("/sys/hypervisor/type", "xen") && access("/proc/xen/capabilities", F_OK))
		return NULL;
	return file_has("/proc/xen/capabilities", "control_d") ? "none" : "xen";
}

#if defined(__x86_64__) || defined(__i386__)
static void read_signature(char signature[13])
{
	uint32_t eax, ebx, ecx, edx;

	__cpuid(HYPERVISOR_LEAF, eax, ebx, ecx, edx);
	memcpy(signature, &ebx, 4);
	memcpy(signature + 4, &ecx, 4);
	memcpy(signature + 8, &edx, 4);
	signature[12] = '\0';
}

int virtualization__kvm_steal_clock(void)
{
	uint32_t eax, ebx, ecx, edx;
	char signature[13];

	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & HYPERVISOR_BIT))
		return -1;
	read_signature(signature);
	if (strncmp(signature, "KVMKVMKVM", 9))
		return -1;
	__cpuid(KVM_FEATURES_LEAF, eax, ebx, ecx, edx);
	return eax & KVM_STEAL_TIME ? 1 : 0;
}

static const char *ask_processor(void)
{
	uint32_t eax, ebx, ecx, edx;
	char signature[13];
	const char *name, *dmi = ask_dmi();

	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & HYPERVISOR_BIT))
		return "none";
	for (size_t i = 0; dmi && i < ARRAY_SIZE(named_by_dmi_only); i++)
		if (!strcmp(dmi, named_by_dmi_only[i]))
			return dmi;
	read_signature(signature);
	name = virtualization__by_signature(signature);
	if (name && !strcmp(name, "microsoft")) {
		__cpuid(HYPERV_FEATURES_LEAF, eax, ebx, ecx, edx);
		if (ebx & HYPERV_CREATE_PARTITIONS)
			return "none";
	}
	return name ? name : dmi ? dmi : "vm-other";
}
#else
int virtualization__kvm_steal_clock(void)
{
	return -1;
}

static const char *ask_processor(void)
{
	static const struct known compatibles[] = { { "linux,kvm", "kvm" }, { "xen", "xen" }, { "vmware", "vmware" } };
	const char *name = ask_dmi();

	for (size_t i = 0; !name && i < ARRAY_SIZE(compatibles); i++)
		if (file_has("/proc/device-tree/hypervisor/compatible", compatibles[i].text))
			name = compatibles[i].name;
	return name ? name : "none";
}
#endif

const char *virtualization__detect(void)
{
	const char *name;

	if (file_has("/proc/cpuinfo", "User Mode Linux"))
		return "uml";
	name = ask_xen();
	return name ? name : ask_processor();
}

char *virtualization__container(void)
{
	cleanup_free char *text = NULL;

	if (base__read_file("/run/systemd/container", 256, &text) > 0) {
		text[strcspn(text, "\n")] = '\0';
		return text[0] ? base__copy(text) : NULL;
	}
	if (!access("/run/.containerenv", F_OK))
		return base__copy("podman");
	if (!access("/.dockerenv", F_OK))
		return base__copy("docker");
	return NULL;
}

int virtualization__steal_offered(const char *virtualization, int64_t steal_ns)
{
	int offered = virtualization__kvm_steal_clock();

	if (offered == 1 || steal_ns > 0)
		return 1;
	return !strcmp(virtualization, "qemu") ? 0 : offered;
}
