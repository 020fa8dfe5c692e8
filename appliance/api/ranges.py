"""Byte ranges as RFC 9110 has them (section 14): one range is served, anything else gives the whole file."""

import re

from appliance.errors import RangeNotSatisfiable

_ONE_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII)


def requested_range(header: str | None, size_bytes: int) -> tuple[int, int] | None:
    """Return (first, past the last) byte of the range asked for; None where there is none or it is not understood.

    Raises RangeNotSatisfiable for a range that begins behind the end.
    """
    match = _ONE_RANGE.fullmatch(header or "")
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        wanted = int(last)
        start, end = max(0, size_bytes - wanted), size_bytes
    else:
        start, end = int(first), min(int(last) + 1 if last else size_bytes, size_bytes)
        if last and int(last) < int(first):
            return None
    if start >= size_bytes or start >= end:
        raise RangeNotSatisfiable(f"The audio has {size_bytes} bytes.", size_bytes=size_bytes)
    return start, end


def matches(etag: str, header: str | None) -> bool:
    """Return whether an If-None-Match header names this entity tag (weak comparison)."""
    if header is None:
        return False
    return header.strip() == "*" or etag in {tag.strip().removeprefix("W/") for tag in header.split(",")}
