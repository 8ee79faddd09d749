#include "collect/silence.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "recording/recording.h"

static struct silence_look look(const struct silence *silence)
{
	struct silence_look now = { 0 };
	unsigned long long ran, waited;
	struct timespec time;
	char text[96];
	ssize_t length = silence->fd < 0 ? -1 : pread(silence->fd, text, sizeof(text) - 1, 0);

	text[length > 0 ? length : 0] = '\0';
	if (sscanf(text, "%llu %llu", &ran, &waited) == 2) {
		now.ran_ns = ran;
		now.waited_ns = waited;
	}
	clock_gettime(CLOCK_MONOTONIC, &time);
	now.now_ns = (uint64_t)time.tv_sec * NS_PER_SEC + (uint64_t)time.tv_nsec;
	return now;
}

static uint64_t less(uint64_t from, uint64_t what)
{
	return from > what ? from - what : 0;
}

void silence__note(struct silence *silence, const struct silence_look *asleep, const struct silence_look *woken, uint64_t asked_ns)
{
	const struct silence_look *began = &silence->woken;
	uint64_t all = woken->now_ns - began->now_ns, worked = asleep->now_ns - began->now_ns, slept = woken->now_ns - asleep->now_ns;

	if (all > silence->longest_ns) {
		silence->longest_ns = all;
		silence->began_ns = began->now_ns;
		silence->ran_ns = woken->ran_ns - began->ran_ns;
		silence->waited_ns = woken->waited_ns - began->waited_ns;
		silence->blocked_ns = less(worked, asleep->ran_ns - began->ran_ns + asleep->waited_ns - began->waited_ns);
		silence->overslept_ns = less(slept, asked_ns + woken->ran_ns - asleep->ran_ns + woken->waited_ns - asleep->waited_ns);
	}
	silence->woken = *woken;
}

void silence__begin(struct silence *silence)
{
	*silence = (struct silence){ .fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC) };
	silence->woken = look(silence);
}

void silence__before_sleep(struct silence *silence)
{
	silence->asleep = look(silence);
}

void silence__after_sleep(struct silence *silence, uint64_t asked_ns)
{
	struct silence_look woken = look(silence);

	silence__note(silence, &silence->asleep, &woken, asked_ns);
}

void silence__store(const struct silence *silence, uint64_t window_ns, struct recording *recording)
{
	const struct { const char *key; uint64_t value; } parts[] = {
		{ "silence_began_ns", less(silence->began_ns, window_ns) }, { "silence_ran_ns", silence->ran_ns },
		{ "silence_waited_ns", silence->waited_ns }, { "silence_blocked_ns", silence->blocked_ns },
		{ "silence_overslept_ns", silence->overslept_ns },
	};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		recording__set_meta(recording, parts[i].key, "%llu", (unsigned long long)parts[i].value);
}

void silence__end(struct silence *silence)
{
	if (silence->fd >= 0)
		close(silence->fd);
	silence->fd = -1;
}
