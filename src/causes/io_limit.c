// A cgroup's I/O limit holds its requests back before they reach the device.
#include "ledger/devices.h"
#include "causes/judged.h"
#include "causes/wording.h"
#include "ledger/resources.h"

#include <math.h>
#include <string.h>

// What the limit of one cgroup on one device did.
struct finding {
	const struct cgroup_io_row *row;
	const struct device *device;    // NULL: nothing is known of it
	const char *device_name;
	double request_ns;              // mean time of a request once it is let through; -1 unknown
	double reached;                 // part of the time in which it used 90 % of the limit
	double wait_ns, stall_ns, io_some_ns, times, worst_loss; // of the victims
	bool severe, by_stack;          // by_stack: the place where they slept says that it was the limit
	size_t victims;
	double *stalls;                 // by crowd; 0: no victim
};

static bool same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

// Who was seen in the cgroup, by index of the ledger's processes. Owned by the caller.
static bool *members_of(const struct scene *scene, const char *cgroup)
{
	const struct activity_rows *rows = &scene->ledger->activity.of[ACTIVITY_DISK_LIMITED];
	bool *members = base__alloc(scene->ledger->process_count + 1, sizeof(*members));
	for (size_t i = 0; i < rows->count; i++) {
		const struct activity_row *row = rows->rows[i];
		const struct ledger_process *process = same(row->key, cgroup) ? ledger__process(scene->ledger, row->process) : NULL;
		if (process)
			members[process - scene->ledger->processes] = true;
	}
	return members;
}

static bool has_rates(const struct cgroup_io_row *row)
{
	return row->read_bps >= 0 || row->write_bps >= 0 || row->read_iops >= 0 || row->write_iops >= 0;
}

static double mean_request_ns(const struct cgroup_io_row *row, const struct device *device)
{
	if (row->requests > 0)
		return (double)row->request_ns / (double)row->requests;
	return device && device->all_requests > 0 ? device->all_ns / device->all_requests : -1;
}

// What the crowd's members of the cgroup waited for that device, or asleep in the throttle itself.
struct waiting { double ns, times, io_some_ns, stack_ns; };

static void gather(const struct scene *scene, const struct devices *devices, const struct finding *finding, struct waiting *ret_waiting)
{
	const struct ledger_sleeps *sleeps = &scene->ledger->sleeps;
	const struct recording *recording = scene->ledger->recording;
	cleanup_free bool *members = members_of(scene, finding->row->cgroup);
	for (size_t i = 0; i < sleeps->count; i++) {
		const struct sleep_row *row = sleeps->sleeps[i].row;
		bool in_throttle = sleeps->sleeps[i].class == SLEEP_IO_LIMIT;
		bool for_device = waker_kind__from_name(row->waker_kind, WAKER_UNKNOWN) == WAKER_BLOCK && row->device &&
				  devices__find(devices, recording, row->device) == finding->device && finding->device;
		const struct ledger_process *process = ledger__process(scene->ledger, row->process);
		if (!process || (!in_throttle && !for_device) || !members[process - scene->ledger->processes])
			continue;
		size_t crowd = scene->crowd_of[process - scene->ledger->processes];
		ret_waiting[crowd].ns += (double)row->ns;
		ret_waiting[crowd].times += (double)row->times;
		ret_waiting[crowd].io_some_ns += (double)row->io_some_ns;
		ret_waiting[crowd].stack_ns += in_throttle ? (double)row->ns : 0;
	}
}

