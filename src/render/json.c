// The JSON report, schema whystall.report/1: fields may be added, never renamed.
#include "render/render.h"
#include "render/answer.h"
#include "render/json_parts.h"
#include "render/json_writing.h"
#include "render/on_cpu.h"
#include "render/page.h"
#include "base/base.h"
#include "causes/wording.h"
#include "ledger/attribution.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

static json_t *render_host(const struct answer *answer)
{
	const struct recording *recording = answer->recording;
	json_t *host = json_object();
	json_object_set_new(host, "kernel", json__text(recording__meta(recording, "kernel")));
	json_object_set_new(host, "cpus", json_integer(answer->ledger->cpus));
	json_object_set_new(host, "virtualization", json__or_unknown(recording__meta(recording, "virtualization")));
	json_object_set_new(host, "boot_id", json__text(recording__meta(recording, "boot_id")));
	json_object_set_new(host, "machine", json__text(recording__meta(recording, "machine")));
	json_object_set_new(host, "distribution", json__text(recording__meta(recording, "distribution")));
	return host;
}

// Null unless --redact: how the aliases are made, and how many different things of each kind they stand for.
static json_t *render_redaction(const struct recording *recording)
{
	static const char prefix[] = "redacted.";
	json_t *object = json_object(), *replaced = json_object();
	for (size_t i = 0; i < recording->meta_count; i++) {
		const struct meta_row *row = &recording->meta[i];
		if (row->key && row->value && !strncmp(row->key, prefix, sizeof(prefix) - 1) && strcmp(row->value, "0"))
			json_object_set_new(replaced, row->key + sizeof(prefix) - 1, json_integer(atoll(row->value)));
	}
	json_object_set_new(object, "aliases", json__text(recording__meta(recording, "redacted")));
	json_object_set_new(object, "replaced", replaced);
	return object;
}

static json_t *render_window(const struct answer *answer)
{
	const struct recording *recording = answer->recording;
	json_t *window = json_object();
	json_object_set_new(window, "start", json__text(recording__meta(recording, "start_time")));
	json_object_set_new(window, "seconds", json__number(answer->ledger->window_seconds));
	json_object_set_new(window, "complete", json_boolean(recording__meta_number(recording, "complete", 0)));
	json_object_set_new(window, "ended_by", json__text(recording__meta(recording, "ended_by")));
	return window;
}

static json_t *render_quality(const struct answer *answer)
{
	json_t *quality = json_object();
	json_object_set_new(quality, "events_lost", json_integer(answer->quality.events_lost));
	json_object_set_new(quality, "gaps_healed", json_integer(answer->quality.gaps_healed));
	json_object_set_new(quality, "tool_cpu_seconds", json__number(answer->quality.tool_cpu_seconds));
	json_object_set_new(quality, "tool_start_cpu_seconds", json__number(answer->quality.tool_start_seconds));
	json_object_set_new(quality, "tool_end_cpu_seconds", json__number(answer->quality.tool_end_seconds));
	json_object_set_new(quality, "tool_class", json__text(recording__meta(answer->recording, "tool_class")));
	json_object_set_new(quality, "requested_seconds", json__number(answer->quality.requested_seconds));
	json_object_set_new(quality, "longest_silence_seconds", json__number(answer->quality.silence_seconds));
	json_object_set_new(quality, "probe_nanoseconds_per_switch", json__number(answer->quality.probe_ns_per_switch));
	json_object_set_new(quality, "balanced", json_boolean(answer->ledger->balanced));
	json_object_set_new(quality, "imbalance", json__text(answer->ledger->imbalance));
	json_object_set_new(quality, "kernel_total_loss", json__text(answer->ledger->kernel_loss));
	json_object_set_new(quality, "unexplained_seconds", json__number(answer->diagnosis->unexplained_seconds));
	json_t *counters = json_object();
	for (size_t i = 0; i < answer->recording->counter_count; i++) {
		cleanup_free char *name = page__harmless(answer->recording->counter[i].name);
		json_object_set_new(counters, name, json_integer(answer->recording->counter[i].value));
	}
	json_object_set_new(quality, "counters", counters);
	return quality;
}

