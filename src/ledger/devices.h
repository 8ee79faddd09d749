// Block devices on the scene: what each did, and who slept until a request of it was done.
#ifndef WHYSTALL_DEVICES_H
#define WHYSTALL_DEVICES_H

#include "ledger/scene.h"

enum device_direction { DEVICE_READ, DEVICE_WRITE, DEVICE_DIRECTIONS };

// One crowd's waits for one device.
struct device_wait {
	double ns, times, max_ns;
	double io_some_ns;              // its share of I/O pressure (book A, before folding)
	double through_ns;              // part of ns that it waited for a thread of the kernel, and that one for the device
	double requests, request_ns, samples; // of its own processes
	double filled_ns, crowding_ns;  // time of its requests; and of others' requests beside them
};

// A device that has requests of its own, or a stack of devices whose lower ones do not explain its latency.
struct device {
	const struct device_row *row;   // NULL: not described
	const char *number, *name;
	double requests[DEVICE_DIRECTIONS], bytes[DEVICE_DIRECTIONS], ns[DEVICE_DIRECTIONS];
	double all_ns;                  // of all operations
	double driver_requests, driver_ns; // part of all_ns that the driver had them, of requests of which that is known
	double all_requests;
	double timed, at_once;          // reads and flushes whose time is known; those that took less than any platter's turn (THRESHOLD_DEVICE_AT_ONCE)
	double busy_ns;                 // at least one request was under way, by the kernel's count; -1 unknown
	bool by_requests;               // from the probes; else from /proc/diskstats
	double wait_ns;                 // of all crowds
	struct device_wait *waits;      // by crowd
};

// What a number leads to, sorted by number: a position in `all`.
struct device_name { const char *number; size_t device; };
struct devices { struct device *all; size_t count; struct device_name *names; size_t name_count, name_capacity; };

// NULL-safe to free. Never fails; without the table `sleep` nobody waits.
struct devices devices__of(const struct scene *scene);
void devices__free(struct devices *devices);
// The device that a number of the table `sleep` ("254:1") leads to: a partition's disk, and down a stack of devices as far as the latency
// comes from below; NULL if nothing is known of it.
struct device *devices__find(const struct devices *devices, const struct recording *recording, const char *number);

// Mean time of a request; 0 where there was none.
double device__latency_ns(const struct device *device, enum device_direction direction);
// Requests under way on average while it was busy at all; 0 unknown.
double device__in_flight(const struct device *device, double window_ns);
// Whether its latency is that of moving parts: by what it says of itself, unless it answers most reads, or flushes, at once.
bool device__rotates(const struct device *device);
// What a process of the crowd would have used: running, waiting for a CPU (without throttling), and asleep for anything but work to come.
double devices__wanted_ns(const struct scene *scene, size_t crowd);

#endif
