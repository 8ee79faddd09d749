#include "command/unread.h"

#include "base/base.h"
#include "recording/recording.h"

void unread__warn(const struct recording *recording)
{
	static const struct { const char *counter, *one, *many; } kinds[] = {
		{ "programs_unread", "program", "programs" }, { "command_lines_unread", "command line", "command lines" },
		{ "symbol_readers_lost", "file with names of functions", "files with names of functions" },
	};
	cleanup_string struct string what = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		int64_t count = recording__counter(recording, kinds[i].counter);

		if (count > 0)
			string__add(&what, "%s%lld %s", what.length ? ", " : "", (long long)count, count == 1 ? kinds[i].one : kinds[i].many);
	}
	if (recording__counter(recording, "readers_not_made") > 0)
		say__warning("could not be read, because no process could be made for it (%s): %s", recording__meta(recording, "readers_not_made") ?: "unknown",
			what.length ? what.text : "names of functions");
	else if (what.length)
		say__warning("could not be read, because a file system or a process' memory did not answer, time ran out, or the reader died: %s", what.text);
}
