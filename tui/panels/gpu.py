"""GPU readings as lines: two per device for one or two, one per device for more."""

from collections.abc import Mapping

from appliance.admin.schema import Gpu, GpuHost, Snapshot
from tui import format as fmt
from tui.bars import line
from tui.glyphs import Glyphs, Line, Piece, Tone
from tui.naming import gpu_key, gpu_name, memory_share
from tui.trails import Trail
from tui.verdict import FULL_SHARE, HOT_C, host_trouble

TWO_LINES_UP_TO = 2
NAME_WIDTH, SHORT_NAME_WIDTH = 11, 6
"""Columns of a name at least."""
LEAST_TRAIL = 8
WITH_SHARE_FROM = 56
"""From this width on, the share of memory in use stands beside the figures of it."""
NO_READINGS = "No GPU readings."


def gpu_lines(snapshot: Snapshot, trails: Mapping[str, Trail], width: int, glyphs: Glyphs) -> list[Line]:
    """Return all devices, what of a device is missing, then what hosts without readings say."""
    lines: list[Line] = []
    names = {gpu_key(gpu): gpu_name(snapshot, gpu) for gpu in snapshot.gpus}
    longest = max(map(len, names.values()), default=0)
    for gpu in snapshot.gpus:
        name, trail = names[gpu_key(gpu)], trails.get(gpu_key(gpu), ())
        if gpu.lost:
            lines.append([(f"{name} {glyphs.bad} lost: {gpu.lost}", "bad")])
        elif len(snapshot.gpus) <= TWO_LINES_UP_TO:
            lines += _two(name, longest, gpu, trail, width, glyphs)
        else:
            lines.append(_one(name, longest, gpu, trail, width, glyphs))
    if snapshot.gpus_left_out:
        lines.append([(f"and {snapshot.gpus_left_out} more", "quiet")])
    lines += [_host(host) for host in snapshot.gpu_hosts]
    if snapshot.gpu_hosts_left_out:
        lines.append([(f"and {fmt.plural(snapshot.gpu_hosts_left_out, 'host')} more without readings", "quiet")])
    return lines or [[(NO_READINGS, "quiet")]]


def missing_lines(snapshot: Snapshot) -> list[Line]:
    """Return why figures are missing, one line per device and reason."""
    lines: list[Line] = []
    for gpu in snapshot.gpus:
        for reason in dict.fromkeys(error.reason for error in gpu.errors):
            fields = ", ".join(error.field for error in gpu.errors if error.reason == reason)
            lines.append([(f"{gpu_name(snapshot, gpu)}: {fields}: {reason}", "quiet")])
    return lines


def _host(host: GpuHost) -> Line:
    trouble = host_trouble(host)
    if trouble is None:
        where = f"{host.host}: " if host.host else ""
        return [(f"{where}No GPU here ({host.reason}). Engines run on the CPU.", "quiet")]
    return [(trouble, "warn")]


def _two(name: str, longest: int, gpu: Gpu, trail: Trail, width: int, glyphs: Glyphs) -> list[Line]:
    """Return two lines; the name is whole where that leaves a trail, and the model takes what room there is."""
    utilisation = f" util {fmt.percent(gpu.utilisation):>5} "
    columns = max(NAME_WIDTH, width // 4, min(longest, width - len(utilisation) - LEAST_TRAIL))
    label = fmt.cut_middle(name, columns, glyphs.cut)
    if gpu.name and len(label) + 2 < columns:
        label = fmt.cut(f"{label} {gpu.name}", columns, glyphs.cut)
    bars = line(trail, max(0, width - columns - len(utilisation)), 1.0, glyphs)
    figures = [*_memory(gpu), (" ", "plain"), *_heat(gpu)]
    indent = max(0, min(columns + 1, width - _length(figures)))
    return [
        [(f"{label:<{columns}}", "plain"), (utilisation, "plain"), (bars, "good")],
        [(" " * indent, "plain"), *figures],
    ]


def _one(name: str, longest: int, gpu: Gpu, trail: Trail, width: int, glyphs: Glyphs) -> Line:
    """Return one line; the name is whole where there is room for it, else its middle goes."""
    short = width < WITH_SHARE_FROM
    least = SHORT_NAME_WIDTH if short else NAME_WIDTH + 1
    memory: Line = [(fmt.used_of(gpu.memory_used_bytes, gpu.memory_total_bytes).rjust(11), "plain")]
    figures: Line = [
        (f" {fmt.percent(gpu.utilisation):>5} ", "plain"),
        *(memory if short else _memory(gpu)),
        (" ", "plain"),
    ]
    heat = _heat(gpu)
    # A name that tells cards apart is worth more than what they draw.
    if width - _length(figures + heat) < max(least, min(longest, NAME_WIDTH)):
        heat = [piece for piece in heat if piece != _power(gpu)]
    figures += heat
    columns = max(least, min(longest, width - _length(figures)))
    figures.insert(0, (f"{fmt.cut_middle(name, columns, glyphs.cut):<{columns}}", "plain"))
    room = width - _length(figures) - 1
    return [*figures, (" " + line(trail, room, 1.0, glyphs), "good")] if room >= LEAST_TRAIL else figures


def _length(pieces: Line) -> int:
    return sum(len(text) for text, _ in pieces)


def _memory(gpu: Gpu) -> Line:
    share = memory_share(gpu)
    tone: Tone = "warn" if share is not None and share >= FULL_SHARE else "plain"
    used = fmt.used_of(gpu.memory_used_bytes, gpu.memory_total_bytes)
    return [(f"mem {fmt.percent(share):>4} {used:>10}", tone)]


def _heat(gpu: Gpu) -> Line:
    hot: Tone = "warn" if gpu.temperature_c is not None and gpu.temperature_c > HOT_C else "plain"
    pieces: Line = [(f"{fmt.number(gpu.temperature_c, unit='C'):>4}", hot), _power(gpu)]
    if gpu.ecc_errors:
        pieces.append((f" ECC {gpu.ecc_errors}", "bad"))
    return pieces


def _power(gpu: Gpu) -> Piece:
    return f" {fmt.number(gpu.power_w, unit='W'):>5}", "plain"
