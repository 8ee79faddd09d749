// The frame of a labelled workload: starts its processes, states the truth as one line of JSON, waits, cleans up.
//
// A scenario is a table of causes, a table of roles and one function that starts the processes. Each process is this
// very executable again, with its own name and a role, so that a tool sees separate programs and not forks of one.
// Promise of every scenario: after it ended (time over, SIGTERM, SIGINT, SIGHUP, or a process of it died) nothing of
// it is left: no process, no cgroup. After a SIGKILL its processes die with it; a cgroup then stays until the next start.
#ifndef WHYSTALL_LAB_H
#define WHYSTALL_LAB_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"

#define LAB_EXIT_CANNOT_RUN 77
#define LAB_MEMBERS 512

// What the truth says about a process. A process can be culprit and victim at once (spinners wait for each other).
// Nobody holds up an unharmed one; a victim can be innocent.
enum lab_part { LAB_CULPRIT = 1, LAB_VICTIM = 2, LAB_INNOCENT = 4, LAB_UNHARMED = 8 };

// One process to start. Everything but name and role may stay zero.
struct lab_process {
	const char *name;               // comm and argv[0]; at most 15 characters
	const char *role;               // name of a struct lab_role
	unsigned part;                  // enum lab_part, or 0: the truth does not mention it
	int cpu;                        // 1 + number of the only CPU it may use; 0: any
	int nice;
	int fifo;                       // SCHED_FIFO priority; 0: normal class
	const struct lab_group *group;  // NULL: the group of the scenario
	const char *cause;              // part holds for this cause alone; NULL: for every cause
	const char *operation;          // culprits: the system call in which it holds the lock or spends its time, several parted by "|"
	const char *program;            // a companion executable in place of the scenario's own; NULL: none
	int fd;                         // channel that it inherits; 0: none
	long busy_us, period_us;        // meaning: see the role
};

// What a process does, given its fd, busy_us and period_us. It returns only when it cannot go on.
struct lab_role {
	const char *name;
	void (*body)(int fd, long busy_us, long period_us);
};

struct lab;
struct lab_scenario {
	const char *name;
	const char *const *causes;      // NULL-terminated: these must be found; empty: healthy
	const char *const *allowed;     // NULL-terminated: these may be found too
	const char *const *busy;        // NULL-terminated: these must be found, but nobody else loses by them
	const char *const *ruled_out, *const *not_testable;     // NULL-terminated: the verdicts that these must get
	const char *state;              // of the whole machine, several parted by "|"; NULL: any
	bool starves_kernel_threads;    // the report must name kernel threads that starve
	const char *culprit_names;      // name of short-lived culprits whose pids nobody knows beforehand, or NULL
	const struct lab_role *roles;   // NULL-name-terminated
	// Starts every process. 0, or -1 with lab->needs set to why the scenario cannot run here.
	int (*start)(struct lab *lab);
};

struct lab_member { pid_t pid; const char *name, *cause, *operation; unsigned part; };
// A culprit that is no process: a device by its name, a limit by its cgroup.
struct lab_other { const char *kind, *name, *cgroup, *cause; };
#define LAB_OTHERS 4

struct lab {
	const struct lab_scenario *scenario;
	double seconds;
	int ready[2];                   // each process writes one byte when it has its name and its place
	struct lab_member members[LAB_MEMBERS];
	int member_count;
	struct lab_group group;         // the quota, where the scenario has one
	bool limit_is_innocent;         // … and holds nobody up
	void (*clean_up)(void);         // undoes what else the scenario has set up; NULL: nothing
	struct lab_other others[LAB_OTHERS];
	int other_count;
	const char *needs;
};

// The CPUs that this process may use, lowest first. Returns how many there are; writes at most `size` numbers.
static inline int lab__cpus(int *ret_cpus, int size)
{
	cpu_set_t mask;
	int count = 0;
	if (sched_getaffinity(0, sizeof(mask), &mask) < 0)
		return 0;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &mask))
			continue;
		if (count < size)
			ret_cpus[count] = cpu;
		count++;
	}
	return count;
}

