"""What developers and their servers do all day: compile, pack, compress, hash."""
from .load import Load

# Like a kernel's tree in what a build does: many small units that share headers, one process each, then one link.
C_TREE = """set -e; mkdir -p src
{ for n in $(seq 400); do echo "struct item_$n { long value[$((n % 7 + 1))]; struct item_$n *next; };"; done; } >src/items.h
for n in $(seq 300); do
	{ echo '#include <stdio.h>'; echo '#include <string.h>'; echo '#include "items.h"'
	for f in $(seq 20); do echo "long unit_${n}_$f(struct item_$f *item, long k) { long sum = 0;
	for (long i = 0; i < k; i++) { sum += i * item->value[0] + strlen(\\"unit\\"); item = item->next ? item->next : item; } return sum; }"; done; } >src/unit_$n.c
done
printf 'SRC := $(wildcard src/*.c)\\nall.o: $(SRC:.c=.o)\\n\\tld -r -o $@ $^\\n%%.o: %%.c src/items.h\\n\\t$(CC) -O2 -c -o $@ $<\\n' >Makefile"""
FILES = """set -e; mkdir -p tree; for n in $(seq 200); do head -c 200000 /dev/urandom | base64 >tree/file_$n; done"""
CROWD = ("cpu.oversubscription", "cpu.churn")

LOADS = [
    Load(name="make -j4", needs=(("gcc", "gcc"), ("make", "make")), prepare=C_TREE,
         command="while make -s -j4 all.o; do rm -f src/*.o all.o; done", expect=CROWD + ("cpu.", "memory.churn"),
         manual="four compilers at a time, each of which lives for a moment"),
    Load(name="tar", needs=(("tar", "tar"),), prepare=FILES, command="while tar cf all.tar tree && sync all.tar && rm -rf out && mkdir out && tar xf all.tar -C out; do :; done",
         expect=(), manual="packs and unpacks 200 files"),
    Load(name="xz -T4", needs=(("xz", "xz-utils"),), prepare="head -c 60000000 /dev/urandom | base64 >data",
         command="while xz -T4 -k -f -6 --block-size=1MiB data; do :; done", expect=("cpu.",), manual="four threads compress"),
    Load(name="gzip pipeline", needs=(("gzip", "gzip"),), prepare=FILES, command="while tar cf - tree | gzip -1 | gzip -d | sha256sum; do :; done",
         expect=("cpu.",), manual="four programs at a pipeline"),
    Load(name="find and grep", needs=(("find", "findutils"), ("xargs", "findutils")),
         command="while find /usr/lib /usr/share -type f -print0 | xargs -0 -P 4 -n 200 grep -l whystall >/dev/null; :; do :; done",
         expect=(), manual="four programs read files that may be in memory"),
]
