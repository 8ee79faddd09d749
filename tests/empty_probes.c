// Attaches programs that do nothing to sched_switch and sched_wakeup, and waits to be killed: what any tool must pay that looks at both,
// before it has done anything. tests/bench shows it beside whystall's cost.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <unistd.h>

static int attach(const char *tracepoint)
{
	const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_RAW_TP);
	int type = libbpf_find_vmlinux_btf_id(tracepoint, BPF_TRACE_RAW_TP);

	if (type < 0)
		return -1;
	options.attach_btf_id = (unsigned int)type;
	int program = bpf_prog_load(BPF_PROG_TYPE_TRACING, "nothing", "GPL", nothing, 2, &options);
	return program < 0 ? -1 : bpf_raw_tracepoint_open(NULL, program);
}

int main(void)
{
	if (attach("sched_switch") < 0 || attach("sched_wakeup") < 0) {
		fputs("empty_probes: the kernel refuses them; are you root?\n", stderr);
		return 1;
	}
	puts("attached");
	fflush(stdout);
	pause();
	return 0;
}
