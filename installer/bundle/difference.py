"""What changes from one bundle to another."""

from dataclasses import dataclass

from installer.bundle.inspect import table
from installer.bundle.metadata import Component, Metadata
from installer.bundle.space import gibibytes

Components = tuple[Component, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Components that came, went, or are others; migrations that would run; facts of the metadata that differ."""

    added: tuple[Component, ...]
    removed: tuple[Component, ...]
    changed: tuple[tuple[Component, Component], ...]
    migrations: tuple[str, ...]
    migrations_gone: tuple[str, ...]
    facts: tuple[tuple[str, str, str], ...]
    size_bytes: int

    @property
    def fetched_bytes(self) -> int:
        """Return the bytes of what is in the later bundle only."""
        return sum(each.size_bytes for each in self.added) + sum(after.size_bytes for _, after in self.changed)


def difference(before: Metadata, after: Metadata) -> Difference:
    """Compare two bundles' metadata; a component is the same if its kind, name, version and hash are."""
    added, removed, changed = _paired(before.components, after.components)
    return Difference(
        added=added,
        removed=removed,
        changed=changed,
        migrations=tuple(each for each in after.migrations if each not in before.migrations),
        migrations_gone=tuple(each for each in before.migrations if each not in after.migrations),
        facts=tuple(
            (name, one, other)
            for (name, one), (_, other) in zip(_facts(before), _facts(after), strict=True)
            if one != other
        ),
        size_bytes=after.checksums.size_bytes - before.checksums.size_bytes,
    )


def _paired(
    before: Components, after: Components
) -> tuple[Components, Components, tuple[tuple[Component, Component], ...]]:
    """Return what came, what went, and pairs of what changed: of one name there may be several versions."""
    added: list[Component] = []
    removed: list[Component] = []
    changed: list[tuple[Component, Component]] = []
    names = {(each.kind, each.name): None for each in (*after, *before)}
    for name in names:
        old, new = ([each for each in side if (each.kind, each.name) == name] for side in (before, after))
        same = {(each.version, each.sha256) for each in old} & {(each.version, each.sha256) for each in new}
        old, new = ([each for each in side if (each.version, each.sha256) not in same] for side in (old, new))
        pairs = list(zip(old, new, strict=False))
        changed += pairs
        removed += old[len(pairs) :]
        added += new[len(pairs) :]
    return tuple(added), tuple(removed), tuple(changed)


def described(found: Difference) -> list[str]:
    """Return lines that tell a difference; one line where there is none."""
    lines = [f"{name}: {one} -> {other}" for name, one, other in found.facts]
    lines += [f"migration {each} would run" for each in found.migrations]
    lines += [f"migration {each} is gone: the database cannot go on from there" for each in found.migrations_gone]
    rows = [("+", each.kind, each.name, each.version, _signed(each.size_bytes)) for each in found.added]
    rows += [("-", each.kind, each.name, each.version, _signed(-each.size_bytes)) for each in found.removed]
    rows += [
        ("~", now.kind, now.name, _versions(was, now), _signed(now.size_bytes - was.size_bytes))
        for was, now in found.changed
    ]
    if not lines and not rows:
        return ["no difference"]
    lines += table([("", "kind", "name", "version", "size"), *rows]) if rows else []
    return [*lines, f"in all {_signed(found.size_bytes)}; {gibibytes(found.fetched_bytes)} differ from before"]


def _versions(was: Component, now: Component) -> str:
    return f"{was.version} -> {now.version}" if was.version != now.version else f"{now.version}, other contents"


def _signed(size_bytes: int) -> str:
    return ("-" if size_bytes < 0 else "+") + gibibytes(abs(size_bytes))


def _facts(about: Metadata) -> list[tuple[str, str]]:
    return [
        ("version", about.version),
        ("commit", about.commit[:12]),
        ("system", about.host.os),
        ("architecture", about.host.architecture),
        ("Python", about.host.python),
        ("follows", about.upgrade_oldest),
        ("required stops", ", ".join(about.required_stops) or "none"),
        ("preset", about.preset),
        ("object store", about.object_store),
        ("environments", ", ".join(f"{each.name} ({each.cuda})" for each in about.environments)),
    ]
