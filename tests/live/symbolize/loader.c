// main → outer of the library that is named on the command line.
#include <dlfcn.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	void *library = argc == 2 ? dlopen(argv[1], RTLD_NOW) : NULL;
	void (*outer)(void) = library ? (void (*)(void))dlsym(library, "outer") : NULL;

	if (!outer)
		return 1;
	outer();
	return 0;
}
