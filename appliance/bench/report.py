"""The bench's report for people."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from appliance.bench.row import Row, Verdict

_COLOURS: Mapping[Verdict, str] = {
    "holds": "green",
    "falls_short": "red",
    "check_failed": "red",
    "inconclusive": "yellow",
    "not_run": "yellow",
}


def panel(row: Row) -> Panel:
    """Return one row: the ratio against its demand, both sides, the control and the output check."""
    verdict = Text(row.verdict.replace("_", " "), style=_COLOURS[row.verdict])
    sign = "≥" if row.demand_is == "least" else "≤"
    title = Text.assemble(f"{row.name} · ", verdict)
    if row.ratio is None:
        return Panel(row.reason, title=title, title_align="left")
    grid = Table.grid(padding=(0, 2))
    grid.add_row("ratio", f"{row.ratio:.2f} of medians, {row.min_ratio:.2f} of minima; demanded {sign} {row.demand}")
    grid.add_row("A", f"{row.a:,.1f} ms: {row.a_is}")
    grid.add_row("B", f"{row.b:,.1f} ms: {row.b_is}")
    grid.add_row("A against A", f"{row.control} over {row.rounds} rounds; others used {row.others} cores meanwhile")
    if row.check is not None:
        grid.add_row("output", f"{'as it should be' if row.check.passed else 'WRONG'}: {row.check.detail}")
    grid.add_row("threads", row.threads)
    if row.figures:
        grid.add_row("also", ", ".join(f"{name} {value:g}" for name, value in row.figures.items()))
    return Panel(grid, title=title, title_align="left")


def machine_line(machine: Mapping[str, Any]) -> Group:
    """Return what the figures were taken on."""
    pools = ", ".join(f"{name} {value}" for name, value in machine["threads"].items() if value is not None)
    return Group(
        Text(
            f"{machine['cpu']}, {machine['usable_cores']} cores; at the start: load {machine['load_1_min']}, "
            f"cores waited for {machine['cpu_pressure_10_s']} % of the time"
        ),
        Text(f"thread pools: {pools}"),
    )
