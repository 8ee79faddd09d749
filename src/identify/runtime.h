// In which language a program was written, or which interpreter it is.
#ifndef WHYSTALL_IDENTIFY_RUNTIME_H
#define WHYSTALL_IDENTIFY_RUNTIME_H

#include "identify/object.h"

// "go", "rust", "jvm", "node", "python", "c++", "c" or "unknown", of an executable read deep.
const char *runtime__of(const struct object *object);

// Version of a Python interpreter in the file behind `fd`, an executable or libpython: from `Py_Version` (3.11 and later) or
// from its text. `name`: the file's name, which tells the minor version ("python3.9", "libpython3.9.so.1.0"). Owned; NULL: not
// found.
char *runtime__python_version(int fd, const char *name);
// Version of Node in an executable or libnode: from the address of its headers, which it tells to those who build modules.
char *runtime__node_version(int fd);
// The value of JAVA_VERSION in the text of a `release` file; owned, NULL: not there.
char *runtime__java_version(const char *release);

#endif
