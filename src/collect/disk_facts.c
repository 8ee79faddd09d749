#include "collect/disk_facts.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

#define DISKSTATS "/proc/diskstats"
#define DISKSTATS_LIMIT (4u << 20)
#define FIELDS 17

bool disk_stat__parse(const char **text, struct disk_stat *ret)
{
	while (**text) {
		const char *line = *text, *end = strchrnul(line, '\n');
		struct disk_stat stat = { 0 };
		int64_t *const fields[FIELDS] = { &stat.reads, &stat.reads_merged, &stat.read_sectors, &stat.read_ms, &stat.writes,
			&stat.writes_merged, &stat.write_sectors, &stat.write_ms, &stat.in_flight, &stat.busy_ms, &stat.queue_ms,
			&stat.discards, &stat.discards_merged, &stat.discard_sectors, &stat.discard_ms, &stat.flushes, &stat.flush_ms };
		int length = 0, found = 0;

		*text = *end ? end + 1 : end;
		if (sscanf(line, " %u %u %63s%n", &stat.major, &stat.minor, stat.name, &length) != 3 || line + length > end)
			continue;
		for (const char *at = line + length; found < FIELDS; found++) {
			char *after;
			// Where a line has fewer fields, the next number is another line's: strtoll(3) passes over its end.
			long long value = strtoll(at, &after, 10);
			if (after == at || after > end)
				break;
			*fields[found] = value > 0 ? value : 0;
			at = after;
		}
		if (found < 11)
			continue;
		*ret = stat;
		return true;
	}
	return false;
}

void disk_facts__note(struct counters *counters, bool first)
{
	cleanup_free char *text = NULL;
	struct disk_stat stat;

	if (base__read_file(DISKSTATS, DISKSTATS_LIMIT, &text) < 0)
		return;
	for (const char *at = text; disk_stat__parse(&at, &stat);) {
		const struct { const char *name; int64_t value; } values[] = {
			{ "reads", stat.reads }, { "read_sectors", stat.read_sectors }, { "read_ms", stat.read_ms }, { "writes", stat.writes },
			{ "write_sectors", stat.write_sectors }, { "write_ms", stat.write_ms }, { "in_flight", stat.in_flight },
			{ "busy_ms", stat.busy_ms }, { "queue_ms", stat.queue_ms }, { "discards", stat.discards },
			{ "discard_ms", stat.discard_ms }, { "flushes", stat.flushes }, { "flush_ms", stat.flush_ms },
		};
		bool known = counters__last(counters, "diskstats", stat.name, "reads") >= 0;

		if (!known && !stat.reads && !stat.writes && !stat.in_flight && !stat.discards && !stat.flushes)
			continue;
		// One that was not used before the window counts from 0.
		for (size_t i = 0; !known && !first && i < ARRAY_SIZE(values); i++)
			counters__note(counters, "diskstats", stat.name, values[i].name, 0);
		for (size_t i = 0; i < ARRAY_SIZE(values); i++)
			counters__note(counters, "diskstats", stat.name, values[i].name, values[i].value);
	}
}

// First line of a file of the device, NULL where there is none or it is empty.
static char *read_fact(const char *name, const char *file)
{
	cleanup_free char *path = base__format("/sys/class/block/%s/%s", name, file), *text = NULL;
	ssize_t length = base__read_file(path, 4096, &text);

	if (length <= 0)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	while (*text && text[strlen(text) - 1] == ' ')
		text[strlen(text) - 1] = '\0';
	if (!*text)
		return NULL;
	char *fact = text;
	text = NULL;
	return fact;
}

static int64_t read_number(const char *name, const char *file)
{
	cleanup_free char *path = base__format("/sys/class/block/%s/%s", name, file);
	int64_t value;

	return base__read_number(path, &value) || value < 0 ? -1 : value;
}

// "none [mq-deadline] kyber": the one in brackets.
static char *chosen(char *list)
{
	char *open = list ? strchr(list, '[') : NULL, *end = open ? strchr(open, ']') : NULL, *word;

	if (!end)
		return list;
	*end = '\0';
	word = base__copy(open + 1);
	free(list);
	return word;
}

static const char *kind_of(const char *name, bool partition)
{
	static const struct { const char *prefix, *kind; } kinds[] = {
		{ "nvme", "nvme" }, { "sd", "scsi" }, { "sr", "scsi" }, { "vd", "virtio" }, { "xvd", "xen" }, { "mmcblk", "mmc" }, { "loop", "loop" },
		{ "dm-", "device mapper" }, { "md", "md" }, { "zram", "zram" }, { "nbd", "network" }, { "rbd", "network" }, { "drbd", "network" },
	};

	if (partition)
		return "partition";
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strncmp(name, kinds[i].prefix, strlen(kinds[i].prefix)))
			return kinds[i].kind;
	return "other";
}

