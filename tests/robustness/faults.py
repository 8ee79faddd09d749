"""Runs a command again and again; in each run one call of one kind fails, the n-th: what faults.test and its like share.

A `Point` is such a call. `Scene.points` asks a run without failures how many calls there are; `Scene.run` lets one fail and collects the
problems: what every scene must keep is here (`common_problems`), the rest is the scene's `judge`.
"""
import collections
import concurrent.futures
import errno
import os
import random
import re
import signal
import struct
import subprocess
import tempfile
import time

import harness

KINDS = ["memory", "open", "read", "write", "sync", "name", "fork", "pipe", "map", "message", "thread", "load", "maps", "attach", "perf", "descriptor",
         "close", "other"]
PROCESSES = ["main", "child"]
COUNTS = struct.Struct(f"={2 * len(KINDS) + 1}Q2048sQ")
NOTES_MOST = 1 << 15
COUNTS_BYTES = 1 << 20
REASONS = {"memory": errno.ENOMEM, "open": errno.EMFILE, "read": errno.EIO, "write": errno.ENOSPC, "sync": errno.EIO, "name": errno.EIO,
           "fork": errno.ENOMEM, "pipe": errno.EMFILE, "map": errno.ENOMEM, "message": errno.ENOBUFS, "thread": errno.EAGAIN, "load": errno.ENOMEM,
           "maps": errno.ENOMEM, "attach": errno.ENOMEM, "perf": errno.EMFILE, "descriptor": errno.EMFILE, "close": errno.EIO, "other": errno.ENOMEM}
PATIENCE_SECONDS = 90       # a run that takes longer hangs
FAREWELL_SECONDS = 5        # its helpers end soon after it

Point = collections.namedtuple("Point", "kind process number")
Done = collections.namedtuple("Done", "point status out err hit calls firsts left place notes")


def build_library(directory):
    path = os.path.join(directory, "fault_library.so")
    source = os.path.join(harness.ROOT, "tests", "robustness", "fault_library.c")
    subprocess.run([os.environ.get("CC", "gcc"), "-std=gnu11", "-Wall", "-O1", "-g", "-fPIC", "-shared", "-D_GNU_SOURCE", "-U_FORTIFY_SOURCE",
                    "-o", path, source, "-ldl", "-lpthread"], check=True)
    return path


def name_of(point):
    return f"{point.kind} {point.number} of {point.process} ({errno.errorcode[REASONS[point.kind]]})"


def processes_with(mark):
    """Pids of all whose environment holds `mark`: those that have a session of their own as well."""
    pids = []
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                if name.isdigit() and mark.encode() in file.read():
                    pids.append(int(name))
        except OSError:
            pass
    return pids


def callers(text):
    """Who made the call that failed: functions of the program and names of libraries, innermost first."""
    names = []
    for line in text.split(b"\0")[0].decode(errors="replace").splitlines():
        file, _, offset = line.lstrip("/").rpartition("+")
        if file in ("whystall", "fault_helper"):
            path = harness.WHYSTALL if file == "whystall" else os.path.join(harness.ROOT, "build", "tests", file)
            found = subprocess.run(["addr2line", "-f", "-i", "-e", path, offset], capture_output=True, text=True).stdout.splitlines()[::2]
            names += found
        elif names[-1:] != [file]:
            names.append(file)
    return " < ".join(names[:9])


