// Runs all subjects side by side.
#include "collect/subject.h"

#include <string.h>

#include "base/base.h"
#include "collect/assemble.h"
#include "collect/block_account.h"
#include "collect/cpu_samples.h"
#include "collect/disks.h"
#include "collect/frequency.h"
#include "collect/host_account.h"
#include "collect/files.h"
#include "collect/irq.h"
#include "collect/long_calls.h"
#include "collect/memory.h"
#include "collect/smi.h"

const struct subject *const subject_table[] = {
	&subject_futex,
	&cpu_samples_subject,
	&long_calls_subject,
	&subject_irq,
	&subject_frequency,
	&subject_smi,
	&memory_subject,
	NULL,                           // so that the table is never empty
	&block_subject,
	&disks_subject,
	&host_subject,
	&files_subject,
};
const size_t subject_table_count = ARRAY_SIZE(subject_table);

struct running { const struct subject *subject; void *state; char *why_off; };
struct subjects { struct running *running; size_t count; };

struct subjects *subjects__open(struct collector *collector)
{
	struct subjects *subjects = base__alloc(1, sizeof(*subjects));

	subjects->running = base__alloc(subject_table_count + 1, sizeof(*subjects->running));
	for (size_t i = 0; i < subject_table_count; i++) {
		struct running *one = &subjects->running[subjects->count];

		if (!subject_table[i])
			continue;
		one->subject = subject_table[i];
		one->state = one->subject->open(collector, &one->why_off);
		subjects->count++;
	}
	return subjects;
}

void subjects__start(struct subjects *subjects)
{
	for (size_t i = 0; i < subjects->count; i++)
		if (subjects->running[i].state && subjects->running[i].subject->start)
			subjects->running[i].subject->start(subjects->running[i].state);
}

void subjects__begin(struct subjects *subjects, struct collector *collector)
{
	for (size_t i = 0; i < subjects->count; i++)
		if (subjects->running[i].state && subjects->running[i].subject->begin)
			subjects->running[i].subject->begin(subjects->running[i].state, collector);
}

void subjects__look(struct subjects *subjects, struct collector *collector)
{
	for (size_t i = 0; i < subjects->count; i++)
		if (subjects->running[i].state && subjects->running[i].subject->look)
			subjects->running[i].subject->look(subjects->running[i].state, collector);
}

void subjects__drain(struct subjects *subjects, struct collector *collector)
{
	for (size_t i = 0; i < subjects->count; i++)
		if (subjects->running[i].state && subjects->running[i].subject->drain)
			subjects->running[i].subject->drain(subjects->running[i].state, collector);
}

void subjects__end(struct subjects *subjects, struct collector *collector)
{
	for (size_t i = 0; i < subjects->count; i++)
		if (subjects->running[i].state && subjects->running[i].subject->end)
			subjects->running[i].subject->end(subjects->running[i].state, collector);
}

void subjects__describe(const struct subjects *subjects, struct recording *recording)
{
	for (size_t i = 0; i < subjects->count; i++) {
		const struct running *one = &subjects->running[i];
		cleanup_free char *key = base__format("probe.%s", one->subject->name);

		recording__set_meta(recording, key, "%s", one->state ? "on" : one->why_off ? one->why_off : "the reason is not known");
		if (one->state && one->subject->describe)
			one->subject->describe(one->state, recording);
	}
}

void subjects__want_symbols(const struct subjects *subjects, const struct collector *collector, struct kernel_symbols *symbols)
{
	for (size_t i = 0; i < subjects->count; i++)
		if (subjects->running[i].state && subjects->running[i].subject->want_symbols)
			subjects->running[i].subject->want_symbols(subjects->running[i].state, collector, symbols);
}

bool subjects__store_one(const struct subjects *subjects, size_t number, struct collector *collector, struct recording *recording,
	struct stack_table *stacks)
{
	if (number >= subjects->count)
		return false;
	if (subjects->running[number].state)
		subjects->running[number].subject->store(subjects->running[number].state, collector, recording, stacks);
	return true;
}

const void *subjects__state(const struct subjects *subjects, const char *name)
{
	for (size_t i = 0; i < subjects->count; i++)
		if (!strcmp(subjects->running[i].subject->name, name))
			return subjects->running[i].state;
	return NULL;
}

size_t subjects__memory(const struct subjects *subjects)
{
	size_t bytes = 0;

	for (size_t i = 0; i < subjects->count; i++)
		if (subjects->running[i].state && subjects->running[i].subject->memory)
			bytes += subjects->running[i].subject->memory(subjects->running[i].state);
	return bytes;
}

void subjects__close(struct subjects *subjects)
{
	if (!subjects)
		return;
	for (size_t i = 0; i < subjects->count; i++) {
		if (subjects->running[i].state)
			subjects->running[i].subject->close(subjects->running[i].state);
		free(subjects->running[i].why_off);
	}
	free(subjects->running);
	free(subjects);
}
