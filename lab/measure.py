"""Starts labelled workloads and measures them by the kernel's own files, without whystall.

As a program, `lab/measure.py [--seconds N] [SCENARIO…]` prints the figures that the README of the lab quotes.
WHYSTALL_LAB=directory takes other programs than those of build/lab.
"""
import json
import os
import re
import select
import signal
import subprocess
import sys
import time

import locks

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("WHYSTALL_LAB", os.path.join(ROOT, "build", "lab"))
KTHREADD = 2            # the parent of all threads of the kernel
TICKS = os.sysconf("SC_CLK_TCK")
IN_INTERRUPTS = ("netflood", "netquiet")   # scenarios whose work is done in soft interrupts, which are no process of theirs
PARTS = ("culprits", "victims", "innocent")
LOCK_OWNERS_SECONDS = 0.5   # longer than the longest period of a scenario that fights over a lock in bursts
CALM = 0.05             # share of the machine that others may use before a scenario starts
DISTURBED = 0.05        # share of the machine that others used or the hypervisor took while a scenario was measured


def scenarios():
    """Names of all built scenarios."""
    sources = os.listdir(os.path.join(ROOT, "lab"))
    return sorted(name[:-2] for name in sources
                  if name.endswith(".c") and os.access(os.path.join(BUILD, name[:-2]), os.X_OK))


class Scenario:
    """A running scenario: `with Scenario("quota", 10) as s: s.truth`.

    It runs in a session of its own, so that its weights do not meet the caller's in one autogroup.
    `truth["needs"]` is set when it cannot run here; then it has ended already.
    """

    def __init__(self, name, seconds):
        self.name, self.seconds = name, seconds

    def __enter__(self):
        self.process = subprocess.Popen([os.path.join(BUILD, self.name), "--seconds", str(self.seconds)],
                                        stdout=subprocess.PIPE, start_new_session=True)
        ready, _, _ = select.select([self.process.stdout], [], [], 20)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            self.__exit__()
            raise RuntimeError(f"{self.name} said nothing (exit {self.process.returncode})")
        self.truth = json.loads(line)
        return self

    def __exit__(self, *_):
        """Stops it; its exit status is in self.status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.status = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.status = self.process.wait()
        self.process.stdout.close()


def read(path):
    """Contents of a file, "" if it is gone."""
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def read_directory(path):
    """Names in a directory, [] if it is gone."""
    try:
        return os.listdir(path)
    except OSError:
        return []


def pids_of(parties):
    return {party["pid"] for party in parties if "pid" in party}


def group_directory(path):
    """Where a cgroup of the cpu controller is mounted."""
    for line in read("/proc/self/mounts").splitlines():
        _, mount, kind, options = line.split()[:4]
        if kind.startswith("cgroup") and os.path.exists(mount + path + "/cpu.stat"):
            if kind == "cgroup2" or "cpu" in options.split(","):
                return mount + path
    return None


def limit_strikes(path):
    """How often a cgroup was at its memory limit, by the kernel's own count."""
    for line in read("/proc/self/mounts").splitlines():
        _, mount, kind, options = line.split()[:4]
        if kind == "cgroup2" and os.path.exists(f"{mount}{path}/memory.events"):
            return sum(map(int, re.findall(r"^(?:high|max) (\d+)", read(f"{mount}{path}/memory.events"), re.M)))
        if kind == "cgroup" and "memory" in options.split(","):
            return int(read(f"{mount}{path}/memory.failcnt") or 0)
    return None


def run_of_session(session):
    """CPU seconds of all processes of a session and of the children that they reaped."""
    seconds = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        stat = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
        if not stat or int(stat[3]) != session:
            continue
        seconds += (int(stat[13]) + int(stat[14])) / TICKS      # cutime, cstime
        tasks = read_directory(f"/proc/{pid}/task")
        seconds += sum(int((read(f"/proc/{pid}/task/{task}/schedstat").split() or [0])[0]) for task in tasks) / 1e9
    return seconds


def interrupts():
    """Counts of interrupts: the soft ones of the network, and the hard ones of the CPUs' timers and for flushes of the TLB."""
    rows = {}
    for line in (read("/proc/softirqs") + read("/proc/interrupts")).splitlines():
        label, _, numbers = line.strip().partition(":")
        rows[label] = sum(int(word) for word in numbers.split() if word.isdigit())
    return {name: rows.get(label, 0) for name, label in (("packets", "NET_RX"), ("timers", "LOC"), ("shootdowns", "TLB"))}


