"""What the tests that run whystall on this machine share: a recording window, loads, the kernel's files, TAP.

The window is exact at both ends: `Window` returns when the recorder says that its books are open (it starts a command then)
and ends it with SIGTERM, which the recorder obeys at once. So a load that starts and stops inside lies wholly in the books.
"""
import contextlib
import json
import os
import re
import select
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WHYSTALL = os.environ.get("WHYSTALL", os.path.join(ROOT, "build", "whystall"))
CPUS = os.cpu_count()
START_SECONDS = 60          # on a machine under load the verifier takes its time


class Tap:
    """Counts and prints results. A test that never called it fails in tests/run."""

    def __init__(self):
        self.number, self.failed = 0, 0

    def check(self, name, problems):
        """`problems`: sentences, empty when all is well; or a bool."""
        if isinstance(problems, bool):
            problems = [] if problems else ["it does not hold"]
        self.number += 1
        self.failed += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {self.number} - {name}", flush=True)
        for problem in problems:
            for line in str(problem).splitlines():
                print(f"#   {line}", flush=True)

    def skip(self, name, why):
        self.number += 1
        print(f"ok {self.number} - {name} # SKIP {why}", flush=True)

    def attempt(self, name, function, *arguments):
        """Like check, with what `function` returns; an exception is a failure with its text."""
        try:
            self.check(name, function(*arguments))
        except Exception as error:      # a test that broke has not passed
            self.check(name, [f"{type(error).__name__}: {error}"])

    def end(self):
        """Prints the plan; the exit status."""
        print(f"1..{self.number}")
        return 1 if self.failed or not self.number else 0


def read(path):
    """Contents of a file, "" if it cannot be read."""
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def pressure_us(resource="cpu"):
    """total= of `some`, in microseconds. Reading it makes the kernel fold its counters: read it rarely."""
    return int(re.search(r"some .*total=(\d+)", read(f"/proc/pressure/{resource}")).group(1))


def context_switches():
    return int(re.search(r"^ctxt (\d+)", read("/proc/stat"), re.M).group(1))


def stat_fields(pid):
    """Fields of /proc/PID/stat from the third on (state, ppid, pgrp, session, …); [] if it is gone."""
    text = read(f"/proc/{pid}/stat")
    return text[text.rindex(")") + 2:].split() if text else []


def session_members(session):
    """Pids of all processes of a session."""
    pids = []
    for name in os.listdir("/proc"):
        fields = stat_fields(name) if name.isdigit() else []
        if len(fields) > 3 and int(fields[3]) == session and fields[0] != "Z":
            pids.append(int(name))
    return pids


def cannot_record():
    """Why nothing can be recorded here, or None."""
    if os.geteuid() != 0:
        return "recording needs root"
    if not os.access(WHYSTALL, os.X_OK):
        return None         # a missing program is a failure, not a reason to skip
    if not os.path.exists("/proc/pressure/cpu"):
        return "this kernel has no pressure files"
    return None


