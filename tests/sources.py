"""What a recording's own probes counted, beside what the kernel counted itself in the same window (both are in the recording).

`compare(path)` gives a Pair for each figure that is large enough to be compared. Pairs that differ by more than AGREE are wrong: the probes
missed something or booked it elsewhere. While a CPU runs a task whose events the kernel delivers to nobody, interrupts are not seen either. The
recording says for how long that was (gap_ns of its CPU), from the switches alone; by so much more may be missing, and no more may be seen.
"""
import contextlib
import sqlite3
from typing import NamedTuple

AGREE = 0.05
ENOUGH = 200            # smaller counts are not compared
SLACK = 40              # the kernel's files are read a moment after the window's ends

GROWTH = "SELECT sum(after - before) FROM kernel_counter WHERE source = '{0}' AND name IN ({1})"
# (what, the probes' figure, the kernel's): each gives one number, or rows (name, number).
SINGLE = [
    ("allocations that reclaimed", "SELECT sum(count) FROM activity WHERE subject = 'memory' AND kind = 'direct_reclaim'",
     "SELECT sum(after - before) FROM kernel_counter WHERE source = 'vmstat' AND name LIKE 'allocstall_%'"),
    # All that was freed but for kswapd's part. (pgsteal_direct holds what was freed for limits on 7.2 and does not on 6.12.)
    ("pages that tasks freed", "SELECT sum(amount) FROM activity WHERE subject = 'memory' AND kind IN ('direct_reclaim', 'limit_reclaim')",
     "SELECT sum(CASE name WHEN 'pgsteal_kswapd' THEN before - after ELSE after - before END) FROM kernel_counter"
     " WHERE source = 'vmstat' AND name IN ('pgsteal_anon', 'pgsteal_file', 'pgsteal_kswapd')"),
    ("allocations that compacted", "SELECT sum(count) FROM activity WHERE subject = 'memory' AND kind = 'compaction'",
     GROWTH.format("vmstat", "'compact_stall'")),
    ("TLB shootdowns", "SELECT sum(count) FROM activity WHERE kind = 'interrupted' AND key = 'flush_tlb_func'",
     "SELECT sum(after - before) FROM kernel_counter WHERE source = 'interrupts' AND key = 'TLB'"
     " AND (SELECT value FROM meta WHERE key = 'probe.irq.calls') = 'csd'"
     # only where they were attached for all of the window (collect/irq_watch.h)
     " AND (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'irq.calls_seen_ns') >= 0.99 *"
     " (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'window_ns')"),
]
# The part of the window in which a CPU delivered no events, by CPU.
UNSEEN = "SELECT cpu, gap_ns * 1.0 / (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'window_ns') FROM cpu WHERE gap_ns > 0"
# Calls of other CPUs (interrupt CAL) come in bursts, and a burst may fall into one gap: those that were asked for and never seen to run.
LOST_CALLS = "SELECT sum(CASE kind WHEN 'caller' THEN count ELSE -count END) FROM activity WHERE subject = 'irq' AND kind IN ('caller', 'call')"
ROWS = [
    ("soft interrupts", "SELECT key || ' on CPU ' || cpu, sum(count) FROM activity WHERE kind = 'softirq' GROUP BY 1",
     "SELECT name || ' on CPU ' || key, after - before FROM kernel_counter WHERE source = 'softirqs'"),
    ("interrupt", "SELECT key, sum(count) FROM activity WHERE kind = 'hardirq' GROUP BY 1",
     "SELECT key, after - before FROM kernel_counter WHERE source = 'interrupts' AND (key GLOB '[0-9]*' OR key IN ('LOC', 'CAL', 'IWI'))"),
    # Devices of bios (dm, zram) have no requests.
    ("reads of device", "SELECT d.name, sum(count) FROM device_io JOIN device d ON d.number = device WHERE operation = 'read' GROUP BY 1",
     "SELECT key, after - before FROM kernel_counter JOIN device d ON d.name = key WHERE source = 'diskstats' AND kernel_counter.name = 'reads'"
     " AND d.requests"),
    # A cgroup's limits strike more often than they reclaim (a charge is tried again), memory.high does exactly then.
    ("hits of memory.high in", "SELECT key, sum(count) FROM activity WHERE kind = 'limit_reclaim' GROUP BY 1",
     "SELECT key, after - before FROM kernel_counter k WHERE source = 'memcg.v2' AND name = 'events_high' AND NOT EXISTS"
     " (SELECT 1 FROM kernel_counter m WHERE m.key = k.key AND m.name = 'events_max' AND m.after > m.before)"),
]


class Pair(NamedTuple):
    what: str
    recorded: int
    counted: int        # by the kernel
    unseen: float = 0   # part of them that may have come while nothing could be recorded

    @property
    def apart(self):
        more, most = self.recorded - self.counted, AGREE * self.counted + SLACK
        return more > most or -more > most + self.unseen * self.counted

    def __str__(self):
        unseen = f" ({self.unseen:.1%} may be unseen)" if self.unseen else ""
        return f"{self.what}: recorded {self.recorded}, the kernel counted {self.counted}{unseen}"


def compare(path, interrupts=True):
    """Pairs of all figures that are large enough. Without `interrupts` where the kernel's files are read late, as in emulation."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        unseen = {str(cpu): min(1, part or 0) for cpu, part in database.execute(UNSEEN)}
        most = max(unseen.values(), default=0)      # for figures that are not told by CPU
        pairs = [Pair(what, *(database.execute(query).fetchone()[0] for query in (ours, theirs)), most) for what, ours, theirs in SINGLE]
        for what, ours, theirs in ROWS:
            if "interrupt" in what and not interrupts:
                continue
            recorded = dict(database.execute(ours).fetchall())
            pairs += [Pair(f"{what} {name}", recorded.get(name, 0), counted, unseen.get(name.partition(" on CPU ")[2], 0) if " on CPU " in name else most)
                      for name, counted in database.execute(theirs)]
        lost = database.execute(LOST_CALLS).fetchone()[0] or 0 if most else 0
        pairs = [pair._replace(unseen=max(pair.unseen, min(0.5, lost / pair.counted))) if pair.what == "interrupt CAL" and pair.counted else pair
                 for pair in pairs]
    return [pair._replace(recorded=pair.recorded or 0) for pair in pairs if (pair.counted or 0) >= ENOUGH]


if __name__ == "__main__":
    import sys
    for one in sys.argv[1:]:
        for found in compare(one):
            print(one, "APART" if found.apart else "ok", found)