def run_one(library, command, point, directory, by_site=False):
    """Done: exit status (None: it hung), stdout, stderr, whether the call was reached, calls by (process, kind), processes left behind."""
    with tempfile.NamedTemporaryFile(dir=directory, prefix="counts.") as counts, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        counts.truncate(COUNTS_BYTES)
        environment = {**os.environ, "LD_PRELOAD": library, "WHYSTALL_FAULT_COUNTS": counts.name, "NO_COLOR": "1",
                       "WHYSTALL_FAULT": f"{point.kind}:{point.process}:{point.number}:{REASONS[point.kind]}" if point else "none:main:0:0"}
        environment.update({"WHYSTALL_FAULT_SITES": "1"} if by_site else {})
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment, start_new_session=True)
        try:
            status = process.wait(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            status = None
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        end = time.monotonic() + FAREWELL_SECONDS
        left = processes_with(counts.name)
        while left and time.monotonic() < end:
            time.sleep(0.02)
            left = processes_with(counts.name)
        names = [f"{pid} {harness.read(f'/proc/{pid}/comm').strip()}" for pid in left]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        counts.seek(0)
        numbers = COUNTS.unpack(counts.read(COUNTS.size))
        noted = min(numbers[-1], NOTES_MOST)
        notes = struct.unpack(f"={noted}Q", counts.read(8 * noted))
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    calls = {(process, kind): numbers[i * len(KINDS) + j] for i, process in enumerate(PROCESSES) for j, kind in enumerate(KINDS)}
    firsts = [Point(KINDS[note & 255], PROCESSES[note >> 8 & 255], note >> 16) for note in notes]
    return Done(point, status, *texts, numbers[-3] > 0, calls, firsts, names, callers(numbers[-2]), [])


def common_problems(done):
    """What holds for all: no crash, no hang, nobody left behind, each line on stderr one sentence of ours; refused: one sentence that says so."""
    problems = []
    if done.status is None:
        problems.append(f"it hung for {PATIENCE_SECONDS} s")
    elif done.status < 0:
        problems.append(f"it died of signal {-done.status}")
    if done.left:
        problems.append(f"processes left behind: {done.left}")
    lines = done.err.splitlines()
    if not all(re.fullmatch(r"whystall: .{10,}", line) for line in lines):
        problems.append(f"not a sentence on stderr: {done.err[:300]!r}")
    errors = [line for line in lines if not line.startswith("whystall: warning:")]
    if done.status not in (0, None) and len(errors) != 1:
        problems.append(f"status {done.status} with {len(errors)} sentences: {done.err[:300]!r}")
    if done.status == 0 and errors:
        problems.append(f"status 0 with an error: {done.err[:300]!r}")
    if re.search(r"Success|\(null\)", done.err):
        problems.append(f"no reason in {done.err[:300]!r}")
    return problems


class Scene:
    """`command(place)`: the words to run in the directory `place`, which `prepare(place)` has filled; `judge(place, done, usual)`: sentences,
    `usual` being the run in which nothing failed."""

    def __init__(self, name, library, command, judge, prepare=lambda place: None, statuses=(0,)):
        self.name, self.library, self.command, self.judge, self.prepare, self.statuses = name, library, command, judge, prepare, statuses
        self.usual = None

    def run(self, directory, point, by_site=False):
        """(Done, problems)"""
        with tempfile.TemporaryDirectory(dir=directory, prefix="place.") as place:
            self.prepare(place)
            done = run_one(self.library, self.command(place), point, directory, by_site)
            problems = common_problems(done)
            if done.status is not None and done.status >= 0 and done.status not in self.statuses:
                problems.append(f"status {done.status}: {done.err[:300]!r}")
            return done, problems + self.judge(place, done, self.usual)

    def points(self, directory, few, limits, dice, all_points=False):
        """Kinds with at most `few` calls: all; of the others as many as limits[kind] says (default 10), at random out of equal parts. `all_points`:
        the first call from each place."""
        self.usual, problems = None, []
        done, problems = self.run(directory, None, by_site=all_points)
        if problems:
            raise RuntimeError(f"{self.name}: without any failure: {problems}")
        self.usual, points = done, []
        if all_points:
            return done.firsts
        for (process, kind), calls in done.calls.items():
            wanted = calls if calls <= few else min(calls, limits.get(kind, 10))
            for part in range(wanted):
                points.append(Point(kind, process, dice.randint(part * calls // wanted + 1, (part + 1) * calls // wanted)))
        return points

    def sweep(self, directory, points, workers=2, verbose=False):
        """(points that were reached, problems)"""
        reached, problems = 0, []
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            for point, (done, found) in zip(points, pool.map(lambda point: self.run(directory, point), points)):
                reached += done.hit
                problems += [f"{self.name}: {name_of(point)}: {problem}; {done.place}" for problem in found]
                if verbose:
                    print(f"# {name_of(point)}: {'' if done.hit else 'NOT REACHED '}status {done.status} {done.err.strip()!r} {done.notes or ''} {done.place}", flush=True)
        return reached, problems


def seed():
    number = int(os.environ.get("SEED", time.time_ns() % 100000))
    print(f"# SEED={number}")
    return random.Random(number)