// The causes found for a system's row: ids, heaviest first. Null for the rows of cgroups.
static json_t *render_causes_of(const struct answer *answer, const struct ledger_pressure *pressure)
{
	json_t *list = pressure->cgroup ? NULL : json_array();
	for (size_t i = 0; list && i < answer->found_count; i++)
		if (!strcmp(pressure_resource__name(answer->found[i]->counted_by_pressure), pressure->resource))
			json_array_append_new(list, json__text(answer->found[i]->cause->id));
	return list ? list : json_null();
}

// The account of causes: every cause that has a part of the row, and what has none ("unattributed"), in the catalogue's order. Null where the row is not booked.
static json_t *render_account_of(const struct answer *answer, const struct ledger_pressure *pressure)
{
	const struct attribution *account = attributions__of(answer->diagnosis->attributions, pressure);
	json_t *list = account ? json_array() : NULL;
	for (int cause = 0; account && cause < CAUSE_KEYS; cause++) {
		const struct cause_part *part = &account->parts[cause];
		if (part->seconds <= 0 && cause != CAUSE_NONE)
			continue;
		json_t *object = json_object();
		json_object_set_new(object, "cause", json_string(cause_key__id((enum cause_key)cause)));
		json_object_set_new(object, "seconds", json__number(part->seconds));
		json_object_set_new(object, "share", json__number(part->share));
		json_object_set_new(object, "low", json__number(part->low));
		json_object_set_new(object, "high", json__number(part->high));
		json_array_append_new(list, object);
	}
	return list ? list : json_null();
}

static json_t *render_pressure(const struct answer *answer, const struct ledger_pressure *pressure)
{
	const char *meter = recording__meta(answer->recording, "meter");
	json_t *row = json_object();
	json_object_set_new(row, "resource", json__text(pressure->resource));
	json_object_set_new(row, "kind", json__text(pressure->kind));
	json_object_set_new(row, "scope", json__text(pressure->scope));
	json_object_set_new(row, "kernel_seconds", json__number(pressure->kernel_seconds));
	json_object_set_new(row, "victims_seconds", pressure->booked ? json__number(pressure->victims_seconds) : json_null());
	json_object_set_new(row, "culprits_seconds", pressure->booked ? json__number(pressure->culprits_seconds) : json_null());
	json_object_set_new(row, "explained", pressure->booked ? json__number(pressure->explained) : json_null());
	json_object_set_new(row, "meter", pressure->booked ? json__text(meter) : json_null());
	json_object_set_new(row, "predicted_seconds", pressure->booked ? json__number(pressure->predicted_seconds) : json_null());
	json_object_set_new(row, "counted_seconds", json__number(pressure->counted_seconds));
	json_object_set_new(row, "kernel_total_lost", json_boolean(pressure->loss != TOTAL_WHOLE));
	json_object_set_new(row, "causes", render_causes_of(answer, pressure));
	json_object_set_new(row, "account", render_account_of(answer, pressure));
	json_object_set_new(row, "waiters", json__waiters(answer, pressure));
	return row;
}

static void write_parties(struct json_writing *writing, const struct answer *answer, const struct verdict *verdict, bool culprits)
{
	const struct party *parties = culprits ? verdict->culprits : verdict->victims;
	size_t count = culprits ? verdict->culprit_count : verdict->victim_count;
	json_writing__begin(writing, culprits ? "culprits" : "victims", true);
	for (size_t i = 0; i < count; i++) {
		json_t *party = json__party(answer, &parties[i]);
		struct cpu_profile *profile = on_cpu__profile(answer, verdict, &parties[i], culprits);
		json_object_set_new(party, "cpu_profile", on_cpu__json(answer, profile));
		cpu_profile__free(profile);
		json_writing__put(writing, NULL, party);
	}
	json_writing__end(writing);
}

