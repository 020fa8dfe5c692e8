"""One line in the place of the panels that a narrow terminal has no room for."""

from appliance.admin.schema import Snapshot
from tui import format as fmt
from tui.glyphs import Glyphs, Piece
from tui.naming import gpu_name
from tui.panels.cache import hit_ratio
from tui.verdict import host_trouble


def fold_pieces(snapshot: Snapshot, width: int, glyphs: Glyphs) -> list[Piece]:
    """Return GPUs, the latency of whole jobs and the caches in one line; what does not fit is left out whole."""
    parts = [
        f"{gpu_name(snapshot, gpu)} {fmt.percent(gpu.utilisation)}"
        f" {fmt.used_of(gpu.memory_used_bytes, gpu.memory_total_bytes)} {fmt.number(gpu.temperature_c, unit='C')}"
        for gpu in snapshot.gpus[:2]
    ]
    count = len(snapshot.gpus) + snapshot.gpus_left_out
    if count > 2:
        parts = [f"{count} GPUs, busiest {fmt.percent(_busiest(snapshot))}"]
    parts += [trouble for host in snapshot.gpu_hosts if (trouble := host_trouble(host)) is not None]
    parts = parts or ["no GPU" if snapshot.gpu_hosts else "no GPU readings"]
    total = next((stage.worked.p95_s for stage in snapshot.latency if stage.stage == "total"), None)
    parts.append("p95 -" if total is None else f"p95 {fmt.seconds(total)}s")
    parts += [f"{each.kind} {fmt.percent(hit_ratio(each))}" for each in snapshot.caches if hit_ratio(each) is not None]
    text = parts[0]
    for part in parts[1:]:
        longer = f"{text} {glyphs.separator} {part}"
        if len(longer) <= width:
            text = longer
    return [(fmt.cut(text, width, glyphs.cut), "quiet")]


def _busiest(snapshot: Snapshot) -> float | None:
    return max((gpu.utilisation for gpu in snapshot.gpus if gpu.utilisation is not None), default=None)
