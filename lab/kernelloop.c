// A program that keeps a CPU within the kernel for seconds, in a section that RCU must wait for: a BPF program copies memory to and fro and is
// run by a test run, which holds the RCU read lock meanwhile (net/bpf/test_run.c, __bpf_prog_test_run_raw_tp). Nothing of the kernel can be
// made to loop without a module, but for that. The kernel complains after rcu_cpu_stall_timeout, which the scenario sets to the shortest there is.
//
// The verifier follows a loop round by round, so one program makes few rounds of much work, and calls itself as often as it may (33 times).
#include <linux/bpf.h>
#include <sys/syscall.h>

#include "work.h"

#define PARAMETER "/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout"
#define PERMISSION "WHYSTALL_LAB_STALL"
#define COPY_BYTES (1 << 20)
#define ROUNDS 3000
#define LOOP_NS 6000000000LL
#define REST_SECONDS 2

static char timeout_before[32];

static int bpf(int command, union bpf_attr *attributes)
{
	return (int)syscall(SYS_bpf, command, attributes, sizeof(*attributes));
}

static int make_map(enum bpf_map_type type, int value_bytes)
{
	union bpf_attr attributes = { .map_type = type, .key_size = 4, .value_size = (unsigned)value_bytes, .max_entries = 1 };
	return bpf(BPF_MAP_CREATE, &attributes);
}

#define INSN(op, to, from, distance, number) { .code = (op), .dst_reg = (to), .src_reg = (from), .off = (distance), .imm = (number) }
#define MOVE(to, from) INSN(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0)
#define SET(to, number) INSN(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, number)
#define CALL(function) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, function)
#define LOAD_MAP(to, fd) INSN(BPF_LD | BPF_DW | BPF_IMM, to, BPF_PSEUDO_MAP_FD, 0, fd), INSN(0, 0, 0, 0, 0)

// The map's first eight bytes are the time (bpf_ktime_get_ns) at which to stop.
static int make_program(int data, int calls)
{
	const struct bpf_insn program[] = {
		MOVE(BPF_REG_9, BPF_REG_1),
		INSN(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -4, 0),
		MOVE(BPF_REG_2, BPF_REG_10),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -4),
		LOAD_MAP(BPF_REG_1, data),
		CALL(BPF_FUNC_map_lookup_elem),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 17, 0),
		MOVE(BPF_REG_6, BPF_REG_0),
		INSN(BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_8, BPF_REG_6, 0, 0),
		SET(BPF_REG_7, 0),
		// a round
		CALL(BPF_FUNC_ktime_get_ns),
		INSN(BPF_JMP | BPF_JGE | BPF_X, BPF_REG_0, BPF_REG_8, 12, 0),
		MOVE(BPF_REG_1, BPF_REG_6),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_1, 0, 0, 8),
		SET(BPF_REG_2, COPY_BYTES),
		MOVE(BPF_REG_3, BPF_REG_1),
		CALL(BPF_FUNC_probe_read_kernel),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_7, 0, 0, 1),
		INSN(BPF_JMP | BPF_JLT | BPF_K, BPF_REG_7, 0, -9, ROUNDS),
		// once more
		MOVE(BPF_REG_1, BPF_REG_9),
		LOAD_MAP(BPF_REG_2, calls),
		SET(BPF_REG_3, 0),
		CALL(BPF_FUNC_tail_call),
		SET(BPF_REG_0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	union bpf_attr attributes = { .prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT, .insns = (unsigned long)program,
		.insn_cnt = sizeof(program) / sizeof(program[0]), .license = (unsigned long)"GPL" };
	return bpf(BPF_PROG_LOAD, &attributes);
}

static int set_map(int map, const void *value)
{
	int zero = 0;
	union bpf_attr attributes = { .map_fd = (unsigned)map, .key = (unsigned long)&zero, .value = (unsigned long)value };
	return bpf(BPF_MAP_UPDATE_ELEM, &attributes);
}

static void run_loop(int fd, long busy_us, long period_us)
{
	static char data[COPY_BYTES + 16];
	int map = make_map(BPF_MAP_TYPE_ARRAY, sizeof(data)), calls = make_map(BPF_MAP_TYPE_PROG_ARRAY, 4), program = make_program(map, calls);
	(void)fd, (void)busy_us, (void)period_us;
	if (program < 0 || set_map(calls, &program) < 0)
		return;
	for (;;) {
		struct timespec now;
		union bpf_attr run = { .test = { .prog_fd = (unsigned)program } };
		long long until;
		clock_gettime(CLOCK_MONOTONIC, &now);
		until = now.tv_sec * 1000000000LL + now.tv_nsec + LOOP_NS;
		memcpy(data, &until, sizeof(until));
		if (set_map(map, data) < 0 || bpf(BPF_PROG_TEST_RUN, &run) < 0)
			return;
		sleep(REST_SECONDS);
	}
}

static int write_parameter(const char *text)
{
	int fd = open(PARAMETER, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t written = write(fd, text, strlen(text));
	close(fd);
	return written > 0 ? 0 : -1;
}

static void clean_up(void)
{
	write_parameter(timeout_before);
}

static int start(struct lab *lab)
{
	int fd = open(PARAMETER, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, timeout_before, sizeof(timeout_before) - 1);
	if (fd >= 0)
		close(fd);
	if (!getenv(PERMISSION)) {
		lab->needs = PERMISSION "=1 in the environment: it keeps a CPU in the kernel for seconds, on a machine that nobody else needs";
		return -1;
	}
	if (length <= 0 || write_parameter("3") < 0) {
		lab->needs = "root, and " PARAMETER;
		return -1;
	}
	lab->clean_up = clean_up;
	lab__start(lab, (struct lab_process){ .name = "kernel-looper", .role = "loop", .part = LAB_CULPRIT });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "kernelloop",
		.causes = (const char *const[]){ "kernel.rcu", NULL },
		.allowed = (const char *const[]){ "cpu.oversubscription", "cpu.wakeup", NULL },
		.roles = (const struct lab_role[]){ { "loop", run_loop }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
