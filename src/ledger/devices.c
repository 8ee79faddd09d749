#include "ledger/devices.h"
#include "ledger/kernel_counters.h"
#include "ledger/look_ups.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "ledger/thresholds.h"

#define TIMED_LEAST 50          // reads or flushes from which a device is known
#define STACK_DEPTH 8           // devices on devices: enough for partitions, RAID, LVM and encryption on top of each other
#define FROM_BELOW 0.5          // part of a stacked device's latency that the ones below must explain to be the ones meant

static bool same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

// Growth of a counter of /proc/diskstats; -1 unknown.
static double counted(const struct recording *recording, const char *name, const char *counter)
{
	const struct kernel_counter_row *row = name ? kernel_counter__find(recording, "diskstats", name, counter) : NULL;
	return row ? fmax(0, (double)(row->after - row->before)) : -1;
}

static double mean_wait_ms(const struct recording *recording, const struct device_row *row)
{
	double requests = counted(recording, row->name, "reads") + counted(recording, row->name, "writes");
	double ms = counted(recording, row->name, "read_ms") + counted(recording, row->name, "write_ms");
	return requests > 0 ? ms / requests : 0;
}

// The one of the devices below that was waited for most.
static const struct device_row *slowest_below(const struct recording *recording, const struct device_row *row)
{
	const struct device_row *slowest = NULL;
	cleanup_free char *list = base__copy(row->below);
	double most = 0;
	for (char *rest = list, *number; rest && (number = strsep(&rest, " "));) {
		const struct device_row *one = look_up__device(recording, number);
		if (one && one->disk)
			one = look_up__device(recording, one->disk);
		double ms = one ? counted(recording, one->name, "queue_ms") : 0;
		if (one && (!slowest || ms > most)) {
			slowest = one;
			most = ms;
		}
	}
	return slowest;
}

static const struct device_row *follow(const struct recording *recording, const char *number)
{
	const struct device_row *row = look_up__device(recording, number);
	for (int depth = 0; row && depth < STACK_DEPTH; depth++) {
		const struct device_row *next = row->disk ? look_up__device(recording, row->disk) : NULL;
		if (!next && !row->requests && row->below) {
			next = slowest_below(recording, row);
			if (next && mean_wait_ms(recording, next) < FROM_BELOW * mean_wait_ms(recording, row))
				return row;     // it holds requests back itself
		}
		if (!next)
			return row;
		row = next;
	}
	return row;
}

