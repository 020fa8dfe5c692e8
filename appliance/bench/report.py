"""The bench's report for people."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console, Group
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

_FURTHER = {"threads": "thread pools", "servers": "servers"}
"""Facts about the machine that only some runs have, with their titles."""


class Reporter:
    """Shows a run while it goes on and keeps its rows."""

    def __init__(self, show: Callable[[Any], None], say: Callable[[str], None]) -> None:
        """Show what is done with `show`, and what is being done with `say`."""
        self.rows: list[Row] = []
        self.say = say
        self._show = show

    def begins(self, machine: Mapping[str, Any], *lines: str) -> None:
        """Show what the figures are taken on, and these lines."""
        self._show(machine_line(machine))
        for line in lines:
            self._show(line)

    def row(self, row: Row) -> None:
        """Keep a finished row and show it."""
        self.rows.append(row)
        self._show(panel(row))


@contextmanager
def reported(*, as_json: bool) -> Iterator[Reporter]:
    """Yield a reporter for the terminal; where a document follows on standard output, it uses standard error."""
    console = Console(stderr=as_json)
    with Console(stderr=True).status("") as status:
        yield Reporter(console.print, status.update)


def panel(row: Row) -> Panel:
    """Return one row: the ratio against its demand, both sides, the control and the output check."""
    verdict = Text(row.verdict.replace("_", " "), style=_COLOURS[row.verdict])
    sign = "≤" if row.demand_is in ("most", "at_most_ms") else "≥"
    title = Text.assemble(f"{row.name} · ", verdict)
    if row.ratio is None:
        return Panel(row.reason, title=title, title_align="left")
    grid = Table.grid(padding=(0, 2))
    demanded = f"; demanded {sign} {row.demand}"
    if row.per_s is not None:
        grid.add_row("rate", f"{row.per_s:,.0f} per second{demanded}")
        demanded = ""
    if row.demand_is == "at_most_ms":
        grid.add_row("latency", f"{row.a:,.1f} ms at the median{demanded} ms")
        demanded = ""
    grid.add_row("ratio", f"{row.ratio:.2f} of medians, {row.min_ratio:.2f} of minima{demanded}")
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
    lines = [
        f"{machine['cpu']}, {machine['usable_cores']} cores; at the start: load {machine['load_1_min']}, "
        f"cores waited for {machine['cpu_pressure_10_s']} % of the time"
    ]
    for name, title in _FURTHER.items():
        if name in machine:
            values = ", ".join(f"{key} {value}" for key, value in machine[name].items() if value is not None)
            lines.append(f"{title}: {values}")
    return Group(*(Text(line) for line in lines))
