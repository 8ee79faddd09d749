"""stress-ng: every stressor that it lists, but those that would harm the machine they run on."""
import functools
import shutil
import subprocess

from .load import Load

NEEDS = (("stress-ng", "stress-ng"),)

EXCLUDED = {
    "bad-ioctl": "sends ioctls to every device",
    "clock": "sets the machine's clocks",
    "cpu-online": "takes CPUs offline",
    "dev": "opens every device and sends ioctls to it",
    "efivar": "reads the firmware's variables: needs hardware",
    "gpu": "needs a graphics device",
    "ioport": "writes to I/O ports of the hardware",
    "memhotplug": "takes memory offline",
    "netdev": "changes settings of the network devices",
    "pci": "needs PCI hardware",
    "reboot": "calls reboot(2)",
    "smi": "writes to an I/O port to raise SMIs",
    "softlockup": "SCHED_FIFO on all CPUs for as long as it runs; starved machines have tests of their own",
    "sysfs": "writes to the files of sysfs, which resets devices",
    "sysinval": "calls the kernel with arguments at random, as root",
    "watchdog": "opens /dev/watchdog: the machine may be reset",
}

# Beginnings of the causes that a stressor's description leads us to expect. Where four workers that never sleep share two CPUs,
# that they are too many is an answer that holds beside its own.
CROWD = ("cpu.oversubscription",)
CREATES = ("cpu.churn",)
MAPS = ("memory.churn", "lock.mmap") + CROWD
SYNCS = ("io.",)
EXPECT = {
    **dict.fromkeys(("fork", "vfork", "clone", "exec", "spawn", "pthread", "daemon", "exit-group", "vforkmany", "zombie"),
                    (CREATES + CROWD, "creates and ends tasks as fast as it can")),
    **dict.fromkeys(("brk", "bigheap", "mmap", "mmapmany", "mremap", "vm", "vm-addr", "stackmmap", "malloc",
                     "mmapaddr", "mmapfixed", "mmaphuge", "fault", "memfd", "stack", "remap"),
                    (MAPS + ("memory.", "kernel.syscall", "io."), "maps, touches and unmaps memory over and over")),
    **dict.fromkeys(("munmap", "madvise"), (MAPS + CREATES + ("memory.", "kernel.syscall", "io."),
                                            "unmaps and advises in children that die of it and are started anew")),
    **dict.fromkeys(("hdd", "sync-file", "io", "msync", "iomix", "revio"),
                    (SYNCS + ("kernel.syscall",) + CROWD, "writes files and syncs them")),
    **dict.fromkeys(("mlock", "mlockmany"), (MAPS + ("kernel.syscall",) + CREATES, "locks and unlocks memory over and over")),
    **dict.fromkeys(("cyclic", "race-sched", "schedpolicy", "resched"),
                    (CROWD + ("cpu.",), "changes its scheduling class and priority over and over")),
    **dict.fromkeys(("udp-flood", "icmp-flood", "udp", "sock"),
                    (CROWD + ("irq.softirq", "cpu.", "lock."), "sends packets to itself over the loopback device")),
    "tlb-shootdown": (("memory.tlb", "lock.mmap", "memory.churn") + CROWD, "makes the CPUs flush each other's TLBs"),
    "affinity": (CROWD + ("cpu.affinity",), "changes its CPU mask over and over"),
}
COMPUTES = "computes without ever sleeping"
CPU_CLASSES = ("cpu", "cpu-cache")      # stress-ng's own classes of stressors that load the CPUs
NOT_COMPUTING = ("context", "cpu-online", "goto", "ioport", "membarrier", "malloc", "numa", "plugin", "secretmem", "smi",
                 "uprobe", "waitcpu", "af-alg", "llc-affinity", "flushcache")


@functools.cache
def listed(words):
    """The names that stress-ng prints for an option."""
    if not shutil.which("stress-ng"):
        return ()
    said = subprocess.run(["stress-ng", *words], capture_output=True, text=True).stdout
    return tuple(said.rpartition(":")[2].split())


def expected(name):
    """(beginnings of causes, what the manual says)"""
    if name in EXPECT:
        return EXPECT[name]
    computes = any(name in listed(("--class", f"{kind}?")) for kind in CPU_CLASSES)
    return (CROWD + ("cpu.",), COMPUTES) if computes and name not in NOT_COMPUTING else ((), "")


def loads(workers):
    """One load for each stressor; where stress-ng is missing, one that says so."""
    names = [name for name in listed(("--stressors",)) if name not in EXCLUDED] or ["cpu"]
    found = []
    for name in names:
        expect, manual = expected(name)
        found.append(Load(name=f"stress-ng {name} x{workers}", needs=NEEDS, expect=expect, manual=manual,
                          command=f"exec stress-ng --{name} {workers} --timeout 60 --temp-path . --no-rand-seed --oom-avoid"))
    return found