class Load:
    """A command line in a session of its own; `stop` leaves nothing of it."""

    def __init__(self, command, directory=None):
        self.directory = tempfile.mkdtemp(prefix="whystall-load.") if directory is None else directory
        self.process = subprocess.Popen(command, start_new_session=True, cwd=self.directory, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.session = self.process.pid

    def members(self):
        return session_members(self.session)

    def signal(self, number):
        for pid in self.members():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def stop(self, patience_seconds=3):
        """False if it had ended by itself."""
        alive = self.process.poll() is None
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        end = time.monotonic() + patience_seconds
        while time.monotonic() < end and (self.process.poll() is None or self.members()):
            time.sleep(0.02)
        for _ in range(100):
            if not self.members():
                break
            self.signal(signal.SIGKILL)
            time.sleep(0.02)
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
        return alive


class Group:
    """A cgroup for a test: `Group.limited` has a CPU quota (v1 or v2, whichever has the cpu controller here), `Group.nested` is
    a chain of v2 groups below each other. `enter` gives the words that start a command inside; `remove` removes it all."""

    def __init__(self, mount, path, levels):
        self.mount, self.path, self.directories = mount, path, [mount + level for level in levels]
        for directory in self.directories:
            os.makedirs(directory, exist_ok=True)
        self.directory = self.directories[-1]

    @classmethod
    def limited(cls, name, cpus):
        mount = cls.mount_of("cpu")
        if not mount:
            return None
        group = cls(mount, f"/{name}", [f"/{name}"])
        if os.path.exists(f"{group.directory}/cpu.cfs_quota_us"):
            group.write("cpu.cfs_period_us", "100000")
            group.write("cpu.cfs_quota_us", str(int(cpus * 100000)))
        else:
            group.write("cpu.max", f"{int(cpus * 100000)} 100000")
        return group

    @classmethod
    def memory(cls, name, limit):
        """A cgroup with a memory limit in bytes; None where no hierarchy has the controller."""
        mount = cls.mount_of("memory")
        if not mount:
            return None
        group = cls(mount, f"/{name}", [f"/{name}"])
        old = os.path.exists(f"{group.directory}/memory.limit_in_bytes")
        group.write("memory.limit_in_bytes" if old else "memory.max", str(limit))
        return group

    @classmethod
    def nested(cls, name, depth):
        mount = cls.mount_of(None)
        if not mount:
            return None
        levels = ["/" + "/".join([name] + [f"level{level}" for level in range(2, until + 1)]) for until in range(1, depth + 1)]
        return cls(mount, levels[-1], levels)

    @staticmethod
    def mount_of(controller):
        """Where a controller is mounted; None as controller: the v2 hierarchy."""
        for line in read("/proc/self/mounts").splitlines():
            _, mount, kind, options = line.split()[:4]
            if kind == "cgroup2" and (controller is None or controller in read(f"{mount}/cgroup.controllers").split()):
                if controller:
                    with open(f"{mount}/cgroup.subtree_control", "w") as file:
                        file.write(f"+{controller}")
                return mount
            if kind == "cgroup" and controller in options.split(","):
                return mount
        return None

    def write(self, name, text):
        with open(f"{self.directory}/{name}", "w") as file:
            file.write(text)

    def enter(self, command):
        return ["sh", "-c", f"echo $$ > {self.directory}/cgroup.procs && exec \"$@\"", "sh", *command]

    def throttled_ns(self):
        text = read(f"{self.directory}/cpu.stat")
        old, new = re.search(r"throttled_time (\d+)", text), re.search(r"throttled_usec (\d+)", text)
        return int(old.group(1)) if old else int(new.group(1)) * 1000

    def remove(self):
        for directory in reversed(self.directories):
            for _ in range(100):
                try:
                    os.rmdir(directory)
                    break
                except FileNotFoundError:
                    break
                except OSError:         # its last process is not quite gone yet
                    time.sleep(0.02)


class Window:
    """A recording under way: `with Window(path) as window: …`; after it, window.report() and window.rows(sql)."""

    def __init__(self, path, options=(), program=(), environment=None):
        self.path = path
        here, there = os.pipe()
        command = list(program) + [WHYSTALL, "record", "-q", "-o", path, *options, "--", "sh", "-c", f"echo go >/proc/self/fd/{there}; exec sleep 600"]
        self.started = time.monotonic()
        self.process = subprocess.Popen(command, pass_fds=(there,), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, start_new_session=True,
                                        env={**os.environ, **(environment or {})})
        os.close(there)
        ready, _, _ = select.select([here], [], [], START_SECONDS)
        opened = bool(ready) and os.read(here, 3) == b"go\n"
        self.opened = time.monotonic()
        os.close(here)
        if not opened:
            self.process.kill()
            raise RuntimeError(f"the recorder did not start: {self.process.communicate()[1].strip()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends the window at once; the recorder's exit status is in self.status, its words in self.errors."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.ended = time.monotonic()
        try:
            self.errors = self.process.communicate(timeout=60)[1]
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.errors = self.process.communicate()[1] + "killed: it did not end within 60 s"
        self.status = self.process.returncode

    def report(self):
        if self.status != 0:
            raise RuntimeError(f"the recorder ended with status {self.status}: {self.errors.strip()}")
        return report_of(self.path)

    def rows(self, query):
        return rows_of(self.path, query)

    def meta(self, key):
        return dict(self.rows("SELECT key, value FROM meta")).get(key)


def window_begun(pid):
    """Of a recorder: it drops its privileges just before."""
    return "NoNewPrivs:\t1" in read(f"/proc/{pid}/status")


def wait_for_window(pid):
    end = time.monotonic() + START_SECONDS
    while not window_begun(pid) and time.monotonic() < end:
        time.sleep(0.02)


def report_of(path):
    done = subprocess.run([WHYSTALL, "report", path, "--format", "json"], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"report ended with status {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def text_of(path):
    """The text report as one line."""
    done = subprocess.run([WHYSTALL, "report", path], capture_output=True, text=True)
    return " ".join(done.stdout.split())


def rows_of(path, query):
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return database.execute(query).fetchall()


def cpu_some(report):
    """The report's row of the whole system's CPU pressure, or None."""
    for row in report["pressure"]:
        if (row["resource"], row["kind"], row["scope"]) == ("cpu", "some", "system"):
            return row
    return None


def stay_on_time():
    """Our own clock readings must not wait behind the load: the lowest realtime class, which children do not inherit."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(2))
    except OSError:
        pass