static char *read_below(const char *name)
{
	cleanup_free char *path = base__format("/sys/class/block/%s/slaves", name);
	struct string list = { 0 };
	DIR *directory = opendir(path);

	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		cleanup_free char *number = entry->d_name[0] == '.' ? NULL : read_fact(entry->d_name, "dev");

		if (number)
			string__add(&list, "%s%s", list.length ? " " : "", number);
	}
	if (directory)
		closedir(directory);
	return list.length ? string__steal(&list) : NULL;
}

static char *read_model(const char *name)
{
	cleanup_free char *vendor = read_fact(name, "device/vendor"), *model = read_fact(name, "device/model");

	if (!model)
		return NULL;
	return vendor && strncmp(vendor, "0x", 2) ? base__format("%s %s", vendor, model) : base__copy(model);
}

static void add_row(const char *number, const char *name, struct recording *recording)
{
	cleanup_free char *partition_path = base__format("/sys/class/block/%s/partition", name);
	cleanup_free char *requests_path = base__format("/sys/class/block/%s/mq", name);
	bool partition = access(partition_path, F_OK) == 0;
	char *backing = read_fact(name, "loop/backing_file");
	struct device_row *row = recording__add_device(recording);

	*row = (struct device_row){ .number = base__copy(number), .name = base__copy(name), .kind = base__copy(kind_of(name, partition)),
		.model = read_model(name), .disk = partition ? read_fact(name, "../dev") : NULL, .below = read_below(name),
		.backing = backing ? backing : read_fact(name, "dm/name"), .rotational = read_number(name, "queue/rotational"),
		.requests = access(requests_path, F_OK) == 0, .scheduler = chosen(read_fact(name, "queue/scheduler")),
		.queue_requests = read_number(name, "queue/nr_requests"), .cache = read_fact(name, "queue/write_cache") };
}

static bool has_worked(const struct counters *counters, const char *name)
{
	for (const char *const *counter = (const char *const[]){ "reads", "writes", "queue_ms", "discards", "flushes", NULL }; *counter; counter++)
		if (counters__growth(counters, "diskstats", name, *counter) > 0)
			return true;
	return false;
}

// Whether a device that is listed already has this one as its disk or below it.
static bool is_beneath(const struct recording *recording, const char *number)
{
	for (size_t i = 0; i < recording->device_count; i++) {
		const struct device_row *row = &recording->device[i];
		const char *found = row->below ? strstr(row->below, number) : NULL;
		size_t length = strlen(number);

		if (row->disk && !strcmp(row->disk, number))
			return true;
		if (found && (found == row->below || found[-1] == ' ') && (!found[length] || found[length] == ' '))
			return true;
	}
	return false;
}

static bool is_listed(const struct recording *recording, const char *number)
{
	for (size_t i = 0; i < recording->device_count; i++)
		if (!strcmp(recording->device[i].number, number))
			return true;
	return false;
}

void disk_facts__store(const struct counters *counters, struct recording *recording)
{
	cleanup_free char *text = NULL;
	size_t before;

	if (base__read_file(DISKSTATS, DISKSTATS_LIMIT, &text) < 0)
		return;
	// Once more for each level of devices beneath others.
	do {
		struct disk_stat stat;

		before = recording->device_count;
		for (const char *at = text; disk_stat__parse(&at, &stat);) {
			cleanup_free char *number = base__format("%u:%u", stat.major, stat.minor);

			if (!is_listed(recording, number) && (has_worked(counters, stat.name) || is_beneath(recording, number)))
				add_row(number, stat.name, recording);
		}
	} while (recording->device_count > before);
}

bool disk_facts__any_stacked(const char *directory)
{
	static const char *const in_memory[] = { "zram", "ram", "pmem", NULL };
	DIR *devices = opendir(directory);
	bool found = false;

	for (struct dirent *entry; devices && !found && (entry = readdir(devices));) {
		char queue[PATH_MAX];

		found = entry->d_name[0] != '.';
		for (const char *const *driver = in_memory; found && *driver; driver++)
			found = strncmp(entry->d_name, *driver, strlen(*driver)) != 0;
		if (found && snprintf(queue, sizeof(queue), "%s/%s/mq", directory, entry->d_name) < (int)sizeof(queue))
			found = access(queue, F_OK) != 0;
	}
	if (devices)
		closedir(devices);
	return found;
}
