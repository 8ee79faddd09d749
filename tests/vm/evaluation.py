"""Runs scenarios in virtual machines for tests/evaluate: several in each boot, recordings and truths come back.

What the guest does is in guest-evaluate; which scenarios there are, and on which machine, in scenarios.py.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile
import threading
import time

import matrix
import hostwatch
import monitor
import scenarios

BUILD = matrix.BUILD
RESULTS = BUILD / "evaluate"
TOOL = BUILD / "whystall"   # as it was when the evaluation began: who builds it anew meanwhile does no harm
MOST_IN_BOOT = 8            # a guest that is lost takes all of its recordings with it
BOOT_SECONDS, SCENARIO_SECONDS = 120, 150       # limits, not expectations: 10 and 20 to 35 s alone on this machine
PAUSE_AFTER_SECONDS = 0.5
LOOK_SECONDS = 0.02         # at the console, and at who has the host's CPU


class Console:
    """What a guest says on its console. One that is booted again, for a fault of the emulator, begins anew."""

    def __init__(self):
        self.read = ""

    def new(self, text):
        """The complete lines of all that was said that have not been read."""
        if not text.startswith(self.read):
            self.read = ""
        more = text[len(self.read):text.rfind("\n") + 1]
        self.read += more
        return more.splitlines()


class Boot:
    """One virtual machine and what it is to run; `failure` says what went wrong with all of it."""

    def __init__(self, suite, machine, chosen, number):
        self.suite, self.machine, self.scenarios, self.number = suite, machine, chosen, number
        self.failure = None
        self.held = {}          # name of a scenario: how its host held the guest up while it recorded (hostwatch.Watch.held_up)
        self.out = RESULTS / f"{suite}-{machine}-{number}-{chosen[0].name}"

    def go(self, kernel, host_cpu, ended):
        subprocess.run(["rm", "-rf", self.out], check=True)
        self.out.mkdir(parents=True)
        with tempfile.TemporaryDirectory(prefix="whystall-evaluate.") as directory:
            command = self.command(kernel, host_cpu, pathlib.Path(directory))
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
                watch = threading.Thread(target=self.watch, args=(process, pathlib.Path(directory) / "monitor"))
                watch.start()
                try:
                    words = self.await_end(process, ended)
                finally:
                    process.terminate()
                    watch.join()
            if process.returncode != 0:
                self.failure = f"the virtual machine ended with {process.returncode}: {words.strip()[-500:]}"

    @staticmethod
    def await_end(process, ended):
        """What it has said when it has ended, or when the evaluation has."""
        while not ended.is_set():
            try:
                return process.communicate(timeout=1)[0]
            except subprocess.TimeoutExpired:
                continue
        return "the evaluation was ended"

    def command(self, kernel, host_cpu, directory):
        machine = scenarios.MACHINES[self.machine]
        script = directory / "script"
        script.write_text((matrix.HERE / "guest-evaluate").read_text() + "".join(map(script_of, self.scenarios)) + "dmesg >$OUT/dmesg\n")
        command = [matrix.HERE / "vm", "run", "--kernel", kernel, "--script", script, "--out", self.out, "--host-cpu", str(host_cpu),
                   "--timeout", str(BOOT_SECONDS + SCENARIO_SECONDS * len(self.scenarios)), "--cpus", str(machine.cpus),
                   "--memory", str(machine.memory), "--append", machine.append, "--monitor", directory / "monitor"]
        for number, disk in enumerate(machine.disks):
            path = make_disk(disk, directory / f"disk{number}")
            command += ["--disk", f"{path},{disk.options}" if disk.options else path]
        for module in machine.modules:
            command += ["--module", module]
        for copy in mkfs():
            command += ["--copy", copy]
        for program in [TOOL, *companions(), *sorted({program_of(s) for s in self.scenarios})]:
            command += ["--copy", program]
        return command

    def watch(self, process, socket):
        """Acts upon what the guest says on its console: stops it where a scenario wants it, and looks whether it has the host's CPU while it
        records."""
        names, console, recording = {scenario.name: scenario for scenario in self.scenarios}, Console(), None
        while process.poll() is None:
            for line in console.new(matrix.text_of(self.out / "console.log")):
                _, _, said = line.partition("vm: ")
                name, _, what = said.strip().partition(" ")
                if name not in names:
                    continue
                if what == names[name].pause_while and names[name].pause:
                    self.stop(process, socket, names[name])
                if what == "records":
                    recording = hostwatch.Watch()
                elif what == "has recorded" and recording:
                    self.held[name], recording = recording.held_up(), None
            if recording:
                recording.look(process.pid)
            time.sleep(LOOK_SECONDS)

    def stop(self, process, socket, scenario):
        time.sleep(PAUSE_AFTER_SECONDS)
        try:
            if scenario.pause_by == "signal":
                hostwatch.freeze(process.pid, scenario.pause)
            else:
                monitor.pause(socket, scenario.pause)
        except (monitor.MonitorError, OSError, IndexError) as error:
            self.failure = f"the guest could not be paused: {error}"

    def held_up(self, scenario):
        return self.held.get(scenario.name, (0.0, 0.0))

    @property
    def version(self):
        """Of the kernel, as 6.12; the suite's name where it has not said it."""
        return ".".join(matrix.text_of(self.out / "release").split(".")[:2]) or self.suite

    def result(self, scenario):
        """(truth, recording): the recording is None where the scenario cannot run. RuntimeError if the guest has lost it."""
        home = self.out / scenario.name
        if self.failure:
            raise RuntimeError(self.failure)
        needs = matrix.text_of(home / "needs").strip()
        said = {"causes": [], "allowed": [], "culprits": [], "victims": [], "innocent": [], "needs": needs} if (home / "needs").exists() \
            else json.loads(matrix.text_of(home / "truth") or f'{{"needs": null, "error": {json.dumps(self.words(home))}}}')
        if "error" in said:
            raise RuntimeError(f"no truth: {said['error']}")
        truth = {**said, **scenario.truth}
        truth |= {"allowed": [*truth["allowed"], *scenario.allowed], "unjudged": [*scenarios.ALWAYS_UNJUDGED, *scenario.unjudged]}
        if truth["needs"]:
            return truth, None
        if matrix.status_of(home / "record.status") != 0 or (home / "died").exists():
            raise RuntimeError(f"the recording failed: {self.words(home)}")
        return truth, home / "recording.db"

    def load_died(self, scenario):
        """Whether the scenario ended by itself before its recording was made."""
        home = self.out / scenario.name
        return (home / "died").exists() or bool(matrix.text_of(home / "truth")) and not (home / "record.status").exists()

    @staticmethod
    def words(home):
        """What the programs in the guest said when something went wrong."""
        return "; ".join(filter(None, (matrix.text_of(home / name).strip()[-300:] for name in ("died", "program.err", "record.err")))) \
            or "nothing was said"


