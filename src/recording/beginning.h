// What a writer leaves at its path that was killed before its first save.
#ifndef WHYSTALL_RECORDING_BEGINNING_H
#define WHYSTALL_RECORDING_BEGINNING_H

// Whether that stands at `path`, or nothing at all: 1 or 0, or a negative errno if it can't be told. The file may be anybody's: a child without
// privileges looks at it (isolate/isolate.h).
int beginning__stands_at(const char *path);

#endif
