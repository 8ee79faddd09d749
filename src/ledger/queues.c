#include "ledger/queues.h"

#include <math.h>
#include <string.h>

#include "base/base.h"
#include "ledger/thresholds.h"

#define UNIT_NS 1024.0          // of device_io_row.latency
#define ALONE_LEAST 0.05        // of an operation's requests: the fastest, where the device is never free of others' requests
#define ALONE_SAMPLES 5         // requests that began while nothing was under way, to speak of their mean
#define FILLERS_MOST 16

static const char *const operations[] = { "read", "write", "flush", "discard", "other" };
enum { OPERATIONS = ARRAY_SIZE(operations) };

// What one process asked of one device.
struct user {
	const char *device;
	size_t process, crowd;
	double count[OPERATIONS], bytes, ns, crowding_ns;
	double alone_ns[OPERATIONS];    // mean of its requests that began while nothing was under way; 0: too few were looked at
	double known, beside;
	double others_part;
	double kin_ns, kin_crowding_ns;         // of its own crowd on the device
	const struct device_queue *queue;
};
// The users of one device, and their sums.
struct device_queue { struct user *first; size_t count; struct user **by_crowding; double ns, crowding_ns; };

struct queues {
	const struct ledger *ledger;
	struct user *users; size_t count;       // by device, process
	struct device_queue *devices; size_t device_count;
	struct user **sorted;                   // of each device, most crowding first
};

static int compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int compare_users(const void *a, const void *b)
{
	const struct user *left = a, *right = b;
	int order = compare_text(left->device, right->device);
	return order ? order : (left->process > right->process) - (left->process < right->process);
}

// From "1024:12 2048:3": how long so many of the requests took on average, the fastest first; evenly spread within a step. 0: there were none.
static double fastest_ns(const char *latency, double part)
{
	double all = 0, left, sum = 0;
	unsigned int limit, count;
	int length;
	for (const char *at = latency; at && sscanf(at, " %u:%u%n", &limit, &count, &length) == 2; at += length)
		all += count;
	left = part * all;
	for (const char *at = latency; at && left > 0 && sscanf(at, " %u:%u%n", &limit, &count, &length) == 2; at += length) {
		double low = limit / 2.0 * UNIT_NS, taken = fmin(left, count);
		if (count)
			sum += taken * (low + low * taken / count / 2);
		left -= taken;
	}
	return all > 0 ? sum / (part * all) : 0;
}

static int operation_of(const char *name)
{
	for (int i = 0; i < OPERATIONS; i++)
		if (!compare_text(name, operations[i]))
			return i;
	return OPERATIONS - 1;
}

static void gather(struct queues *queues, const struct scene *scene)
{
	const struct recording *recording = queues->ledger->recording;
	struct user *users = base__alloc(recording->device_user_count + 1, sizeof(*users));
	size_t count = 0;
	for (size_t i = 0; i < recording->device_user_count; i++) {
		const struct device_user_row *row = &recording->device_user[i];
		const struct ledger_process *process = row->process ? ledger__process(queues->ledger, row->process) : NULL;
		if (!process || !row->device || row->count <= 0)
			continue;
		size_t index = (size_t)(process - queues->ledger->processes);
		users[count] = (struct user){ .device = row->device, .process = index, .crowd = scene->crowd_of[index], .bytes = (double)row->bytes,
					      .ns = (double)row->ns, .crowding_ns = (double)row->crowding_ns, .known = (double)row->known,
					      .beside = (double)row->beside };
		users[count].count[operation_of(row->operation)] = (double)row->count;
		if (row->alone_samples >= ALONE_SAMPLES && row->alone > 0)
			users[count].alone_ns[operation_of(row->operation)] = (double)row->alone_ns / (double)row->alone;
		count++;
	}
	qsort(users, count, sizeof(*users), compare_users);
	for (size_t i = 0; i < count; i++) {
		struct user *last = queues->count ? &users[queues->count - 1] : NULL;
		if (!last || compare_users(last, &users[i])) {
			users[queues->count++] = users[i];
			continue;
		}
		for (int operation = 0; operation < OPERATIONS; operation++) {
			last->count[operation] += users[i].count[operation];
			last->alone_ns[operation] += users[i].alone_ns[operation];
		}
		last->bytes += users[i].bytes;
		last->ns += users[i].ns;
		last->crowding_ns += users[i].crowding_ns;
		last->known += users[i].known;
		last->beside += users[i].beside;
	}
	queues->users = users;
}

