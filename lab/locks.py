"""Measures waits on kernel locks by the kernel's own tracepoints, in a tracing instance of its own, without whystall.

`with Watch() as watch: time.sleep(1.3)`, then `watch.waits()`. Needs root and tracefs; lock:contention_* is there since
5.19. The buffer is bounded: where it fills, the window ends at that moment.
"""
import os
import re
import subprocess
import time

TRACEFS = "/sys/kernel/tracing"
BUFFER_KIB = 4096               # of each CPU: some 100,000 events
CONTENTION = ("lock/contention_begin", "lock/contention_end")
MEMORY = ("raw_syscalls/sys_enter", "raw_syscalls/sys_exit", "mmap_lock/mmap_lock_acquire_returned", "mmap_lock/mmap_lock_released")
LINE = re.compile(r"-(\d+)\s+\[\d+\] \S+\s+(\d+\.\d+): (\w+): (.*)")
MM_BYTES = 2048                 # mmap_lock is the only rwsem within so many bytes of an mm_struct's beginning
SLEEPING = {"READ", "WRITE", "PERCPU|READ", "PERCPU|WRITE", "MUTEX", "SPIN|MUTEX", "RT", "RT|READ", "RT|WRITE"}
# Numbers of the system calls that truths name as operations on an address space.
NUMBERS = {"x86_64": {"read": 0, "mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12, "madvise": 28},
           "aarch64": {"read": 63, "mmap": 222, "mprotect": 226, "munmap": 215, "brk": 214, "madvise": 233}}


def available():
    """Whether this kernel has the tracepoints of lock contention. Mounts tracefs where nothing has done so yet."""
    if os.geteuid() == 0 and os.path.isdir(TRACEFS) and not os.listdir(TRACEFS):
        subprocess.run(["mount", "-t", "tracefs", "tracefs", TRACEFS], check=False, capture_output=True)
    return os.access(f"{TRACEFS}/events/{CONTENTION[0]}/enable", os.W_OK)


def remove_stale():
    """Removes instances whose process was killed before it could."""
    for name in os.listdir(f"{TRACEFS}/instances"):
        prefix, _, pid = name.rpartition("-")
        if prefix == "whystall-lab" and not os.path.exists(f"/proc/{pid}"):
            os.rmdir(f"{TRACEFS}/instances/{name}")


class Watch:
    """Traces `events` of the whole machine until the block ends; of system calls only those of these numbers."""

    def __init__(self, events=CONTENTION, calls=()):
        self.calls = calls
        self.events = [event for event in events if os.path.exists(f"{TRACEFS}/events/{event}")]
        self.home = f"{TRACEFS}/instances/whystall-lab-{os.getpid()}"

    def write(self, file, text):
        with open(f"{self.home}/{file}", "w") as out:
            out.write(text)

    def __enter__(self):
        remove_stale()
        os.mkdir(self.home)
        self.write("buffer_size_kb", str(BUFFER_KIB))
        self.write("trace_clock", "mono")
        for option, value in (("overwrite", "0"), ("hash-ptr", "0")):
            if os.path.exists(f"{self.home}/options/{option}"):
                self.write(f"options/{option}", value)
        for event in self.events:
            if event.startswith("raw_syscalls/"):
                self.write(f"events/{event}/filter", " || ".join(f"id == {call}" for call in self.calls) or "id < 0")
            self.write(f"events/{event}/enable", "1")
        self.start = time.monotonic()
        return self

    def __exit__(self, *_):
        self.end = time.monotonic()
        try:
            self.write("tracing_on", "0")
            for event in self.events:
                self.write(f"events/{event}/enable", "0")
            with open(f"{self.home}/trace", errors="replace") as trace:
                lines = (LINE.search(line) for line in trace)
                self.lines = [(int(m[1]), float(m[2]), m[3], m[4]) for m in lines if m]
            self.dropped = self.lost()
            if self.dropped:
                self.end = max(line[1] for line in self.lines)
        finally:
            os.rmdir(self.home)

    def lost(self):
        """Events that found the buffer full."""
        found = 0
        for cpu in os.listdir(f"{self.home}/per_cpu"):
            with open(f"{self.home}/per_cpu/{cpu}/stats") as stats:
                found += int(re.search(r"dropped events: (\d+)", stats.read())[1])
        return found

    @property
    def seconds(self):
        return self.end - self.start

    def waits(self):
        """Waits as (tid, lock address, flags, seconds): also those that were open at the end, and those of sleepers that
        were open at the start."""
        kinds, began, found, ended, seen = {}, {}, [], [], set()
        for tid, stamp, event, text in self.lines:
            address, _, rest = text.partition(" ")
            address = int(address, 16)
            if event == "contention_begin":
                kinds[address] = rest[rest.index("=") + 1:-1]
                # A mutex says more than once that it waits: spinning first, then asleep.
                began.setdefault((tid, address), (stamp, kinds[address]))
            elif (tid, address) in began:
                since, flags = began.pop((tid, address))
                found.append((tid, address, flags, stamp - since))
            elif tid not in seen:
                ended.append((tid, address, stamp - self.start))
            seen.add(tid)
        found += [(tid, address, flags, self.end - since) for (tid, address), (since, flags) in began.items()]
        return found + [(tid, address, kinds[address], seconds) for tid, address, seconds in ended
                        if kinds.get(address) in SLEEPING]

    def holds(self):
        """Of mmap_lock and system call events: holds as (mm address, tid, number of the system call or None, seconds). None:
        none of the traced calls, or a page fault. They end at the release, also that of a lock which was downgraded to
        reading."""
        calls, held, found = {}, {}, []
        for tid, stamp, event, text in self.lines:
            if event == "sys_enter":
                calls[tid] = int(text.split()[1])
            elif event == "sys_exit":
                calls[tid] = None
            elif event == "mmap_lock_acquire_returned" and "success=true" in text:
                held[tid, mm_of(text)] = stamp, calls.get(tid)
            elif event == "mmap_lock_released" and (tid, mm_of(text)) in held:
                since, call = held.pop((tid, mm_of(text)))
                found.append((mm_of(text), tid, call, stamp - since))
        return found


def call_numbers(truth):
    """Numbers of the system calls in which the culprits of a truth hold an mmap_lock."""
    numbers = NUMBERS[os.uname().machine]
    operations = {operation for party in truth["culprits"] for operation in party.get("operation", "").split("|")}
    return sorted(numbers[operation] for operation in operations & set(numbers))


def mm_of(text):
    return int(re.search(r"mm=(\w+)", text)[1], 16)


def figures(contention, memory, members):
    """Figures per second from two watches, one of CONTENTION and one of MEMORY, for the tasks of members, {tid: pid}:
    "memlock PID"   seconds that the tasks of a process waited for mmap_locks
    "lock PID"      for other locks that sleep, and "lockwaits PID": how often
    "held PID"      of the time that anybody held the mmap_locks which the members waited for, the part of this process in the
                    traced system calls."""
    result = {f"{figure} {pid}": 0.0 for pid in members.values() for figure in ("memlock", "lock", "lockwaits", "held")}
    holds, fought_for = memory.holds(), set()
    for tid, address, flags, seconds in contention.waits():
        if tid not in members or flags not in SLEEPING:
            continue
        mm = next((mm for mm, *_ in holds if 0 <= address - mm < MM_BYTES), None)
        if mm is None:
            result[f"lockwaits {members[tid]}"] += 1 / contention.seconds
        else:
            fought_for.add(mm)
        result[f"{'lock' if mm is None else 'memlock'} {members[tid]}"] += seconds / contention.seconds
    holds = [hold for hold in holds if hold[0] in fought_for]
    total = sum(seconds for *_, seconds in holds)
    for _, tid, call, seconds in holds:
        if tid in members and call is not None:
            result[f"held {members[tid]}"] += seconds / total
    return result
