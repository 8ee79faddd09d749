#include "command/session.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "collect/cgroups.h"
#include "collect/collector.h"
#include "collect/lifter.h"
#include "collect/privileges.h"
#include "command/command.h"
#include "command/unread.h"

#define COMMAND_PATIENCE_NS (2 * NS_PER_SEC)    // so long a command may take to end after SIGTERM, and the kernel to end it after SIGKILL
#define COMMAND_POLL_NS (20 * NS_PER_MSEC)

// Set by the signal handler, which has no other way to reach anybody.
static volatile sig_atomic_t asked_to_stop;
// For the signal handler: the window has not begun yet, and what then must be taken back (NULL: nothing).
static volatile sig_atomic_t loading;   // our pid while the probes are loaded
static const struct recording_file *volatile opened_file;
static struct session *unfinished;      // for an exit in the middle, when memory is out
static pid_t unfinished_owner;          // a helper that was forked meanwhile exits on its own account

struct session {
	const struct session_options *options;
	struct recording_file *file;
	bool save_failed;
	bool reportable;        // the recording is whole, whether or not it could be saved
	pid_t child;
	bool started;           // it was told to begin
	bool own_group;         // the child leads a process group of its own
	int start_pipe;         // writing to it starts the command
	int failure_pipe;       // gives errno if it could not be executed; closed by a successful exec
	int failure;            // that errno, 0: it runs
	bool child_ended;
	int child_status;
	struct lifter *lifter;
};

// Loading is one long call for which nobody wants to wait after Ctrl-C, and there is nothing yet to be saved: the signal ends us as if it had not
// been caught, once this returns.
static void on_stop_signal(int number)
{
	static const char sentence[] = "whystall: ended before the recording began: nothing was recorded\n";

	asked_to_stop = 1;
	if (loading != getpid())        // helpers that were forked meanwhile have this handler as well
		return;
	if (opened_file)
		recording_file__take_back(opened_file);
	if (write(STDERR_FILENO, sentence, sizeof(sentence) - 1) < 0)
		_exit(EXIT_NOT_RECORDED);
	raise(number);
}

// What our caller had ignored stays ignored: nohup(1) does so with SIGHUP, and a shell with SIGINT for what a script starts in the background.
static void catch_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_stop_signal, .sa_flags = (int)SA_RESETHAND }, former;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (sigaction(numbers[i], NULL, &former) < 0 || former.sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
}

static bool command_has_ended(struct session *session)
{
	if (!session->child_ended && waitpid(session->child, &session->child_status, WNOHANG) == session->child)
		session->child_ended = true;
	return session->child_ended;
}

static bool should_stop(void *context)
{
	struct session *session = context;

	return (session->child > 0 && command_has_ended(session)) || asked_to_stop || session->failure;
}

// The window has begun.
static void start_command(void *context)
{
	struct session *session = context;

	loading = 0;
	if (session->child <= 0)
		return;
	session->started = true;
	if (write(session->start_pipe, "", 1) != 1)
		session->failure = errno;
	else if (read(session->failure_pipe, &session->failure, sizeof(session->failure)) != sizeof(session->failure))
		session->failure = 0;
}

static void save_interim(void *context, const struct recording *recording)
{
	struct session *session = context;
	char *error = NULL;

	if (!session->file || session->save_failed)
		return;
	if (recording_file__save(session->file, recording, &error) < 0) {
		// Go on: the report can still be printed, and the disk may have room again at the end.
		say__warning("%s", error);
		session->save_failed = true;
	}
	free(error);
}

static void show_progress(void *context, int64_t elapsed_ns)
{
	const struct session *session = context;

	if (session->options->duration_ns == INT64_MAX)
		say__progress("recording %s: %lld s (Ctrl-C ends it early)", session->options->command ? session->options->command[0] : "",
			(long long)(elapsed_ns / (int64_t)NS_PER_SEC));
	else
		say__progress("recording: %lld of %lld s (Ctrl-C ends it early)", (long long)(elapsed_ns / (int64_t)NS_PER_SEC),
			(long long)((session->options->duration_ns + (int64_t)NS_PER_SEC / 2) / (int64_t)NS_PER_SEC));
}

