"""The screens, by the names of their modes, in the order of their keys."""

from collections.abc import Callable

from textual.screen import Screen

from tui.screens.events import EventsScreen
from tui.screens.gpu import GpuScreen
from tui.screens.latency import LatencyScreen
from tui.screens.overview import OverviewScreen
from tui.screens.quality import QualityScreen
from tui.screens.queues import QueuesScreen
from tui.screens.verdict import VerdictScreen
from tui.screens.workers import WorkersScreen

MODES: dict[str, Callable[[], Screen]] = {
    "overview": OverviewScreen,
    "queues": QueuesScreen,
    "workers": WorkersScreen,
    "gpu": GpuScreen,
    "latency": LatencyScreen,
    "quality": QualityScreen,
    "events": EventsScreen,
    "verdict": VerdictScreen,
}
