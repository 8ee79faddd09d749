// Lines of /proc/diskstats and of a cgroup's I/O files, in whatever form: names of devices are other people's, and so may files be in a container.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collect/cgroup_io.h"
#include "collect/disk_facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct disk_stat stat;
	struct io_line line;

	memcpy(text, data, size);
	text[size] = '\0';
	for (const char *at = text; disk_stat__parse(&at, &stat);)
		if (stat.reads < 0 || stat.flush_ms < 0 || strlen(stat.name) >= sizeof(stat.name))
			abort();
	for (char *rest = text, *one; rest && (one = strsep(&rest, "\n"));) {
		io_line__parse_v2(one, &line);
		for (int figure = 0; figure < IO_FIGURES; figure++)
			if (io_line__parse_v1(one, (enum io_figure)figure, &line) && line.figures[figure] < 0 && line.figures[figure + 1 < IO_FIGURES ? figure + 1 : figure] < 0)
				abort();
	}
	free(text);
	return 0;
}
