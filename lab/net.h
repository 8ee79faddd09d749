// Two network namespaces without names, joined by a veth pair: they and the pair are gone with the last process in them, however
// it ends. Nothing outside of them sees any of the traffic.
#ifndef WHYSTALL_LAB_NET_H
#define WHYSTALL_LAB_NET_H

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <sys/mount.h>

#include "lab.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#define LAB_NET_PORT 9                  // discard
#define LAB_NET_SENDER "198.18.0.1"     // of the range for benchmarks between networks (RFC 2544)
#define LAB_NET_SINK "198.18.0.2"
#define LAB_NET_SENDER_DEVICE "lab-sender"
#define LAB_NET_SINK_DEVICE "lab-sink"

struct lab_request { struct nlmsghdr header; char body[512]; };

static inline void *lab_net__put(struct lab_request *request, const void *data, size_t size)
{
	void *at = (char *)request + NLMSG_ALIGN(request->header.nlmsg_len);
	memcpy(at, data, size);
	request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) + (uint32_t)size;
	return at;
}

static inline struct rtattr *lab_net__attribute(struct lab_request *request, unsigned short type, const void *data, size_t size)
{
	struct rtattr attribute = { (unsigned short)RTA_LENGTH(size), type };
	struct rtattr *at = lab_net__put(request, &attribute, sizeof(attribute));
	if (size)
		lab_net__put(request, data, size);
	return at;
}

// Ends an attribute that holds others.
static inline void lab_net__close(struct lab_request *request, struct rtattr *nest)
{
	nest->rta_len = (unsigned short)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len) - (char *)nest);
}

// Sends a request and awaits the kernel's answer: 0 or a negative errno.
static inline int lab_net__ask(struct lab_request *request)
{
	char answer[4096];
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	request->header.nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	ssize_t length = fd < 0 ? -1 : send(fd, request, request->header.nlmsg_len, 0);
	if (length >= 0)
		length = recv(fd, answer, sizeof(answer), 0);
	if (fd >= 0)
		close(fd);
	const struct nlmsghdr *header = (const void *)answer;
	if (length < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)) || header->nlmsg_type != NLMSG_ERROR)
		return -EIO;
	return ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
}

// A veth pair: one end here, the other one in the namespace of the process `pid`, which may be this one.
static inline int lab_net__add_pair(pid_t pid)
{
	struct lab_request request = { .header = { NLMSG_LENGTH(0), RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, 0 } };
	const struct ifinfomsg none = { .ifi_family = AF_UNSPEC };
	lab_net__put(&request, &none, sizeof(none));
	lab_net__attribute(&request, IFLA_IFNAME, LAB_NET_SENDER_DEVICE, sizeof(LAB_NET_SENDER_DEVICE));
	struct rtattr *info = lab_net__attribute(&request, IFLA_LINKINFO, NULL, 0);
	lab_net__attribute(&request, IFLA_INFO_KIND, "veth", 4);
	struct rtattr *data = lab_net__attribute(&request, IFLA_INFO_DATA, NULL, 0);
	struct rtattr *peer = lab_net__attribute(&request, VETH_INFO_PEER, &none, sizeof(none));
	lab_net__attribute(&request, IFLA_IFNAME, LAB_NET_SINK_DEVICE, sizeof(LAB_NET_SINK_DEVICE));
	lab_net__attribute(&request, IFLA_NET_NS_PID, &pid, sizeof(pid));
	lab_net__close(&request, peer);
	lab_net__close(&request, data);
	lab_net__close(&request, info);
	return lab_net__ask(&request);
}

// Gives a device its address (of two in the net) and switches it on.
static inline int lab_net__raise(const char *device, const char *address)
{
	int index = (int)if_nametoindex(device);
	struct in_addr number;
	struct lab_request request = { .header = { NLMSG_LENGTH(0), RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, 0, 0 } };
	struct ifaddrmsg place = { .ifa_family = AF_INET, .ifa_prefixlen = 30, .ifa_index = (unsigned)index };
	if (!index || inet_pton(AF_INET, address, &number) != 1)
		return -ENODEV;
	lab_net__put(&request, &place, sizeof(place));
	lab_net__attribute(&request, IFA_LOCAL, &number, sizeof(number));
	int error = lab_net__ask(&request);
	if (error)
		return error;
	struct lab_request up = { .header = { NLMSG_LENGTH(0), RTM_NEWLINK, 0, 0, 0 } };
	const struct ifinfomsg state = { .ifi_family = AF_UNSPEC, .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	lab_net__put(&up, &state, sizeof(state));
	return lab_net__ask(&up);
}

// Has CPU `cpu` handle all packets that arrive at the device (receive packet steering). sysfs shows the devices of the namespace
// that it was mounted in, so it needs a mount of its own.
static inline int lab_net__steer(const char *device, int cpu)
{
	char path[128], mask[32];
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount("lab", "/sys", "sysfs", 0, NULL) < 0)
		return -errno;
	snprintf(path, sizeof(path), "/sys/class/net/%s/queues/rx-0/rps_cpus", device);
	// Words of 32 bits, the highest first.
	int length = snprintf(mask, sizeof(mask), "%x", 1u << cpu % 32);
	for (int words = cpu / 32; words > 0 && length + 10 < (int)sizeof(mask); words--)
		length += snprintf(mask + length, sizeof(mask) - (size_t)length, ",00000000");
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int error = fd < 0 || write(fd, mask, (size_t)length) != length ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return error;
}