static void weigh_crowd(const struct scene *scene, struct finding *finding, size_t index, const struct waiting *waiting)
{
	const struct crowd *crowd = &scene->crowds[index];
	if (waiting->ns < threshold__value(THRESHOLD_IO_LOST_LEAST) * scene->window_ns || crowd->tool || !crowd->in_scope ||
	    crowd->members[0]->row->kernel_thread)
		return;
	// What is left when the requests themselves are taken out; each wait is for one at least.
	double through_ns = finding->request_ns >= 0 ? fmin(waiting->ns - waiting->stack_ns, waiting->times * finding->request_ns) : waiting->ns;
	double stall_ns = fmax(waiting->stack_ns, waiting->ns - through_ns);
	double loss = fmin(1, stall_ns / fmax(1, devices__wanted_ns(scene, index)));
	if (stall_ns < threshold__value(THRESHOLD_LIMIT_HELD_BACK) * waiting->ns || loss < threshold__value(THRESHOLD_IO_LOSS_CONTRIBUTING))
		return;
	finding->stalls[index] = stall_ns;
	finding->victims++;
	finding->wait_ns += waiting->ns;
	finding->times += waiting->times;
	finding->stall_ns += stall_ns;
	finding->io_some_ns += waiting->io_some_ns * stall_ns / waiting->ns;
	finding->by_stack = finding->by_stack || waiting->stack_ns >= stall_ns / 2;
	finding->worst_loss = fmax(finding->worst_loss, loss);
	finding->severe = finding->severe || (stall_ns >= threshold__value(THRESHOLD_IO_LOST_SEVERE) * scene->window_ns &&
					       loss >= threshold__value(THRESHOLD_IO_LOSS_CONFIRMED));
}

static struct finding examine(const struct scene *scene, const struct devices *devices, const struct cgroup_io_row *row)
{
	struct device *device = devices__find(devices, scene->ledger->recording, row->device);
	struct finding finding = { .row = row, .device = device, .device_name = device ? device->name : row->device,
				   .request_ns = mean_request_ns(row, device),
				   .reached = row->watched_ns > 0 ? (double)row->at_limit_ns / (double)row->watched_ns : 0,
				   .stalls = base__alloc(scene->crowd_count + 1, sizeof(double)) };
	cleanup_free struct waiting *waiting = base__alloc(scene->crowd_count + 1, sizeof(*waiting));
	gather(scene, devices, &finding, waiting);
	for (size_t i = 0; i < scene->crowd_count; i++)
		weigh_crowd(scene, &finding, i, &waiting[i]);
	return finding;
}

static double wall_seconds(const struct scene *scene, const struct finding *finding)
{
	return fmin(scene->ledger->window_seconds, finding->io_some_ns * resources__scale(scene->ledger, "io", "some") / NS_PER_SEC);
}

// The kernel's own count must agree: a limit that was not reached held nobody back, whatever somebody waited for.
static enum verdict_kind weigh(const struct scene *scene, const struct finding *finding)
{
	double wall = wall_seconds(scene, finding) / scene->ledger->window_seconds;
	bool reached = has_rates(finding->row) && finding->reached >= threshold__value(THRESHOLD_LIMIT_REACHED);
	if (!finding->victims || (!reached && !finding->by_stack))
		return VERDICT_RULED_OUT;
	if (finding->severe || (wall >= threshold__value(THRESHOLD_IO_WALL_CONFIRMED) &&
				finding->worst_loss >= threshold__value(THRESHOLD_IO_LOSS_CONFIRMED)))
		return VERDICT_CONFIRMED;
	return wall >= threshold__value(THRESHOLD_IO_WALL_CONTRIBUTING) ? VERDICT_CONTRIBUTING : VERDICT_RULED_OUT;
}

static void add_rate(struct string *out, const char *what, int64_t limit, bool bytes)
{
	if (limit < 0)
		return;
	string__add(out, "%s", out->length ? ", " : "");
	if (bytes)
		string__add(out, "%.4g MiB %s a second", (double)limit / (1 << 20), what);
	else
		string__add(out, "%lld %s a second", (long long)limit, what);
}

// "50 reads a second, 2 MiB written a second".
static char *describe_limit(const struct cgroup_io_row *row)
{
	struct string text = { 0 };
	add_rate(&text, "read", row->read_bps, true);
	add_rate(&text, "written", row->write_bps, true);
	add_rate(&text, "reads", row->read_iops, false);
	add_rate(&text, "writes", row->write_iops, false);
	if (row->latency_us > 0)
		string__add(&text, "%sio.latency target %lld µs", text.length ? ", " : "", (long long)row->latency_us);
	if (row->cost)
		string__add(&text, "%sio.cost", text.length ? ", " : "");
	return string__steal(&text);
}

