// The parts of the JSON report. Every result is a new reference.
#ifndef WHYSTALL_JSON_PARTS_H
#define WHYSTALL_JSON_PARTS_H

#include "render/answer.h"

#include <jansson.h>

json_t *json__number(double value);             // null where not finite
json_t *json__text(const char *value);          // null for NULL; harmless for terminals
json_t *json__or_unknown(const char *value);    // "unknown" for NULL and ""
json_t *json__lines(const char *lines);       // an array of the lines of a text; empty for NULL
json_t *json__party(const struct answer *answer, const struct party *party);
json_t *json__locks(const struct answer *answer);       // the account of kernel locks
json_t *json__blocked(const struct answer *answer);     // blocked time by what was waited for
json_t *json__chains(const struct answer *answer);      // the longest stalls, with who ended them (chains.c)
json_t *json__starved(const struct answer *answer);     // kernel threads that starve
json_t *json__sleeps(const struct answer *answer);      // what tasks slept for, by class and by process
// Who waited of a row of memory's or I/O's pressure, in seconds of its total; null for other rows.
json_t *json__waiters(const struct answer *answer, const struct ledger_pressure *pressure);

#endif
