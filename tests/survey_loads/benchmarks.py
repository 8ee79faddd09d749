"""Benchmarks that load one thing each: fio, `perf bench`, sysbench."""
from .load import Load

FIO, PERF, SYSBENCH = (("fio", "fio"),), (("perf", "linux-perf"),), (("sysbench", "sysbench"),)
CROWD, IO = ("cpu.oversubscription",), ("io.",)


def fio(name, options, expect=IO, manual=""):
    return Load(name=f"fio {name}", needs=FIO, expect=expect, manual=manual, settle=2,
                command="exec fio --name=survey --directory=. --size=256m --time_based --runtime=60 --thread=0 "
                        f"--group_reporting --output=fio.txt {options}")


def bench(name, options, expect=(), manual=""):
    return Load(name=f"perf bench {name}", needs=PERF, expect=expect, manual=manual,
                command=f"while perf bench {name} {options}; do :; done")


def sysbench(name, options, expect=(), manual="", prepare=""):
    return Load(name=f"sysbench {name}", needs=SYSBENCH, expect=expect, manual=manual, prepare=prepare,
                command=f"exec sysbench --time=60 {options} run")


LOADS = [
    fio("randread psync", "--rw=randread --bs=4k --ioengine=psync --direct=1 --numjobs=4",
        manual="four jobs that read the device, one request each at a time"),
    fio("randread io_uring", "--rw=randread --bs=4k --ioengine=io_uring --direct=1 --iodepth=16 --numjobs=2",
        expect=IO + CROWD, manual="two jobs with sixteen requests in flight each"),
    fio("randread libaio", "--rw=randread --bs=4k --ioengine=libaio --direct=1 --iodepth=16 --numjobs=2",
        expect=IO + CROWD, manual="two jobs with sixteen requests in flight each"),
    fio("write buffered", "--rw=write --bs=1m --ioengine=psync --numjobs=2", expect=(), manual="writes the page cache full"),
    fio("write sync", "--rw=write --bs=4k --ioengine=sync --sync=1 --numjobs=2", manual="each write waits until it is on the device"),
    fio("write fsync", "--rw=randwrite --bs=4k --ioengine=psync --fsync=1 --numjobs=2", manual="an fsync after each write"),
    fio("write direct", "--rw=randwrite --bs=4k --ioengine=psync --direct=1 --numjobs=4", manual="writes past the page cache"),
    fio("write io_uring", "--rw=randwrite --bs=4k --ioengine=io_uring --iodepth=16 --numjobs=2", expect=(),
        manual="buffered writes through the kernel's workers"),
    fio("readwrite mmap", "--rw=randrw --bs=4k --ioengine=mmap --numjobs=4", expect=(), manual="reads and writes a mapped file"),
    fio("falloc", "--rw=write --bs=1m --ioengine=falloc --numjobs=2", expect=(), manual="allocates blocks of files"),
    bench("sched messaging", "-g 4 -l 2000", CROWD + ("cpu.", "lock."), "40 senders and 40 receivers in each of four groups"),
    bench("sched pipe", "-l 1000000", manual="two tasks wake each other"),
    bench("futex hash", "-r 10 -t 4", CROWD + ("cpu.",), "four threads that call futex(2) and never sleep"),
    bench("futex wake", "-t 64", manual="wakes threads that wait at one futex"),
    bench("futex wake-parallel", "-t 64", manual="several threads wake others at once"),
    bench("futex requeue", "-t 64", manual="moves waiters from one futex to another"),
    bench("futex lock-pi", "-r 10 -t 4", manual="four threads fight for one lock in user space"),
    bench("mem memcpy", "-s 512MB -l 20", manual="one task copies memory"),
    bench("mem memset", "-s 512MB -l 20", manual="one task fills memory"),
    bench("epoll wait", "-r 10 -t 8", manual="eight threads wait at one epoll instance"),
    bench("epoll ctl", "-r 10 -t 8", CROWD + ("cpu.", "lock."), "eight threads change their epoll sets and never sleep"),
    bench("syscall basic", "-l 100000000", manual="one task calls getppid"),
    sysbench("cpu", "--threads=4 cpu", CROWD, "four threads look for prime numbers"),
    sysbench("threads", "--threads=64 --thread-yields=1000 --thread-locks=8 threads", CROWD + ("lock.", "cpu."),
             "64 threads take eight mutexes in turn"),
    sysbench("mutex", "--threads=64 --mutex-num=4 --mutex-locks=1000000 --mutex-loops=10000 mutex", CROWD + ("lock.", "cpu."),
             "64 threads take four mutexes"),
    sysbench("memory", "--threads=4 --memory-total-size=1T memory", CROWD, "four threads write memory"),
    *(sysbench(f"fileio {mode}", f"--threads=4 --file-total-size=512M --file-num=16 --file-test-mode={mode} --file-fsync-freq=20 fileio",
               IO, "reads or writes files and syncs them all the time",
               prepare="sysbench --file-total-size=512M --file-num=16 fileio prepare")
      for mode in ("rndwr", "rndrw")),
]
