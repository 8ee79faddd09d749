#include "command/redaction.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/base.h"
#include "redact/redact.h"

#define KEY_LEAST 16            // bytes: less can be guessed, and with it what the aliases stand for
#define KEY_MOST 4096

int redaction__read(const struct arguments *arguments, struct redaction_request *ret)
{
	const char *file = arguments__value(arguments, "redact-key");
	*ret = (struct redaction_request){ .wanted = file || arguments__has(arguments, "redact") };
	if (!file)
		return 0;
	bool input = !strcmp(file, "-");
	cleanup_fd int fd = input ? dup(STDIN_FILENO) : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *key = NULL;
	ssize_t length = fd < 0 ? -errno : base__read_open(fd, KEY_MOST + 1, &key);
	while (length > 0 && (key[length - 1] == '\n' || key[length - 1] == '\r'))
		length--;
	if (length >= KEY_LEAST && length <= KEY_MOST) {
		ret->key = key;
		ret->length = (size_t)length;
		return 0;
	}
	const char *where = input ? "the standard input" : file;
	if (length < 0)
		say__error("cannot read the key for --redact-key from %s: %s", where, strerror((int)-length));
	else
		say__error("the key for --redact-key in %s has %s bytes: give %d to %d, such as 'head -c 32 /dev/urandom' makes", where,
			   length > KEY_MOST ? "too many" : "too few", KEY_LEAST, KEY_MOST);
	if (key)
		explicit_bzero(key, length > 0 ? (size_t)length : 0);
	free(key);
	return -EINVAL;
}

void redaction__apply(const struct redaction_request *request, struct recording *recording)
{
	struct redact_key key = { request->key, request->length };
	if (request->wanted)
		redact__recording(recording, request->key ? &key : NULL);
}

void redaction__forget(struct redaction_request *request)
{
	if (request->key)
		explicit_bzero(request->key, request->length);
	free(request->key);
	*request = (struct redaction_request){ 0 };
}
