#include "causes/hand_overs.h"

#include "base/base.h"
#include "causes/lock_words.h"

#include <ctype.h>
#include <string.h>

#define CALLERS 3               // functions named

// ---- frames ----

// "main.F [inlined] (prog)": the function's name, and where the next line begins.
struct frame { const char *name; size_t length; const char *next; };

static bool next_frame(const char *frames, struct frame *ret)
{
	if (!frames || !*frames)
		return false;
	size_t line = strcspn(frames, "\n"), length = line;
	static const char *const ends[] = { " [inlined]", " (" };
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		const char *end = memmem(frames, length, ends[i], strlen(ends[i]));
		length = end ? (size_t)(end - frames) : length;
	}
	*ret = (struct frame){ frames, length, frames + line + (frames[line] == '\n') };
	return true;
}

static bool begins_with(const struct frame *frame, const char *start)
{
	size_t length = strlen(start);
	return frame->length >= length && !memcmp(frame->name, start, length);
}

// ---- primitives ----

struct primitive { const char *start, *words; bool lock; };

// What a runtime lets wait without a thread. Where several stand on a stack, the outermost one is what the program asked for.
static const struct primitive primitives[] = {
	{ "runtime.chansend", "a channel", false }, { "runtime.chanrecv", "a channel", false }, { "runtime.closechan", "a channel", false },
	{ "runtime.selectgo", "a select over channels", false }, { "runtime.selectnb", "a channel", false },
	{ "sync.runtime_Sem", "a semaphore of sync", false }, { "internal/sync.runtime_Sem", "a semaphore of sync", false },
	{ "sync.runtime_notify", "a sync.Cond", false }, { "sync.(*Cond)", "a sync.Cond", false }, { "sync.(*WaitGroup)", "a sync.WaitGroup", false },
	{ "sync.(*Mutex)", "a sync.Mutex", true }, { "internal/sync.(*Mutex)", "a sync.Mutex", true }, { "sync.(*RWMutex)", "a sync.RWMutex", true },
	{ "tokio::sync::mutex", "a tokio::sync::Mutex", true }, { "tokio::sync::rwlock", "a tokio::sync::RwLock", true },
	{ "tokio::sync::batch_semaphore", "a semaphore of tokio", false }, { "tokio::sync::", "tokio::sync", false },
};

static const struct primitive *find_primitive(const struct frame *frame)
{
	for (size_t i = 0; i < ARRAY_SIZE(primitives); i++)
		if (begins_with(frame, primitives[i].start))
			return &primitives[i];
	return NULL;
}

// Code of the runtime, not of the program.
static bool is_runtimes(const struct frame *frame)
{
	static const char *const starts[] = { "runtime.", "sync.", "internal/", "tokio::", "core::", "<core::", "<tokio::", "std::", "alloc::" };
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (begins_with(frame, starts[i]))
			return true;
	return false;
}

// The scheduler at work for itself: what it wakes or looks for here has nothing to do with the frames outside.
static bool is_schedulers(const struct frame *frame)
{
	static const char *const starts[] = { "runtime.findRunnable", "runtime.findrunnable", "runtime.exitsyscall", "runtime.entersyscall", "runtime.netpoll",
					      "runtime.goroutineReady", "runtime.lock2", "runtime.unlock2", "runtime.sysmon", "runtime.gc", "runtime.bgsweep", "runtime.bgscavenge" };
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (begins_with(frame, starts[i]))
			return true;
	return false;
}

// "Lock", "rwLock", "unlock", "try_lock", "Mutex"; neither "Block" nor "Clock".
static bool is_named_like_a_lock(const struct frame *frame)
{
	for (size_t i = 0; i + 4 <= frame->length; i++) {
		const char *at = frame->name + i;
		char before = i ? at[-1] : '.';
		bool un = i >= 2 && !strncasecmp(at - 2, "un", 2);
		if (!memcmp(at, "Lock", 4) || (!memcmp(at, "lock", 4) && (un || !isalpha((unsigned char)before))))
			return true;
		if (i + 5 <= frame->length && !strncasecmp(at, "mutex", 5))
			return true;
	}
	return false;
}

