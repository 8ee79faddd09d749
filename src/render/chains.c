// The longest stalls, each with the chain of wake-ups down to its root.
#include "causes/wording.h"
#include "ledger/sleeps.h"
#include "render/chains.h"
#include "render/json_parts.h"

#include <string.h>

#define CHAINS_SHOWN 3
#define CHAIN_FRAMES 4

static const char *process_name(const struct recording *recording, int64_t process)
{
	const struct process_row *row = process ? recording__process(recording, process) : NULL;
	return row ? process_row__name(row) : "an unknown process";
}

// "table-server (thread answerer) waited 38 ms for a lock of the program".
static char *link_words(const struct recording *recording, const struct chain *chain, size_t number)
{
	const struct chain_link *link = &chain->links[number];
	const char *name = process_name(recording, link->process);
	cleanup_free char *thread = link->thread && strcmp(link->thread, name) ? base__format(" (thread %s)", link->thread) : base__copy("");
	if (number && chain->end == CHAIN_END_AWAKE && number + 1 == chain->count)
		return base__format("%s%s", name, thread);
	return base__format("%s%s %s %s for %s", name, thread, number ? "had waited" : "waited", wording__seconds(link->seconds).text, link->what);
}

void chains__write(struct page *page, const struct answer *answer)
{
	const struct ledger_chains *chains = &answer->ledger->chains;
	if (!chains->count)
		return;
	page__blank(page);
	page__paragraph(page, 0, 2, STYLE_BOLD, "Longest stalls, and who ended them (one for each process; waits of 10 ms and more)");
	for (size_t i = 0; i < chains->count && i < CHAINS_SHOWN; i++) {
		const struct chain *chain = &chains->chains[i];
		struct string line = { 0 };
		cleanup_free char *end = chain__end_words(answer->recording, chain);
		for (size_t j = 0; j < chain->count; j++) {
			cleanup_free char *words = link_words(answer->recording, chain, j);
			string__add(&line, "%s%s", j ? " ← " : "", words);
		}
		cleanup_free char *frames = answer__frames(recording__frames(answer->recording, chain->links[0].kernel_stack), CHAIN_FRAMES);
		string__add(&line, ": %s%s%s%s", end, frames && *frames ? " (asleep in " : "", frames ? frames : "", frames && *frames ? ")" : "");
		page__paragraph(page, 2, 6, STYLE_PLAIN, line.text);
		string__free(&line);
	}
}

static json_t *link_json(const struct recording *recording, const struct chain_link *link)
{
	const struct process_row *row = link->process ? recording__process(recording, link->process) : NULL;
	json_t *object = json_object(), *stack = json_object();
	json_object_set_new(object, "process", json__text(process_name(recording, link->process)));
	json_object_set_new(object, "pid", row ? json_integer(row->pid) : json_null());
	json_object_set_new(object, "tid", json_integer(link->tid));
	json_object_set_new(object, "thread", json__text(link->thread));
	json_object_set_new(object, "what", json__text(link->what));
	json_object_set_new(object, "seconds", json__number(link->seconds));
	json_object_set_new(stack, "kernel", json__lines(recording__frames(recording, link->kernel_stack)));
	json_object_set_new(stack, "user", json__lines(recording__frames(recording, link->user_stack)));
	json_object_set_new(object, "stack", stack);
	return object;
}

json_t *json__chains(const struct answer *answer)
{
	const struct ledger_chains *chains = &answer->ledger->chains;
	json_t *list = json_array();
	for (size_t i = 0; i < chains->count; i++) {
		const struct chain *chain = &chains->chains[i];
		cleanup_free char *end = chain__end_words(answer->recording, chain);
		json_t *object = json_object(), *links = json_array();
		json_object_set_new(object, "seconds", json__number(chain->seconds));
		json_object_set_new(object, "at_seconds", json__number((double)chain->time_ns / NS_PER_SEC));
		for (size_t j = 0; j < chain->count; j++)
			json_array_append_new(links, link_json(answer->recording, &chain->links[j]));
		json_object_set_new(object, "links", links);
		json_object_set_new(object, "end", json__text(end));
		json_array_append_new(list, object);
	}
	return list;
}
