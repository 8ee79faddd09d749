// Numbers and names as people read them. Used for the sentences of verdicts and by the renderers.
#ifndef WHYSTALL_WORDING_H
#define WHYSTALL_WORDING_H

#include <stddef.h>

#include "base/base.h"
#include "base/shell.h"
#include "causes/cause.h"
#include "ledger/process_names.h"

struct text_figure { char text[32]; };
struct text_figure wording__seconds(double seconds);   // "1.84 s", "24.1 ms", "310 µs"
struct text_figure wording__percent(double share);     // "84 %", "3.1 %", "0.12 %"
struct text_figure wording__count(double number);      // "12 345", "810"
// "name (pid 12)", "name (4 processes, pids 12, 13, 14, …)", "true (812 short-lived processes)"; a quota's, a device's name.
char *wording__party(const struct recording *recording, const struct party *party);
// The same with how the program is made: "name (pid 12, Rust, dynamic, glibc malloc)".
char *wording__party_made(const struct recording *recording, const struct party *party);
// Without lists of pids, for sentences: "name (pid 12)", "name (4 processes)". Owned by the caller.
char *wording__party_brief(const struct recording *recording, const struct party *party);
// What a process is: "/usr/sbin/x, unit foo.service, container docker:…, VM 112 (storj)"; NULL when nothing is known.
char *wording__identity(const struct process_row *row);
// How it is made: "Rust 1.75.0, dynamic, glibc malloc"; NULL when nothing is known. Owned by the caller.
char *wording__making(const struct process_row *row);
// Adds the party's first pids: "12 13 14" (separator given), at most `most`.
void wording__pids(struct string *out, const struct recording *recording, const struct party *party, const char *separator,
		   size_t most);
// Adds the pids of the party's living processes to a command, as words; at most `most`.
void wording__pid_words(struct shell *shell, const struct recording *recording, const struct party *party, size_t most);

#endif