static void become_command(const struct session *session, int go_pipe, int failure_pipe)
{
	char go;

	if (session->own_group)
		setpgid(0, 0);
	if (read(go_pipe, &go, 1) != 1)
		_exit(125);
	signal(SIGPIPE, SIG_DFL);
	execvp(session->options->command[0], session->options->command);
	int reason = errno;
	_exit(write(failure_pipe, &reason, sizeof(reason)) == sizeof(reason) ? 127 : 126);
}

// A process group of its own lets us end all that the command has started. At a terminal it stays in ours: else it could not read there, and
// Ctrl-C would not reach both.
static bool has_terminal(void)
{
	cleanup_fd int terminal = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	return terminal >= 0;
}

// The command waits in a child until the window begins, so that it keeps the privileges that we drop.
static int prepare_command(struct session *session)
{
	int ends[2], failure[2];

	if (!session->options->command)
		return 0;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	session->own_group = !has_terminal();
	session->child = pipe2(failure, O_CLOEXEC) < 0 ? -1 : fork();
	if (session->child < 0)
		return -errno;          // the program ends, and what is open with it
	if (session->child == 0) {
		close(ends[1]);
		close(failure[0]);
		become_command(session, ends[0], failure[1]);
	}
	if (session->own_group)
		setpgid(session->child, session->child);        // whoever of us comes first
	lifter__leave_alone(session->lifter, session->child);
	close(ends[0]);
	close(failure[1]);
	session->start_pipe = ends[1];
	session->failure_pipe = failure[0];
	return 0;
}

static void signal_command(const struct session *session, int number)
{
	if (session->own_group)
		kill(-session->child, number);
	else if (!session->child_ended)
		kill(session->child, number);
}

// Whether the command, and its process group where that is ours to end, have ended after COMMAND_PATIENCE_NS at most.
static bool wait_for_command(struct session *session)
{
	const struct timespec pause = { .tv_nsec = COMMAND_POLL_NS };

	for (uint64_t waited = 0;; waited += COMMAND_POLL_NS) {
		if (command_has_ended(session) && (!session->own_group || kill(-session->child, 0) < 0))
			return true;
		if (waited >= COMMAND_PATIENCE_NS)
			return false;
		nanosleep(&pause, NULL);
	}
}

static void stop_command(struct session *session)
{
	signal_command(session, SIGTERM);
	if (wait_for_command(session))
		return;
	signal_command(session, SIGKILL);
	if (wait_for_command(session))
		say__warning("the command, or a process of its process group, did not end within %llu s of SIGTERM and was killed",
			(unsigned long long)(COMMAND_PATIENCE_NS / NS_PER_SEC));
	else
		say__warning("the command (process %d), or a process of its process group, has not ended yet though it was sent SIGKILL: "
			"the kernel holds it, look at /proc/%d/stack", (int)session->child, (int)session->child);
}

// Call when the recording is saved: a command may take long to end, or refuse to.
static void end_command(struct session *session)
{
	if (session->child <= 0)
		return;
	close(session->start_pipe);
	close(session->failure_pipe);
	if (!command_has_ended(session))
		stop_command(session);
	if (!session->started || session->failure || !session->child_ended)
		return;
	if (WIFEXITED(session->child_status) && WEXITSTATUS(session->child_status))
		say__warning("the command ended with status %d", WEXITSTATUS(session->child_status));
	else if (WIFSIGNALED(session->child_status) && !asked_to_stop)
		say__warning("the command was ended by signal %d", WTERMSIG(session->child_status));
}

// Nothing that the command started is left; the recording's file looks after itself.
static void on_exit_in_the_middle(void)
{
	struct session *session = unfinished;

	if (!session || getpid() != unfinished_owner)
		return;
	unfinished = NULL;
	if (session->child > 0 && !command_has_ended(session))
		stop_command(session);
}

static char *join(char **words)
{
	struct string text = {};

	for (; words && *words; words++)
		string__add(&text, "%s%s", text.length ? " " : "", *words);
	return string__steal(&text);
}