def run_in_interrupts():
    """CPU seconds of soft interrupts, as the kernel's ticks found them: those that ran in the threads made for it too."""
    return sum(int(line.split()[7]) / TICKS for line in read("/proc/stat").splitlines() if re.match(r"cpu\d", line))


def waits_of_kernel_threads():
    """Seconds that all threads of the kernel have waited for a CPU."""
    seconds = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if read(f"/proc/{pid}/stat").rpartition(")")[2].split()[1:2] == [str(KTHREADD)]:
            seconds += int((read(f"/proc/{pid}/schedstat").split() or [0, 0])[1]) / 1e9
    return seconds


def snapshot(truth, session=None):
    """Raw counters of the kernel, in seconds or counts, that `difference` makes figures of. With the session that the
    scenario runs in also "own", the CPU time of all its processes."""
    now = {"time": time.monotonic()}
    if session is not None:
        now["own"] = run_of_session(session)
        if truth.get("scenario") in IN_INTERRUPTS:
            now["softirqs"] = run_in_interrupts()
            now["own"] += now["softirqs"]
    some = re.search(r"some .*total=(\d+)", read("/proc/pressure/cpu"))
    now["some"] = int(some.group(1)) / 1e6 if some else None
    stat = read("/proc/stat")
    for line in stat.splitlines():
        fields = line.split()
        if re.fullmatch(r"cpu\d+", fields[0]):
            now["idle" + fields[0][3:]] = (int(fields[4]) + int(fields[5])) / TICKS
            now["steal"] = now.get("steal", 0) + int(fields[8]) / TICKS
    pressure = re.search(r"some .*total=(\d+)", read("/proc/pressure/memory"))
    now["memsome"] = int(pressure.group(1)) / 1e6 if pressure else None
    pressure = re.search(r"some .*total=(\d+)", read("/proc/pressure/io"))
    now["iosome"] = int(pressure.group(1)) / 1e6 if pressure else None
    now["loopreads"] = now["loopbusy"] = 0
    for fields in (line.split() for line in read("/proc/diskstats").splitlines()):
        if len(fields) > 13 and fields[2].startswith("loop"):
            now["loopreads"] += int(fields[3])
            now["loopbusy"] += int(fields[12]) / 1e3
    # Commits of ext4's journals on loop devices.
    infos = [read(f"/proc/fs/jbd2/{name}/info") for name in read_directory("/proc/fs/jbd2") if name.startswith("loop")]
    now["commits"] = sum(int(info.split()[0]) for info in infos if info)
    swapped = re.search(r"^pswpin (\d+)", read("/proc/vmstat"), re.M)
    now["swapins"] = int(swapped.group(1)) if swapped else 0
    now["forks"] = int(re.search(r"^processes (\d+)", stat, re.M).group(1))
    now["faults"] = int(re.search(r"^pgfault (\d+)", read("/proc/vmstat"), re.M).group(1))
    now["switches"] = int(re.search(r"^ctxt (\d+)", stat, re.M).group(1))
    now.update(interrupts())
    if truth.get("starves_kernel_threads"):
        now["kernelthreads"] = waits_of_kernel_threads()
    for part in PARTS:
        for pid in pids_of(truth[part]):
            run = delay = 0
            tasks = read_directory(f"/proc/{pid}/task")
            for task in tasks:
                fields = read(f"/proc/{pid}/task/{task}/schedstat").split() or [0, 0]
                run, delay = run + int(fields[0]), delay + int(fields[1])
            now[f"run {pid}"], now[f"delay {pid}"], now[f"threads {pid}"] = run / 1e9, delay / 1e9, len(tasks)
    for party in truth["culprits"]:
        if party.get("kind") == "quota" and party.get("cause") == "cpu.quota":
            text = read(group_directory(party["cgroup"]) + "/cpu.stat")
            old, new = re.search(r"throttled_time (\d+)", text), re.search(r"throttled_usec (\d+)", text)
            now["throttled"] = int(old.group(1)) / 1e9 if old else int(new.group(1)) / 1e6
        if party.get("kind") == "quota" and party.get("cause") == "memory.limit":
            now["limits"] = limit_strikes(party["cgroup"])
    return now


def difference(before, after):
    """Growth of every counter per second of wall time; "threads PID" as it is at the end."""
    seconds = after["time"] - before["time"]
    figures = {key: (after[key] - before[key]) / seconds
               for key in after if key != "time" and before.get(key) is not None and after[key] is not None}
    figures.update((key, after[key]) for key in after if key.startswith("threads "))
    return figures


