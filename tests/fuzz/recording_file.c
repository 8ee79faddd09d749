// Any bytes as a recording's file: SQLite's reader, ours, repairs, ledger, causes, remedies, both formats, aliases.
#include "reports.h"

#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_fd int fd = memfd_create("recording", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return 0;
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct recording *recording = NULL;
	char *sentence = NULL;
	int error = recording__read(path, &recording, &sentence);
	if (error && (!sentence || recording))
		abort();                // every refusal has its sentence
	if (!error)
		look_at(recording);
	recording__free(recording);
	free(sentence);
	return 0;
}
