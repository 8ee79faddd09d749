"""Runtimes with threads of their own: Go, the JVM, Node, Python. The drivers in programs/ are ours, what they drive is not."""
from .load import Load

GO, JAVA, NODE, PYTHON = ((program, package) for program, package in
                          (("go", "golang-go"), ("java", "default-jdk-headless"), ("node", "nodejs"), ("python3", "python3")))
CPU = ("cpu.",)


def go(mode, expect=(), manual=""):
    return Load(name=f"go {mode}", needs=(GO,), expect=expect, manual=manual, command=f"exec ./driver {mode}",
                prepare="CGO_ENABLED=0 GO111MODULE=off GOFLAGS= GOCACHE=/var/tmp/whystall-survey-go go build -o driver $PROGRAMS/driver.go")


def java(mode, expect=(), manual=""):
    return Load(name=f"java {mode}", needs=(JAVA, ("javac", "default-jdk-headless")), expect=expect, manual=manual, settle=1.5,
                prepare="javac -d . $PROGRAMS/Driver.java", command=f"exec java -Xmx512m -cp . Driver {mode}")


def node(mode, expect=(), manual=""):
    return Load(name=f"node {mode}", needs=(NODE,), expect=expect, manual=manual, command=f"exec node $PROGRAMS/driver.js {mode}")


def python(mode, expect=(), manual=""):
    return Load(name=f"python {mode}", needs=(PYTHON,), expect=expect, manual=manual, command=f"exec python3 $PROGRAMS/driver.py {mode}")


LOADS = [
    go("spin", CPU, "eight goroutines that compute"),
    go("garbage", CPU + ("memory.churn", "lock.", "kernel.syscall"), "goroutines that make garbage: the collector works all the time"),
    go("channels", manual="goroutines hand values to each other through channels without a buffer"),
    go("mutex", manual="goroutines take one mutex: they wait inside the runtime"),
    java("spin", CPU, "eight threads that compute"),
    java("garbage", CPU + ("memory.churn", "lock."), "threads that make garbage"),
    java("synchronized", manual="eight threads take one monitor"),
    java("executor", manual="a pool of threads runs small jobs"),
    node("workers", CPU, "four worker threads that compute"),
    node("files", manual="reads and writes files through the pool of threads"),
    node("events", manual="one thread runs timers and promises"),
    python("threads", manual="four threads that compute share one interpreter lock"),
    python("processes", CPU, "a pool of four processes computes"),
    python("spawn", ("cpu.churn",) + CPU, "starts short programs, one after the other, from four threads"),
]
