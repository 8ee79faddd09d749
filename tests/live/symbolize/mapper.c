// Maps files as code, though none of it is ever run: "mapper OFFSET FILE…" prints one stack for each, of the code at OFFSET.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	unsigned long offset = argc > 2 ? strtoul(argv[1], NULL, 16) : 0;

	for (int i = 2; i < argc; i++) {
		int fd = open(argv[i], O_RDONLY);
		char *code = mmap(NULL, offset + 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);

		if (code == MAP_FAILED)
			return 1;
		close(fd);
		printf("STACK %d %lx %lx\n", getpid(), (unsigned long)code + offset, (unsigned long)code + offset + 1);
	}
	fflush(stdout);
	pause();
}