// The sink's side: waits for its end of the pair, then lets packets come to a socket that nobody reads. `cpu`: where they are handled.
static inline void lab_net__sink(int fd, long cpu, long unused)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(LAB_NET_PORT) };
	pid_t pid = getpid();
	char byte;
	(void)unused;
	if (unshare(CLONE_NEWNET) < 0 || write(fd, &pid, sizeof(pid)) != sizeof(pid) || read(fd, &byte, 1) != 1)
		return;
	int receiver = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (lab_net__raise(LAB_NET_SINK_DEVICE, LAB_NET_SINK) || lab_net__steer(LAB_NET_SINK_DEVICE, (int)cpu) ||
	    bind(receiver, (struct sockaddr *)&here, sizeof(here)) < 0 || write(fd, &byte, 1) != 1)
		return;
	for (;;)
		pause();
}

// The sender's side: makes the pair. A connected socket, or -1. Datagrams are cut into pieces at the far end: what costs the sender
// little costs the CPU that receives it much.
static inline int lab_net__connect(int fd)
{
	struct sockaddr_in there = { .sin_family = AF_INET, .sin_port = htons(LAB_NET_PORT) };
	pid_t sink = 0;
	char byte = 0;
	if (unshare(CLONE_NEWNET) < 0 || read(fd, &sink, sizeof(sink)) != sizeof(sink) || lab_net__add_pair(sink) ||
	    lab_net__raise(LAB_NET_SENDER_DEVICE, LAB_NET_SENDER) || write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
		return -1;
	int sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = 128, room = 64 << 20;
	// What has not been handled yet counts against the sender: with little room it would wait for the receiving CPU.
	setsockopt(sender, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	inet_pton(AF_INET, LAB_NET_SINK, &there.sin_addr);
	if (connect(sender, (struct sockaddr *)&there, sizeof(there)) < 0 ||
	    setsockopt(sender, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size)) < 0)
		return -1;
	return sender;
}

// Sends for busy_us of every period_us (period 0: without a pause).
static inline void lab_net__flood(int fd, long busy_us, long period_us)
{
	static char datagram[8192];
	int sender = lab_net__connect(fd);
	while (sender >= 0) {
		struct timespec start, now, rest = { 0, 0 };
		clock_gettime(CLOCK_MONOTONIC, &start);
		do {
			if (send(sender, datagram, sizeof(datagram), 0) < 0 && errno != ECONNREFUSED && errno != ENOBUFS)
				return;
			clock_gettime(CLOCK_MONOTONIC, &now);
		} while (!period_us || (now.tv_sec - start.tv_sec) * 1000000L + (now.tv_nsec - start.tv_nsec) / 1000 < busy_us);
		rest.tv_nsec = (period_us - busy_us) * 1000L;
		nanosleep(&rest, NULL);
	}
}

// Whether a namespace with a veth pair can be made here, tried in a process of its own: veth may be a module that is not there.
static inline bool lab_net__possible(void)
{
	int status = 1;
	pid_t pid = fork();
	if (pid == 0)
		_exit(unshare(CLONE_NEWNET) < 0 || lab_net__add_pair(getpid()) ? 1 : 0);
	bool possible = pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
	// Its end is no death of the scenario's processes, for which lab__wait watches.
	sigset_t child;
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigtimedwait(&child, NULL, &(struct timespec){ 0, 0 });
	return possible;
}

// Why no such namespaces can be made here, or NULL.
static inline const char *lab_net__missing(void)
{
	if (geteuid() != 0)
		return "root, for network namespaces of its own";
	if (access("/sys/class/net/lo/queues/rx-0/rps_cpus", W_OK) != 0)
		return "a kernel with receive packet steering (CONFIG_RPS)";
	if (!lab_net__possible())
		return "network namespaces and veth pairs (module veth)";
	return NULL;
}

#define LAB_NET_ROLES { "sink", lab_net__sink }, { "flood", lab_net__flood }

static inline void lab_net__start(struct lab *lab, struct lab_process sink, struct lab_process sender)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		fprintf(stderr, "%s: socketpair: %s\n", lab->scenario->name, strerror(errno));
		exit(1);
	}
	sink.fd = ends[0];
	sender.fd = ends[1];
	lab__start(lab, sink);
	lab__start(lab, sender);
	close(ends[0]);
	close(ends[1]);
}

#endif