def program_of(scenario):
    return BUILD / "lab" / scenario.command.split()[0]


def script_of(scenario):
    """The lines of the guest's script for one scenario."""
    lines = [f"{verb}_{scenario.name}() {{\n{text}\n}}\n" for verb, text in (("set_up", scenario.set_up), ("clean_up", scenario.clean_up))
             if text]
    still = "frozen" if scenario.still else "running"
    return "".join(lines) + f"scenario {scenario.name} {scenario.seconds:g} {still} {shlex.join(scenario.command.split())}\n"


def companions():
    """The programs beside the scenarios' own: one of them is of Go or not at all."""
    return [BUILD / "lab" / "companions" / name for name in ("storagenode", *(["tablestore"] if shutil.which("go") else []))]


SBIN = os.environ["PATH"] + ":/usr/sbin:/sbin"


def mkfs():
    """Copies of the host's mkfs.ext4 and its libraries: some scenarios make their own file system."""
    program = shutil.which("mke2fs", path=SBIN)
    if not program:
        return []
    listed = subprocess.run(["ldd", program], stdout=subprocess.PIPE, text=True, check=False).stdout
    return [f"{program}:mkfs.ext4", *(f"{path}:{path}" for path in re.findall(r"(/\S+) \(0x", listed))]


def make_disk(disk, path):
    with open(path, "wb") as file:
        file.truncate(disk.megabytes << 20)
    if disk.file_system:
        subprocess.run([shutil.which(f"mkfs.{disk.file_system}", path=SBIN), "-q", path], check=True,
                       stdout=subprocess.DEVNULL)
    return path


def build(chosen):
    """Compiles the tool and the programs of these scenarios for the guest, all static."""
    directory = BUILD.relative_to(matrix.ROOT)
    programs = sorted({program_of(scenario).relative_to(matrix.ROOT) for scenario in chosen})
    subprocess.run(["make", "-s", "static"], cwd=matrix.ROOT, check=True, stderr=subprocess.DEVNULL)
    BUILD.mkdir(parents=True, exist_ok=True)
    shutil.copy2(matrix.STATIC, TOOL)
    subprocess.run(["make", "-s", f"BUILD={directory}", "LABFLAGS=-static", *map(str, programs),
                    *(str(path.relative_to(matrix.ROOT)) for path in companions())], cwd=matrix.ROOT, check=True)


def plan(suites, chosen, number):
    """The boots for one run of these scenarios on these kernels."""
    boots = []
    for suite in suites:
        for machine in scenarios.MACHINES:
            mine = [scenario for scenario in chosen if scenario.machine == machine and suite in scenario.suites]
            boots += [Boot(suite, machine, mine[at:at + MOST_IN_BOOT], number) for at in range(0, len(mine), MOST_IN_BOOT)]
    return boots


def run(boots, report):
    """Runs all boots, one on each CPU of the host at a time, and calls report(boot) as they end."""
    host_cpus, ended = sorted(os.sched_getaffinity(0)), threading.Event()

    def run_one(boot):
        if ended.is_set():
            return boot
        kernel, reason = matrix.fetch(boot.suite)
        host_cpu = host_cpus.pop()
        try:
            if reason:
                boot.failure = reason
            else:
                boot.go(kernel, host_cpu, ended)
        finally:
            host_cpus.append(host_cpu)
        return boot

    with concurrent.futures.ThreadPoolExecutor(max_workers=len(host_cpus)) as pool:
        try:
            for future in concurrent.futures.as_completed([pool.submit(run_one, boot) for boot in boots]):
                report(future.result())
        finally:
            ended.set()     # ended early, by a signal: the pool would run all other boots first
