// A disk that is slow by the kernel's own doing: device mapper's target "delay" holds each request back for 30 ms and hands it on to a disk in
// memory, which answers at once. A database reads one record after the other from it. The disk below is idle for all of the wait: whoever looks
// at it alone sees nothing.
#include <linux/dm-ioctl.h>

#include "rawdisk.h"

#define DELAY_MS 30
#define CONTROL "/dev/mapper/control"
#define NAME_FORMAT "whystall-lab-%d"
#define NAME_PREFIX "whystall-lab-"

static char name[64], device[32];       // "whystall-lab-17", "dm-0"

struct request { struct dm_ioctl head; struct dm_target_spec target; char parameters[128]; };

static struct request make_request(const char *of)
{
	struct request request = { .head = { .version = { DM_VERSION_MAJOR, 0, 0 }, .data_size = sizeof(request),
					     .data_start = offsetof(struct request, target) } };
	snprintf(request.head.name, sizeof(request.head.name), "%s", of);
	return request;
}

static int ask(unsigned long command, struct request *request)
{
	int control = open(CONTROL, O_RDWR | O_CLOEXEC), status = control < 0 ? -1 : ioctl(control, command, request);
	close(control);
	return status;
}

static void clean_up(void)
{
	struct request request = make_request(name);
	if (name[0])
		ask(DM_DEV_REMOVE, &request);
	rawdisk__remove();
}

// Of a scenario that was killed: nobody uses its device any more, but device mapper keeps it.
static void remove_stale(void)
{
	struct { struct dm_ioctl head; char names[8192]; } list = { .head = { .version = { DM_VERSION_MAJOR, 0, 0 }, .data_size = sizeof(list),
									       .data_start = offsetof(__typeof__(list), names) } };
	int control = open(CONTROL, O_RDWR | O_CLOEXEC), pid;
	if (control < 0 || ioctl(control, DM_LIST_DEVICES, &list) < 0 || list.head.flags & DM_BUFFER_FULL_FLAG) {
		close(control);
		return;
	}
	close(control);
	const char *at = (const char *)&list + list.head.data_start;
	for (const struct dm_name_list *one = (const void *)at; one->dev; one = (const void *)((const char *)one + one->next)) {
		if (sscanf(one->name, NAME_FORMAT, &pid) == 1 && kill(pid, 0) < 0 && errno == ESRCH) {
			struct request request = make_request(one->name);
			ask(DM_DEV_REMOVE, &request);
		}
		if (!one->next)
			break;
	}
}

// Puts the delaying device before the disk in memory. 0, or -1 with lab->needs set.
static int make_delay(struct lab *lab)
{
	snprintf(name, sizeof(name), NAME_FORMAT, getpid());
	struct request request = make_request(name);
	if (ask(DM_DEV_CREATE, &request) < 0) {
		name[0] = '\0';
		return slowdisk__fail(lab, "device mapper (" CONTROL ") and root");
	}
	unsigned number = minor(request.head.dev);
	request = make_request(name);
	request.head.target_count = 1;
	request.target = (struct dm_target_spec){ .length = RAWDISK_BYTES / 512, .next = sizeof(request.target) + sizeof(request.parameters) };
	snprintf(request.target.target_type, sizeof(request.target.target_type), "delay");
	snprintf(request.parameters, sizeof(request.parameters), "%s 0 %d", rawdisk.device, DELAY_MS);
	if (ask(DM_TABLE_LOAD, &request) < 0)
		return slowdisk__fail(lab, "device mapper's target delay (dm-delay)");
	request = make_request(name);
	if (ask(DM_DEV_SUSPEND, &request) < 0)          // without its flag: resume, with the new table
		return slowdisk__fail(lab, "device mapper's target delay to start");
	snprintf(device, sizeof(device), "dm-%u", number);
	return 0;
}

static int start(struct lab *lab)
{
	char path[64];
	lab->clean_up = clean_up;
	remove_stale();
	if (rawdisk__make_fast(lab) < 0 || make_delay(lab) < 0)
		return -1;
	snprintf(path, sizeof(path), "/dev/%s", device);
	int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (fd < 0)
		return slowdisk__fail(lab, "a node of the new device in /dev");
	lab__start(lab, (struct lab_process){ .name = "database", .role = "read", .part = LAB_VICTIM, .busy_us = 1000, .fd = fd });
	lab__start(lab, (struct lab_process){ .name = "sleeping-agent", .role = "sleep", .part = LAB_INNOCENT });
	lab__add_other(lab, (struct lab_other){ .kind = "device", .name = device, .cause = "io.device" });
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	const struct lab_scenario scenario = {
		.name = "dmdelay",
		.causes = (const char *const[]){ "io.device", NULL },
		.roles = (const struct lab_role[]){ { "read", rawdisk__read }, WORK_ROLES, { NULL } },
		.start = start,
	};
	return lab__main(argc, argv, &scenario);
}
