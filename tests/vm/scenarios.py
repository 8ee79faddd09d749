"""The scenarios that tests/evaluate runs in virtual machines, and what each needs there.

Every program of lab/ runs on the plain machine with no set-up unless it stands in TABLE. A program that cannot run says so itself
("needs" in its truth).
"""
from typing import NamedTuple

SUITES = ["bookworm", "trixie", "sid"]


class Disk(NamedTuple):
    """A disk of the guest, /dev/vda and so on: a file of the host."""
    megabytes: int
    file_system: str = ""       # made on the host: ext4; "": none
    options: str = ""           # of QEMU's -drive


class Machine(NamedTuple):
    cpus: int = 2
    memory: int = 1024          # MiB
    modules: tuple = ()         # those that a kernel does not have are taken for built in
    disks: tuple = ()
    append: str = ""            # kernel parameters


class Scenario(NamedTuple):
    name: str                   # the row of the matrix
    program: str = ""           # of lab/, with its arguments; "": the name
    machine: str = "plain"
    set_up: str = ""            # shell, in the guest before the program starts; fails: the scenario cannot run there
    clean_up: str = ""
    suites: tuple = tuple(SUITES)
    unjudged: tuple = ()        # causes whose verdicts say something of the emulation, not of the scenario
    allowed: tuple = ()         # causes that may be found there besides those that the program allows; unlike unjudged ones they must not accuse innocents
    truth: dict = {}            # takes the place of what the program says
    pause: float = 0.0          # seconds that the host stops the guest for
    pause_by: str = "monitor"   # QEMU's monitor: the guest's clocks stand still too; "signal": they go on
    pause_while: str = "records"    # half a second after it has begun to record; or "loads": before that, as the probes are loaded
    seconds: float = 6
    still: bool = True          # frozen while the probes are loaded

    @property
    def command(self):
        return self.program or self.name


# Causes that are true of every emulated guest, or of none:
# - two virtual CPUs share one CPU of the host (see one_cpu in vm), so a woken task waits for its idle CPU until the host lets the other
#   one go, and each CPU stands still for moments in which the host runs others;
# - an interrupt that costs a microsecond elsewhere costs some thirty, so the timer's alone take several percent.
ALWAYS_UNJUDGED = ("cpu.wakeup", "irq.hard", "irq.softirq")
# What takes microseconds on a CPU takes many times that in emulation, so that programs (and kernel threads, whose nice is -20) of little
# use elsewhere crowd the CPUs.
CROWDED = ("cpu.oversubscription", "cpu.priority")
# Scenarios of locks, memory and devices: their truth says nothing of how much CPU time an emulated CPU needs for them. The others of that kind
# were judged right in this respect too, on a host that took 10 to 46 % of their time.
LIGHT = ("semaphores", "nearlimit", "diskhog", "iolimit", "journal", "bystander", "tlbquiet", "pagefaults", "thrash", "userlocks",
         "mprotectstorm", "madvisestorm", "brkstorm", "rwlock", "startupfault", "gomlock", "mlockgrow", "mlockonce")
# A disk's file system in the place where programs of lab/ make their files.
ON_DISK = "mkdir -p /var/tmp && mount -t ext4 /dev/vda /var/tmp"

MACHINES = {
    # What the programs of lab/ make their disks, swap and networks of.
    # Without modprobe in the guest, zram's compressor must be there before it.
    "plain": Machine(modules=("loop", "lzo-rle", "zram", "fuse", "veth")),
    # Memory enough for the recorder's tables and little else.
    "small memory": Machine(memory=448, modules=("lzo-rle", "zram")),
    "delayed": Machine(modules=("loop", "dm-mod", "dm-delay")),
    "slow swap": Machine(disks=(Disk(512, options="throttling.iops-total=400"),)),
    "disk": Machine(disks=(Disk(512, "ext4"),)),
    "large": Machine(memory=3072, disks=(Disk(64, "ext4"),)),
}