void queues__free(struct queues *queues)
{
	if (!queues)
		return;
	free(queues->users);
	free(queues->devices);
	free(queues->sorted);
	free(queues);
}

static const struct user *user_of(const struct queues *queues, const char *device, size_t process)
{
	struct user wanted = { .device = device, .process = process };
	return queues->count ? bsearch(&wanted, queues->users, queues->count, sizeof(wanted), compare_users) : NULL;
}

// What a request of this process takes at most on a device of this kind.
static double usual_ns(const struct queues *queues, const struct user *user, double requests)
{
	const struct recording *recording = queues->ledger->recording;
	bool rotates = false;
	for (size_t i = 0; i < recording->device_count; i++)
		if (!compare_text(recording->device[i].number, user->device))
			rotates = recording->device[i].rotational != 0;
	double base_ms = threshold__value(rotates ? THRESHOLD_DEVICE_SLOW_DISK : THRESHOLD_DEVICE_SLOW_FLASH);
	double transfer_ms = user->bytes / requests / threshold__value(THRESHOLD_DEVICE_TRANSFER) / 1000;
	return (base_ms + transfer_ms) * NS_PER_MSEC;
}

// What they took in this window where the device was free of others' requests: `part` of all, the fastest ones, with the process' mixture of
// operations. 0: not known.
static double measured_ns(const struct queues *queues, const struct user *user, double requests, double part)
{
	const struct recording *recording = queues->ledger->recording;
	double sum = 0;
	for (int operation = 0; operation < OPERATIONS; operation++) {
		double ns = 0;
		for (size_t i = 0; user->count[operation] > 0 && i < recording->device_io_count; i++)
			if (!compare_text(recording->device_io[i].device, user->device) &&
			    !compare_text(recording->device_io[i].operation, operations[operation]))
				ns = fastest_ns(recording->device_io[i].latency, part);
		if (user->count[operation] > 0 && ns <= 0)
			return 0;
		sum += ns * user->count[operation];
	}
	return sum / requests;
}

// The time that its requests would have taken without any other one; 0: too few of them had the device to themselves. Operations of which none did
// so are left as they are: flushes are the kernel's own.
static double sum_alone_ns(const struct user *user)
{
	double sum = 0, missing = 0, requests = 0;
	for (int operation = 0; operation < OPERATIONS; operation++) {
		sum += user->alone_ns[operation] * user->count[operation];
		missing += user->alone_ns[operation] > 0 ? 0 : user->count[operation];
		requests += user->count[operation];
	}
	return missing > 0.5 * requests ? 0 : sum + missing / requests * user->ns;
}

// The queues that a request of the process met: whose they were. `theirs`: part of all time in the device, while its own requests were there, that was
// of others; `foreign`: of other crowds.
static double foreign_part(const struct user *user, double theirs, double foreign, double window_ns)
{
	double met = user->known > 0 ? user->beside / user->known : 0;
	double others = theirs < 1 ? theirs / (1 - theirs) * user->ns / window_ns : INFINITY;
	if (theirs <= 0 || met <= 0)
		return 0;
	return fmin(1, others / met) * foreign / theirs;
}

static double others_part(const struct queues *queues, const struct user *user, double window_ns)
{
	double all_ns = user->queue->ns, kin_ns = user->kin_ns, requests = 0;
	for (int operation = 0; operation < OPERATIONS; operation++)
		requests += user->count[operation];
	if (user->ns <= 0 || requests <= 0)
		return 0;
	double theirs = fmin(1, user->crowding_ns / user->ns), foreign = fmax(0, theirs - (kin_ns - user->ns) / all_ns);
	double alone_ns = sum_alone_ns(user);
	if (alone_ns > 0)
		return fmax(0, 1 - alone_ns / user->ns) * foreign_part(user, theirs, foreign, window_ns);
	// Requests of others that were in the device for a fifth of the window have met no more than that of anybody's.
	double free = fmax(ALONE_LEAST, 1 - (all_ns - kin_ns) / window_ns);
	double usual = usual_ns(queues, user, requests), measured = measured_ns(queues, user, requests, free);
	if (measured > 0)
		usual = fmin(usual, measured);
	return fmin(foreign, fmax(0, 1 - usual * requests / user->ns));
}

