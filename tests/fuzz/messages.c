// What children that read strangers' files send, and ask for, when such a file has taken them over. isolate__run is replaced by one that
// makes no child: the fuzzer's bytes are its messages (the linker's --wrap, see the Makefile).
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "identify/meaning.h"
#include "identify/process.h"
#include "identify/programs.h"
#include "isolate/isolate.h"
#include "symbolize/user.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __wrap_isolate__run(const struct isolate_job *job, struct isolate_budget *budget);

enum { PROCESSES = 3, STACKS = 3, NOT_A_PID = 0x7fffff00, LIMIT = 600 };
enum step { NEXT_ITEM, RAW, WITH_HEAD, ASK, LOSE, STEPS };

static const uint8_t *at, *end;

static uint8_t take(void)
{
	return at < end ? *at++ : 0;
}

// Either bytes as they come, or numbers of 8 bytes, small ones mostly, before them: kinds, indices, sizes.
static size_t take_message(uint8_t *message, bool with_head)
{
	size_t numbers = with_head ? take() % 12 : 0, length = take(), head = numbers * sizeof(uint64_t);

	for (size_t i = 0; i < numbers; i++) {
		uint8_t byte = take();
		uint64_t number = byte < 250 ? byte : UINT64_MAX - byte % 4;

		memcpy(message + i * sizeof(number), &number, sizeof(number));
	}
	if (length > (size_t)(end - at))
		length = (size_t)(end - at);
	memcpy(message + head, at, length);
	at += length;
	return head + length;
}

static void receive(const struct isolate_job *job, size_t item, bool with_head)
{
	uint8_t message[LIMIT];
	size_t length = take_message(message, with_head);
	uint8_t *exact = malloc(length ? length : 1);           // so that reading beyond it shows

	memcpy(exact, message, length);
	job->receive(job->context, item, exact, length);
	free(exact);
}

static void ask(const struct isolate_job *job, size_t item)
{
	uint8_t message[LIMIT];
	char bytes[ISOLATE_ANSWER_LIMIT];
	struct isolate_answer answer = { .bytes = bytes };
	size_t length = take_message(message, false);
	int fd = job->open ? job->open(job->context, item, message, length, &answer) : -1;

	assert(answer.length <= sizeof(bytes));
	if (fd >= 0)
		close(fd);
}

int __wrap_isolate__run(const struct isolate_job *job, struct isolate_budget *budget)
{
	for (size_t item = 0; item < job->items && at < end;) {
		switch ((enum step)(take() % STEPS)) {
		case RAW:
			receive(job, item, false);
			break;
		case WITH_HEAD:
			receive(job, item, true);
			break;
		case ASK:
			ask(job, item);
			break;
		case LOSE:
			budget->items_lost++;
			if (job->lose)
				job->lose(job->context, item, (enum isolate_loss)(take() % 3));
			item++;
			break;
		default:
			item++;
		}
	}
	return 0;
}

static void check(const char *field)
{
	size_t length = field ? strlen(field) : 0;
	cleanup_free char *again = malloc(length + 1);

	assert(identify__printable(field ? field : "", length, again, length + 1) == length && (!length || !memcmp(field, again, length)));
}

static void name_processes(void)
{
	struct recording *recording = recording__new();

	for (int i = 0; i < PROCESSES; i++) {
		struct process_row *row = recording__add_process(recording);

		row->pid = NOT_A_PID + i;
		row->gone = i == 1;
		row->name = base__copy("server");
		row->exe = base__copy(i ? "/nowhere/server" : "/usr/bin/server");
	}
	identify__programs(recording->process, recording->process_count, NS_PER_SEC);
	identify__command_lines(recording->process, recording->process_count, NS_PER_SEC);
	for (size_t i = 0; i < recording->process_count; i++) {
		const struct process_row *row = &recording->process[i];
		const char *fields[] = { row->runtime, row->runtime_version, row->module, row->linkage, row->allocator, row->package, row->command_line, row->vm_id, row->vm_name };

		for (size_t f = 0; f < ARRAY_SIZE(fields); f++)
			check(fields[f]);
	}
	recording__free(recording);
}

static void name_stacks(void)
{
	static const uint64_t addresses[STACKS][3] = { { 0x401000, 0x402000, 0x7f0000001000 }, { 0x401000, 0x7fff00001000, 1 }, { 0x7f0000002000, 0x401004, UINT64_MAX } };
	struct user_stacks *stacks = user_stacks__new();

	for (int i = 0; i < STACKS; i++)
		user_stacks__add(stacks, (uint32_t)(NOT_A_PID + i % 2), 0, addresses[i], 3, i == 2);
	user_stacks__resolve(stacks);
	for (int i = 0; i < STACKS; i++) {
		cleanup_free char *text = base__copy(user_stacks__text(stacks, i));
		char *rest = text;

		assert(text);
		while (rest)
			check(strsep(&rest, "\n"));
	}
	user_stacks__free(stacks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	at = data;
	end = data + size;
	if (take() & 1)
		name_stacks();
	else
		name_processes();
	return 0;
}