bool runtime_wait__read(const char *frames, struct runtime_wait *ret)
{
	const struct primitive *primitive = NULL;
	bool own_business = false;
	struct frame frame;
	*ret = (struct runtime_wait){ 0 };
	for (const char *at = frames; next_frame(at, &frame); at = frame.next) {
		const struct primitive *found = find_primitive(&frame);
		if (!found && primitive && !is_runtimes(&frame)) {
			ret->caller = begins_with(&frame, "…") ? NULL : at;
			break;
		}
		own_business = own_business || (!primitive && is_schedulers(&frame));
		if (begins_with(&frame, "runtime.park_m")) {
			// What follows is who was parked, whatever the scheduler has gone on to since.
			ret->parked = true;
			own_business = false;
		}
		primitive = found ? found : primitive;
	}
	if (!primitive || !ret->caller || own_business)
		return false;
	ret->primitive = primitive->words;
	ret->lock = primitive->lock;
	size_t looked = 0;
	for (const char *at = ret->caller; looked < CALLERS && next_frame(at, &frame); at = frame.next, looked++)
		ret->lock = ret->lock || is_named_like_a_lock(&frame);
	return true;
}

char *runtime_wait__callers(const char *frames, size_t most)
{
	struct string out = { 0 };
	struct frame frame;
	for (const char *at = frames; most && next_frame(at, &frame); at = frame.next, most--) {
		if ((is_runtimes(&frame) && out.length) || begins_with(&frame, "…"))
			break;
		// The path of its package says little: "example.com/x/store.(*Table).Insert".
		const char *bracket = memchr(frame.name, '[', frame.length);
		const char *slash = memrchr(frame.name, '/', bracket ? (size_t)(bracket - frame.name) : frame.length);
		const char *name = slash ? slash + 1 : frame.name;
		string__add(&out, "%s%.*s", out.length ? " ← " : "", (int)(frame.length - (size_t)(name - frame.name)), name);
	}
	return string__steal(&out);
}

// ---- counting ----

static int compare(const void *a, const void *b)
{
	const struct hand_over *left = a, *right = b;
	if (left->wait.lock != right->wait.lock)
		return right->wait.lock - left->wait.lock;
	if (left->samples != right->samples)
		return left->samples > right->samples ? -1 : 1;
	return strcmp(left->callers, right->callers);
}

static struct hand_over *find(struct hand_overs *hand_overs, const struct runtime_wait *wait, const char *callers)
{
	for (size_t i = 0; i < hand_overs->count; i++) {
		struct hand_over *one = &hand_overs->all[i];
		if (one->wait.parked == wait->parked && !strcmp(one->wait.primitive, wait->primitive) && !strcmp(one->callers, callers))
			return one;
	}
	return NULL;
}

void hand_overs__gather(const struct recording *recording, bool (*is_one)(const void *context, int64_t process), const void *context,
			struct hand_overs *ret)
{
	size_t capacity = 0;
	*ret = (struct hand_overs){ 0 };
	for (size_t i = 0; i < recording->futex_stack_count; i++) {
		const struct futex_stack_row *row = &recording->futex_stack[i];
		const char *frames = is_one(context, row->process) ? recording__frames(recording, row->user_stack) : NULL;
		struct runtime_wait wait;
		if (!frames)
			continue;
		ret->samples += (double)row->samples;
		if (!runtime_wait__read(frames, &wait))
			continue;
		char *callers = runtime_wait__callers(wait.caller, CALLERS);
		struct hand_over *one = find(ret, &wait, callers);
		if (!one) {
			ret->all = base__grow(ret->all, &capacity, ret->count + 1, sizeof(*ret->all));
			one = &ret->all[ret->count++];
			*one = (struct hand_over){ .wait = wait, .process = row->process, .callers = base__copy(callers) };
		}
		one->samples += (double)row->samples;
		free(callers);
	}
	if (ret->count)
		qsort(ret->all, ret->count, sizeof(*ret->all), compare);
}

void hand_overs__free(struct hand_overs *hand_overs)
{
	for (size_t i = 0; i < hand_overs->count; i++)
		free(hand_overs->all[i].callers);
	free(hand_overs->all);
}
