// Which hypervisor, if any, this machine runs under. Names are those of `systemd-detect-virt --vm`.
#ifndef WHYSTALL_COLLECT_VIRTUALIZATION_H
#define WHYSTALL_COLLECT_VIRTUALIZATION_H

#include <stdint.h>

// "none", "kvm", "qemu", "vmware", "microsoft", "xen", "oracle", "amazon", "google", …, "vm-other". A static string.
const char *virtualization__detect(void);

// By the 12 bytes of cpuid leaf 0x40000000; NULL: no signature that we know.
const char *virtualization__by_signature(const char *signature);
// By one DMI field (product name, vendors); NULL: says nothing. Some of these names stand on real hardware too: only to
// be asked where a hypervisor is known to be there.
const char *virtualization__by_dmi(const char *field);

// Whether a KVM host offers this guest the time it stole (KVM_FEATURE_STEAL_TIME, Documentation/virt/kvm/x86/cpuid.rst):
// 1 yes, 0 no, -1 unknown (another hypervisor or architecture).
int virtualization__kvm_steal_clock(void);

// What container engine whystall itself runs under: "docker", "podman", …; NULL: no sign of one. Owned by the caller.
char *virtualization__container(void);
// Whether zero stolen time means anything: by KVM's feature bit, or because there was some since boot (`steal_ns`). 1 yes, 0 no, -1 not
// known. QEMU's emulation ("qemu") has no such clock.
int virtualization__steal_offered(const char *virtualization, int64_t steal_ns);

#endif
