"""GPU readings as lines: two per device for one or two, one per device for more."""

from collections.abc import Mapping

from appliance.admin.schema import Gpu, GpuHost, Snapshot
from tui import format as fmt
from tui.bars import line
from tui.glyphs import Glyphs, Line, Tone
from tui.naming import gpu_key, gpu_name, memory_share
from tui.trails import Trail
from tui.verdict import FULL_SHARE, HOT_C, host_trouble

TWO_LINES_UP_TO = 2
NO_READINGS = "No GPU readings."


def gpu_lines(snapshot: Snapshot, trails: Mapping[str, Trail], width: int, glyphs: Glyphs) -> list[Line]:
    """Return all devices, what of a device is missing, then what hosts without readings say."""
    lines: list[Line] = []
    for gpu in snapshot.gpus:
        trail = trails.get(gpu_key(gpu), ())
        if gpu.lost:
            lines.append([(f"{gpu_name(snapshot, gpu)} {glyphs.bad} lost: {gpu.lost}", "bad")])
        elif len(snapshot.gpus) <= TWO_LINES_UP_TO:
            lines += _two(snapshot, gpu, trail, width, glyphs)
        else:
            lines.append(_one(snapshot, gpu, trail, width, glyphs))
    if snapshot.gpus_left_out:
        lines.append([(f"and {snapshot.gpus_left_out} more", "quiet")])
    lines += [_host(host) for host in snapshot.gpu_hosts]
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


def _two(snapshot: Snapshot, gpu: Gpu, trail: Trail, width: int, glyphs: Glyphs) -> list[Line]:
    name = fmt.cut(f"{gpu_name(snapshot, gpu)} {gpu.name or ''}".strip(), 11, glyphs.cut)
    bars = line(trail, max(0, width - 24), 1.0, glyphs)
    return [
        [(f"{name:<11} ", "plain"), (f"util {fmt.percent(gpu.utilisation):>5} ", "plain"), (bars, "good")],
        [(" " * 12, "plain"), *_memory(gpu), (" ", "plain"), *_heat(gpu)],
    ]


def _one(snapshot: Snapshot, gpu: Gpu, trail: Trail, width: int, glyphs: Glyphs) -> Line:
    name = fmt.cut(gpu_name(snapshot, gpu), 12, glyphs.cut)
    short = width < 56
    memory: Line = [(fmt.used_of(gpu.memory_used_bytes, gpu.memory_total_bytes).rjust(11), "plain")]
    figures: Line = [
        (f"{name:<{6 if short else 12}} {fmt.percent(gpu.utilisation):>5} ", "plain"),
        *(memory if short else _memory(gpu)),
        (" ", "plain"),
        *_heat(gpu),
    ]
    room = width - sum(len(text) for text, _ in figures) - 1
    return [*figures, (" " + line(trail, room, 1.0, glyphs), "good")] if room >= 8 else figures


def _memory(gpu: Gpu) -> Line:
    share = memory_share(gpu)
    tone: Tone = "warn" if share is not None and share >= FULL_SHARE else "plain"
    used = fmt.used_of(gpu.memory_used_bytes, gpu.memory_total_bytes)
    return [(f"mem {fmt.percent(share):>4} {used:>10}", tone)]


def _heat(gpu: Gpu) -> Line:
    hot: Tone = "warn" if gpu.temperature_c is not None and gpu.temperature_c > HOT_C else "plain"
    power = fmt.number(gpu.power_w, unit="W")
    pieces: Line = [(f"{fmt.number(gpu.temperature_c, unit='C'):>4}", hot), (f" {power:>5}", "plain")]
    if gpu.ecc_errors:
        pieces.append((f" ECC {gpu.ecc_errors}", "bad"))
    return pieces
