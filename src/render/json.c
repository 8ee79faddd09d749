// The JSON report, schema whystall.report/1: fields may be added, never renamed.
#include "render/render.h"
#include "render/answer.h"
#include "render/page.h"
#include "base/base.h"
#include "causes/wording.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#define LIST_MOST 64    // pids and thread names listed for one party

// Six decimals: a microsecond. More would differ from machine to machine in the last digits.
static json_t *number(double value)
{
	if (!isfinite(value))
		return json_null();
	double rounded = round(value * 1e6) / 1e6;
	return json_real(rounded == 0 ? 0 : rounded);
}

static json_t *text(const char *value)
{
	if (!value)
		return json_null();
	cleanup_free char *harmless = page__harmless(value);
	return json_string(harmless);
}

static json_t *or_unknown(const char *value)
{
	return text(value && *value ? value : "unknown");
}

static json_t *render_host(const struct answer *answer)
{
	const struct recording *recording = answer->recording;
	json_t *host = json_object();
	json_object_set_new(host, "kernel", text(recording__meta(recording, "kernel")));
	json_object_set_new(host, "cpus", json_integer(answer->ledger->cpus));
	json_object_set_new(host, "virtualization", or_unknown(recording__meta(recording, "virtualization")));
	json_object_set_new(host, "boot_id", text(recording__meta(recording, "boot_id")));
	json_object_set_new(host, "machine", text(recording__meta(recording, "machine")));
	json_object_set_new(host, "distribution", text(recording__meta(recording, "distribution")));
	return host;
}

static json_t *render_window(const struct answer *answer)
{
	const struct recording *recording = answer->recording;
	json_t *window = json_object();
	json_object_set_new(window, "start", text(recording__meta(recording, "start_time")));
	json_object_set_new(window, "seconds", number(answer->ledger->window_seconds));
	json_object_set_new(window, "complete", json_boolean(recording__meta_number(recording, "complete", 0)));
	json_object_set_new(window, "ended_by", text(recording__meta(recording, "ended_by")));
	return window;
}

static json_t *render_quality(const struct answer *answer)
{
	json_t *quality = json_object();
	json_object_set_new(quality, "events_lost", json_integer(answer->quality.events_lost));
	json_object_set_new(quality, "gaps_healed", json_integer(answer->quality.gaps_healed));
	json_object_set_new(quality, "tool_cpu_seconds", number(answer->quality.tool_cpu_seconds));
	json_object_set_new(quality, "probe_nanoseconds_per_switch", number(answer->quality.probe_ns_per_switch));
	json_object_set_new(quality, "balanced", json_boolean(answer->ledger->balanced));
	json_object_set_new(quality, "imbalance", text(answer->ledger->imbalance));
	json_object_set_new(quality, "unexplained_seconds", number(answer->diagnosis->unexplained_seconds));
	json_t *counters = json_object();
	for (size_t i = 0; i < answer->recording->counter_count; i++) {
		cleanup_free char *name = page__harmless(answer->recording->counter[i].name);
		json_object_set_new(counters, name, json_integer(answer->recording->counter[i].value));
	}
	json_object_set_new(quality, "counters", counters);
	return quality;
}

static json_t *render_pressures(const struct answer *answer)
{
	json_t *rows = json_array();
	const char *meter = recording__meta(answer->recording, "meter");
	for (size_t i = 0; i < answer->ledger->pressure_count; i++) {
		const struct ledger_pressure *pressure = &answer->ledger->pressures[i];
		json_t *row = json_object();
		json_object_set_new(row, "resource", text(pressure->resource));
		json_object_set_new(row, "kind", text(pressure->kind));
		json_object_set_new(row, "scope", text(pressure->scope));
		json_object_set_new(row, "kernel_seconds", number(pressure->kernel_seconds));
		json_object_set_new(row, "victims_seconds", pressure->booked ? number(pressure->victims_seconds) : json_null());
		json_object_set_new(row, "culprits_seconds", pressure->booked ? number(pressure->culprits_seconds) : json_null());
		json_object_set_new(row, "explained", pressure->booked ? number(pressure->explained) : json_null());
		json_object_set_new(row, "meter", pressure->booked ? text(meter) : json_null());
		json_array_append_new(rows, row);
	}
	return rows;
}