// Path of a companion: in `companions` beside the scenario's executable, or beside it where all programs lie in one directory.
// 0 or -ENOENT.
static inline int lab__find_companion(const char *name, char *ret_path, size_t size)
{
	char self[2048];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (length < 0)
		return -ENOENT;
	self[length] = '\0';
	char *slash = strrchr(self, '/');
	*slash = '\0';
	for (const char *const *place = (const char *const[]){ "companions/", "", NULL }; *place; place++) {
		int written = snprintf(ret_path, size, "%s/%s%s", self, *place, name);
		if (written > 0 && (size_t)written < size && access(ret_path, X_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

// The child's way from fork to exec: its place (group, CPU, class) is inherited through exec.
static inline void lab__become(struct lab *lab, const struct lab_process *process)
{
	char numbers[4][24];
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (process->group && lab_group__join(process->group) < 0)
		_exit(70);
	if (process->cpu) {
		cpu_set_t mask;
		CPU_ZERO(&mask);
		CPU_SET(process->cpu - 1, &mask);
		if (sched_setaffinity(0, sizeof(mask), &mask) < 0)
			_exit(71);
	}
	if (process->nice && setpriority(PRIO_PROCESS, 0, process->nice) < 0)
		_exit(72);
	struct sched_param priority = { .sched_priority = process->fifo };
	if (process->fifo && sched_setscheduler(0, SCHED_FIFO, &priority) < 0)
		_exit(73);
	char program[4096] = "/proc/self/exe";
	if (process->program && lab__find_companion(process->program, program, sizeof(program)) < 0)
		_exit(77);
	if (process->fd)
		fcntl(process->fd, F_SETFD, 0);
	fcntl(lab->ready[1], F_SETFD, 0);
	snprintf(numbers[0], sizeof(numbers[0]), "%d", lab->ready[1]);
	snprintf(numbers[1], sizeof(numbers[1]), "%d", process->fd);
	snprintf(numbers[2], sizeof(numbers[2]), "%ld", process->busy_us);
	snprintf(numbers[3], sizeof(numbers[3]), "%ld", process->period_us);
	execl(program, process->name, "--role", process->role, numbers[0], numbers[1], numbers[2], numbers[3],
	      (char *)NULL);
	_exit(74);
}

// Starts one process; its pid, or exits the scenario with a message (a half-started scenario has no truth).
static inline pid_t lab__start(struct lab *lab, struct lab_process process)
{
	if (lab->member_count == LAB_MEMBERS) {
		fprintf(stderr, "%s: more than %d processes\n", lab->scenario->name, LAB_MEMBERS);
		exit(1);
	}
	pid_t pid = fork();
	if (pid < 0) {
		fprintf(stderr, "%s: fork: %s\n", lab->scenario->name, strerror(errno));
		exit(1);
	}
	if (pid == 0)
		lab__become(lab, &process);
	lab->members[lab->member_count++] = (struct lab_member){ pid, process.name, process.cause,
								  process.operation, process.part };
	return pid;
}

// States a culprit that is no process. Its strings must last.
static inline void lab__add_other(struct lab *lab, struct lab_other other)
{
	if (lab->other_count < LAB_OTHERS)
		lab->others[lab->other_count++] = other;
}

// A server and a client that asks it, joined by a socket pair. busy_us: CPU time of one answer; period_us: from one
// request to the next (0: as soon as the answer is there).
static inline void lab__start_pair(struct lab *lab, struct lab_process server, struct lab_process client)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		fprintf(stderr, "%s: socketpair: %s\n", lab->scenario->name, strerror(errno));
		exit(1);
	}
	server.fd = ends[0];
	client.fd = ends[1];
	lab__start(lab, server);
	lab__start(lab, client);
	close(ends[0]);
	close(ends[1]);
}

static inline void lab__print_words(FILE *out, const char *key, const char *const *words)
{
	fprintf(out, "\"%s\":[", key);
	for (int i = 0; words && words[i]; i++)
		fprintf(out, "%s\"%s\"", i ? "," : "", words[i]);
	fprintf(out, "],");
}

static inline void lab__print_members(FILE *out, const struct lab *lab, const char *key, unsigned part)
{
	bool first = true;
	fprintf(out, "\"%s\":[", key);
	for (int i = 0; i < lab->member_count; i++) {
		if (!(lab->members[i].part & part))
			continue;
		const struct lab_member *member = &lab->members[i];
		fprintf(out, "%s{\"pid\":%d,\"process\":\"%s\"", first ? "" : ",", member->pid, member->name);
		if (member->cause)
			fprintf(out, ",\"cause\":\"%s\"", member->cause);
		if (member->operation && part == LAB_CULPRIT)
			fprintf(out, ",\"operation\":\"%s\"", member->operation);
		fprintf(out, "}");
		first = false;
	}
	if (part == LAB_CULPRIT && lab->scenario->culprit_names && !lab->needs) {
		fprintf(out, "%s{\"process\":\"%s\"}", first ? "" : ",", lab->scenario->culprit_names);
		first = false;
	}
	if (part == LAB_CULPRIT && lab->group.path[0] && !lab->limit_is_innocent)
		fprintf(out, "%s{\"kind\":\"quota\",\"cgroup\":\"%s\",\"cause\":\"%s\"}", first ? "" : ",", lab->group.path,
			strcmp(lab->group.controller, "cpu") ? "memory.limit" : "cpu.quota");
	for (int i = 0; part == LAB_CULPRIT && i < lab->other_count && !lab->needs; i++) {
		const struct lab_other *other = &lab->others[i];
		fprintf(out, "%s{\"kind\":\"%s\",\"%s\":\"%s\"", first ? "" : ",", other->kind, other->cgroup ? "cgroup" : "name",
			other->cgroup ? other->cgroup : other->name);
		if (other->cause)
			fprintf(out, ",\"cause\":\"%s\"", other->cause);
		fprintf(out, "}");
		first = false;
	}
	fprintf(out, "],");
}

// What a report must say word for word.
static inline void lab__print_demands(FILE *out, const struct lab_scenario *scenario)
{
	const char *before = "\"verdicts\":{";
	for (const char *const *cause = scenario->ruled_out; cause && *cause; cause++, before = ",")
		fprintf(out, "%s\"%s\":\"ruled_out\"", before, *cause);
	for (const char *const *cause = scenario->not_testable; cause && *cause; cause++, before = ",")
		fprintf(out, "%s\"%s\":\"not_testable\"", before, *cause);
	if (!strcmp(before, ","))
		fprintf(out, "},");
	if (scenario->state)
		fprintf(out, "\"state\":\"%s\",", scenario->state);
	if (scenario->starves_kernel_threads)
		fprintf(out, "\"starves_kernel_threads\":true,");
}

static inline void lab__print_truth(const struct lab *lab)
{
	fprintf(stdout, "{\"scenario\":\"%s\",", lab->scenario->name);
	lab__print_words(stdout, "causes", lab->scenario->causes);
	lab__print_words(stdout, "allowed", lab->scenario->allowed);
	if (lab->scenario->busy)
		lab__print_words(stdout, "busy", lab->scenario->busy);
	lab__print_demands(stdout, lab->scenario);
	lab__print_members(stdout, lab, "culprits", LAB_CULPRIT);
	lab__print_members(stdout, lab, "victims", LAB_VICTIM);
	lab__print_members(stdout, lab, "innocent", LAB_INNOCENT);
	lab__print_members(stdout, lab, "unharmed", LAB_UNHARMED);
	if (lab->needs)
		fprintf(stdout, "\"needs\":\"%s\"}\n", lab->needs);
	else
		fprintf(stdout, "\"needs\":null}\n");
	fflush(stdout);
}

// Ends and reaps all processes, then removes the group: it must be empty before it can go.
static inline void lab__clean_up(struct lab *lab)
{
	for (int i = 0; i < lab->member_count; i++)
		kill(lab->members[i].pid, SIGKILL);
	for (int i = 0; i < lab->member_count; i++)
		while (waitpid(lab->members[i].pid, NULL, 0) < 0 && errno == EINTR)
			;
	lab_group__remove(&lab->group);
	if (lab->clean_up)
		lab->clean_up();
}

// 0 when every process has reported, -1 when one died or 10 s passed.
static inline int lab__await_ready(struct lab *lab)
{
	close(lab->ready[1]);
	for (int left = lab->member_count; left; left--) {
		struct pollfd poll_ready = { .fd = lab->ready[0], .events = POLLIN };
		char byte;
		if (poll(&poll_ready, 1, 10000) <= 0 || read(lab->ready[0], &byte, 1) != 1)
			return -1;
	}
	return 0;
}

static inline double lab__now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

// Sleeps until the time is over or a signal comes. 0, or -1 when a process of the scenario died: the truth is void then.
static inline int lab__wait(const struct lab *lab, const sigset_t *signals)
{
	double end = lab__now() + lab->seconds;
	for (double left = lab->seconds; left > 0; left = end - lab__now()) {
		struct timespec timeout = { (time_t)left, (long)((left - (time_t)left) * 1e9) };
		int signal_number = sigtimedwait(signals, NULL, &timeout);
		if (signal_number == SIGCHLD) {
			fprintf(stderr, "%s: one of its processes died\n", lab->scenario->name);
			return -1;
		}
		if (signal_number > 0)
			break;
	}
	return 0;
}

// In a re-executed process: takes the name, reports, plays the role.
static inline int lab__play(const struct lab_scenario *scenario, char **argv)
{
	int ready = atoi(argv[3]);
	prctl(PR_SET_NAME, argv[0]);
	for (const struct lab_role *role = scenario->roles; role->name; role++) {
		if (strcmp(role->name, argv[2]) != 0)
			continue;
		if (write(ready, "", 1) != 1)
			return 75;
		close(ready);
		role->body(atoi(argv[4]), atol(argv[5]), atol(argv[6]));
		return 1;
	}
	return 76;
}

static inline int lab__run(struct lab *lab)
{
	sigset_t signals;
	sigemptyset(&signals);
	for (const int *one = (const int[]){ SIGTERM, SIGINT, SIGHUP, SIGCHLD, 0 }; *one; one++)
		sigaddset(&signals, *one);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	if (pipe2(lab->ready, O_CLOEXEC) < 0)
		return 1;
	int status = lab->scenario->start(lab);
	if (status < 0) {
		lab__clean_up(lab);
		lab->member_count = 0;
		lab__print_truth(lab);
		return LAB_EXIT_CANNOT_RUN;
	}
	status = lab__await_ready(lab);
	if (status < 0) {
		fprintf(stderr, "%s: a process did not start\n", lab->scenario->name);
	} else {
		lab__print_truth(lab);
		status = lab__wait(lab, &signals);
	}
	lab__clean_up(lab);
	return status < 0 ? 1 : 0;
}

static inline int lab__main(int argc, char **argv, const struct lab_scenario *scenario)
{
	struct lab lab = { .scenario = scenario, .seconds = 15 };
	if (argc == 7 && !strcmp(argv[1], "--role"))
		return lab__play(scenario, argv);
	if (argc == 3 && !strcmp(argv[1], "--seconds"))
		lab.seconds = atof(argv[2]);
	else if (argc != 1)
		lab.seconds = 0;
	if (lab.seconds <= 0) {
		fprintf(stderr, "usage: %s [--seconds N]\n", scenario->name);
		return 2;
	}
	return lab__run(&lab);
}

#endif
