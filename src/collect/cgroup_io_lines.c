// The lines of io.max, io.stat and their like.
#include "collect/cgroup_io.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"

static const struct io_line nothing = { 0, 0, { -1, -1, -1, -1 }, -1, -1, -1 };

// A number that is all of the word; -1: "max", or none.
static int64_t number(const char *text)
{
	char *end;

	errno = 0;
	long long value = strtoll(text, &end, 10);
	return end == text || errno || value < 0 ? -1 : value;
}

static bool parse_device(const char *line, struct io_line *ret, int *ret_length)
{
	*ret = nothing;
	*ret_length = 0;
	return sscanf(line, " %u:%u%n", &ret->major, &ret->minor, ret_length) == 2 && *ret_length > 0 && line[*ret_length] == ' ';
}

bool io_line__parse_v2(const char *line, struct io_line *ret)
{
	int length;

	if (!parse_device(line, ret, &length))
		return false;
	const struct { const char *key; int64_t *value; } words[] = {
		{ "rbps=", &ret->figures[IO_READ_BYTES] }, { "wbps=", &ret->figures[IO_WRITE_BYTES] }, { "riops=", &ret->figures[IO_READS] },
		{ "wiops=", &ret->figures[IO_WRITES] }, { "rbytes=", &ret->figures[IO_READ_BYTES] }, { "wbytes=", &ret->figures[IO_WRITE_BYTES] },
		{ "rios=", &ret->figures[IO_READS] }, { "wios=", &ret->figures[IO_WRITES] }, { "target=", &ret->latency_us },
		{ "cost.wait=", &ret->cost_wait_us }, { "cost.indelay=", &ret->cost_delay_us },
	};
	cleanup_free char *copy = base__copy(line + length);

	for (char *rest = copy, *word; (word = strsep(&rest, " \n"));)
		for (size_t i = 0; i < ARRAY_SIZE(words); i++)
			if (!strncmp(word, words[i].key, strlen(words[i].key)))
				*words[i].value = number(word + strlen(words[i].key));
	return true;
}

bool io_line__parse_v1(const char *line, enum io_figure figure, struct io_line *ret)
{
	int length, after = 0;
	char direction[16];

	if (!parse_device(line, ret, &length))
		return false;
	line += length;
	if (sscanf(line, " %15[A-Za-z]%n", direction, &after) == 1) {
		if (strcmp(direction, "Read") && strcmp(direction, "Write"))
			return false;           // Sync, Async, Discard, Total
		figure += direction[0] == 'W';  // sums of writes stand behind those of reads
		line += after;
	}
	if ((unsigned int)figure >= IO_FIGURES)
		return false;
	ret->figures[figure] = number(line + strspn(line, " "));
	return ret->figures[figure] >= 0;
}
