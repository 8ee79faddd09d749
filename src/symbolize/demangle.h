// Names as their programmers wrote them: C++ (Itanium ABI), Rust (legacy and v0).
#ifndef WHYSTALL_SYMBOLIZE_DEMANGLE_H
#define WHYSTALL_SYMBOLIZE_DEMANGLE_H

#define DEMANGLED_LIMIT 400             // bytes; a longer name is cut and ends in "..."

// Without parameters and hashes: "std::vector<int>::push_back", "alloc::vec::Vec<T>::push". A name that is not mangled is
// copied. `symbol` may carry a version ("memcpy@@GLIBC_2.14"), which is left out. Never NULL; owned by the caller.
char *demangle(const char *symbol);

#endif
