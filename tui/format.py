"""How figures read in a narrow column; what is not known reads as a dash, never as zero."""

import time

UNKNOWN = "-"
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400


def age(seconds: float | None) -> str:
    """Return an age in at most seven characters: `4.2s`, `97s`, `12m`, `3h 05m`, `6d 04h`."""
    if seconds is None:
        return UNKNOWN
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 2 * _MINUTE_S:
        return f"{whole}s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S}m"
    if whole < _DAY_S:
        return f"{whole // _HOUR_S}h {whole % _HOUR_S // _MINUTE_S:02d}m"
    return f"{whole // _DAY_S}d {whole % _DAY_S // _HOUR_S:02d}h"


def seconds(value: float | None) -> str:
    """Return a duration in seconds with two decimals below 10: `0.62`, `14.2`, `402`."""
    if value is None:
        return UNKNOWN
    if value < 9.995:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 99.95 else f"{value:.0f}"


def percent(ratio: float | None) -> str:
    """Return a ratio as whole percent; what is almost all, or almost nothing, never reads as all or nothing."""
    if ratio is None:
        return UNKNOWN
    whole = round(100 * ratio)
    if whole >= 100 and ratio < 1:
        return ">99%"
    if whole == 0 and ratio > 0:
        return "<1%"
    return f"{whole}%"


def gibibytes(value: float | None) -> str:
    """Return bytes as gibibytes with one decimal, without the unit."""
    return UNKNOWN if value is None else f"{value / 2**30:.1f}"


def used_of(used_bytes: float | None, total_bytes: float | None) -> str:
    """Return memory in use of all memory: `20.1/24.0G`; unified memory has no total: `20.1G`."""
    if used_bytes is None:
        return UNKNOWN
    if total_bytes is None:
        return f"{gibibytes(used_bytes)}G"
    return f"{gibibytes(used_bytes)}/{gibibytes(total_bytes)}G"


def number(value: float | None, decimals: int = 0, unit: str = "") -> str:
    """Return a number with its unit."""
    return UNKNOWN if value is None else f"{value:.{decimals}f}{unit}"


def count(value: int | None) -> str:
    """Return a count in at most five characters: `9999`, `12k`, `3.4M`."""
    if value is None:
        return UNKNOWN
    if value < 10_000:
        return str(value)
    if value < 999_500:
        return f"{value / 1000:.0f}k"
    return f"{value / 1_000_000:.1f}M"


def clock(epoch_s: float | None) -> str:
    """Return a time of day, hours to seconds, in the time zone of this terminal."""
    return UNKNOWN if epoch_s is None else time.strftime("%H:%M:%S", time.localtime(epoch_s))


def moment(epoch_s: float | None, now_s: float) -> str:
    """Return a time of day, or the date and minute of what is more than half a day away."""
    if epoch_s is None:
        return UNKNOWN
    if abs(now_s - epoch_s) < _DAY_S / 2:
        return clock(epoch_s)
    return time.strftime("%d.%m. %H:%M", time.localtime(epoch_s))


def plural(number_of: int, noun: str) -> str:
    """Return a count with its noun: `1 job`, `3 jobs`."""
    return f"{number_of} {noun}" if number_of == 1 else f"{number_of} {noun}s"


def cut(text: str, width: int, ellipsis: str = "~") -> str:
    """Return text in at most this many characters; what was cut ends in a sign that says so."""
    if len(text) <= width:
        return text
    return text[: max(0, width - 1)] + ellipsis if width > 0 else ""


def cut_middle(text: str, width: int, ellipsis: str = "~") -> str:
    """Return text in at most this many characters; of a longer one the middle goes: names differ at their ends."""
    if len(text) <= width:
        return text
    end = max(0, width - 1) // 2
    return cut(text, width - end, ellipsis) + (text[-end:] if end else "")
