// Requests take long on a device, of its own or because its queue is full, and somebody waits for them.
#include "ledger/devices.h"
#include "causes/judged.h"
#include "causes/wording.h"
#include "ledger/resources.h"

#include <math.h>
#include <string.h>

#define SAMPLES_LEAST 5         // requests of a victim that must have been looked at to speak of their mean

// What the judge makes of one device.
struct finding {
	struct device *device;
	double latency_ns;              // of a request as the victims met it
	double slow_ns;                 // from here on it is slow
	double in_flight;
	bool crowded;                   // others' requests are in the way
	double stall_ns, through_ns, io_some_ns, worst_loss;
	bool severe;
	size_t victims;
	bool *hurt;                     // by crowd
};

// From how long a request is slow on a device of this kind, with the time for what it transfers.
static double slow_ns(const struct device *device)
{
	double base_ms = threshold__value(device__rotates(device) ? THRESHOLD_DEVICE_SLOW_DISK : THRESHOLD_DEVICE_SLOW_FLASH);
	double bytes = 0, requests = 0;
	for (int direction = 0; direction < DEVICE_DIRECTIONS; direction++) {
		bytes += device->bytes[direction];
		requests += device->requests[direction];
	}
	double transfer_ms = requests > 0 ? bytes / requests / threshold__value(THRESHOLD_DEVICE_TRANSFER) / 1000 : 0;
	return (base_ms + transfer_ms) * NS_PER_MSEC;
}

// How long a request took that this crowd waited for: its own ones, or the longer of the two directions where too few were looked at.
static double latency_ns(const struct device *device, const struct device_wait *wait)
{
	if (wait->samples >= SAMPLES_LEAST && wait->requests > 0 && wait->through_ns <= wait->ns / 2)
		return wait->request_ns / wait->requests;
	return fmax(device__latency_ns(device, DEVICE_READ), device__latency_ns(device, DEVICE_WRITE));
}

// Part of the in-flight time beside this crowd's requests that others filled.
static bool is_crowded_by_others(const struct device *device, const struct device_wait *wait)
{
	return device->all_ns > 0 && device->all_ns - wait->filled_ns >= 0.5 * device->all_ns;
}

static void weigh_crowd(const struct scene *scene, struct finding *finding, size_t index)
{
	const struct device *device = finding->device;
	const struct device_wait *wait = &device->waits[index];
	const struct crowd *crowd = &scene->crowds[index];
	if (wait->ns < threshold__value(THRESHOLD_IO_LOST_LEAST) * scene->window_ns || crowd->tool || !crowd->in_scope ||
	    crowd->members[0]->row->kernel_thread || wait->times <= 0)
		return;
	double request_ns = latency_ns(device, wait), mean_ns = wait->ns / wait->times;
	bool crowded = finding->in_flight >= threshold__value(THRESHOLD_DEVICE_IN_FLIGHT) && is_crowded_by_others(device, wait);
	double limit_ns = finding->slow_ns * (crowded ? threshold__value(THRESHOLD_DEVICE_CROWDED) : 1);
	double stall_ns = fmin(wait->ns, wait->times * request_ns * threshold__value(THRESHOLD_DEVICE_EXCESS));
	double loss = fmin(1, stall_ns / fmax(1, devices__wanted_ns(scene, index)));
	// Both must be long: what was waited for, and the requests of the device.
	if (request_ns < limit_ns || mean_ns < limit_ns || stall_ns < 0.5 * wait->ns || loss < threshold__value(THRESHOLD_IO_LOSS_CONTRIBUTING))
		return;
	finding->hurt[index] = true;
	finding->victims++;
	finding->crowded = finding->crowded || crowded;
	finding->latency_ns = fmax(finding->latency_ns, request_ns);
	finding->stall_ns += stall_ns;
	finding->through_ns += wait->through_ns;
	finding->io_some_ns += wait->io_some_ns;
	finding->worst_loss = fmax(finding->worst_loss, loss);
	finding->severe = finding->severe || (stall_ns >= threshold__value(THRESHOLD_IO_LOST_SEVERE) * scene->window_ns &&
					       loss >= threshold__value(THRESHOLD_IO_LOSS_CONFIRMED));
}

static struct finding examine(const struct scene *scene, struct device *device)
{
	struct finding finding = { .device = device, .slow_ns = slow_ns(device), .in_flight = device__in_flight(device, scene->window_ns),
				   .hurt = base__alloc(scene->crowd_count + 1, sizeof(bool)) };
	for (size_t i = 0; i < scene->crowd_count; i++)
		weigh_crowd(scene, &finding, i);
	return finding;
}