static void add_used(struct verdict *verdict, const struct scene *scene, const char *what, int64_t used, int64_t limit, const char *source)
{
	if (limit > 0 && used >= 0)
		verdict__add_evidence(verdict, what, (double)used / scene->ledger->window_seconds / (double)limit, PART_OF("its limit, on average"),
				      NAN, source);
}

static void add_evidence(const struct scene *scene, const struct finding *finding, struct verdict *verdict)
{
	const struct cgroup_io_row *row = finding->row;
	const char *source = row->hierarchy == 2 ? "io.stat, io.max" : "blkio.throttle.io_serviced, io_service_bytes";
	if (has_rates(row))
		verdict__add_evidence(verdict, "time in which the cgroup used 90 % of a limit or more, looked at once a second", finding->reached,
				      PART_OF("the time looked at"), threshold__value(THRESHOLD_LIMIT_REACHED), source);
	add_used(verdict, scene, "bytes read", row->read_bytes, row->read_bps, source);
	add_used(verdict, scene, "bytes written", row->write_bytes, row->write_bps, source);
	add_used(verdict, scene, "reads", row->reads, row->read_iops, source);
	add_used(verdict, scene, "writes", row->writes, row->write_iops, source);
	if (finding->request_ns >= 0)
		verdict__add_evidence(verdict, "mean time of its requests once they were let through", finding->request_ns / NS_PER_MSEC, UNIT("ms"),
				      NAN,
				      row->requests > 0 ? "cgroup_io.request_ns" : "device_io");
	if (finding->times > 0)
		verdict__add_evidence(verdict, "mean wait of its tasks for that device", finding->wait_ns / finding->times / NS_PER_MSEC, UNIT("ms"),
				      NAN, "sleep");
	verdict__add_evidence(verdict, "waits beyond what the requests took", finding->stall_ns / fmax(1, finding->wait_ns), PART_OF("these waits"),
			      threshold__value(THRESHOLD_LIMIT_HELD_BACK), "sleep, cgroup_io");
	if (finding->by_stack)
		verdict__add_evidence(verdict, "they slept in the kernel's throttle itself", finding->stall_ns / NS_PER_SEC, UNIT_TASK_SECONDS, NAN,
				      "sleep.kernel_stack");
}

static void add_checks(const struct finding *finding, struct verdict *verdict)
{
	bool unified = finding->row->hierarchy == 2;
	cleanup_free char *directory = base__format("/sys/fs/cgroup%s%s", unified ? "" : "/blkio", finding->row->cgroup);
	if (unified) {
		verdict__add_check(verdict, "the limits of the cgroup", "cat %s/io.max", directory);
		verdict__add_check(verdict, "rios and rbytes (wios, wbytes) grow just as fast as the limit allows", "cat %s/io.stat; sleep 5; cat %s/io.stat",
				   directory, directory);
	} else {
		verdict__add_check(verdict, "the limits of the cgroup", "grep -H . %s/blkio.throttle.*_device", directory);
		verdict__add_check(verdict, "reads and writes grow just as fast as the limit allows",
				   "cat %s/blkio.throttle.io_serviced; sleep 5; cat %s/blkio.throttle.io_serviced", directory, directory);
	}
	verdict__add_check(verdict, "meanwhile the device itself answers fast (r_await, w_await)", "iostat -x -- %s 1 5", finding->device_name);
}

