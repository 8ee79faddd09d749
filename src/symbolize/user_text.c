// Frames as docs/stacks.md describes them.
#include <string.h>

#include "base/base.h"
#include "symbolize/user_private.h"

#define TRUNCATED "…"

// Where a thread or a program begins: nothing is missing behind these.
static const char *const outermost[] = {
	"_start", "__libc_start_main", "__libc_start_call_main", "__libc_start_main_impl", "libc_start_main_stage2",
	"start_thread", "clone", "clone3", "__clone", "__clone3",
	"_rt0_amd64_linux", "_rt0_arm64_linux",
};

// Go's own, at the bottom of the stacks that it makes. What a walk finds beyond is no part of this stack: the scheduler enters its stack at many
// depths and leaves it without returning, and the frame pointer there still leads into whatever ran before.
static const char *const last_of_go[] = {
	"runtime.goexit", "runtime.goexit.abi0", "runtime.mstart", "runtime.mstart.abi0", "runtime.rt0_go", "runtime.rt0_go.abi0",
};

static bool ends_in(const char *functions, const char *name)
{
	const char *last = strrchr(functions, '\n');

	return !strcmp(last ? last + 1 : functions, name);
}

static bool ends_in_any(const char *functions, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (ends_in(functions, names[i]))
			return true;
	return false;
}

static bool is_outermost(const char *functions)
{
	return ends_in_any(functions, outermost, ARRAY_SIZE(outermost)) || ends_in_any(functions, last_of_go, ARRAY_SIZE(last_of_go));
}

static void add_functions(struct string *text, const char *functions, const char *label)
{
	while (*functions) {
		size_t length = strcspn(functions, "\n");

		string__add(text, "%s%.*s (%s)", text->length ? "\n" : "", (int)length, functions, label);
		functions += length + (functions[length] == '\n');
	}
}

static void add_unknown(struct string *text, const struct object *object, const struct lookup *lookup)
{
	string__add(text, "%s%s+0x%llx", text->length ? "\n" : "", object->label,
		(unsigned long long)(object->read ? object->addresses[lookup->place] : lookup->offset));
	if (object->read && object->build_id[0])
		string__add(text, " [%s]", object->build_id);
}

// Returns the functions of the frame, "" where they are not known.
static const char *add_frame(struct string *text, const struct user_stacks *stacks, const struct lookup *lookup)
{
	const struct object *object;
	const char *functions;

	if (lookup->object == NO_OBJECT) {
		string__add(text, "%s%s+0x%llx", text->length ? "\n" : "", lookup->memory, (unsigned long long)lookup->offset);
		return "";
	}
	object = &stacks->objects[lookup->object];
	functions = object->functions[lookup->place];
	if (!functions) {
		add_unknown(text, object, lookup);
		return "";
	}
	add_functions(text, functions, object->label);
	return functions;
}

// Code, and if it is a return address, one behind a call.
static bool is_believable(const struct user_stacks *stacks, const struct lookup *lookup, size_t frame)
{
	if (!lookup || !lookup->mapped || !lookup->executable)
		return false;
	return !frame || lookup->object == NO_OBJECT || !stacks->objects[lookup->object].no_call[lookup->place];
}

// Frames outside of one that is not believable were found through it, and are no better.
char *user_stacks__format(struct user_stacks *stacks, const struct user_stack *stack)
{
	const uint64_t *addresses = stacks->addresses + stack->first;
	struct string text = { 0 };
	const char *last = "", *before = "";
	size_t frame = 0;
	bool raw = !stacks->resolved || stacks->processes[stack->process].gone, whole = false;

	for (; frame < stack->count && !whole; frame++) {
		const struct lookup *lookup = raw ? NULL : user_stacks__lookup(stacks, stack, frame);

		if (raw) {
			string__add(&text, "%s0x%llx", text.length ? "\n" : "", (unsigned long long)addresses[frame]);
			continue;
		}
		if (!is_believable(stacks, lookup, frame))
			break;
		before = last;
		last = add_frame(&text, stacks, lookup);
		whole = ends_in_any(last, last_of_go, ARRAY_SIZE(last_of_go));
	}
	if (stacks->resolved && !whole)
		stacks->statistics.frames_dropped += stack->count - frame;
	// The function that calls main is not named in stripped C libraries.
	if (text.length && !whole && (raw || stack->cut || !(is_outermost(last) || ends_in(last, "main") || ends_in(before, "main"))))
		string__add(&text, "\n" TRUNCATED);
	return string__steal(&text);
}