static double wall_seconds(const struct scene *scene, const struct finding *finding)
{
	double pressure = finding->io_some_ns * resources__scale(scene->ledger, "io", "some") / NS_PER_SEC;
	// Waits that PSI does not count (a journal's) hold somebody up all the same, at most for as long as they last.
	return fmin(scene->ledger->window_seconds, fmax(pressure, finding->through_ns / NS_PER_SEC));
}

static enum verdict_kind weigh(const struct scene *scene, const struct finding *finding)
{
	double wall = wall_seconds(scene, finding) / scene->ledger->window_seconds;
	if (!finding->victims)
		return VERDICT_RULED_OUT;
	if (finding->severe || (wall >= threshold__value(THRESHOLD_IO_WALL_CONFIRMED) &&
				finding->worst_loss >= threshold__value(THRESHOLD_IO_LOSS_CONFIRMED)))
		return VERDICT_CONFIRMED;
	return wall >= threshold__value(THRESHOLD_IO_WALL_CONTRIBUTING) ? VERDICT_CONTRIBUTING : VERDICT_RULED_OUT;
}

static void add_victims(const struct scene *scene, const struct finding *finding, struct verdict *verdict)
{
	for (size_t i = 0; i < scene->crowd_count; i++) {
		const struct device_wait *wait = &finding->device->waits[i];
		if (!finding->hurt[i])
			continue;
		double request_ns = latency_ns(finding->device, wait);
		double stall_ns = fmin(wait->ns, wait->times * request_ns * threshold__value(THRESHOLD_DEVICE_EXCESS));
		struct party *party = verdict__add_victim(verdict, &scene->crowds[i], stall_ns);
		party->loss = fmin(1, stall_ns / fmax(1, devices__wanted_ns(scene, i)));
		party->waits = (int64_t)wait->times;
		party->longest_seconds = wait->max_ns / NS_PER_SEC;
		party__set_note(party, "waits of %s on average%s", wording__seconds(wait->ns / wait->times / NS_PER_SEC).text,
				wait->through_ns > wait->ns / 2 ? ", through a thread of the kernel that waits for the device" : "");
	}
}

// What the device is, for its note: "7:0, loop over /x; 12 ms a request, 1.0 under way, busy 98 %".
static char *describe(const struct scene *scene, const struct finding *finding)
{
	const struct device *device = finding->device;
	struct string text = { 0 };
	string__add(&text, "%s", device->number);
	if (device->row)
		string__add(&text, ", %s%s%s", device->row->kind, device->row->model ? " " : "", device->row->model ? device->row->model : "");
	if (device->row && device->row->backing)
		string__add(&text, " %s%s", strcmp(device->row->kind, "loop") ? "" : "over ", device->row->backing);
	string__add(&text, "; %s a request, %.1f under way on average", wording__seconds(finding->latency_ns / NS_PER_SEC).text, finding->in_flight);
	if (device->busy_ns >= 0)
		string__add(&text, ", busy for %s of the window", wording__percent(fmin(1, device->busy_ns / scene->window_ns)).text);
	return string__steal(&text);
}

// Who had a large part of the queue while others waited in it. Measured by the time of its requests, second by second.
static void add_fillers(const struct scene *scene, const struct finding *finding, struct verdict *verdict)
{
	const struct device *device = finding->device;
	double crowding_ns = 0;
	for (size_t i = 0; i < scene->crowd_count; i++)
		crowding_ns += device->waits[i].crowding_ns;
	for (size_t i = 0; i < scene->crowd_count && finding->crowded && device->all_ns > 0; i++) {
		const struct device_wait *wait = &device->waits[i];
		double share = fmin(1, wait->filled_ns / device->all_ns);
		// Requests at another time than everybody else's were in nobody's way.
		bool in_the_way = crowding_ns > 0 && wait->crowding_ns >= threshold__value(THRESHOLD_DEVICE_FILLER) * crowding_ns;
		if (share < threshold__value(THRESHOLD_DEVICE_FILLER) || !in_the_way || scene->crowds[i].tool)
			continue;
		if (scene->crowds[i].members[0]->row->kernel_thread) {
			struct party *party = verdict__add_other_culprit(verdict, PARTY_KERNEL, crowd__name(&scene->crowds[i]), NULL,
									 share * finding->stall_ns);
			party__set_note(party, "a thread of the kernel that submits for others (writeback, mostly): %s of the queue",
					wording__percent(share).text);
			continue;
		}
		struct party *party = verdict__add_culprit(verdict, &scene->crowds[i], share * finding->stall_ns);
		party__set_note(party, "fills the queue of %s: %s of the time of all requests", device->name, wording__percent(share).text);
	}
}

