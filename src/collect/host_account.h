// Subject "host": what happens underneath this machine, and what its kernel complains about.
#ifndef WHYSTALL_COLLECT_HOST_ACCOUNT_H
#define WHYSTALL_COLLECT_HOST_ACCOUNT_H

#include "collect/subject.h"

extern const struct subject host_subject;

#endif
