// Commands as they are printed for people to paste into a POSIX shell, as root. Names in them come from whoever made the process, the file, the
// device or the cgroup: whatever they hold, the shell must take each for the part of the word in which it stands.
#ifndef WHYSTALL_SHELL_H
#define WHYSTALL_SHELL_H

#include "base/base.h"

// A line of words that grows. Zero-initialise; free with shell__free, or take its text.
struct shell {
	struct string text;
	bool ends_options;              // "--" stands in the command at hand
	bool unfit;                     // something in it can't be pasted: there is no such command
};

// Adds the words of a template, behind a space where something stands before. The template is a literal of the source code, written as it is to
// be read by a shell: words parted by single spaces, operators (| ; && > done) as words of their own, pieces in single quotes literally; no
// double quotes, no backslashes outside of quotes, no comments (a shell may take what stands behind # for words). A conversion (%s %d %ld %lld %zu %x, %.Nf) puts
// a value into the word in which it stands, always literally: quoted as far as it must be, be it within the template's quotes or outside.
// Unfit is a value of %s with control characters, marks that turn the writing around or bytes that are no UTF-8, a path through "..", and one that
// begins a word with "-" where no "--" stands before (the command would take it for an option).
void shell__add(struct shell *shell, const char *template, ...) PRINTF_LIKE(2, 3);
void shell__add_list(struct shell *shell, const char *template, va_list list) PRINTF_LIKE(2, 0);
// The command, owned by the caller; NULL where it is unfit. The shell is empty again.
char *shell__steal(struct shell *shell);
void shell__free(struct shell *shell);
#define cleanup_shell __attribute__((cleanup(shell__free)))

// Why a command is missing, as a clause.
#define SHELL_UNFIT "the command is left out, as a name in it has characters that must not be pasted"

// A command of one template. NULL where it is unfit; owned by the caller.
char *shell__command(const char *template, ...) PRINTF_LIKE(1, 2);

#endif
