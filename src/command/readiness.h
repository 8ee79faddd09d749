// What can be judged on a machine, and what would enable the rest: from raw facts to sentences.
#ifndef WHYSTALL_READINESS_H
#define WHYSTALL_READINESS_H

#include <stdbool.h>
#include <stddef.h>

#include "causes/cause.h"
#include "collect/machine.h"

enum readiness {
	READY,          // there
	NOTE,           // there is nothing to want, but something to know
	DEGRADED,       // works with less
	MISSING,        // a recording, or this cause, needs it
	NOT_TRIED,      // unknown without privileges
	NOT_JUDGED_YET  // causes only: no version of ours can
};
const char *readiness__name(enum readiness readiness); // "ok", "note", "degraded", "missing", "not tried", "not judged yet"

struct finding {
	const char *id;                 // of the requirement or the cause
	enum readiness state;
	char *why;                      // one sentence without a full stop
	char *enable;                   // a command, or what to do; NULL where nothing is to be enabled
	const char *because;            // causes only: the requirement that holds it back, or NULL
};

struct findings {
	struct finding *requirements;
	size_t requirement_count;
	struct finding *causes;         // in the order of the catalogue
	size_t cause_count;
	size_t judged, possible;        // causes with a judge; of them ready or degraded here
};

void readiness__judge(const struct machine *machine, struct findings *ret);
void readiness__free(struct findings *findings);

#endif
