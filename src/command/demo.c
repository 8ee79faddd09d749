// A labelled workload and its diagnosis, side by side.
#include "command/command.h"
#include "command/confine.h"
#include "base/base.h"
#include "causes/cause.h"
#include "command/session.h"
#include "command/truth.h"
#include "command/workload.h"
#include "ledger/ledger.h"
#include "render/page.h"
#include "render/render.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

#define DEFAULT_SCENARIO "mmapcase"
#define DEFAULT_NS ((int64_t)(6 * NS_PER_SEC))
// Caches fill, the load balancer finds its place: what the first moments show is the start and not the scenario.
#define SETTLE_NS (700 * 1000 * 1000)

// Of all CPU time: what the hypervisor takes beyond it is a fact of the host, and true beside what the workload states.
#define STEAL_SHARE 0.005

static const struct { const char *name, *what; } scenarios[] = {
	{ "mmapcase", "a backup daemon that fights over its own address space lock, an innocent storage node, a CPU limit" },
	{ "oversubscription", "spinners beside a server: twice as many as there are CPUs" },
	{ "quota", "a worker under a CPU limit, the machine idle otherwise" },
	{ "quotapool", "a pool with more workers than its limit feeds" },
	{ "affinity", "a crowd tied to one CPU while others idle" },
	{ "priority", "a realtime hog on the CPU where a server has to live" },
	{ "niceheavy", "heavy tasks (nice -20) against light ones" },
	{ "forkstorm", "processes that start /bin/true as fast as they can, beside a server" },
	{ "mixed", "spinners, and another service under a limit of its own" },
	{ "mprotectstorm", "threads that change the protection of their memory, and wait for each other" },
	{ "brkstorm", "threads that move the end of their heap, and wait for each other" },
	{ "madvisestorm", "threads that drop pages: a stall up to Linux 6.16, none from 6.17 on" },
	{ "smapspoller", "a monitoring agent that reads the smaps of a database without a pause" },
	{ "dirlock", "processes that create and remove files in one directory" },
	{ "pagefaults", "many page faults that nobody waits for" },
	{ "userlocks", "threads that fight over a mutex of their own program" },
	{ "shortlocks", "kernel locks taken at a high rate, with no stall" },
	{ "healthy", "a busy server that nobody waits for" },
	{ "bystander", "a noisy process that occupies nothing anyone waits for" },
	{ "fullhouse", "as many spinners as CPUs: all busy, and nobody waits" },
	{ "pingpong", "two processes that pass one byte to and fro: many switches, no stall" },
	{ "idle", "a machine that does nothing" },
	{ "idleworkers", "hundreds of workers that wait for work" },
	{ "wakeupstorm", "many tiny timers on idle CPUs" },
	{ "memchurn", "programs that map, fill and unmap buffers, beside a server" },
	{ "startupfault", "a program that fills its memory once and keeps it" },
	{ "gomlock", "a store in Go that locks its table's memory again each time it grows" },
	{ "mlockgrow", "the same store in C, with a mutex around its table" },
	{ "mlockonce", "a program that locks its memory once" },
	{ "ownsyncs", "two writers that wait for their own fsyncs" },
	{ "rereads", "a file read over and over under a memory limit that it does not fit into" },
	{ "streamread", "a file read once under a memory limit" },
	{ "starvedkthreads", "tasks that wake each other so fast that kernel threads starve" },
	{ "shortforks", "children that end at once: a busy machine, and nobody waits" },
};

static int list_scenarios(const char *directory)
{
	char **names = workload__names(directory);
	for (char **name = names; *name; name++) {
		const char *what = "";
		for (size_t i = 0; i < ARRAY_SIZE(scenarios); i++)
			if (!strcmp(scenarios[i].name, *name))
				what = scenarios[i].what;
		printf("%-18s%s%s\n", *name, what, !strcmp(*name, DEFAULT_SCENARIO) ? " (default)" : "");
	}
	workload__free_names(names);
	return EXIT_REPORTED;
}

static bool check_scenario(const char *directory, const char *scenario)
{
	char **names = workload__names(directory);
	bool found = false;
	for (char **name = names; *name; name++)
		found = found || !strcmp(*name, scenario);
	if (!found) {
		const char *nearest = options__nearest(scenario, (const char *const *)names);
		say__error(nearest ? "there is no scenario '%s': did you mean '%s'? ('whystall demo --list')"
				   : "there is no scenario '%s': 'whystall demo --list' lists them", scenario, nearest);
	}
	workload__free_names(names);
	return found;
}

// "batch-spinner ×4, shop-server": the names of a list of the truth with their numbers.
static char *name_members(const json_t *members)
{
	struct string out = { 0 };
	size_t index, other;
	json_t *member, *twin;
	json_array_foreach(members, index, member) {
		const char *name = json_string_value(json_object_get(member, "process"));
		name = name ? name : json_string_value(json_object_get(member, "cgroup"));
		size_t count = 0, before = 0;
		json_array_foreach(members, other, twin) {
			const char *twin_name = json_string_value(json_object_get(twin, "process"));
			bool same = name && twin_name && !strcmp(name, twin_name);
			count += same;
			before += same && other < index;
		}
		if (!name || before)
			continue;
		string__add(&out, "%s%s", out.text ? ", " : "", name);
		if (count > 1)
			string__add(&out, " ×%zu", count);
	}
	return string__steal(&out);
}

static char *join_words(const json_t *words)
{
	struct string out = { 0 };
	size_t index;
	json_t *word;
	json_array_foreach(words, index, word)
		string__add(&out, "%s%s", out.text ? ", " : "", json_string_value(word) ? json_string_value(word) : "?");
	return string__steal(&out);
}