static json_t *thread_names(const struct answer *answer, const struct party *party)
{
	json_t *names = json_array();
	for (size_t i = 0; i < party->member_count; i++) {
		const struct ledger_process *process = ledger__process(answer->ledger, party->members[i]);
		for (size_t j = 0; process && j < process->task_count; j++) {
			const char *name = process->tasks[j].name;
			bool present = !name || json_array_size(names) >= LIST_MOST;
			for (size_t k = 0; !present && k < json_array_size(names); k++)
				present = !strcmp(json_string_value(json_array_get(names, k)), name);
			if (!present)
				json_array_append_new(names, text(name));
		}
	}
	return names;
}

static json_t *pids(const struct answer *answer, const struct party *party)
{
	json_t *list = json_array();
	for (size_t i = 0; i < party->member_count && json_array_size(list) < LIST_MOST; i++) {
		const struct process_row *row = recording__process(answer->recording, party->members[i]);
		if (row && row->pid > 0)
			json_array_append_new(list, json_integer(row->pid));
	}
	return list;
}

static json_t *render_party(const struct answer *answer, const struct party *party)
{
	const struct process_row *row = party->process ? recording__process(answer->recording, party->process) : NULL;
	json_t *object = json_object();
	json_object_set_new(object, "kind", text(party->kind));
	json_object_set_new(object, "pid", row && row->pid > 0 ? json_integer(row->pid) : json_null());
	json_object_set_new(object, "process", row ? text(wording__process_name(row)) : json_null());
	json_object_set_new(object, "name", text(party->name));
	json_object_set_new(object, "exe", row ? text(row->exe) : json_null());
	json_object_set_new(object, "cgroup", text(party->cgroup ? party->cgroup : row ? row->cgroup : NULL));
	json_object_set_new(object, "unit", row ? text(row->unit) : json_null());
	json_object_set_new(object, "container", row ? text(row->container) : json_null());
	json_object_set_new(object, "vm", row ? text(row->vm_id) : json_null());
	json_object_set_new(object, "vm_name", row ? text(row->vm_name) : json_null());
	json_object_set_new(object, "command_line", row ? text(row->command_line) : json_null());
	json_object_set_new(object, "gone", json_boolean(row && row->gone));
	json_object_set_new(object, "processes", json_integer(row ? party->processes : 0));
	json_object_set_new(object, "pids", pids(answer, party));
	json_object_set_new(object, "threads", thread_names(answer, party));
	json_object_set_new(object, "runtime", or_unknown(row ? row->runtime : NULL));
	json_object_set_new(object, "linkage", or_unknown(row ? row->linkage : NULL));
	json_object_set_new(object, "allocator", or_unknown(row ? row->allocator : NULL));
	json_object_set_new(object, "seconds", number(party->seconds));
	json_object_set_new(object, "share", number(party->share));
	json_object_set_new(object, "own_seconds", number(party->own_seconds));
	json_object_set_new(object, "loss", number(party->loss));
	json_object_set_new(object, "note", text(party->note));
	json_object_set_new(object, "stacks", json_array());
	return object;
}

static json_t *render_parties(const struct answer *answer, const struct party *parties, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, render_party(answer, &parties[i]));
	return list;
}