TABLE = [
    # Each page that is swapped out is unmapped on the other CPU, too: an interrupt that costs far more in emulation.
    Scenario("reclaim", machine="small memory", unjudged=CROWDED, allowed=("memory.tlb",)),
    *(Scenario(name, unjudged=CROWDED) for name in LIGHT),
    # The recorder has the other CPU for a third of the time in emulation: meanwhile none is idle.
    Scenario("affinity", allowed=("cpu.oversubscription",)),
    # Its server and its client are tied to one CPU and take turns on it, which costs the client microseconds elsewhere.
    Scenario("netquiet", unjudged=(*CROWDED, "cpu.affinity")),
    # The workers of the loop device queue for the file below it, which its server, on a slow CPU, answers late.
    *(Scenario(name, unjudged=CROWDED, allowed=("lock.kernel",)) for name in ("dirtythrottle", "fsyncstorm")),
    # That server is so late at times that the kernel holds the writer back (seen on 7.2: 126 ms twice): true, and no stall elsewhere.
    Scenario("fastsyncs", unjudged=(*CROWDED, "io.dirty"), allowed=("lock.kernel",)),
    # A thread of it that maps a buffer holds a mutex of malloc's meanwhile: who shares that waits for the mutex, and it for the mmap_lock.
    Scenario("mmapcase", unjudged=CROWDED, allowed=("lock.futex",)),
    # Reads a file of 1.5 GB, which must fit.
    Scenario("pagecache", machine="large", set_up=ON_DISK, clean_up="umount /var/tmp",
             unjudged=CROWDED),
    # Files on a disk, which must not be in memory as the guest's own are.
    *(Scenario(name, machine="disk", set_up=ON_DISK, clean_up="umount /var/tmp", unjudged=CROWDED) for name in ("ownsyncs", "rereads", "streamread")),
    # In emulation mmap and munmap are slow as well: the sessions hold up each other for a part of the time, and with nobody else on 7.2. The agent
    # is no party to that.
    Scenario("smapspoller", suites=("bookworm", "trixie"), unjudged=CROWDED, truth={"innocent": [{"process": "sleeping-agent"}]}),
    Scenario("smapspoller", suites=("sid",), unjudged=CROWDED, allowed=("lock.mmap",),
             truth={"innocent": [{"process": "metrics-agent"}, {"process": "sleeping-agent"}]}),
]

TABLE += [
    # Its three hundred threads, which nothing but the thaw wakes all at once, would crowd the CPUs at the beginning of the recording.
    Scenario("idleworkers", still=False),
    Scenario("idle", still=False),
    # 57 to 85 processes a second, where 150 confirm a storm and events are lost: cpu.churn was found on 6.12 and 7.2, not testable on 6.1.
    Scenario("forkstorm", truth={"causes": [], "allowed": ["cpu.churn", "cpu.oversubscription"]}),
    # The two emulated CPUs take turns: a hundred flushes a second instead of tens of thousands, which need not be told, and nothing else may be.
    Scenario("tlbstorm", unjudged=CROWDED, truth={"causes": [], "allowed": ["memory.tlb"]}),
    # On 7.2 perf's timers expire 17,000 times in six seconds, a thirtieth of what they do on 6.12: no storm, and no truth to judge.
    Scenario("timerstorm", suites=("bookworm", "trixie")),
    # In a guest there is nobody whom it could hold up.
    Scenario("kernelloop", set_up="export WHYSTALL_LAB_STALL=1", clean_up="unset WHYSTALL_LAB_STALL", seconds=12),
    Scenario("dmdelay", machine="delayed"),
    # Swap on a disk that takes 2.5 ms for each request: what the limit pushes out must be read from there again.
    Scenario("swapdisk", "thrash", machine="slow swap", set_up="export WHYSTALL_LAB_SWAP=/dev/vda", clean_up="unset WHYSTALL_LAB_SWAP",
             unjudged=CROWDED, allowed=("io.device",), seconds=10),
]

# The host stops the guest for two seconds, as a backup or a suspended host does: it is the hypervisor's doing and nobody else's. The decoy is
# stopped as well, but before the recording begins: no part of it.
PAUSED = {"causes": ["host.pause"], "culprits": [{"kind": "hypervisor", "cause": "host.pause"}]}
TABLE += [
    Scenario("vmpause", "idleworkers", still=False, pause=2.0, truth=PAUSED),
    Scenario("vmfreeze", "idleworkers", still=False, pause=2.0, pause_by="signal", truth=PAUSED),
    Scenario("vmpaused", "idleworkers", still=False, pause=2.0, pause_while="loads"),
]

# Programs whose truth does not hold in emulation, and why.
ELSEWHERE = {
    # The recorder leaves and takes memory in large pieces: 26 stalls in 6 s on 6.12, which hold nobody up.
    "compaction": "too few allocations have to compact memory in so small a guest",
    "gil": "busybox has no python3",
}


def scenarios(programs):
    """All scenarios of these programs of lab/."""
    named = {scenario.name for scenario in TABLE}
    return [scenario for scenario in TABLE if scenario.command.split()[0] in programs] \
        + [Scenario(program) for program in programs if program not in named and program not in ELSEWHERE]