def observe(scenario, seconds, with_locks):
    """Figures of a running scenario: growth per second, and of `with_locks` also its waits for kernel locks."""
    truth, session = scenario.truth, scenario.process.pid
    if not with_locks:
        before = snapshot(truth, session)
        time.sleep(seconds)
        return difference(before, snapshot(truth, session))
    with locks.Watch() as contention:
        before = snapshot(truth, session)
        time.sleep(seconds)
        figures = difference(before, snapshot(truth, session))
    with locks.Watch(locks.MEMORY, locks.call_numbers(truth)) as memory:
        time.sleep(LOCK_OWNERS_SECONDS)
    pids = set().union(*(pids_of(truth[part]) for part in PARTS))
    members = {int(task): pid for pid in pids for task in read_directory(f"/proc/{pid}/task")}
    figures.update(locks.figures(contention, memory, members))
    return figures


def measure(name, seconds, settle=0.5):
    """Truth and figures of a scenario; figures None if it cannot run here."""
    with Scenario(name, seconds + settle + 30) as scenario:
        if scenario.truth["needs"]:
            return scenario.truth, None
        time.sleep(settle)
        return scenario.truth, observe(scenario, seconds, locks.available())


def idle_cpus(figures):
    """Idle share of each CPU, in the CPUs' order."""
    return [figures[key] for key in sorted((k for k in figures if re.fullmatch(r"idle\d+", k)), key=lambda k: int(k[4:]))]


def disturbance(figures):
    """CPU seconds per second that belonged to nobody of the scenario: stolen by the hypervisor, and used by others.
    Needs figures of a snapshot with a session. A fork storm's short-lived children count as its own when they are reaped."""
    idle = idle_cpus(figures)
    return figures["steal"], max(0.0, len(idle) - sum(idle) - figures["steal"] - figures["own"])


def busy_share(seconds=0.5):
    """Share of all CPU time that somebody used meanwhile."""
    nobody = {"culprits": [], "victims": [], "innocent": []}
    before = snapshot(nobody)
    time.sleep(seconds)
    idle = idle_cpus(difference(before, snapshot(nobody)))
    return max(0.0, 1 - sum(idle) / len(idle))


def await_calm(limit_seconds):
    """Waits until others use less than CALM of the machine: their load is real and would belong to the truth as well.
    Returns the share that they used at last."""
    end = time.monotonic() + limit_seconds
    busy = busy_share()
    while busy > CALM and time.monotonic() < end:
        time.sleep(1)
        busy = busy_share()
    return busy


def lock_figures(figures, pid):
    """What a process waited for locks, as a clause; "" where it did not."""
    memory, other = figures.get(f"memlock {pid}", 0), figures.get(f"lock {pid}", 0)
    held = figures.get(f"held {pid}", 0)
    return (f"  for mmap_lock {memory:.2f} s/s" if memory > 0.005 else "") \
        + (f"  for other locks {other:.2f} s/s" if other > 0.005 else "") + (f"  held it {held:.0%}" if held else "")


def main():
    arguments = sys.argv[1:]
    seconds = 4.0
    if arguments[:1] == ["--seconds"]:
        seconds, arguments = float(arguments[1]), arguments[2:]
    for name in arguments or scenarios():
        busy = await_calm(30)
        if busy > CALM:
            print(f"(others used {busy:.0%} of the machine before the next scenario)")
        truth, figures = measure(name, seconds)
        if figures is None:
            print(f"{name}: cannot run here: {truth['needs']}")
            continue
        print(f"{name}: cpu some {figures.get('some', 0):.2%}, idle {' '.join(f'{i:.0%}' for i in idle_cpus(figures))},"
              f" steal {figures['steal']:.2%}, forks {figures['forks']:.0f}/s, switches {figures['switches']:.0f}/s"
              + (f", throttled {figures['throttled']:.2%}" if "throttled" in figures else ""))
        seen = set()
        for part in PARTS:
            for party in truth[part]:
                pid = party.get("pid")
                if pid and pid not in seen:
                    seen.add(pid)
                    print(f"  {party['process']:16} runs {figures[f'run {pid}']:7.2%}  waits {figures[f'delay {pid}']:7.2%}"
                          + lock_figures(figures, pid))


if __name__ == "__main__":
    main()