static json_t *render_evidence(const struct verdict *verdict)
{
	json_t *list = json_array();
	for (size_t i = 0; i < verdict->evidence_count; i++) {
		const struct evidence *evidence = &verdict->evidence[i];
		json_t *object = json_object();
		json_object_set_new(object, "what", text(evidence->what));
		json_object_set_new(object, "value", number(evidence->value));
		json_object_set_new(object, "unit", text(evidence->unit));
		json_object_set_new(object, "threshold", number(evidence->threshold));
		json_object_set_new(object, "source", text(evidence->source));
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *render_checks(const struct verdict *verdict)
{
	json_t *list = json_array();
	for (size_t i = 0; i < verdict->check_count; i++) {
		json_t *object = json_object();
		json_object_set_new(object, "command", text(verdict->checks[i].command));
		json_object_set_new(object, "expect", text(verdict->checks[i].expect));
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *render_remedies(const struct verdict *verdict)
{
	json_t *list = json_array();
	for (size_t i = 0; i < verdict->remedy_count; i++) {
		const struct remedy_offer *offer = &verdict->remedies[i];
		json_t *object = json_object();
		json_object_set_new(object, "id", text(offer->id));
		json_object_set_new(object, "applicable", json_boolean(offer->applicable));
		json_object_set_new(object, "why", text(offer->why));
		json_object_set_new(object, "command", text(offer->command));
		json_object_set_new(object, "cost", text(offer->cost));
		json_object_set_new(object, "verify", text(offer->verify));
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *render_verdict(const struct answer *answer, const struct verdict *verdict)
{
	json_t *object = json_object();
	json_object_set_new(object, "cause", text(verdict->cause->id));
	json_object_set_new(object, "verdict", text(verdict__name(verdict->kind)));
	json_object_set_new(object, "stall_seconds", number(verdict->stall_seconds));
	json_object_set_new(object, "wall_seconds", number(verdict->wall_seconds));
	json_object_set_new(object, "summary", text(verdict->summary));
	json_object_set_new(object, "counted_by_pressure", text(verdict->counted_by_pressure));
	json_object_set_new(object, "under", text(verdict->under));
	json_object_set_new(object, "doubt", text(verdict->doubt));
	json_object_set_new(object, "culprits", render_parties(answer, verdict->culprits, verdict->culprit_count));
	json_object_set_new(object, "victims", render_parties(answer, verdict->victims, verdict->victim_count));
	json_object_set_new(object, "evidence", render_evidence(verdict));
	json_object_set_new(object, "check", render_checks(verdict));
	json_object_set_new(object, "remedies", render_remedies(verdict));
	return object;
}

static json_t *render_cautions(const struct diagnosis *diagnosis)
{
	json_t *list = json_array();
	for (size_t i = 0; i < diagnosis->caution_count; i++)
		json_array_append_new(list, text(diagnosis->cautions[i]));
	return list;
}

char *render__json(const struct diagnosis *diagnosis)
{
	struct answer *answer = answer__new(diagnosis);
	const char *version = recording__meta(answer->recording, "tool_version");
	json_t *root = json_object(), *tool = json_object(), *verdicts = json_array();
	json_object_set_new(root, "schema", json_string("whystall.report/1"));
	json_object_set_new(tool, "version", json_string(WHYSTALL_VERSION));
	json_object_set_new(tool, "recorded_by", text(version));
	json_object_set_new(root, "tool", tool);
	json_object_set_new(root, "headline", text(diagnosis->headline));
	json_object_set_new(root, "healthy", json_boolean(diagnosis->healthy));
	json_object_set_new(root, "cautions", render_cautions(diagnosis));
	json_object_set_new(root, "host", render_host(answer));
	json_object_set_new(root, "window", render_window(answer));
	json_object_set_new(root, "quality", render_quality(answer));
	json_object_set_new(root, "pressure", render_pressures(answer));
	for (size_t i = 0; i < diagnosis->verdict_count; i++)
		json_array_append_new(verdicts, render_verdict(answer, &diagnosis->verdicts[i]));
	json_object_set_new(root, "verdicts", verdicts);
	char *dump = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
	char *with_newline = base__format("%s\n", dump ? dump : "{}");
	free(dump);
	json_decref(root);
	answer__free(answer);
	return with_newline;
}
