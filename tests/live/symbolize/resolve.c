// Names the stacks on its standard input, each a line "TGID ADDRESS…" in hexadecimal (the TGID decimal,
// "gone:TGID" for a process marked as gone), and prints each followed by a line with a dot; the statistics at the end.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "symbolize/user.h"

static int add_line(struct user_stacks *stacks, char *line)
{
	uint64_t addresses[256];
	size_t count = 0;
	bool gone = !strncmp(line, "gone:", 5);
	char *rest = NULL, *word = strtok_r(line + (gone ? 5 : 0), " \n", &rest);
	uint32_t tgid = word ? (uint32_t)strtoul(word, NULL, 10) : 0;

	while ((word = strtok_r(NULL, " \n", &rest)) && count < ARRAY_SIZE(addresses))
		addresses[count++] = strtoull(word, NULL, 16);
	if (gone)
		user_stacks__mark_gone(stacks, tgid, 0);
	return user_stacks__add(stacks, tgid, 0, addresses, count, false);
}

int main(void)
{
	struct user_stacks *stacks = user_stacks__new();
	struct user_stacks_statistics statistics;
	int numbers[4096], count = 0;
	char line[8192];

	while (count < 4096 && fgets(line, sizeof(line), stdin))
		numbers[count++] = add_line(stacks, line);
	int error = user_stacks__resolve(stacks);
	for (int i = 0; i < count; i++)
		printf("%s\n.\n", user_stacks__text(stacks, numbers[i]));
	user_stacks__statistics(stacks, &statistics);
	printf("error %d stacks %lld frames %lld unnamed %lld late %lld dropped %lld processes %lld gone %lld files %lld unread %lld helpers_lost %lld "
	       "cpu_us %lld wall_us %lld\n", error, (long long)statistics.stacks, (long long)statistics.frames,
		(long long)statistics.frames_unnamed, (long long)statistics.frames_late, (long long)statistics.frames_dropped,
		(long long)statistics.processes, (long long)statistics.processes_gone, (long long)statistics.files,
		(long long)statistics.files_unread, (long long)statistics.helpers_lost, (long long)statistics.cpu_ns / 1000,
		(long long)statistics.wall_ns / 1000);
	user_stacks__free(stacks);
	return 0;
}
