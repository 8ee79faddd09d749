// What the end of a window could not read of strangers' files and memory.
#ifndef WHYSTALL_COMMAND_UNREAD_H
#define WHYSTALL_COMMAND_UNREAD_H

struct recording;
// One sentence on stderr with the counts; nothing where all was read.
void unread__warn(const struct recording *recording);

#endif
