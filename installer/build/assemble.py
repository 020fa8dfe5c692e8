"""Writes a bundle: the same bytes for the same inputs."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from installer.build.contents import Contents, lay_out
from installer.build.failure import ChecksumWrong, NotFetched
from installer.build.fetch import missing
from installer.build.product import Product
from installer.build.prove import prove
from installer.build.resolution import Builder, Say, resolved
from installer.bundle import checksums, signature
from installer.bundle.container import CHUNK_BYTES, END, Member, header, padding, safe_path, stored_bytes
from installer.bundle.metadata import DRIVER_MINIMUM, Checksums, Environment, Metadata
from installer.bundle.reader import CHECKSUMS, METADATA, SIGNATURE
from installer.bundle.refusal import TargetInTheWay
from installer.bundle.space import FreeBytes, free_bytes, gibibytes, require_space


def build_time_s(product: Product) -> int:
    """Return the seconds since 1970 that all files of a bundle carry: SOURCE_DATE_EPOCH, else the commit's time."""
    return int(os.environ.get("SOURCE_DATE_EPOCH") or product.committed_s)


def bundle_name(product: Product, builder: Builder) -> str:
    """Return the file name of a bundle."""
    host = builder.components.host
    return f"{product.name}-{product.version}-{host.os}-{host.architecture}.bundle"


def build(builder: Builder, product: Product, target: Path, say: Say, free: FreeBytes = free_bytes) -> Metadata:
    """Write an unsigned bundle of what was fetched to `target` and return its metadata.

    The environments are proven first. Raises NotFetched, EnvironmentIncomplete, NoSpace, TargetInTheWay, and
    ChecksumWrong where a cached file was damaged since; `target` appears whole or not at all.
    """
    if target.exists():
        raise TargetInTheWay(f"{target} exists.")
    items = resolved(builder)
    absent = missing(builder, items)
    if absent:
        first, others = absent[0], len(absent) - 1
        raise NotFetched(f"{first.name} {first.version} and {others} more: run `./meeshy bundle fetch`.")
    prove(builder, items, say)
    built_s = build_time_s(product)
    contents = lay_out(builder, items, product, built_s)
    say(f"laid out: {len(contents.order())} files of {len(contents.components)} components")
    about, listed = describe(builder, product, contents, built_s)
    total = stored_bytes(len(about.encoded())) + stored_bytes(signature.SLOT_BYTES) + about.payload_bytes
    require_space(target, total, free)
    write_bundle(target, about, listed, contents)
    say(f"built: {target}, {gibibytes(total)}, not signed yet")
    return about


def describe(builder: Builder, product: Product, contents: Contents, built_s: int) -> tuple[Metadata, bytes]:
    """Return the metadata of a bundle and its list of checksums."""
    hashes, sizes = {}, {}
    for path in contents.order():
        if not safe_path(path):
            raise ChecksumWrong(f"{path!r} cannot be a path in a bundle.")
        made = contents.made.get(path)
        hashes[path] = contents.cached[path][1] if made is None else hashlib.sha256(made).hexdigest()
        sizes[path] = contents.cached[path][0].stat().st_size if made is None else len(made)
    listed = checksums.encode(hashes)
    payload = sum(map(stored_bytes, sizes.values())) + stored_bytes(len(listed)) + len(END)
    components = builder.components
    about = Metadata(
        product=product.name,
        version=product.version,
        commit=product.commit,
        built_s=built_s,
        host=components.host,
        upgrade_oldest=components.upgrade_oldest,
        required_stops=components.required_stops,
        preset=components.preset,
        object_store=components.object_store,
        environments=_environments(builder),
        migrations=product.migrations,
        executables=tuple(sorted(contents.executables)),
        components=tuple(sorted(contents.components, key=lambda each: each.key)),
        checksums=Checksums(hashlib.sha256(listed).hexdigest(), len(hashes), sum(sizes.values())),
        payload_bytes=payload,
        readable_by=product.readable_by,
    )
    return about, listed


def _environments(builder: Builder) -> tuple[Environment, ...]:
    flavours = {each.name: each.cuda for each in builder.components.environments}
    return tuple(
        Environment(
            name, flavours.get(name, "cpu"), DRIVER_MINIMUM[flavours.get(name, "cpu")],
            tuple(f"wheels/locks/{lock}.txt" for lock in locks),
        )
        for name, locks in builder.locks().items()
    )  # fmt: skip


def write_bundle(target: Path, about: Metadata, listed: bytes, contents: Contents) -> None:
    """Write an unsigned bundle; `target` appears whole or not at all. Raises ChecksumWrong."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.partial")
    with partial.open("wb") as file:
        _write(file, about, listed, contents)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(target)


def _write(file: BinaryIO, about: Metadata, listed: bytes, contents: Contents) -> None:
    time_s = about.built_s
    for path, made in ((METADATA, about.encoded()), (SIGNATURE, signature.UNSIGNED), (CHECKSUMS, listed)):
        _member(file, Member(path, len(made), time_s), iter([made]))
    for path in contents.order():
        executable = path in contents.executables
        if path in contents.made:
            made = contents.made[path]
            _member(file, Member(path, len(made), time_s, executable), iter([made]))
        else:
            source, sha256 = contents.cached[path]
            member = Member(path, source.stat().st_size, time_s, executable)
            _member(file, member, _checked(source, sha256))
    file.write(END)


def _member(file: BinaryIO, member: Member, pieces: Iterator[bytes]) -> None:
    file.write(header(member))
    for piece in pieces:
        file.write(piece)
    file.write(padding(member.size_bytes))


def _checked(source: Path, sha256: str) -> Iterator[bytes]:
    digest = hashlib.sha256()
    with source.open("rb") as file:
        while piece := file.read(CHUNK_BYTES):
            digest.update(piece)
            yield piece
    if digest.hexdigest() != sha256:
        source.unlink()
        raise ChecksumWrong(f"The cached {sha256} was damaged and is discarded: fetch again.")
