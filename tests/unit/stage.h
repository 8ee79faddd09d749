// A hand-made recording for tests of verdicts and renders: 10 s, 2 CPUs, books that balance unless a test spoils them.
#ifndef WHYSTALL_TEST_STAGE_H
#define WHYSTALL_TEST_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "causes/cause.h"
#include "causes/verdict.h"
#include "ledger/ledger.h"
#include "remedies/remedy.h"

#define STAGE_MS 1000000LL
#define STAGE_SECONDS 10

struct stage { struct recording *recording; struct ledger *ledger; struct diagnosis *diagnosis; };

// cpu_some_ms: pressure of the whole window, in milliseconds of total=.
static inline struct stage stage__new(int64_t cpu_some_ms)
{
	struct recording *recording = recording__new();
	recording__set_meta(recording, "complete", "1");
	recording__set_meta(recording, "hz", "250");
	recording__set_meta(recording, "cpus", "2");
	recording__set_meta(recording, "window_ns", "%lld", STAGE_SECONDS * 1000 * STAGE_MS);
	recording__set_meta(recording, "requested_ns", "%lld", STAGE_SECONDS * 1000 * STAGE_MS);
	recording__set_meta(recording, "start_time", "2026-11-23T10:20:30.123456789Z");
	recording__set_meta(recording, "kernel", "6.18.0-test");
	recording__set_meta(recording, "virtualization", "kvm");
	recording__set_meta(recording, "meter", "psi_group_cpu");
	recording__set_meta(recording, "forks", "10");
	recording__set_meta(recording, "pair_threshold_ns", "100000");
	for (int cpu = 0; cpu < 2; cpu++) {
		int64_t some = cpu_some_ms * STAGE_MS;
		*recording__add_cpu(recording) = (struct cpu_row){ .cpu = cpu, .run_ns = 9000 * STAGE_MS, .idle_ns = 1000 * STAGE_MS };
		*recording__add_fold(recording) = (struct fold_row){ 0, 0, cpu, some, STAGE_SECONDS * 1000 * STAGE_MS, 0 };
		*recording__add_book(recording) = (struct book_row){ 0, cpu, some, some, some, 0 };
	}
	*recording__add_pressure(recording) = (struct pressure_row){ 0, base__copy("cpu"), base__copy("some"), cpu_some_ms * STAGE_MS };
	return (struct stage){ .recording = recording };
}

// A process with one task. credit_ms: CPU-some time (before folding: over both CPUs) that it occupied a CPU.
static inline int64_t stage__process(struct stage *stage, const char *name, int64_t pid, int64_t run_ms, int64_t wait_ms, int64_t credit_ms)
{
	int64_t id = (int64_t)stage->recording->process_count + 1;
	struct process_row *process = recording__add_process(stage->recording);
	*process = (struct process_row){ .id = id, .pid = pid, .parent_pid = 1, .name = base__copy(name),
					 .exe = base__format("/usr/bin/%s", name), .cgroup = base__copy("/"), .cpu_cgroup = base__copy("/"), .folded = 1 };
	struct task_row *task = recording__add_task(stage->recording);
	*task = (struct task_row){ .process = id, .tid = pid, .name = base__copy(name), .allowed_cpus = 2, .run_ns = run_ms * STAGE_MS,
				   .wait_ns = wait_ms * STAGE_MS, .waits = wait_ms, .wait_max_ns = 12 * STAGE_MS,
				   .credit_pressure_ns = credit_ms * STAGE_MS, .credit_task_ns = credit_ms * STAGE_MS };
	return id;
}

static inline struct task_row *stage__task(struct stage *stage, int64_t process)
{
	return &stage->recording->task[process - 1];
}

// Waits of 4 ms each.
static inline struct pair_row *stage__pair(struct stage *stage, int64_t victim, int64_t kind, int64_t culprit, int64_t wait_ms)
{
	struct pair_row *pair = recording__add_pair(stage->recording);
	*pair = (struct pair_row){ .victim = victim, .kind = kind, .culprit = culprit, .wait_ns = wait_ms * STAGE_MS,
				   .waits = wait_ms / 4 > 0 ? wait_ms / 4 : 1 };
	return pair;
}

// With WHYSTALL_STAGES set, keeps the recording in that directory: tests/replay/pasting.test wants recordings of all causes.
static inline void stage__keep(const struct stage *stage)
{
	static int number;
	const char *directory = getenv("WHYSTALL_STAGES");
	struct recording_file *file = NULL;
	char *error = NULL;
	if (!directory)
		return;
	recording__repair(stage->recording);
	cleanup_free char *path = base__format("%s/%d-%d.db", directory, (int)getpid(), number++);
	recording__set_meta(stage->recording, "complete", "0");         // else it waits for the disk
	if (!recording_file__create(path, &file, &error)) {
		assert_int_equal(recording_file__save(file, stage->recording, &error), 0);
		recording_file__close(file);
	}
	recording__set_meta(stage->recording, "complete", "1");
}

