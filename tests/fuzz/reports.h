// What the fuzzers of recordings do with one: everything that looks at it.
#ifndef TESTS_FUZZ_REPORTS_H
#define TESTS_FUZZ_REPORTS_H

#include "base/base.h"
#include "causes/cause.h"
#include "identify/meaning.h"
#include "ledger/ledger.h"
#include "recording/columns.h"
#include "redact/redact.h"
#include "remedies/remedy.h"
#include "render/render.h"

#include <jansson.h>
#include <string.h>

// A terminal gets lines of printable text, whatever others have named.
static void check_text(const char *text)
{
	while (*text) {
		size_t length = strcspn(text, "\n");
		cleanup_free char *printable = base__alloc(length + 1, 1);
		if (identify__printable(text, length, printable, length + 1) != length || memcmp(printable, text, length))
			abort();
		text += length + (text[length] == '\n');
	}
}

static void check_json(const char *text)
{
	json_error_t error;
	json_t *json = json_loads(text, 0, &error);
	if (!json)
		abort();
	json_decref(json);
}

static void report(const struct ledger *ledger)
{
	struct diagnosis *diagnosis = NULL;
	if (diagnosis__make(ledger, &diagnosis))
		abort();                // whatever is in the books can be judged
	remedies__offer(diagnosis);
	cleanup_free char *plain = render__text(diagnosis, false), *json = render__json(diagnosis);
	free(render__text(diagnosis, true));
	check_text(plain);
	check_json(json);
	diagnosis__free(diagnosis);
}

static void redact(struct recording *recording)
{
	struct ledger *ledger = NULL;
	redact__recording(recording, &(struct redact_key){ "key", 3 });
	if (ledger__build(recording, &ledger))
		abort();
	report(ledger);
	ledger__free(ledger);
}

// Ledger, causes, remedies, both formats, and all of it again with aliases. Changes the recording.
static void look_at(struct recording *recording)
{
	struct ledger *ledger = NULL;
	if (ledger__build(recording, &ledger))
		abort();                // what was repaired can always be added up
	for (size_t i = 0; i < recording->process_count; i++)
		if (!ledger__process(ledger, recording->process[i].id))
			abort();
	int64_t repaired = recording__counter(recording, "values_repaired"), cut = recording__counter(recording, "sums_cut");
	recording__repair(recording);
	if (recording__counter(recording, "values_repaired") != repaired || recording__counter(recording, "sums_cut") != cut)
		abort();                // repairs leave nothing to repair
	report(ledger);
	ledger__free(ledger);
	redact(recording);
}

#endif
