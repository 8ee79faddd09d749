// The recorder that was late itself: what that means for what it recorded, and why, as far as that is known.
#include <math.h>

#include "causes/headline.h"
#include "causes/wording.h"

#include <string.h>

#define SILENT_SECONDS 2.0      // two folds of the kernel's own: from here on something may have gone by unseen
#define OFF_SECONDS 0.5         // of the window: five rounds of the loop

// The largest part of a silence, if it is most of it.
static const char *reason_of(const struct recording *recording, double silence)
{
	static const struct { const char *key, *words; } parts[] = {
		{ "silence_waited_ns", "it waited for a CPU" },
		{ "silence_blocked_ns", "it was blocked in the kernel by what it read" },
		{ "silence_overslept_ns", "its timer came late: the machine was paused, or the CPU took no interrupt" },
		{ "silence_ran_ns", "it was busy itself" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if ((double)recording__meta_number(recording, parts[i].key, 0) / NS_PER_SEC > silence / 2)
			return parts[i].words;
	return "the reason is not known";
}

char *headline__lateness(const struct recording *recording, double window_seconds)
{
	double silence = (double)recording__counter(recording, "longest_silence_ns") / NS_PER_SEC;
	double asked = (double)recording__meta_number(recording, "requested_ns", 0) / NS_PER_SEC;
	const char *ended_by = recording__meta(recording, "ended_by");
	bool silent = silence >= SILENT_SECONDS, off = ended_by && !strcmp(ended_by, "time") && asked > 0
		&& fabs(window_seconds - asked) > OFF_SECONDS;
	struct string out = { 0 };

	if (!silent && !off)
		return NULL;
	string__add(&out, "whystall itself was late:");
	if (off)
		string__add(&out, " it recorded %s instead of %s%s", wording__seconds(window_seconds).text, wording__seconds(asked).text,
			silent ? ", and" : ".");
	if (silent)
		string__add(&out, " for %s, from %s on, it did not run (%s). What happened in that time is counted, but not known second by second.",
			wording__seconds(silence).text,
			wording__seconds((double)recording__meta_number(recording, "silence_began_ns", 0) / NS_PER_SEC).text,
			reason_of(recording, silence));
	return string__steal(&out);
}
