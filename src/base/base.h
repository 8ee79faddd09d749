// The small safe core: memory, strings and messages. Nothing here knows what whystall is about.
#ifndef WHYSTALL_BASE_H
#define WHYSTALL_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#define NS_PER_SEC 1000000000ULL
#define NS_PER_MSEC 1000000ULL
#define NS_PER_USEC 1000ULL

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

// Frees what the variable points to when it goes out of scope: `cleanup_free char *name = …;`
void base__free_pointer(void *pointer);
void base__close_fd(int *fd);
void base__close_file(FILE **file);
#define cleanup_free __attribute__((cleanup(base__free_pointer)))
#define cleanup_fd __attribute__((cleanup(base__close_fd)))
#define cleanup_file __attribute__((cleanup(base__close_file)))

// Allocation that never fails: prints one sentence and exits with status 2 when memory is out. Zeroed.
void *base__alloc(size_t count, size_t size);
// Grows `array` so that it holds at least `needed` elements; `*capacity` is updated. New elements are zeroed.
void *base__grow(void *array, size_t *capacity, size_t needed, size_t size);
// tsearch(3) that never fails.
void *base__tsearch(const void *key, void **root, int (*compare)(const void *one, const void *other));
char *base__copy(const char *text);               // NULL stays NULL
char *base__copy_part(const char *text, size_t length);        // so many bytes of it at most
char *base__format(const char *format, ...) PRINTF_LIKE(1, 2);
char *base__format_list(const char *format, va_list list) PRINTF_LIKE(1, 0);

// A string that grows. Zero-initialise; text is NULL until something was added; free with string__free.
struct string { char *text; size_t length, capacity; };
void string__add(struct string *string, const char *format, ...) PRINTF_LIKE(2, 3);
void string__add_list(struct string *string, const char *format, va_list list) PRINTF_LIKE(2, 0);
void string__add_bytes(struct string *string, const char *bytes, size_t length);
char *string__steal(struct string *string);       // the text (never NULL), owned by the caller; the string is empty again
void string__free(struct string *string);
#define cleanup_string __attribute__((cleanup(string__free)))

// Reads a whole file of at most `limit` bytes (kernel files have size 0, so it reads to the end).
// The text is NUL-terminated and owned by the caller. Returns its length or a negative errno.
ssize_t base__read_file(const char *path, size_t limit, char **ret_text);
// The same of an open file, from where it stands.
ssize_t base__read_open(int fd, size_t limit, char **ret_text);
// One read into a buffer, NUL-terminated: for the kernel's small files, where seq_file (single_open, fs/seq_file.c) hands out the whole text
// at once if the buffer is large enough; what does not fit is left out. Returns the length or a negative errno.
ssize_t base__read_at(int directory, const char *name, char *buffer, size_t size);
// Reads one signed decimal number that starts the file. Returns 0 or a negative errno (-EINVAL: no number).
int base__read_number(const char *path, int64_t *ret_number);
// Opens a file for reading whose path somebody else chose. Only looks at it before: opening a device or a FIFO may already do
// something (a watchdog begins to count). Returns a file descriptor; -EINVAL if it is no regular file, or a negative errno.
struct stat;
int base__open_regular(const char *path, struct stat *ret_facts);

// Messages for people, on stderr, each one sentence: "whystall: …". Errors are said once, where they are handled.
void say__error(const char *format, ...) PRINTF_LIKE(1, 2);
void say__warning(const char *format, ...) PRINTF_LIKE(1, 2);
void say__progress(const char *format, ...) PRINTF_LIKE(1, 2);   // rewrites its line; only on a terminal
void say__progress_done(void);
void say__set_quiet(bool quiet);                  // no progress, no warnings

#endif