static inline void stage__judge(struct stage *stage)
{
	stage__keep(stage);
	assert_int_equal(ledger__build(stage->recording, &stage->ledger), 0);
	assert_int_equal(diagnosis__make(stage->ledger, &stage->diagnosis), 0);
	remedies__offer(stage->diagnosis);
}

static inline const struct verdict *stage__verdict(const struct stage *stage, const char *id)
{
	for (size_t i = 0; i < stage->diagnosis->verdict_count; i++)
		if (!strcmp(stage->diagnosis->verdicts[i].cause->id, id))
			return &stage->diagnosis->verdicts[i];
	fail_msg("no verdict for %s", id);
	return NULL;
}

static inline bool stage__names(const struct party *parties, size_t count, int64_t process)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < parties[i].member_count; j++)
			if (parties[i].members[j] == process)
				return true;
	return false;
}

// Takes back what was judged: verdicts by hand, for tests of what is made of them.
static inline void stage__forget_verdicts(struct stage *stage)
{
	for (size_t i = 0; i < stage->diagnosis->verdict_count; i++) {
		struct verdict *verdict = &stage->diagnosis->verdicts[i];
		const struct cause *cause = verdict->cause;
		verdict__free(verdict);
		*verdict = (struct verdict){ .cause = cause, .kind = VERDICT_RULED_OUT, .counted_by_pressure = cause->counted_by_pressure };
	}
}

static inline struct verdict *stage__find(const struct stage *stage, const char *id)
{
	for (size_t i = 0; i < stage->diagnosis->verdict_count; i++)
		if (!strcmp(stage->diagnosis->verdicts[i].cause->id, id))
			return &stage->diagnosis->verdicts[i];
	fail_msg("no cause %s", id);
	return NULL;
}

static inline void stage__add_party(struct stage *stage, struct verdict *verdict, bool victim, int64_t process, double seconds)
{
	const struct scene *scene = stage->diagnosis->scene;
	const struct crowd *crowd = &scene->crowds[scene->crowd_of[process - 1]];
	if (victim)
		verdict__add_victim(verdict, crowd, seconds * 1e9);
	else
		verdict__add_culprit(verdict, crowd, seconds * 1e9);
}

// What a verdict accuses of, by what was lost: a cause that only makes pressure (BUSY) accuses nobody and is as good as ruled out here; its share may
// make the verdict certain, but not its victims' loss larger.
static inline const char *stage__accusation(const struct verdict *verdict)
{
	static const enum verdict_kind kinds[] = { [SEVERITY_NONE] = VERDICT_RULED_OUT, [SEVERITY_SOME] = VERDICT_CONTRIBUTING,
						   [SEVERITY_SEVERE] = VERDICT_CONFIRMED };
	return verdict__name(verdict->kind < VERDICT_CONTRIBUTING ? verdict->kind : kinds[verdict->severity]);
}

#define assert_verdict(stage, id, expected) \
	assert_string_equal(stage__accusation(stage__verdict(stage, id)), expected)
#define assert_accused(stage, id, process) do { const struct verdict *v_ = stage__verdict(stage, id); \
	assert_true(stage__names(v_->culprits, v_->culprit_count, process)); } while (0)
#define assert_not_accused(stage, id, process) do { const struct verdict *v_ = stage__verdict(stage, id); \
	assert_false(stage__names(v_->culprits, v_->culprit_count, process)); } while (0)
#define assert_victim(stage, id, process) do { const struct verdict *v_ = stage__verdict(stage, id); \
	assert_true(stage__names(v_->victims, v_->victim_count, process)); } while (0)

// Nobody may be accused of anything.
static inline void stage__assert_no_accusation(const struct stage *stage)
{
	for (size_t i = 0; i < stage->diagnosis->verdict_count; i++)
		if (stage->diagnosis->verdicts[i].kind >= VERDICT_CONTRIBUTING && stage->diagnosis->verdicts[i].severity > SEVERITY_NONE)
			fail_msg("%s is %s: %s", stage->diagnosis->verdicts[i].cause->id, verdict__name(stage->diagnosis->verdicts[i].kind),
				 stage->diagnosis->verdicts[i].summary);
}

static inline void stage__free(struct stage *stage)
{
	diagnosis__free(stage->diagnosis);
	ledger__free(stage->ledger);
	recording__free(stage->recording);
}

#endif
