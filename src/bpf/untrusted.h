// Pointers that the verifier knows the type of and does not trust.
#ifndef WHYSTALL_BPF_UNTRUSTED_H
#define WHYSTALL_BPF_UNTRUSTED_H

const volatile _Bool have_rdonly_cast = false; // kfunc bpf_rdonly_cast: 6.2, commit a35b9af4ec2c; user space sets it

extern void *bpf_rdonly_cast(const void *object, u32 type) __ksym __weak;

// A pointer that a program got as its argument, as one that the verifier knows the type of and does not trust: for loads of pointers from it. Of those that
// it trusts, Linux looks up by name in all of BTF, three times for each such load, whether the result is trusted too (btf_nested_type_is_trusted, 6.18): a
// quarter of the time that loading took.
#define UNTRUSTED(pointer) (have_rdonly_cast ? \
	(typeof(pointer))bpf_rdonly_cast(pointer, bpf_core_type_id_kernel(typeof(*(pointer)))) : (pointer))

#endif
