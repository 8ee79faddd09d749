"""Drives Python for the survey: driver.py threads|processes|spawn."""
import multiprocessing
import subprocess
import sys
import threading


def compute(_=None):
    total = 0
    for number in range(200000):
        total += number * number % 7
    return total


def forever(function):
    while True:
        function()


def processes():
    with multiprocessing.Pool(4) as pool:
        while True:
            pool.map(compute, range(16))


def main():
    mode = sys.argv[1] if len(sys.argv) == 2 else ""
    if mode == "processes":
        processes()
    elif mode in ("threads", "spawn"):
        step = compute if mode == "threads" else lambda: subprocess.run(["true"], check=True)
        for _ in range(4):
            threading.Thread(target=forever, args=(step,)).start()
    else:
        sys.exit("driver.py: threads, processes or spawn")


if __name__ == "__main__":
    main()
