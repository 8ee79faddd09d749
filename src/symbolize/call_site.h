// Does a return address deserve its name? A walk by frame pointers through functions without them picks up whatever lies on
// the stack; but behind a call there is a call.
#ifndef WHYSTALL_SYMBOLIZE_CALL_SITE_H
#define WHYSTALL_SYMBOLIZE_CALL_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CALL_SITE_BEFORE 8              // bytes before the return address that are looked at
#define CALL_SITE_AFTER 16              // and from it on

// `code`: CALL_SITE_BEFORE bytes of code before a return address and CALL_SITE_AFTER from it on; what the file does not have is
// 0. `machine`: e_machine of the file. True if a call ends there, or a signal's return begins there; also for machines that are
// not known here.
bool call_site__is_one(uint16_t machine, const unsigned char code[CALL_SITE_BEFORE + CALL_SITE_AFTER]);

#endif
