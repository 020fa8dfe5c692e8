"""Brings everything that was resolved into the cache; what is there already is left alone."""

from collections.abc import Sequence
from pathlib import Path

from installer.build.debs import fetch_debs
from installer.build.item import Item
from installer.build.models import fetch_models
from installer.build.resolution import Builder, Say, resolve
from installer.build.wheels import fetch_wheels
from installer.bundle.space import FreeBytes, free_bytes, gibibytes, require_space


def missing(builder: Builder, items: Sequence[Item]) -> list[Item]:
    """Return the items that the cache does not hold."""
    return [item for item in items if not builder.cache.holds(item.sha256, item.size_bytes)]


def fetch(builder: Builder, say: Say, *, refresh: bool = False, free: FreeBytes = free_bytes) -> tuple[Item, ...]:
    """Return the resolved items, all of them in the cache.

    Space is asked for before the first transfer. After an interruption, the next call goes on within the file that
    was cut. Raises NoSpace, FetchFailed, ChecksumWrong and what resolving raises.
    """
    with builder.alone(say):
        return _fetch(builder, say, refresh=refresh, free=free)


def _fetch(builder: Builder, say: Say, *, refresh: bool, free: FreeBytes) -> tuple[Item, ...]:
    items = resolve(builder, say, refresh=refresh)
    absent = missing(builder, items)
    needed = sum(max(item.size_bytes, 0) for item in absent)
    # Debian packages and models pass through folders of their clients before they are linked into the cache.
    require_space(builder.cache.root, needed, free)
    say(f"to fetch: {len(absent)} of {len(items)} files, {gibibytes(needed)}")
    wheels = [item for item in absent if item.kind == "wheel"]
    if wheels:
        fetch_wheels(wheels, builder.interpreter(), builder.cache, lambda each: say(f"{each.name} {each.version}"))
    for item in absent:
        if item.kind in ("binary", "collection"):
            builder.cache.add(Path(item.source), item.sha256)
    debs = [item for item in items if item.kind == "deb"]
    if debs:
        fetch_debs(debs, builder.components.debian_packages, builder.apt(), builder.cache)
    fetch_models([item for item in items if item.kind == "model"], builder.models, builder.cache)
    say(f"fetched: {len(items)} files in {builder.cache.root}")
    return items
