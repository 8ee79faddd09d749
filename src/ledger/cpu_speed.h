// How fast the CPUs ran while they were busy, and what was seen to slow them. Part of the ledger (ledger.h).
#ifndef WHYSTALL_LEDGER_CPU_SPEED_H
#define WHYSTALL_LEDGER_CPU_SPEED_H

#include "ledger/ledger.h"

struct cpu_speed {
	double busy_ns, lost_ns;        // of CPUs whose base frequency is known; lost: the time that the base frequency would have saved
	double sum_mhz, looks;          // of all busy CPUs
	double slowest; int64_t slowest_cpu; // mean ÷ base, of the slowest CPU; -1: none
	double throttled_ms, throttles; // of the CPU that was throttled longest; how often in all
	double over_limit;              // power used ÷ limit, of the package nearest to it; 0 unknown
	int64_t limited_cpu; double limit_mhz, base_mhz; // a setting holds it below its base frequency; -1: none
	const char *cooler; double cooled; // who was cooling, in how many looks
};

struct cpu_speed cpu_speed__of(const struct ledger *ledger);

#endif
