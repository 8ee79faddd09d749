// I/O limits of cgroups: v2 io.max, io.latency and io.cost, v1 blkio.throttle; and who is in those cgroups.
#ifndef WHYSTALL_COLLECT_CGROUP_IO_H
#define WHYSTALL_COLLECT_CGROUP_IO_H

#include <stdbool.h>
#include <stdint.h>

#include "recording/recording.h"

// A cgroup's limits and counters for one device. -1: no limit, or unknown.
enum io_figure { IO_READ_BYTES, IO_WRITE_BYTES, IO_READS, IO_WRITES, IO_FIGURES };
struct io_line {
	unsigned int major, minor;
	int64_t figures[IO_FIGURES];    // limits a second, or sums
	int64_t latency_us, cost_wait_us, cost_delay_us;
};
// Parses a line of io.max, io.latency or io.stat ("8:0 rbps=max wbps=1048576 …", "8:0 target=500", "8:0 rbytes=1 … cost.wait=5"). False: it
// is none, or names no device. What it does not say stays -1.
bool io_line__parse_v2(const char *line, struct io_line *ret);
// The same of a file of blkio.throttle: "8:0 1048576" (limits), "8:0 Read 1048576" (sums). `figure`: what the file is about; of sums the one of reads.
bool io_line__parse_v1(const char *line, enum io_figure figure, struct io_line *ret);

struct collector;
struct cgroup_io;
// Finds the hierarchy with the io or blkio controller. NULL: there is none.
struct cgroup_io *cgroup_io__new(void);
void cgroup_io__free(struct cgroup_io *watch);
// Looks for limits, and reads the counters of the cgroups that have some. Called at the beginning of the window, each second, and at its end.
void cgroup_io__look(struct cgroup_io *watch, struct collector *collector);
void cgroup_io__store(const struct cgroup_io *watch, struct collector *collector, struct recording *recording);

#endif
