// Saves recordings in a loop, to be killed in the middle; reads one back and checks that it is whole.
//   recording_helper save PATH [COUNT]   save generation 1, 2, 3 … (COUNT of them, or until killed), each larger than the last
//   recording_helper read PATH           print "generation N complete C"; exit 3 with the sentence where it is refused,
//                                        1 where parts of two generations are mixed
#include "base/base.h"
#include "recording/recording.h"

#include <string.h>

static struct recording *make_generation(int64_t generation, int64_t rows)
{
	struct recording *recording = recording__new();
	recording__set_meta(recording, "complete", "0");
	recording__set_meta(recording, "generation", "%lld", (long long)generation);
	recording__set_meta(recording, "rows", "%lld", (long long)rows);
	for (int64_t i = 0; i < rows; i++) {
		struct process_row *process = recording__add_process(recording);
		*process = (struct process_row){ .id = i + 1, .pid = generation, .name = base__copy("generation") };
		*recording__add_task(recording) = (struct task_row){ .process = i + 1, .tid = generation, .name = base__copy("x") };
		*recording__add_sample(recording) = (struct sample_row){ 0, base__copy("s"), base__copy("k"), (double)generation };
	}
	return recording;
}

static int save(const char *path, int64_t count)
{
	struct recording_file *file = NULL;
	cleanup_free char *sentence = NULL;
	int error = recording_file__create(path, &file, &sentence);
	for (int64_t generation = 1; !error && generation <= count; generation++) {
		struct recording *recording = make_generation(generation, 100 * generation % 5000);
		error = recording_file__save(file, recording, &sentence);
		recording__free(recording);
		if (!error)
			printf("%lld\n", (long long)generation);
		fflush(stdout);
	}
	if (error)
		say__error("%s", sentence);
	recording_file__close(file);
	return error ? 2 : 0;
}

static int check_whole(const struct recording *recording)
{
	int64_t generation = recording__meta_number(recording, "generation", 0);
	int64_t rows = recording__meta_number(recording, "rows", 0);
	bool whole = recording->process_count == (size_t)rows && recording->task_count == (size_t)rows &&
		     recording->sample_count == (size_t)rows;
	for (size_t i = 0; whole && i < (size_t)rows; i++)
		whole = recording->process[i].pid == generation && recording->task[i].tid == generation &&
			(int64_t)recording->sample[i].value == generation;
	printf("generation %lld complete %s\n", (long long)generation, recording__meta(recording, "complete"));
	if (!whole)
		say__error("generation %lld is mixed with another", (long long)generation);
	return whole ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc >= 3 && strcmp(argv[1], "save") == 0)
		return save(argv[2], argc > 3 ? atoll(argv[3]) : INT64_MAX);
	if (argc != 3 || strcmp(argv[1], "read") != 0)
		return 64;
	struct recording *recording = NULL;
	cleanup_free char *sentence = NULL;
	if (recording__read(argv[2], &recording, &sentence)) {
		say__error("%s", sentence);
		return 3;
	}
	int status = check_whole(recording);
	recording__free(recording);
	return status;
}