static json_t *render_evidence(const struct verdict *verdict)
{
	json_t *list = json_array();
	for (size_t i = 0; i < verdict->evidence_count; i++) {
		const struct evidence *evidence = &verdict->evidence[i];
		json_t *object = json_object();
		json_object_set_new(object, "what", json__text(evidence->what));
		json_object_set_new(object, "value", json__number(evidence->value));
		json_object_set_new(object, "unit", json__text(evidence->unit.name));
		json_object_set_new(object, "threshold", json__number(evidence->threshold));
		json_object_set_new(object, "source", json__text(evidence->source));
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *render_checks(const struct verdict *verdict)
{
	json_t *list = json_array();
	for (size_t i = 0; i < verdict->check_count; i++) {
		json_t *object = json_object();
		json_object_set_new(object, "command", json__text(verdict->checks[i].command));
		json_object_set_new(object, "expect", json__text(verdict->checks[i].expect));
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
		json_object_set_new(object, "id", json__text(offer->id));
		json_object_set_new(object, "applicable", json_boolean(offer->applicable));
		json_object_set_new(object, "why", json__text(offer->why));
		json_object_set_new(object, "command", json__text(offer->command));
		json_object_set_new(object, "cost", json__text(offer->cost));
		json_object_set_new(object, "verify", json__text(offer->verify));
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *render_share(const struct verdict_share *share)
{
	json_t *object = share->resource ? json_object() : NULL;
	if (!object)
		return json_null();
	json_object_set_new(object, "resource", json_string(share->resource));
	json_object_set_new(object, "seconds", json__number(share->seconds));
	json_object_set_new(object, "share", json__number(share->share));
	json_object_set_new(object, "low", json__number(share->low));
	json_object_set_new(object, "high", json__number(share->high));
	return object;
}

// Of the victim with that place in `victims`, from 0.
static json_t *render_gain(const struct verdict *verdict)
{
	json_t *object = verdict->kind >= VERDICT_CONTRIBUTING && !isnan(verdict->gain.loss_now) ? json_object() : NULL;
	if (!object)
		return json_null();
	json_object_set_new(object, "loss_now", json__number(verdict->gain.loss_now));
	json_object_set_new(object, "loss_without", json__number(verdict->gain.loss_without));
	json_object_set_new(object, "victim", json_integer((json_int_t)verdict->gain.victim));
	return object;
}

static void write_verdict(struct json_writing *writing, const struct answer *answer, const struct verdict *verdict)
{
	json_writing__begin(writing, NULL, false);
	json_writing__put(writing, "cause", json__text(verdict->cause->id));
	json_writing__put(writing, "verdict", json__text(verdict__name(verdict->kind)));
	json_writing__put(writing, "stall_seconds", json__number(verdict->stall_seconds));
	json_writing__put(writing, "wall_seconds", json__number(verdict->wall_seconds));
	const struct { const char *name; double low, high; } bounds[] = {
		{ "stall_seconds", verdict->stall_low, verdict->stall_high }, { "wall_seconds", verdict->wall_low, verdict->wall_high } };
	for (size_t i = 0; i < ARRAY_SIZE(bounds); i++) {
		cleanup_free char *low = base__format("%s_low", bounds[i].name), *high = base__format("%s_high", bounds[i].name);
		json_writing__put(writing, low, json__number(bounds[i].low));
		json_writing__put(writing, high, json__number(bounds[i].high));
	}
	json_writing__put(writing, "summary", json__text(verdict->summary));
	json_writing__put(writing, "counted_by_pressure", json__text(pressure_resource__name(verdict->counted_by_pressure)));
	json_writing__put(writing, "under", json__text(verdict->under));
	json_writing__put(writing, "doubt", json__text(verdict->doubt));
	json_writing__put(writing, "severity", verdict->kind >= VERDICT_CONTRIBUTING ? json_string(severity__name(verdict->severity)) : json_null());
	json_writing__put(writing, "own", verdict->kind >= VERDICT_CONTRIBUTING ? json_boolean(verdict->own) : json_null());
	json_writing__put(writing, "share", render_share(&verdict->share));
	json_writing__put(writing, "gain", render_gain(verdict));
	write_parties(writing, answer, verdict, true);
	write_parties(writing, answer, verdict, false);
	json_writing__put(writing, "evidence", render_evidence(verdict));
	json_writing__put(writing, "check", render_checks(verdict));
	json_writing__put(writing, "remedies", render_remedies(verdict));
	json_writing__end(writing);
}

static json_t *render_cautions(const struct diagnosis *diagnosis)
{
	json_t *list = json_array();
	for (size_t i = 0; i < diagnosis->caution_count; i++)
		json_array_append_new(list, json__text(diagnosis->cautions[i]));
	return list;
}

// Of the whole machine.
static json_t *render_cpu_profile(const struct answer *answer)
{
	const struct ledger_profiles *profiles = &answer->ledger->profiles;
	json_t *object = on_cpu__json(answer, profiles->recorded ? &profiles->machine : NULL);
	if (!profiles->recorded)
		return object;
	json_object_set_new(object, "period_seconds", json__number(profiles->period_ns / NS_PER_SEC));
	json_object_set_new(object, "covered", json__number(profiles->covered));
	return object;
}

// ---- the whole ----

static json_t *render_tool(const struct answer *answer)
{
	json_t *tool = json_object();
	json_object_set_new(tool, "version", json_string(WHYSTALL_VERSION));
	json_object_set_new(tool, "recorded_by", json__text(recording__meta(answer->recording, "tool_version")));
	return tool;
}

char *render__json(const struct diagnosis *diagnosis)
{
	struct answer *answer = answer__new(diagnosis);
	struct json_writing writing = { 0 };
	json_writing__begin(&writing, NULL, false);
	json_writing__put(&writing, "schema", json_string("whystall.report/1"));
	json_writing__put(&writing, "tool", render_tool(answer));
	json_writing__put(&writing, "headline", json__text(diagnosis->headline));
	json_writing__put(&writing, "state", json_string(diagnosis_state__name(diagnosis->state)));
	json_writing__put(&writing, "healthy", json_boolean(diagnosis->healthy));
	json_writing__put(&writing, "cautions", render_cautions(diagnosis));
	if (recording__meta(answer->recording, "redacted"))
		json_writing__put(&writing, "redacted", render_redaction(answer->recording));
	json_writing__put(&writing, "host", render_host(answer));
	json_writing__put(&writing, "window", render_window(answer));
	json_writing__put(&writing, "quality", render_quality(answer));
	json_writing__begin(&writing, "pressure", true);
	for (size_t i = 0; i < answer->ledger->pressure_count; i++)
		json_writing__put(&writing, NULL, render_pressure(answer, &answer->ledger->pressures[i]));
	json_writing__end(&writing);
	json_writing__begin(&writing, "verdicts", true);
	for (size_t i = 0; i < diagnosis->verdict_count; i++)
		write_verdict(&writing, answer, &diagnosis->verdicts[i]);
	json_writing__end(&writing);
	json_writing__put(&writing, "cpu_profile", render_cpu_profile(answer));
	json_writing__put(&writing, "starved_kernel_threads", json__starved(answer));
	json_writing__put(&writing, "locks", json__locks(answer));
	json_writing__put(&writing, "blocked", json__blocked(answer));
	json_writing__put(&writing, "sleeps", json__sleeps(answer));
	json_writing__put(&writing, "chains", json__chains(answer));
	json_writing__end(&writing);
	string__add(&writing.text, "\n");
	answer__free(answer);
	return string__steal(&writing.text);
}
