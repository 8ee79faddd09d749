"""The survey's results as text and as Markdown."""
from . import rules

NAME_WIDTH = 34
HEADER = f"{'load':{NAME_WIDTH}} {'pressure':22} {'state':15} {'causes':60} late   tool   lost others"
SHOWN = 0.005       # of the window: pressure, or a cause's part of it, that is worth a figure


def pressure_words(report):
    """"cpu 92 %, io 4 %", "none" where no resource presses."""
    return ", ".join(f"{pressure.resource} {pressure.share * 100:.0f} %" for pressure in rules.pressures(report)
                     if pressure.share >= SHOWN) or "none"


def cause_words(report, most=4):
    """"churn 81 %, …" of each resource that presses: shares of the window, heaviest first, with what has no cause."""
    found = []
    window = report["window"]["seconds"]
    for pressure in rules.pressures(report):
        parts = [(cause, seconds / window) for cause, seconds in pressure.causes] + [("unattributed", pressure.unattributed / window)]
        words = [f"{cause} {share * 100:.0f}" for cause, share in sorted(parts, key=lambda part: -part[1]) if share >= SHOWN]
        if pressure.share >= SHOWN and words:
            found.append(", ".join(words[:most]))
    return " | ".join(found)


def lost(report):
    return report["quality"]["events_lost"]


def columns(run):
    """A run's figures as text, in the order of the table."""
    report = run.report
    tool = report["quality"]["tool_cpu_seconds"] / report["window"]["seconds"]
    return (pressure_words(report), rules.state(report), cause_words(report), f"{run.late_seconds:.2f}", f"{tool * 100:.1f} %", str(lost(report)),
            f"{run.others * 100:.0f} %")


def line(run):
    """One line of progress."""
    name = run.load.name + (f" #{run.number}" if run.number > 1 else "")
    if run.skipped:
        return f"{name:{NAME_WIDTH}} not run: {run.skipped}"
    if run.error:
        return f"{name:{NAME_WIDTH}} ERROR {run.error}"
    pressure, state, causes, late, tool, loss, others = columns(run)
    text = f"{name:{NAME_WIDTH}} {pressure:22} {state:15} {causes:60} {late:>5} {tool:>6} {loss:>6} {others:>5}"
    return text + "".join(f"\n    ! {sentence}" for sentence in run.short)


def print_list(loads, excluded):
    for load in loads:
        print(f"{load.name:{NAME_WIDTH}} {' '.join(load.expect) or '-':50} {load.manual}")
    print("\nLeft out:")
    for name, reason in excluded:
        print(f"  {name:16} {reason}")


def print_shortcomings(runs):
    recorded = [run for run in runs if run.report or run.error]
    pressed = [run for run in recorded if run.report and (top := rules.heaviest(run.report)) and top.share >= rules.PRESSURE]
    short = [run for run in recorded if run.short]
    print(f"\n{len(recorded)} runs, {len(pressed)} with {rules.PRESSURE:.0%} pressure or more, {len(short)} fall short,"
          f" {sum(bool(run.skipped) for run in runs)} could not run")
    for run in short:
        print(f"  {run.load.name}: {'; '.join(run.short)}")


def table_row(cells):
    return "| " + " | ".join(str(cell).replace("|", "·") for cell in cells) + " |\n"


def table(header, rows):
    return table_row(header) + "|" + "---|" * len(header) + "\n" + "".join(map(table_row, rows))


def markdown(runs, conditions, excluded):
    """The whole page docs/survey.md."""
    recorded = [run for run in runs if run.report]
    pressed = [run for run in recorded if (top := rules.heaviest(run.report)) and top.share >= rules.PRESSURE]
    short = [run for run in runs if run.short]
    skipped = [run for run in runs if run.skipped]
    parts = ["# A survey of programs that nobody here wrote\n\n",
             "`make survey` (`tests/survey`) runs programs of others, records each while it runs, and holds the report against rules that every report\n"
             "must keep. It knows no truth about a load but what the load's own manual states. This page is what it wrote; the rules stand in\n"
             "`tests/survey_loads/rules.py`, the loads beside them.\n\n",
             table(("condition", "value"), conditions),
             f"\n{len(recorded)} loads were recorded, {len(pressed)} of them with {rules.PRESSURE * 100:.0f} % pressure or more;"
             f" {len(short)} fall short of a rule. {len(skipped)} could not run here.\n",
             "\n## What falls short\n\n",
             table(("load", "what"), [(run.load.name, "; ".join(run.short)) for run in short]) if short else "Nothing.\n",
             "\n## Results\n\nPressure (some) and its causes in percent of the window; late: seconds beyond the time asked, without loading; tool: CPU time of\n"
             "whystall while it recorded; lost: context switches it did not see; others: share of the CPUs that programs beside the load used.\n\n",
             table(("load", "pressure", "state", "causes", "late", "tool", "lost", "others"), [(run.load.name, *columns(run)) for run in recorded]),
             "\n## What did not run\n\n",
             table(("load", "reason"), [(run.load.name, run.skipped) for run in skipped] + [(f"stress-ng {name}", f"left out: {reason}") for name, reason in excluded])]
    return "".join(parts)