static void add_evidence(const struct scene *scene, const struct finding *finding, struct verdict *verdict)
{
	const struct device *device = finding->device;
	const char *source = device->by_requests ? "device_io" : "/proc/diskstats";
	bool says_so = device->row && device->row->rotational != 0;
	cleanup_free char *what = base__format("mean time of a request that the victims wait for, on %s (%s), which %s", device->name, device->number,
					       device__rotates(device) ? "may have moving parts (virtual disks say so, too)"
					       : says_so ? "says that it rotates, but answers most reads or flushes in less than 1 ms" : "has no moving parts");
	verdict__add_evidence(verdict, what, finding->latency_ns / NS_PER_MSEC, UNIT("ms"),
			      finding->slow_ns * (finding->crowded ? threshold__value(THRESHOLD_DEVICE_CROWDED) : 1) / NS_PER_MSEC, source);
	verdict__add_evidence(verdict, "requests under way, on average while the device was busy", finding->in_flight, UNIT("requests"),
			      finding->crowded ? threshold__value(THRESHOLD_DEVICE_IN_FLIGHT) : NAN, source);
	if (device->busy_ns >= 0)
		verdict__add_evidence(verdict, "time in which the device had something to do", fmin(1, device->busy_ns / scene->window_ns),
				      PART_OF("the window"), NAN, "/proc/diskstats, time spent doing I/Os");
	if (device->driver_requests > 0 && device->all_requests > 0 && device->all_ns > 0)
		verdict__add_evidence(verdict, "part of the requests' time in the device and its driver, not in the queue before",
				      fmin(1, device->driver_ns / device->driver_requests * device->all_requests / device->all_ns),
				      PART_OF("their time"), NAN,
				      "device_io.device_ns");
	verdict__add_evidence(verdict, "tasks slept until a request of this device was done", verdict->stall_seconds, UNIT_TASK_SECONDS, NAN,
			      "sleep.device");
	if (finding->through_ns > 0)
		verdict__add_evidence(verdict, "part of that through a thread of the kernel that slept for the device (a journal's commit)",
				      finding->through_ns / NS_PER_SEC, UNIT_TASK_SECONDS, NAN, "sleep.waker");
	if (device->row && device->row->scheduler && device->row->queue_requests >= 0) {
		cleanup_free char *queue = base__format("places in its queue, with the I/O scheduler %s", device->row->scheduler);
		verdict__add_evidence(verdict, queue, (double)device->row->queue_requests, UNIT("requests"), NAN, "queue/nr_requests, queue/scheduler");
	}
}

static void conclude(const struct scene *scene, const struct finding *finding, struct verdict *verdict)
{
	const struct device *device = finding->device;
	verdict->stall_seconds = finding->stall_ns / NS_PER_SEC;
	verdict->wall_seconds = wall_seconds(scene, finding);
	add_victims(scene, finding, verdict);
	struct party *party = verdict__add_other_culprit(verdict, PARTY_DEVICE, device->name, NULL, finding->stall_ns);
	party->device = device->number;
	cleanup_free char *note = describe(scene, finding);
	party__set_note(party, "%s", note);
	add_fillers(scene, finding, verdict);
	add_evidence(scene, finding, verdict);
	verdict__settle_parties(verdict, scene->ledger->window_seconds);
	verdict__add_resource(verdict, RESOURCE_DEVICE, device->number, finding->stall_ns);
	cleanup_free char *victims = verdict__name_parties(scene->ledger, verdict->victims, verdict->victim_count, 2);
	cleanup_free char *fillers = verdict->culprit_count > 1 ? verdict__name_parties(scene->ledger, &verdict->culprits[1], verdict->culprit_count - 1, 2)
								 : NULL;
	if (finding->crowded)
		verdict__set_summary(verdict, "%s wait for %s, which has a queue of %.1f requests that take %s each%s%s%s", victims, device->name,
				     finding->in_flight, wording__seconds(finding->latency_ns / NS_PER_SEC).text, fillers ? "; " : "", fillers ? fillers : "",
				     fillers ? " fill it" : "");
	else
		verdict__set_summary(verdict, "%s wait for %s, which takes %s for a request", victims, device->name,
				     wording__seconds(finding->latency_ns / NS_PER_SEC).text);
	verdict__add_check(verdict, "r_await and w_await are as long; aqu-sz is the length of the queue, %util how busy it is", "iostat -x -- %s 1 5", device->name);
	verdict__add_check(verdict, "without sysstat: milliseconds spent reading (7th) and writing (11th) grow faster than reads (4th) and writes (8th)",
			   "grep -F ' %s ' /proc/diskstats; sleep 5; grep -F ' %s ' /proc/diskstats", device->name, device->name);
	verdict__add_check(verdict, "errors and resets of the device, if it is one of hardware", "dmesg | grep -iF -e %s -e '] ata' -e nvme -e reset -e 'I/O error'",
			   device->name);
}

