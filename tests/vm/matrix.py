#!/usr/bin/env python3
"""Boots each kernel of the matrix, lets guest-matrix record there, and judges what came back; prints TAP.

A host that is busy starves an emulated guest, and no kernel in it can see that. So a kernel that misses something is booted a second time,
and what fails both times is broken. A false accusation has no such excuse: it counts the first time.

Usage: matrix.py [SUITE...]     suites: those of `kernels list` (default: all)

Needs build/static/whystall (`make static`). Results stay in build/vm/SUITE for a look by hand.
"""
import concurrent.futures
import contextlib
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import sqlite3
import subprocess
import sys

import scenarios

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build" / "vm"
STATIC = ROOT / "build" / "static" / "whystall"
# The loads of guest-matrix and the lab programs that they are made of.
LOADS = {"spinners": ["oversubscription"], "quota": ["quota"], "pipes": ["pingpong"], "processes": ["forkstorm"]}
# Loads whose stall is a lock, in no pressure figure: only their verdicts are judged, and who held the lock.
LOCK_LOADS = {"mprotects": ["mprotectstorm"], "madvises": ["madvisestorm"]}
# Part of the waiting for an mmap_lock that madvise must hold it for: by 6.16 it takes it for reading, later it does without.
MADVISE_HOLDS = 0.1
MADVISE_WITHOUT = (6, 17)
LOAD_SECONDS_MAX = 7            # a load of 5 s that takes longer was starved by the host, which no kernel in it can see
REFUSED_SUITES = ["bullseye"]   # 5.10: older than what the tool supports
VM_TIMEOUT_SECONDS = 480        # 100 s alone on an idle machine, 240 s beside another emulator on the same CPU
# Least and most of the kernel's figure that is explained. An event takes some 20 us in emulation, and what passes between
# the kernel's stamp and the probe's is nobody's: a load with a process for every few switches loses over 1 % by that
# (0.06 % on a real CPU), and a quota on a machine that idles otherwise some of it. What pipes explain is a lower bound, both sides
# less the whole: 0.6 % that either side lacks (seen on 6.1) make 1.2 %.
# On a busy host an event took 100 to 140 us, and spinners lost up to 3 % by it, mostly on the victims' side.
EXPLAINED = {"spinners": (0.95, 1.01), "quota": (0.95, 1.01), "pipes": (0.95, 1.01), "processes": (0.95, 1.01)}
SIDES = (0.95, 1.02)            # victims and culprits each, as a part of the kernel's figure
# Loads whose truth holds in a guest: two ping-pongs are more than each of them states, and a storm of 40 processes a
# second is none.
JUDGED = ["spinners", "quota"]
READER = (0.995, 1.005)         # the reader's bounds are strict; the rest is for the folds at different times
NOT_RECORDED = 2                # exit status of whystall
# Words in the name or the details of a failed check that say that somebody was accused, or something found that is not there.
WITHOUT_EXCUSE = ("false accusation", "accuse", "made up")


