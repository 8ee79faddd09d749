"""One load of the survey as data, and one that runs.

A load runs in a directory, a session and a cgroup of its own, so that all of it can be found, measured and ended. The cgroup
of the memory controller has a limit of half the machine's memory: a load that grows without end must not make the kernel kill
others' programs.
"""
import dataclasses
import os
import shutil
import signal
import subprocess
import tempfile
import time

import harness

PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs")
READY_SECONDS = 20
PREPARE_SECONDS = 120
STOP_SECONDS = 8
MEMORY_SHARE = 0.5      # of the machine's memory, for a load at most
KEPT_BYTES = 400        # of what a load said, where it could not run


@dataclasses.dataclass(frozen=True)
class Load:
    """The commands are shell text and run in the load's directory, with $PROGRAMS and $CPUS set. `command` runs until it is
    killed. `expect`: beginnings of the causes that the program's own manual leads us to expect, () where it states none;
    `manual`: what it states, in our words. `needs`: programs and the Debian packages that have them."""
    name: str
    command: str
    needs: tuple = ()
    prepare: str = ""       # runs before, to its end
    server: str = ""        # runs beside the command, started before it
    ready: str = ""         # succeeds once the server, or the command, does what it is here for
    expect: tuple = ()
    manual: str = ""
    settle: float = 0.7
    limit: str = ""         # CPUs (a number) that a quota leaves it, "" for none


class CannotRun(Exception):
    """The reason why a load cannot run here."""


def missing(load):
    """Which of the load's programs are not here, as a sentence; "" if all are."""
    absent = [f"{program} (package {package})" for program, package in load.needs
              if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/usr/lib/postgresql/bin")]
    return "not installed: " + ", ".join(absent) if absent else ""


def memory_bytes():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


class Running:
    """`with Running(load) as running: …` runs while the load does; CannotRun if it does not. `cpu_seconds` is what it has used."""

    def __init__(self, load, keep_log=None):
        self.load, self.keep_log = load, keep_log
        self.groups, self.processes, self.log = [], [], None

    def __enter__(self):
        lacking = missing(self.load)
        if lacking:
            raise CannotRun(lacking)
        self.directory = tempfile.mkdtemp(prefix="whystall-survey.", dir=os.environ.get("SURVEY_DIRECTORY", "/var/tmp"))
        os.chmod(self.directory, 0o777)
        self.environment = {**os.environ, "PROGRAMS": PROGRAMS, "CPUS": str(os.cpu_count()), "HOME": self.directory,
                            "PATH": os.environ["PATH"] + ":/usr/sbin"}
        try:
            self.log = open(os.path.join(self.directory, "survey.log"), "w+b")
            self.make_groups()
            self.begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def make_groups(self):
        name = f"whystall-survey-{os.getpid()}"
        groups = [harness.Group.memory(name, int(memory_bytes() * MEMORY_SHARE)), harness.Group.nested(name, 1)]
        self.groups = [group for group in groups if group]

    def start(self, text):
        """Starts shell text inside the cgroups, in a session of its own."""
        command = ["sh", "-c", text]
        for group in self.groups:
            command = group.enter(command)
        process = subprocess.Popen(command, start_new_session=True, cwd=self.directory, env=self.environment,
                                   stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.processes.append(process)
        return process

    def begin(self):
        load = self.load
        if load.prepare:
            process = self.start(load.prepare)
            try:
                status = process.wait(PREPARE_SECONDS)
            except subprocess.TimeoutExpired:
                status = "none in time"
            if status != 0:
                raise CannotRun(f"its preparation ended with status {status}: {self.said()}")
        if load.server:
            server = self.start(load.server)
            self.await_ready()
        command = self.start(load.command)
        if load.ready and not load.server:
            self.await_ready()
        time.sleep(load.settle)
        if command.poll() is not None or (load.server and server.poll() is not None):
            raise CannotRun(f"it ended by itself: {self.said()}")
        self.command = command

    def await_ready(self):
        end = time.monotonic() + READY_SECONDS
        while subprocess.run(["sh", "-c", self.load.ready], cwd=self.directory, env=self.environment, stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
            if time.monotonic() > end:
                raise CannotRun(f"it was not ready in {READY_SECONDS} s: {self.said()}")
            time.sleep(0.1)

    def said(self):
        """The last line that the load wrote."""
        self.log.flush()
        text = harness.read(self.log.name).strip()[-KEPT_BYTES:]
        return text.splitlines()[-1] if text else "it said nothing"

    @property
    def runs(self):
        return self.command.poll() is None

    def cpu_seconds(self):
        """What all its processes have used since it began, dead ones too; None where no cgroup counts it."""
        for group in self.groups:
            for line in harness.read(f"{group.directory}/cpu.stat").splitlines():
                if line.startswith("usage_usec "):
                    return int(line.split()[1]) / 1e6
        return None

    def members(self):
        """Pids of all that belongs to it."""
        pids = set()
        for group in self.groups:
            pids.update(int(pid) for pid in harness.read(f"{group.directory}/cgroup.procs").split())
        for process in self.processes:
            pids.update(harness.session_members(process.pid))
        return pids

    def signal(self, number):
        for pid in self.members():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def __exit__(self, *_):
        for group in self.groups:
            if os.path.exists(f"{group.directory}/cgroup.kill"):
                group.write("cgroup.kill", "1")
        end = time.monotonic() + STOP_SECONDS
        while self.members() and time.monotonic() < end:
            self.signal(signal.SIGKILL)
            time.sleep(0.05)
        for process in self.processes:
            process.wait()
        for group in self.groups:
            group.remove()
        if self.keep_log:
            shutil.copy(self.log.name, self.keep_log)
        if self.log:
            self.log.close()
        # Mounts and immutable files that a killed load leaves would keep the directory.
        for line in reversed(harness.read("/proc/self/mounts").splitlines()):
            if line.split()[1].startswith(self.directory + "/"):
                subprocess.run(["umount", "-l", line.split()[1]], check=False)
        subprocess.run(["rm", "-rf", self.directory], check=False, stderr=subprocess.DEVNULL)