static void conclude(const struct scene *scene, const struct finding *finding, struct verdict *verdict)
{
	const struct cgroup_io_row *row = finding->row;
	cleanup_free char *limit = describe_limit(row);
	verdict->stall_seconds = finding->stall_ns / NS_PER_SEC;
	verdict->wall_seconds = wall_seconds(scene, finding);
	for (size_t i = 0; i < scene->crowd_count; i++) {
		if (finding->stalls[i] <= 0)
			continue;
		struct party *party = verdict__add_victim(verdict, &scene->crowds[i], finding->stalls[i]);
		party->loss = fmin(1, finding->stalls[i] / fmax(1, devices__wanted_ns(scene, i)));
	}
	struct party *party = verdict__add_other_culprit(verdict, PARTY_QUOTA, row->cgroup, row->cgroup, finding->stall_ns);
	party->device = row->device;
	party__set_note(party, "limit on %s (%s): %s", finding->device_name, row->device, limit);
	add_evidence(scene, finding, verdict);
	verdict__settle_parties(verdict, scene->ledger->window_seconds);
	verdict__add_resource(verdict, RESOURCE_CGROUP, row->cgroup, finding->stall_ns);
	verdict__add_resource(verdict, RESOURCE_DEVICE, finding->device ? finding->device->number : row->device, finding->stall_ns);
	cleanup_free char *victims = verdict__name_parties(scene->ledger, verdict->victims, verdict->victim_count, 2);
	verdict__set_summary(verdict, "the I/O limit of cgroup %s (%s on %s) holds %s back", row->cgroup, limit, finding->device_name, victims);
	add_checks(finding, verdict);
}

static bool not_testable(const struct scene *scene, struct verdict *verdict)
{
	const struct ledger *ledger = scene->ledger;
	if (ledger->sleeps.recorded && recording__meta(ledger->recording, "probe.disks"))
		return false;
	verdict->kind = VERDICT_NOT_TESTABLE;
	verdict->absent = true;
	verdict__set_summary(verdict, "the recording holds no waits for devices and no I/O limits: it was made by a version of whystall that did not look "
			     "for them");
	return true;
}

static void rule_out(const struct scene *scene, double stall_ns, struct verdict *verdict)
{
	size_t limits = scene->ledger->recording->cgroup_io_count;
	verdict->stall_seconds = stall_ns / NS_PER_SEC;
	if (!limits)
		verdict__set_summary(verdict, "no cgroup has an I/O limit");
	else
		verdict__set_summary(verdict, "%zu I/O limit%s of cgroups held nobody back to speak of (%s)", limits, limits == 1 ? "" : "s",
				     wording__seconds(stall_ns / NS_PER_SEC).text);
}

static void judge(const struct scene *scene, struct verdict *verdict)
{
	if (not_testable(scene, verdict))
		return;
	const struct recording *recording = scene->ledger->recording;
	struct devices devices = devices__of(scene);
	struct finding best = { 0 };
	double stall_ns = 0;
	verdict->kind = VERDICT_RULED_OUT;
	for (size_t i = 0; i < recording->cgroup_io_count; i++) {
		struct finding finding = examine(scene, &devices, &recording->cgroup_io[i]);
		enum verdict_kind kind = weigh(scene, &finding);
		stall_ns += finding.stall_ns;
		if (kind > verdict->kind || (kind == verdict->kind && kind > VERDICT_RULED_OUT && finding.stall_ns > best.stall_ns)) {
			free(best.stalls);
			best = finding;
			verdict->kind = kind;
		} else {
			free(finding.stalls);
		}
	}
	if (best.row)
		conclude(scene, &best, verdict);
	else
		rule_out(scene, stall_ns, verdict);
	free(best.stalls);
	devices__free(&devices);
}

const struct cause io_limit = {
	.id = "io.limit", .title = "an I/O limit delays requests", .counted_by_pressure = PRESSURE_IO, .account = ACCOUNT_IO,
	.claim = "a cgroup's I/O limit holds its requests back, though the device could take them",
	.decisive = "the cgroup uses its limit up by the kernel's own count, and its tasks wait far longer than their requests take",
	.by_hand = "io.max and io.stat of the cgroup (v1: blkio.throttle.*); iostat -x shows a device that answers fast",
	.helps = "raising or dropping the limit, or io.weight in its place (less isolation between tenants)",
	.judge = judge,
};