static bool not_testable(const struct scene *scene, struct verdict *verdict)
{
	const struct ledger *ledger = scene->ledger;
	const char *probe = recording__meta(ledger->recording, "probe.block");
	if (!ledger->sleeps.recorded || (!probe && !ledger->recording->kernel_counter_count)) {
		verdict__set_summary(verdict, "the recording holds no waits for devices: it was made by a version of whystall that had no probe for them");
	} else if (!ledger->recording->device_io_count && !ledger->recording->device_count && probe && strcmp(probe, "on")) {
		verdict__set_summary(verdict, "block requests were not followed: %s", probe);
	} else {
		return false;
	}
	verdict->kind = VERDICT_NOT_TESTABLE;
	verdict->absent = true;
	return true;
}

static void rule_out(const struct scene *scene, const struct devices *devices, struct verdict *verdict)
{
	const struct device *most = NULL;
	double user_ns = 0;
	for (size_t i = 0; i < devices->count; i++)
		if (!most || devices->all[i].wait_ns > most->wait_ns)
			most = &devices->all[i];
	for (size_t i = 0; most && i < scene->crowd_count; i++)
		user_ns += scene->crowds[i].members[0]->row->kernel_thread ? 0 : most->waits[i].ns;
	verdict->stall_seconds = user_ns / NS_PER_SEC;
	if (!most || user_ns <= 0) {
		verdict__set_summary(verdict, "no program waited for a block device");
		return;
	}
	double slowest_ns = fmax(device__latency_ns(most, DEVICE_READ), device__latency_ns(most, DEVICE_WRITE));
	verdict__set_summary(verdict, "programs waited %s for %s, whose requests take %s on average: %s", wording__seconds(user_ns / NS_PER_SEC).text,
			     most->name, wording__seconds(slowest_ns / NS_PER_SEC).text,
			     slowest_ns < slow_ns(most) ? "what such a device needs" : "too little of anybody's time to hold it up");
	verdict__add_evidence(verdict, "mean time of a request, the slower of reads and writes", slowest_ns / NS_PER_MSEC, UNIT("ms"),
			      slow_ns(most) / NS_PER_MSEC, most->by_requests ? "device_io" : "/proc/diskstats");
}

static void judge(const struct scene *scene, struct verdict *verdict)
{
	if (not_testable(scene, verdict))
		return;
	struct devices devices = devices__of(scene);
	struct finding best = { 0 };
	verdict->kind = VERDICT_RULED_OUT;
	for (size_t i = 0; i < devices.count; i++) {
		struct finding finding = examine(scene, &devices.all[i]);
		enum verdict_kind kind = weigh(scene, &finding);
		bool better = kind > verdict->kind || (kind == verdict->kind && kind > VERDICT_RULED_OUT && finding.stall_ns > best.stall_ns);
		if (better) {
			free(best.hurt);
			best = finding;
			verdict->kind = kind;
		} else {
			free(finding.hurt);
		}
	}
	if (best.device)
		conclude(scene, &best, verdict);
	else
		rule_out(scene, &devices, verdict);
	free(best.hurt);
	devices__free(&devices);
}

const struct cause io_device = {
	.id = "io.device", .title = "a device is slow or saturated", .counted_by_pressure = PRESSURE_IO, .account = ACCOUNT_IO,
	.claim = "requests take long on a device, and programs wait for them",
	.decisive = "sleeps that a completion of this device ended, and the time of its requests, far above what its kind needs",
	.by_hand = "iostat -x 1 (r_await, w_await, aqu-sz, %util); /proc/diskstats",
	.helps = "less or later work by whoever fills its queue, another I/O scheduler, the load on more devices, a faster device",
	.judge = judge,
};
