// What the Go linker writes into each program (debug/buildinfo of Go's library reads the same), also into stripped ones.
#ifndef WHYSTALL_IDENTIFY_GO_BUILDINFO_H
#define WHYSTALL_IDENTIFY_GO_BUILDINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GO_BUILDINFO_ALIGN 16
#define GO_BUILDINFO_HEADER 32

// Strings are owned; NULL: not told. Not yet made fit for a report.
struct go_buildinfo {
	char *version;          // "1.19.8", without the "go" before it; "devel go1.24-4f0408a" as it is
	char *module;           // path of the main module; NULL for `go build file.go` and programs without module support
	char *module_version;   // "v1.2.3", or "(devel)" where it was built from a working tree
	bool cgo_enabled;       // the setting CGO_ENABLED=1: the compiler was allowed to use C code, not that it did
};

// Reads up to `size` bytes that the program has at `address`; returns how many.
typedef size_t go_read_address(void *context, uint64_t address, void *buffer, size_t size);

// Offset of the build information's first byte in `bytes` (the start of which must be aligned as in the file), or -1.
int64_t go_buildinfo__find(const uint8_t *bytes, size_t size);

// Parses what starts at `bytes`: strings inline (Go 1.18 and later) or behind pointers (before that, read with `read`, which
// may be NULL). Returns 0 or -EINVAL (not such information, or damaged; *ret is untouched).
int go_buildinfo__parse(const uint8_t *bytes, size_t size, go_read_address *read, void *context, struct go_buildinfo *ret);
void go_buildinfo__free(struct go_buildinfo *info);

#endif
