// A swap device in compressed memory (zram) for the time of a scenario: taken down by its clean-up; one that a killed scenario left
// behind is taken down by the next. With WHYSTALL_LAB_SWAP=/dev/NAME in the environment it is that disk, whose contents are lost.
#ifndef WHYSTALL_LAB_SWAP_H
#define WHYSTALL_LAB_SWAP_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/swap.h>
#include <unistd.h>

#define LAB_SWAP_LABEL "wslab-"
#define LAB_SWAP_DISK "WHYSTALL_LAB_SWAP"
#define LAB_SWAP_LABEL_AT 1052  // union swap_header, include/linux/swap.h: sws_volume

static int lab_swap_number = -1;

static inline int lab_swap__write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int status = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return status;
}

static inline void lab_swap__remove(int number)
{
	char path[64], text[16];
	snprintf(path, sizeof(path), "/dev/zram%d", number);
	swapoff(path);
	snprintf(path, sizeof(path), "/sys/block/zram%d/reset", number);
	lab_swap__write(path, "1");
	snprintf(text, sizeof(text), "%d", number);
	lab_swap__write("/sys/class/zram-control/hot_remove", text);
}

static inline void lab_swap__end(void)
{
	if (lab_swap_number >= 0)
		lab_swap__remove(lab_swap_number);
	if (getenv(LAB_SWAP_DISK))
		swapoff(getenv(LAB_SWAP_DISK));
	lab_swap_number = -1;
}

// The pid in the label of a swap device of ours, 0 if it is none.
static inline int lab_swap__maker(const char *path)
{
	char label[17] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : pread(fd, label, 16, LAB_SWAP_LABEL_AT);
	if (fd >= 0)
		close(fd);
	return length == 16 && !strncmp(label, LAB_SWAP_LABEL, strlen(LAB_SWAP_LABEL)) ? atoi(label + strlen(LAB_SWAP_LABEL)) : 0;
}

static inline void lab_swap__remove_stale(void)
{
	char line[256], path[64];
	int number, stale[16], count = 0;
	FILE *swaps = fopen("/proc/swaps", "re");
	while (swaps && count < 16 && fgets(line, sizeof(line), swaps)) {
		if (sscanf(line, "/dev/zram%d", &number) != 1)
			continue;
		snprintf(path, sizeof(path), "/dev/zram%d", number);
		int maker = lab_swap__maker(path);
		if (maker > 0 && kill(maker, 0) < 0 && errno == ESRCH)
			stale[count++] = number;
	}
	if (swaps)
		fclose(swaps);
	while (count > 0)
		lab_swap__remove(stale[--count]);
}

// The first page of a swap device, as mkswap writes it.
static inline int lab_swap__format(const char *path, long bytes)
{
	long page = sysconf(_SC_PAGESIZE);
	char *header = calloc(1, page);
	uint32_t info[2] = { 1, (uint32_t)(bytes / page - 1) };    // version, last page
	int fd = open(path, O_RDWR | O_CLOEXEC), status = -1;
	if (header && fd >= 0) {
		memcpy(header + 1024, info, sizeof(info));
		snprintf(header + LAB_SWAP_LABEL_AT, 16, LAB_SWAP_LABEL "%d", getpid());
		memcpy(header + page - 10, "SWAPSPACE2", 10);
		status = pwrite(fd, header, page, 0) == page && fsync(fd) == 0 ? 0 : -1;
	}
	if (fd >= 0)
		close(fd);
	free(header);
	return status;
}

static inline int lab_swap__begin_disk(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t bytes = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	if (fd >= 0)
		close(fd);
	return bytes > 0 && lab_swap__format(path, bytes) == 0 && swapon(path, 0) == 0 ? 0 : -1;
}

// 0, or -1: this kernel has no zram, or we are not root. Call lab_swap__end at the end.
static inline int lab_swap__begin(long bytes)
{
	char path[64], text[32] = "";
	if (getenv(LAB_SWAP_DISK))
		return lab_swap__begin_disk(getenv(LAB_SWAP_DISK));
	lab_swap__remove_stale();
	int fd = open("/sys/class/zram-control/hot_add", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	close(fd);
	lab_swap_number = atoi(text);
	snprintf(path, sizeof(path), "/sys/block/zram%d/disksize", lab_swap_number);
	snprintf(text, sizeof(text), "%ld", bytes);
	int status = lab_swap__write(path, text);
	snprintf(path, sizeof(path), "/dev/zram%d", lab_swap_number);
	for (int attempt = 0; attempt < 100 && access(path, F_OK) < 0; attempt++)
		usleep(10000);
	if (status < 0 || lab_swap__format(path, bytes) < 0 || swapon(path, 0) < 0) {
		lab_swap__end();
		return -1;
	}
	return 0;
}

#endif
