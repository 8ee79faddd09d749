"""What a report says of a load, and where it falls short. Pure functions of a report and of what was measured beside it."""
import dataclasses
import re

PRESSURE = 0.05         # of the window: from here on a report must name causes
ATTRIBUTED = 0.95       # of what is explained: has a cause
EXPLAINED = 1.01        # at most
LATE_SECONDS = 1.0      # that a recording may take longer than it was asked to, without loading
RESOURCES = ("cpu", "memory", "io")
FOUND = ("confirmed", "contributing")
NOBODY = ("unattributed",)
SECONDARY = ("whystall", "idle", "cpu.steal", "host.pause")    # the tool's and the host's part: never what a load is expected to do


@dataclasses.dataclass
class Pressure:
    """The system's `some` row of one resource. `causes`: [(id, seconds)], heaviest first, without what has none; None where the
    report has no account of causes."""
    resource: str
    share: float            # of the window
    seconds: float          # counted by the kernel, or by the meter where the kernel's total lost time
    explained: float
    causes: list
    unattributed: float     # seconds


def counted(row):
    return row.get("counted_seconds") or row["kernel_seconds"]


def account(row):
    """[(cause, seconds)] of a row of the report, None where it has none."""
    for key in ("account", "causes"):
        items = row.get(key)
        if items and all(isinstance(item, dict) for item in items):
            return [(item["cause"], item["seconds"]) for item in items]
    return None


def by_verdicts(report, resource):
    """The same by the verdicts alone: what each cause that was found makes of the pressure. For reports without an account."""
    found = [(verdict["cause"], verdict.get("wall_seconds") or 0) for verdict in report["verdicts"]
             if verdict["verdict"] in FOUND and verdict.get("counted_by_pressure") == resource]
    return sorted(found, key=lambda item: -item[1])


def pressures(report):
    """Pressure of each resource that the kernel counted."""
    found = []
    for row in report["pressure"]:
        seconds = counted(row)
        if row["kind"] != "some" or row["scope"] != "system" or row["resource"] not in RESOURCES or not seconds:
            continue
        parts, explained = account(row), row["explained"] or 0
        if parts is None:
            causes = by_verdicts(report, row["resource"])
            unattributed = 0 if causes else explained * seconds
        else:
            causes = sorted((part for part in parts if part[0] not in NOBODY and part[1] > 0), key=lambda part: -part[1])
            unattributed = sum(part for cause, part in parts if cause in NOBODY)
        found.append(Pressure(row["resource"], seconds / report["window"]["seconds"], seconds, explained, causes, unattributed))
    return sorted(found, key=lambda pressure: -pressure.share)


def state(report):
    """STALLED, PARTLY STALLED, BUSY, HEALTHY, UNEXPLAINED, …: the report's state, or else the headline's first words."""
    return report.get("state", "").upper().replace("_", " ") or re.match(r"[A-Z]+(?: [A-Z]{2,})*|", report["headline"]).group()


def heaviest(report):
    """The pressure that counts most, or None."""
    rows = pressures(report)
    return rows[0] if rows else None


def own_first(pressure):
    """The cause with the largest part of a pressure that has causes; the load's own before the tool's and the host's."""
    return next((cause for cause, _ in pressure.causes if cause not in SECONDARY), pressure.causes[0][0])


def first_cause(report):
    """(cause, its verdict): the first one of the heaviest pressure; where nothing presses, the first verdict that found something;
    ("", "") where none did."""
    verdicts = {verdict["cause"]: verdict["verdict"] for verdict in report["verdicts"]}
    top = heaviest(report)
    if top and top.share >= PRESSURE and top.causes:
        cause = own_first(top)
        return cause, verdicts.get(cause, "")
    return next(((cause, verdict) for cause, verdict in verdicts.items() if verdict in FOUND), ("", ""))


def fits(cause, expect):
    return any(cause.startswith(beginning) for beginning in expect)


def shortcomings(report, expect=(), late_seconds=0.0):
    """Sentences: which rules this report breaks."""
    found = []
    top, headline = heaviest(report), state(report)
    for pressure in pressures(report):
        where = f"{pressure.resource} some {pressure.share:.0%}"
        if pressure.explained is not None and not 0 <= pressure.explained <= EXPLAINED:
            found.append(f"{where}: explained {pressure.explained:.2f}")
        if pressure.share < PRESSURE:
            continue
        explained = min(1, pressure.explained) * pressure.seconds
        if pressure.explained <= 0:
            found.append(f"{where}: nothing of it is explained")
        elif pressure.unattributed > (1 - ATTRIBUTED) * explained:
            found.append(f"{where}: {pressure.unattributed / explained:.0%} of what is explained has no cause")
    if top and top.share >= PRESSURE and headline.startswith("HEALTHY"):
        found.append(f"HEALTHY at {top.resource} some {top.share:.0%}")
    firsts = [own_first(pressure) for pressure in pressures(report) if pressure.share >= PRESSURE and pressure.causes]
    if expect and firsts and not any(fits(cause, expect) for cause in firsts):
        found.append(f"first cause {' and '.join(firsts)}, expected "
                     + " or ".join(beginning + ("*" if beginning.endswith(".") else "") for beginning in expect))
    if late_seconds > LATE_SECONDS:
        found.append(f"took {late_seconds:.1f} s longer than asked")
    return found