static int compare_crowds(const void *a, const void *b)
{
	const struct user *left = *(const struct user *const *)a, *right = *(const struct user *const *)b;
	if (left->crowd != right->crowd)
		return left->crowd < right->crowd ? -1 : 1;
	return left < right ? -1 : left > right;
}

static int compare_crowding(const void *a, const void *b)
{
	const struct user *left = *(const struct user *const *)a, *right = *(const struct user *const *)b;
	if (left->crowding_ns != right->crowding_ns)
		return left->crowding_ns > right->crowding_ns ? -1 : 1;
	return left < right ? -1 : left > right;                // of one device: by process
}

// Each user's kin: those of its crowd.
static void sum_kin(struct user **users, size_t count)
{
	qsort(users, count, sizeof(*users), compare_crowds);
	for (size_t begin = 0, end; begin < count; begin = end) {
		double ns = 0, crowding_ns = 0;
		for (end = begin; end < count && users[end]->crowd == users[begin]->crowd; end++) {
			ns += users[end]->ns;
			crowding_ns += fmax(0, users[end]->crowding_ns);
		}
		for (size_t i = begin; i < end; i++) {
			users[i]->kin_ns = ns;
			users[i]->kin_crowding_ns = crowding_ns;
		}
	}
}

static void make_device(struct queues *queues, size_t begin, size_t end)
{
	struct device_queue *device = &queues->devices[queues->device_count++];
	*device = (struct device_queue){ &queues->users[begin], end - begin, queues->sorted + begin, 0, 0 };
	for (size_t i = begin; i < end; i++) {
		queues->sorted[i] = &queues->users[i];
		queues->users[i].queue = device;
		device->ns += queues->users[i].ns;
		device->crowding_ns += fmax(0, queues->users[i].crowding_ns);
	}
	sum_kin(device->by_crowding, device->count);
	qsort(device->by_crowding, device->count, sizeof(*device->by_crowding), compare_crowding);
}

struct queues *queues__make(const struct ledger *ledger, const struct scene *scene)
{
	struct queues *queues = base__alloc(1, sizeof(*queues));
	queues->ledger = ledger;
	gather(queues, scene);
	queues->devices = base__alloc(queues->count + 1, sizeof(*queues->devices));
	queues->sorted = base__alloc(queues->count + 1, sizeof(*queues->sorted));
	for (size_t begin = 0, end; begin < queues->count; begin = end) {
		for (end = begin; end < queues->count && !compare_text(queues->users[begin].device, queues->users[end].device); end++)
			;
		make_device(queues, begin, end);
	}
	for (size_t i = 0; i < queues->count; i++)
		queues->users[i].others_part = others_part(queues, &queues->users[i], scene->window_ns);
	return queues;
}

double queues__others_part(const struct queues *queues, const char *device, size_t process)
{
	const struct user *user = user_of(queues, device, process);
	return user ? user->others_part : 0;
}

struct filler *queues__fillers(const struct queues *queues, const char *device, size_t process, size_t *ret_count)
{
	const struct user *user = user_of(queues, device, process);
	struct filler *fillers = base__alloc(FILLERS_MOST + 1, sizeof(*fillers));
	size_t count = 0;
	double all = user ? fmax(0, user->queue->crowding_ns - user->kin_crowding_ns) : 0, named = 0;
	for (size_t i = 0; user && i < user->queue->count && count < FILLERS_MOST; i++) {
		const struct user *other = user->queue->by_crowding[i];
		if (other->crowding_ns <= 0)
			break;
		if (other->crowd == user->crowd)
			continue;
		fillers[count++] = (struct filler){ queues->ledger->processes[other->process].row->id, other->crowding_ns };
	}
	for (size_t i = 0; i < count; i++)
		named += fillers[i].part /= fmax(all, fillers[i].part);
	if (1 - named > 1e-9)
		fillers[count++] = (struct filler){ 0, 1 - named };
	*ret_count = count;
	return fillers;
}
