"""Loads of the survey: programs that nobody here wrote, or drivers of runtimes that nobody here wrote. Tables, and how a load runs."""
from . import benchmarks, builds, load, runtimes, servers, stress

Running, CannotRun = load.Running, load.CannotRun


def table(workers=(4, 1)):
    """All loads in the survey's order; those of stress-ng once for each number of workers."""
    loads = [one for number in workers for one in stress.loads(number)]
    return loads + benchmarks.LOADS + servers.LOADS + builds.LOADS + runtimes.LOADS


def excluded():
    """What is left out on purpose: (name, reason)."""
    return sorted(stress.EXCLUDED.items())


STABLE = 0.95       # of all runs: the first cause and its verdict are the same

# Loads whose first cause must not depend on the moment: of each kind some, with pressure of 5 % or more on a machine with two CPUs.
STABILITY = (
    "stress-ng cpu x4", "stress-ng fork x4", "stress-ng vfork x4", "stress-ng exec x4", "stress-ng pthread x4", "stress-ng clone x4",
    "stress-ng mmap x4", "stress-ng fault x4", "stress-ng brk x4", "stress-ng vm x4", "stress-ng stackmmap x4", "stress-ng mlock x4",
    "stress-ng pipe x4", "stress-ng eventfd x4", "stress-ng switch x4", "stress-ng sem x4", "stress-ng kill x4", "stress-ng nice x4",
    "stress-ng dup x4", "stress-ng io x4", "stress-ng sync-file x4", "stress-ng hdd x4", "stress-ng udp-flood x4", "stress-ng timer x4",
    "fio write fsync", "fio randread psync", "perf bench sched messaging", "sysbench threads", "pgbench write", "make -j4",
)