static void write_truth(struct page *page, const char *scenario, const json_t *truth)
{
	static const struct { const char *key, *label; } sides[] = {
		{ "culprits", "culprits" }, { "victims", "victims" }, { "innocent", "innocent" },
	};
	cleanup_free char *title = base__format("The truth of '%s'", scenario);
	page__paragraph(page, 0, 0, STYLE_BOLD, title);
	cleanup_free char *causes = join_words(json_object_get(truth, "causes"));
	cleanup_free char *busy = join_words(json_object_get(truth, "busy"));
	if (*causes || !*busy)
		page__labelled(page, 2, 13, STYLE_DIM, "causes", *causes ? causes : "none: healthy");
	if (*busy)
		page__labelled(page, 2, 13, STYLE_DIM, "busy with", busy);
	for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
		cleanup_free char *names = name_members(json_object_get(truth, sides[i].key));
		if (*names)
			page__labelled(page, 2, 13, STYLE_DIM, sides[i].label, names);
	}
	page__blank(page);
	page__paragraph(page, 0, 0, STYLE_BOLD, "The diagnosis");
}

static int print_diagnosis(const char *scenario, const json_t *truth, const struct recording *recording)
{
	struct ledger *ledger = NULL;
	struct diagnosis *diagnosis = NULL;
	if (report__diagnose(recording, &ledger, &diagnosis) < 0)
		return EXIT_NOT_RECORDED;
	bool colours = output__wants_colours(stdout);
	struct page page = { .colours = colours };
	write_truth(&page, scenario, truth);
	cleanup_free char *report = render__text(diagnosis, colours);
	string__add(&page.out, "%s\n", report);
	cleanup_free char *differences = truth__differences(truth, diagnosis);
	cleanup_free char *verdict = differences ? base__format("Truth and diagnosis DISAGREE: %s. Other programs' load is in the "
								"diagnosis and not in the truth: is the machine idle otherwise?", differences)
						 : base__copy("Truth and diagnosis agree.");
	page__paragraph(&page, 0, 2, differences ? STYLE_ALARM : STYLE_GOOD, verdict);
	cleanup_free char *out = string__steal(&page.out);
	output__write(out);
	diagnosis__free(diagnosis);
	ledger__free(ledger);
	return EXIT_REPORTED;
}

// Time that the hypervisor took and all time of the CPUs so far, in ticks; zeros if unreadable.
struct stolen { unsigned long long steal, all; };
static struct stolen read_stolen(void)
{
	unsigned long long parts[8] = { 0 };
	struct stolen stolen = { 0 };
	FILE *stat = fopen("/proc/stat", "re");
	if (stat && fscanf(stat, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &parts[0], &parts[1], &parts[2], &parts[3], &parts[4],
			   &parts[5], &parts[6], &parts[7]) == 8) {
		for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
			stolen.all += parts[i];
		stolen.steal = parts[7];
	}
	if (stat)
		fclose(stat);
	return stolen;
}

static void allow_steal(json_t *truth, struct stolen before)
{
	struct stolen after = read_stolen();
	if ((double)(after.steal - before.steal) > STEAL_SHARE * (double)(after.all - before.all))
		json_array_append_new(json_object_get(truth, "allowed"), json_string("cpu.steal"));
}

static int run_scenario(const char *directory, const char *scenario, const struct session_options *options)
{
	struct workload workload;
	struct recording *recording = NULL;
	int seconds = (int)(options->duration_ns / (int64_t)NS_PER_SEC) + 30;
	if (workload__start(directory, scenario, seconds, &workload) < 0)
		return EXIT_NOT_RECORDED;
	json_t *truth = json_loads(workload.truth, 0, NULL);
	const char *needs = json_string_value(json_object_get(truth, "needs"));
	int status = EXIT_NOT_RECORDED;
	if (!truth) {
		say__error("the workload '%s' stated its truth in a way that cannot be read", scenario);
	} else if (needs) {
		say__error("'%s' cannot run here, it needs %s: 'whystall demo --list' shows others", scenario, needs);
	} else {
		nanosleep(&(struct timespec){ .tv_nsec = SETTLE_NS }, NULL);
		struct stolen before = read_stolen();
		status = session__record(options, &recording);
		allow_steal(truth, before);
	}
	workload__stop(&workload);
	if (recording) {
		int printed = confine__to_report(EXIT_NOT_RECORDED);
		printed = printed ? printed : print_diagnosis(scenario, truth, recording);
		status = status ? status : printed;
		recording__free(recording);
	}
	json_decref(truth);
	return status;
}

int command__demo(int argc, char **argv)
{
	struct arguments arguments;
	struct session_options options = { 0 };
	int status = arguments__parse(command__find("demo"), argc, argv, &arguments);
	if (status)
		return status > 0 ? EXIT_REPORTED : EXIT_USAGE;
	if (arguments__duration(&arguments, "duration", DEFAULT_NS, NS_PER_SEC, 600 * (int64_t)NS_PER_SEC, &options.duration_ns) < 0)
		return EXIT_USAGE;
	options.output = arguments__value(&arguments, "output");
	options.without_command_lines = arguments__has(&arguments, "no-command-lines");
	say__set_quiet(arguments__has(&arguments, "quiet"));
	cleanup_free char *directory = workload__directory();
	if (!directory) {
		say__error("the demo's workloads are not beside the program nor in /usr/lib/whystall/lab: build them with 'make lab'");
		return EXIT_NOT_RECORDED;
	}
	if (arguments__has(&arguments, "list"))
		return list_scenarios(directory);
	const char *scenario = arguments.operand_count ? arguments.operands[0] : DEFAULT_SCENARIO;
	if (!check_scenario(directory, scenario))
		return EXIT_USAGE;
	return run_scenario(directory, scenario, &options);
}