// What is asked for must exist, or the report would silently be about nothing.
static int check_scope(const struct session_options *options)
{
	if (options->scope_pid && kill((pid_t)options->scope_pid, 0) < 0 && errno == ESRCH) {
		say__error("there is no process %lld: give the pid of a running one (or drop -p)", (long long)options->scope_pid);
		return EXIT_USAGE;
	}
	if (options->scope_cgroup) {
		struct cgroups *cgroups = NULL;
		bool found = false;

		if (cgroups__snapshot(false, &cgroups) == 0)
			found = cgroups__by_path(cgroups, 2, options->scope_cgroup) || cgroups__by_path(cgroups, 1, options->scope_cgroup);
		cgroups__free(cgroups);
		if (!found) {
			say__error("there is no cgroup '%s': give its path below the hierarchy's mount point, as in /proc/PID/cgroup",
				options->scope_cgroup);
			return EXIT_USAGE;
		}
	}
	return 0;
}

static int save_final(struct session *session, const struct recording *recording)
{
	char *error = NULL;

	if (!session->file)
		return 0;
	if (recording_file__save(session->file, recording, &error) == 0) {
		if (recording_file__unconfirmed(session->file))
			say__warning("the disk has not confirmed %s yet: it is complete, but a power failure now could lose it",
				session->options->output);
		return 0;
	}
	say__error("%s", error ? error : "the recording could not be saved");
	free(error);
	return EXIT_NOT_RECORDED;
}

// The window. Returns 0 or an exit status, after one sentence.
static int collect(struct session *session, struct recording **ret_recording)
{
	cleanup_free char *command = join(session->options->command);
	struct collector_options options = { .duration_ns = session->options->duration_ns, .scope_pid = session->options->scope_pid,
		.scope_cgroup = session->options->scope_cgroup, .command = command, .without_meter = session->options->without_meter,
		.without_samples = session->options->without_samples, .without_command_lines = session->options->without_command_lines,
		.stop = should_stop, .interim = save_interim, .progress = show_progress, .context = session, .lifter = session->lifter };
	cleanup_free char *error = NULL;
	struct collector *collector;
	int status;

	if (collector__open(&options, &collector, &error) < 0) {
		say__error("%s", error ? error : "the recording could not be made");
		return EXIT_NOT_RECORDED;
	}
	status = collector__run(collector, start_command, ret_recording, &error) < 0 ? EXIT_NOT_RECORDED : 0;
	collector__close(collector);
	say__progress_done();
	if (!status && privileges__keep_for_saving() < 0) {
		error = base__copy("the recording is given up, because the recorder could not give up the privileges that it does not need any more");
		recording__free(*ret_recording);
		*ret_recording = NULL;
		status = EXIT_NOT_RECORDED;
	}
	if (status)
		say__error("%s", error ? error : "the recording could not be made");
	return status;
}

static int finish(struct session *session, struct recording *recording)
{
	if (session->failure) {
		say__error("'%s' could not be started: %s", session->options->command[0], strerror(session->failure));
		return EXIT_NOT_RECORDED;
	}
	if (session->child_ended)
		recording__set_meta(recording, "ended_by", "command");
	recording__repair(recording);
	unread__warn(recording);
	session->reportable = true;
	return save_final(session, recording);
}

static int run(struct session *session, struct recording **ret_recording)
{
	struct recording *recording = NULL;
	int status = collect(session, &recording);

	if (!status)
		status = finish(session, recording);
	end_command(session);
	if (ret_recording && session->reportable)
		*ret_recording = recording;
	else
		recording__free(recording);
	return status;
}

int session__record(const struct session_options *options, struct recording **ret_recording)
{
	struct session session = { .options = options, .start_pipe = -1, .failure_pipe = -1 };
	cleanup_free char *error = NULL;
	int status, error_number;

	session.lifter = lifter__start();
	status = check_scope(options);
	if (!status && options->output && recording_file__create(options->output, &session.file, &error) < 0) {
		say__error("%s", error ? error : "the recording could not be created");
		status = EXIT_NOT_RECORDED;
	}
	if (status) {
		lifter__leave(session.lifter);
		return status;
	}
	asked_to_stop = 0;
	opened_file = session.file;
	loading = getpid();
	catch_signals();
	unfinished_owner = getpid();
	unfinished = &session;
	atexit(on_exit_in_the_middle);
	error_number = prepare_command(&session);
	if (error_number < 0) {
		say__error("the command could not be prepared: %s", strerror(-error_number));
		status = EXIT_NOT_RECORDED;
	} else {
		status = run(&session, ret_recording);
	}
	loading = 0;
	opened_file = NULL;
	unfinished = NULL;
	recording_file__close(session.file);
	lifter__leave(session.lifter);
	return status;
}
