#!/usr/bin/env python3
"""pyworkers: four Python threads that compute, and so wait for each other at the global interpreter lock. A part of the labelled
workloads, started by lab/gil. Its arguments are those of a lab process: --role NAME READY_FD FD BUSY_US PERIOD_US."""
import os
import sys
import threading


def compute():
    total = 0
    while True:
        for number in range(10000):
            total += number * number % 7


def main():
    if len(sys.argv) != 7:
        sys.exit("pyworkers: a part of the labelled workloads, started by them")
    with open("/proc/self/comm", "w", encoding="ascii") as comm:
        comm.write("pyworkers")
    for _ in range(4):
        threading.Thread(target=compute, daemon=True).start()
    ready = int(sys.argv[3])
    os.write(ready, b"\0")
    os.close(ready)
    threading.Event().wait()


main()
