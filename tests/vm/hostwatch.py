"""What the host does with the CPU that a guest runs on, by the scheduler's own account (/proc/PID/task/TID/schedstat).

A guest that its host does not run for a tenth of a second has been held up, whether somebody stopped it or others used the CPU: whystall is
right to say so, and only the host can tell whether it is true.
"""
import os
import pathlib
import signal
import time

HELD_SHARE = 0.8        # of a moment: the guest waited so much of it that it did not run to speak of


def emulator(rig):
    """The pid of QEMU: the only child of `vm`, whose pid is given. IndexError: there is none."""
    return int(pathlib.Path(f"/proc/{rig}/task/{rig}/children").read_text().split()[0])


def freeze(rig, seconds):
    """Stops QEMU as a whole for so long: the guest's clocks go on."""
    pid = emulator(rig)
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(seconds)
    finally:
        os.kill(pid, signal.SIGCONT)


def held(moments):
    """For how much of each moment, at most, the guest wanted to run and did not. A moment is (seconds, ran, {thread: waited}): for how long all of its
    threads ran, and for how long each was kept from running, be it by another of them.

    The kernel counts a wait when it ends, so what is longer than a moment reaches into those before it."""
    earlier, may_be = {}, []
    for seconds, ran, waited in reversed(moments):
        waited = {thread: waited.get(thread, 0.0) + earlier.get(thread, 0.0) for thread in {*waited, *earlier}}
        earlier = {thread: wait - seconds for thread, wait in waited.items() if wait > seconds}
        may_be.insert(0, max(0.0, min(seconds - ran, max(waited.values(), default=0.0))))
    return may_be


def longest_hold(moments):
    """The longest stretch, in seconds, for which a guest may have been held up. At both ends it may reach into the next moment."""
    may_be = held(moments)
    longest, whole = 0.0, 0.0       # whole: of the moments before this one, all of which were waited for
    for at, (seconds, _, _) in enumerate(moments):
        if may_be[at] < HELD_SHARE * seconds:
            longest, whole = max(longest, whole + may_be[at]), may_be[at]
        else:
            whole += may_be[at]
    return max(longest, whole)


class Watch:
    """Looks at a guest again and again while it records."""

    def __init__(self):
        self.before, self.moments, self.ends = None, [], []

    def look(self, rig):
        """Takes down what has happened since the last look."""
        try:
            threads = {task.name: [int(number) for number in (task / "schedstat").read_text().split()[:2]]
                       for task in pathlib.Path(f"/proc/{emulator(rig)}/task").iterdir()}
        except (OSError, IndexError, ValueError):
            return      # it is on its way out, or a thread of it is
        now = time.monotonic()
        if self.before:
            then, old = self.before
            ran, waited = ({name: max(0, new[part] - old[name][part]) / 1e9 for name, new in threads.items() if name in old} for part in (0, 1))
            self.ends.append(now)       # first: another thread may read both
            self.moments.append((now - then, sum(ran.values()), waited))
        self.before = now, threads

    def waited_between(self, begin, end):
        """Seconds, at most, for which the guest wanted to run and did not in the moments that touch these times (time.monotonic())."""
        moments, ends = list(self.moments), self.ends
        may_be = held(moments)
        return sum(may_be[at] for at, (seconds, _, _) in enumerate(moments) if ends[at] > begin and ends[at] - seconds < end)

    def held_up(self):
        """(the longest stretch in seconds, part of all time) for which the guest did not get the host's CPU."""
        seconds = sum(moment[0] for moment in self.moments)
        return longest_hold(self.moments), sum(held(self.moments)) / seconds if seconds else 0.0
