// The few kernel types we read, cut down to the fields we use; CO-RE finds the real offsets at load time.
#ifndef WHYSTALL_BPF_KERNEL_H
#define WHYSTALL_BPF_KERNEL_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef __u16 __sum16;
typedef __u8 u8;
typedef __u32 u32;
typedef __s32 s32;
typedef __u64 u64;

#define PF_KTHREAD 0x200000     // task_struct.flags (include/linux/sched.h)
typedef __s64 s64;
typedef _Bool bool;
#define true 1
#define false 0

enum { BPF_ANY = 0, BPF_NOEXIST = 1 };
enum { BPF_F_MMAPABLE = 1024 };
enum { BPF_RB_NO_WAKEUP = 1 };
enum { BPF_F_USER_STACK = 256 };
enum bpf_map_type { BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_ARRAY = 2, BPF_MAP_TYPE_PERCPU_ARRAY = 6, BPF_MAP_TYPE_STACK_TRACE = 7, BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_RINGBUF = 27 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct rt_rq { unsigned int rt_nr_running; };
struct rq;
struct cfs_rq {
	struct rq *rq;
	unsigned int h_nr_queued, h_nr_runnable, h_nr_delayed;
	int throttle_count;
	u64 throttled_clock_pelt, throttled_clock_pelt_time;   // 5.19 …
	u64 throttled_clock_task, throttled_clock_task_time;   // … 5.18
	u64 throttled_clock_self, throttled_clock_self_time;   // 6.6 …
};
struct rq {
	unsigned int nr_running;
	u64 nr_switches;
	struct { int counter; } nr_iowait;
	u64 clock, clock_task;
	int cpu;
	struct cfs_rq cfs;
	struct task_struct *curr, *idle;
	u64 clock_pelt, lost_idle_time;
};

struct sched_info {
	unsigned long long run_delay, last_arrival, last_queued;
};
struct load_weight { unsigned long weight; };
struct sched_entity {
	struct load_weight load;
	u64 sum_exec_runtime;
	unsigned char sched_delayed;
	struct cfs_rq *cfs_rq;
};
struct psi_group_cpu {
	unsigned int tasks[4];
	u32 state_mask;
	u32 times[7];
	u64 state_start;
	u32 times_prev[14]; // see times_prev_offset in drift.h
};
struct psi_group {
	struct psi_group_cpu *pcpu;
};
struct kernfs_node { u64 id; };
struct cgroup_subsys_state { struct cgroup_subsys_state *parent; };
struct cgroup {
	struct cgroup_subsys_state self;
	int level;
	struct kernfs_node *kn;
	struct psi_group *psi;
};
struct css_set { struct cgroup *dfl_cgrp; };
struct cpumask { unsigned long bits[16]; };
struct rw_semaphore { struct { s64 counter; } owner; };
struct mutex { struct { s64 counter; } owner; };
struct rt_mutex_base { struct task_struct *owner; };
struct mm_struct {
	struct rw_semaphore mmap_lock;
	struct task_struct *owner;      // CONFIG_MEMCG
};
struct pt_regs { unsigned long r10, dx, si, di, orig_ax; };
struct pt_regs___arm64 { u64 regs[31]; u32 syscallno; }; // syscallno is signed; only unsigned loads are resized
struct thread_info { unsigned int status; };
struct task_struct {
	struct thread_info thread_info;
	unsigned int __state, flags;
	unsigned in_iowait : 1;
	void *stack;
	struct mm_struct *mm;
	unsigned long nvcsw, nivcsw;
	unsigned int on_cpu, on_rq; // unsigned: bytes since 7.2, and only unsigned loads are resized by libbpf
	int prio, static_prio, nr_cpus_allowed;
	unsigned int policy, rt_priority, psi_flags;
	int pid, tgid;
	struct sched_entity se;
	struct sched_info sched_info;
	struct task_struct *real_parent, *group_leader;
	u64 start_boottime;
	struct css_set *cgroups;
	const struct cpumask *cpus_ptr;
	unsigned char throttled;
	char comm[16];
};
struct kvm_steal_time { u64 steal; };
struct gendisk { int major, first_minor; };
struct request_queue { struct gendisk *disk; };
struct request { struct request_queue *q; };
struct block_device { u32 bd_dev; };
struct bio { struct block_device *bi_bdev; };
struct kernel_cpustat { u64 cpustat[10]; };
struct linux_binprm { const char *filename; };
struct irqaction { struct irqaction *next; };
struct bpf_iter_meta;
struct bpf_iter__task { struct bpf_iter_meta *meta; struct task_struct *task; };
struct bpf_raw_tracepoint_args { u64 args[0]; };

#pragma clang attribute pop

// Values only, never layouts: the names are resolved against the running kernel.
enum psi_states { PSI_IO_SOME, PSI_IO_FULL, PSI_MEM_SOME, PSI_MEM_FULL, PSI_CPU_SOME, PSI_NONIDLE = 6, NR_PSI_STATES = 7 };

#endif