def load_evaluate():
    """tests/evaluate as a module: its comparison of a truth with a report holds here too."""
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader("evaluate", str(ROOT / "tests" / "evaluate"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("evaluate", loader))
    loader.exec_module(module)
    return module


def build():
    """Compiles the guest's programs, all static."""
    programs = sorted({program for load in [*LOADS.values(), *LOCK_LOADS.values()] for program in load})
    subprocess.run(["make", "-s", f"BUILD={BUILD.relative_to(ROOT)}", "LABFLAGS=-static",
                    *(f"{BUILD.relative_to(ROOT)}/lab/{program}" for program in programs)], cwd=ROOT, check=True)
    return [BUILD / "lab" / program for program in programs] + [STATIC]


# --- Running ---

def fetch(suite):
    """Returns (path of the kernel, None) or (None, why it cannot be had)."""
    result = subprocess.run([HERE / "kernels", "fetch", suite], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            check=False)
    return (result.stdout.strip(), None) if result.returncode == 0 else (None, result.stderr.strip())


def run_vm(suite, kernel, programs, host_cpu):
    """Boots the kernel and runs guest-matrix; returns (results' directory, what went wrong or None)."""
    out = BUILD / suite
    subprocess.run(["rm", "-rf", out], check=True)
    command = [HERE / "vm", "run", "--kernel", kernel, "--script", HERE / "guest-matrix", "--out", out,
               "--timeout", str(VM_TIMEOUT_SECONDS), "--host-cpu", str(host_cpu)]
    for program in programs:
        command += ["--copy", program]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return out, None if result.returncode == 0 else result.stdout


# --- Judging: each judge_… yields (passed, what was checked, details); passed None: skipped, details say why ---

def text_of(path):
    return path.read_text(errors="replace") if path.exists() else ""


def status_of(path):
    return int(text_of(path) or -1)


def growth(path):
    """(seconds passed, growth of the kernel's total in seconds) between the two readings of the guest's reader."""
    (uptime0, total0), (uptime1, total1) = (map(float, line.split()) for line in text_of(path).splitlines())
    return uptime1 - uptime0, (total1 - total0) / 1e6


def system_cpu_some(report):
    return next(row for row in report["pressure"]
                if (row["resource"], row["kind"], row["scope"]) == ("cpu", "some", "system"))


def judge_balance(report, bounds):
    row = system_cpu_some(report)
    kernel = row["kernel_seconds"]
    sides, explained = [row["victims_seconds"] / kernel, row["culprits_seconds"] / kernel], row["explained"]
    details = "kernel %.3f s, victims %.4f, culprits %.4f, explained %.4f, meter %s, lost %s, healed %s" % (
        kernel, *sides, explained, row["meter"], report["quality"]["events_lost"], report["quality"]["gaps_healed"])
    yield row["meter"] == "psi_group_cpu", "reads the kernel's meter", details
    balanced = bounds[0] <= explained <= bounds[1] and all(SIDES[0] <= side <= SIDES[1] for side in sides)
    yield kernel > 0 and balanced, "the books balance", details


def judge_reader(report, directory):
    kernel = system_cpu_some(report)["kernel_seconds"]
    inside_seconds, inside = growth(directory / "inside")
    _, outside = growth(directory / "outside")
    # What the reader inside did not see lasted at most this long; /proc/uptime has a grain of 10 ms.
    edges = report["window"]["seconds"] - inside_seconds + 0.02
    details = f"report {kernel:.3f} s, reader {inside:.3f} s inside of the window but for {edges:.3f} s, {outside:.3f} s outside"
    agrees = READER[0] * inside <= kernel <= min(outside, inside + edges) * READER[1]
    yield agrees and inside > 0, "agrees with an independent reader of /proc/pressure/cpu", details


def judge_verdicts(report, truth, evaluate):
    # Kernel threads, whose nice is -20, may crowd the CPUs of an emulated guest (see CROWDED there); whom the truth calls innocent they must not be.
    # A busy host takes the guest's CPUs away for moments, which host.pause says with right.
    truth = {**truth, "unjudged": scenarios.ALWAYS_UNJUDGED, "allowed": [*truth["allowed"], "cpu.priority", "host.pause"]}
    found = ", ".join(f"{v['cause']} {v['verdict']}" for v in report["verdicts"] if v["verdict"] in evaluate.FOUND)
    accusations, misses = evaluate.compare(truth, report)
    wrong = [f"miss: {cause}: {what}" for cause, what in misses]
    wrong += [f"false accusation: {cause}: {what}" for cause, what in accusations]
    details = "\n".join([f"found: {found or 'nothing'}", *wrong])
    return not wrong and not truth["needs"], "the verdicts are true", details


def judge_elsewhere(directory):
    """The recording reported on this machine against the guest's own report of it."""
    result = subprocess.run([STATIC, "report", directory / "recording.db", "--format", "json"], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, check=False)
    same = result.returncode == 0 and result.stdout == text_of(directory / "report.out")
    yield same, "the report is the same on another machine", result.stderr


def judge_load(directory, evaluate):
    recorded = status_of(directory / "record.status") == 0 and status_of(directory / "report.status") == 0
    yield recorded, "records and reports", text_of(directory / "record.err") + text_of(directory / "report.err")
    if not recorded:
        return
    report = json.loads(text_of(directory / "report.out"))
    seconds, _ = growth(directory / "inside")
    if seconds > LOAD_SECONDS_MAX:
        yield None, "measures", f"the host was too busy: 5 s of load took {seconds:.1f} s"
        return
    yield from judge_balance(report, EXPLAINED[directory.name])
    yield from judge_reader(report, directory)
    if directory.name in JUDGED:
        yield judge_verdicts(report, json.loads(text_of(directory / "truth.0")), evaluate)
    yield from judge_elsewhere(directory)


def rows_of(path, query):
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return database.execute(query).fetchall()


def judge_madvise(directory, release):
    """Who held mmap_locks while others waited: madvise does on the kernels where it takes the lock, and does not on the others."""
    rows = dict(rows_of(directory / "recording.db", "SELECT h.operation || ' ' || h.mode, sum(h.task_ns) FROM lock_hold h JOIN lock l"
                        " ON l.id = h.lock WHERE l.kind = 'mmap_lock' GROUP BY 1"))
    details = f"{release}: " + (", ".join(f"{what} {ns / 1e6:.0f} ms" for what, ns in rows.items()) or "nobody waited")
    madvise = sum(ns for what, ns in rows.items() if what.startswith("madvise"))
    if tuple(map(int, release.split(".")[:2])) < MADVISE_WITHOUT:
        yield madvise > 0 and madvise >= MADVISE_HOLDS * sum(rows.values()), "madvise holds mmap_lock", details
    else:
        yield madvise == 0, "madvise does without mmap_lock", details


def judge_locks(directory, evaluate, release):
    recorded = status_of(directory / "record.status") == 0 and status_of(directory / "report.status") == 0
    yield recorded, "records and reports", text_of(directory / "record.err") + text_of(directory / "report.err")
    if not recorded:
        return
    report = json.loads(text_of(directory / "report.out"))
    # In emulation the work of these loads is so slow that it crowds the CPUs as well, which is not their truth elsewhere.
    report["verdicts"] = [verdict for verdict in report["verdicts"] if verdict["cause"].startswith("lock.")]
    yield judge_verdicts(report, json.loads(text_of(directory / "truth.0")), evaluate)
    if directory.name == "madvises":
        yield from judge_madvise(directory, release)
    yield from judge_elsewhere(directory)


def judge_recording_kernel(out, evaluate):
    yield status_of(out / "check.status") == 0 and text_of(out / "check.out") != "", "check", text_of(out / "check.err")
    for load in LOADS:
        for passed, what, details in judge_load(out / load, evaluate):
            yield passed, f"{load}: {what}", details
    for load in LOCK_LOADS:
        for passed, what, details in judge_locks(out / load, evaluate, text_of(out / "release").strip()):
            yield passed, f"{load}: {what}", details


def judge_refusal(out):
    """The tool says in one sentence that this kernel is too old."""
    status, message = status_of(out / "refused.status"), text_of(out / "refused.err")
    sentence = message.strip()
    yield status == NOT_RECORDED, "record exits 2", f"exit {status}\n{message}"
    one = message.count("\n") == 1 and ". " not in sentence and "5.15" in sentence
    yield one, "one sentence says what is missing", message
    yield text_of(out / "refused.out") == "", "nothing on stdout", text_of(out / "refused.out")


def judge(suite, out, evaluate):
    release = text_of(out / "release").strip()
    prefix = release.partition("-")[0]
    judges = judge_refusal(out) if suite in REFUSED_SUITES else judge_recording_kernel(out, evaluate)
    yield status_of(out / "version.status") == 0, f"{prefix}: --version", text_of(out / "version.err")
    try:
        for passed, what, details in judges:
            yield passed, f"{prefix}: {what}", details
    except (KeyError, StopIteration, TypeError, ValueError, ZeroDivisionError) as error:
        yield False, f"{prefix}: the results can be read", f"{type(error).__name__}: {error}"


def without_excuse(what, details):
    return any(words in f"{what}\n{details}" for words in WITHOUT_EXCUSE)


def twice(examine):
    """What `examine` returns, a list of (passed, what, details); of two examinations if the first one missed something and did no wrong.
    Then a check has passed that passed in either."""
    first = examine()
    failed = [(what, details) for passed, what, details in first if passed is False]
    if not failed or any(without_excuse(*check) for check in failed):
        return first
    missed, held, results = dict(failed), {what for passed, what, _ in first if passed is not False}, []
    for passed, what, details in examine():
        if passed is False and what in held and not without_excuse(what, details):
            passed, details = True, f"it held the first time, and not the second time:\n{details}"
        elif what in missed:
            details = f"{details}\nit failed the first time:\n{missed[what]}"
        results.append((passed, what, details))
    return results


def test_kernel(suite, programs, host_cpus, evaluate):
    """One kernel from fetch to verdict: a list of (passed, what, details), or a reason to skip it."""
    kernel, reason = fetch(suite)
    if reason:
        return reason

    def examine():
        out, failure = run_vm(suite, kernel, programs, host_cpu)
        return [(False, f"{suite}: the virtual machine runs to its end", failure)] if failure else list(judge(suite, out, evaluate))

    host_cpu = host_cpus.pop()
    try:
        return twice(examine)
    finally:
        host_cpus.append(host_cpu)


def print_results(suite, results, number):
    """Prints one kernel's results; returns the number of the next."""
    if isinstance(results, str):
        print(f"ok {number} - {suite} # SKIP {' '.join(results.split())}")
        return number + 1
    for passed, what, details in results:
        if passed is None:
            print(f"ok {number} - {what} # SKIP {details}")
        else:
            print(f"{'ok' if passed else 'not ok'} {number} - {what}")
            for line in details.splitlines():
                print(f"#   {line}")
        number += 1
    return number


def main():
    suites = sys.argv[1:] or subprocess.run([HERE / "kernels", "list"], stdout=subprocess.PIPE, text=True,
                                            check=True).stdout.split()
    programs, evaluate = build(), load_evaluate()
    # One virtual machine for each CPU of this one: see one_cpu in vm.
    host_cpus = sorted(os.sched_getaffinity(0))
    with concurrent.futures.ThreadPoolExecutor(max_workers=len(host_cpus)) as pool:
        futures = [pool.submit(test_kernel, suite, programs, host_cpus, evaluate) for suite in suites]
        number, failed = 1, False
        for suite, future in zip(suites, futures):
            results = future.result()
            number = print_results(suite, results, number)
            failed = failed or (isinstance(results, list) and any(passed is False for passed, _, _ in results))
            sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