// The first name that is not before the number.
static size_t place_of(const struct devices *devices, const char *number)
{
	size_t low = 0, high = devices->name_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(devices->names[middle].number, number) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct device *known(const struct devices *devices, const char *number)
{
	for (size_t i = 0; i < devices->count; i++)
		if (same(devices->all[i].number, number))
			return &devices->all[i];
	return NULL;
}

struct device *devices__find(const struct devices *devices, const struct recording *recording, const char *number)
{
	size_t place = number ? place_of(devices, number) : devices->name_count;
	if (place < devices->name_count && same(devices->names[place].number, number))
		return &devices->all[devices->names[place].device];
	const struct device_row *row = follow(recording, number);
	return known(devices, row ? row->number : number);
}

// Following a number through a stack of devices takes its time, and a device stands in many rows.
static void add_name(struct devices *devices, const char *number, size_t device)
{
	size_t place = place_of(devices, number);
	devices->names = base__grow(devices->names, &devices->name_capacity, devices->name_count + 1, sizeof(*devices->names));
	memmove(&devices->names[place + 1], &devices->names[place], (devices->name_count - place) * sizeof(*devices->names));
	devices->names[place] = (struct device_name){ number, device };
	devices->name_count++;
}

static struct device *add(struct devices *devices, const struct scene *scene, const char *number)
{
	const struct recording *recording = scene->ledger->recording;
	size_t place = number ? place_of(devices, number) : devices->name_count;
	if (place < devices->name_count && same(devices->names[place].number, number))
		return &devices->all[devices->names[place].device];
	const struct device_row *row = follow(recording, number);
	struct device *device = known(devices, row ? row->number : number);
	if (!device) {
		size_t capacity = devices->count;
		devices->all = base__grow(devices->all, &capacity, devices->count + 1, sizeof(*devices->all));
		device = &devices->all[devices->count++];
		device->row = row;
		device->number = row ? row->number : number;
		device->name = row ? row->name : number;
		device->busy_ns = row ? counted(recording, device->name, "busy_ms") : -1;
		if (device->busy_ns >= 0)
			device->busy_ns *= NS_PER_MSEC;
		device->waits = base__alloc(scene->crowd_count + 1, sizeof(*device->waits));
	}
	if (number)
		add_name(devices, number, (size_t)(device - devices->all));
	return device;
}

// Writes tell nothing: a disk with moving parts takes them into its cache.
static void add_times(struct device *device, const struct device_io_row *io)
{
	for (const char *at = io->latency; at && *at; at += strcspn(at, " "), at += *at == ' ') {
		unsigned long long below, count;
		if (sscanf(at, "%llu:%llu", &below, &count) != 2 || !below)
			continue;
		device->timed += (double)count;
		// Units of 1024 ns, by powers of two.
		if ((double)below * 1024 <= threshold__value(THRESHOLD_DEVICE_AT_ONCE) * NS_PER_MSEC * 1.05)
			device->at_once += (double)count;
	}
}

bool device__rotates(const struct device *device)
{
	bool says_so = device->row && device->row->rotational != 0;
	return says_so && !(device->timed >= TIMED_LEAST && device->at_once >= 0.5 * device->timed);
}

static void add_requests(struct device *device, const struct device_io_row *io)
{
	device->all_requests += (double)io->count;
	device->all_ns += (double)io->ns;
	device->driver_requests += (double)io->device_count;
	device->driver_ns += (double)io->device_ns;
	if (same(io->operation, "read") || same(io->operation, "flush"))
		add_times(device, io);
	for (int direction = 0; direction < DEVICE_DIRECTIONS; direction++) {
		if (!same(io->operation, direction == DEVICE_READ ? "read" : "write"))
			continue;
		device->requests[direction] += (double)io->count;
		device->bytes[direction] += (double)io->bytes;
		device->ns[direction] += (double)io->ns;
	}
	device->by_requests = true;
}

// Where no probe followed the requests (a device without any, or a kernel without the tracepoints), the kernel's own sums tell.
static void add_counted(const struct recording *recording, struct device *device)
{
	static const char *const names[DEVICE_DIRECTIONS][3] = { { "reads", "read_sectors", "read_ms" }, { "writes", "write_sectors", "write_ms" } };
	if (device->by_requests || !device->row)
		return;
	for (int direction = 0; direction < DEVICE_DIRECTIONS; direction++) {
		device->requests[direction] = fmax(0, counted(recording, device->name, names[direction][0]));
		device->bytes[direction] = 512 * fmax(0, counted(recording, device->name, names[direction][1]));
		device->ns[direction] = fmax(0, counted(recording, device->name, names[direction][2])) * NS_PER_MSEC;
		device->all_requests += device->requests[direction];
		device->all_ns += device->ns[direction];
	}
}

static size_t crowd_of(const struct scene *scene, int64_t process)
{
	const struct ledger_process *row = process ? ledger__process(scene->ledger, process) : NULL;
	return row ? scene->crowd_of[row - scene->ledger->processes] : SIZE_MAX;
}

static void add_sleep(struct device_wait *wait, const struct sleep_row *sleep)
{
	wait->ns += (double)sleep->ns;
	wait->times += (double)sleep->times;
	wait->max_ns = fmax(wait->max_ns, (double)sleep->max_ns);
	wait->io_some_ns += (double)sleep->io_some_ns;
}

static void gather_waits(const struct scene *scene, struct devices *devices)
{
	const struct recording *recording = scene->ledger->recording;
	for (size_t i = 0; i < recording->sleep_count; i++) {
		const struct sleep_row *sleep = &recording->sleep[i];
		size_t crowd = crowd_of(scene, sleep->process);
		if (waker_kind__from_name(sleep->waker_kind, WAKER_UNKNOWN) != WAKER_BLOCK || !sleep->device || !*sleep->device || crowd == SIZE_MAX)
			continue;
		struct device *device = add(devices, scene, sleep->device);
		add_sleep(&device->waits[crowd], sleep);
		device->wait_ns += (double)sleep->ns;
	}
}

static void gather_users(const struct scene *scene, struct devices *devices)
{
	const struct recording *recording = scene->ledger->recording;
	for (size_t i = 0; i < recording->device_user_count; i++) {
		const struct device_user_row *user = &recording->device_user[i];
		struct device *device = devices__find(devices, recording, user->device);
		size_t crowd = crowd_of(scene, user->process);
		if (!device || crowd == SIZE_MAX)
			continue;
		device->waits[crowd].filled_ns += (double)user->ns;
		device->waits[crowd].crowding_ns += (double)user->crowding_ns;
		if (!same(user->operation, "read") && !same(user->operation, "write"))
			continue;
		device->waits[crowd].requests += (double)user->count;
		device->waits[crowd].request_ns += (double)user->ns;
		device->waits[crowd].samples += (double)user->samples;
	}
}

double devices__wanted_ns(const struct scene *scene, size_t crowd)
{
	const struct crowd *one = &scene->crowds[crowd];
	return (double)one->run_ns + (double)one->wait_ns - (double)one->throttled_ns + (double)one->blocked_ns;
}

// Part of a kernel thread's time that it slept for the device.
static double share_asleep_for(const struct scene *scene, const struct device *device, size_t crowd)
{
	double wanted_ns = fmax(devices__wanted_ns(scene, crowd), device->waits[crowd].ns);
	return wanted_ns > 0 ? device->waits[crowd].ns / wanted_ns : 0;
}

static void add_through(const struct sleep_row *sleep, double share, struct device_wait *wait)
{
	double ns = share * (double)sleep->ns;
	wait->ns += ns;
	wait->through_ns += ns;
	wait->times += share * (double)sleep->times;
	wait->max_ns = fmax(wait->max_ns, (double)sleep->max_ns);
	wait->io_some_ns += share * (double)sleep->io_some_ns;
}

// Whether a thread of the kernel (one of the crowd) slept for any of the devices.
static bool serves(const struct scene *scene, const struct devices *devices, size_t crowd)
{
	bool slept = false;
	for (size_t i = 0; scene->crowds[crowd].members[0]->row->kernel_thread && i < devices->count && !slept; i++)
		slept = devices->all[i].waits[crowd].ns > 0;
	return slept;
}

// Who waits for a thread of the kernel (a journal's) that in turn sleeps for the device waits for the device, by that thread's own share.
static void gather_through(const struct scene *scene, struct devices *devices)
{
	const struct recording *recording = scene->ledger->recording;
	cleanup_free bool *threads = base__alloc(scene->crowd_count + 1, sizeof(*threads));
	for (size_t i = 0; i < scene->crowd_count; i++)
		threads[i] = serves(scene, devices, i);
	for (size_t i = 0; i < recording->sleep_count; i++) {
		const struct sleep_row *sleep = &recording->sleep[i];
		size_t waker = crowd_of(scene, sleep->waker), crowd = waker == SIZE_MAX || !threads[waker] ? SIZE_MAX : crowd_of(scene, sleep->process);
		if (crowd == SIZE_MAX || waker_kind__from_name(sleep->waker_kind, WAKER_UNKNOWN) != WAKER_TASK || scene->crowds[crowd].members[0]->row->kernel_thread)
			continue;
		for (size_t d = 0; d < devices->count; d++) {
			double share = devices->all[d].waits[waker].ns > 0 ? share_asleep_for(scene, &devices->all[d], waker) : 0;
			if (share > 0)
				add_through(sleep, share, &devices->all[d].waits[crowd]);
		}
	}
}

struct devices devices__of(const struct scene *scene)
{
	const struct recording *recording = scene->ledger->recording;
	struct devices devices = { 0 };
	for (size_t i = 0; i < recording->device_io_count; i++)
		add_requests(add(&devices, scene, recording->device_io[i].device), &recording->device_io[i]);
	gather_waits(scene, &devices);
	for (size_t i = 0; i < devices.count; i++)
		add_counted(recording, &devices.all[i]);
	gather_users(scene, &devices);
	gather_through(scene, &devices);
	return devices;
}

void devices__free(struct devices *devices)
{
	for (size_t i = 0; i < devices->count; i++)
		free(devices->all[i].waits);
	free(devices->all);
	free(devices->names);
	*devices = (struct devices){ 0 };
}

double device__latency_ns(const struct device *device, enum device_direction direction)
{
	return device->requests[direction] > 0 ? device->ns[direction] / device->requests[direction] : 0;
}

double device__in_flight(const struct device *device, double window_ns)
{
	double busy_ns = device->busy_ns > 0 ? fmin(device->busy_ns, window_ns) : window_ns;
	return busy_ns > 0 ? device->all_ns / busy_ns : 0;
}
