"""What an `.argosmodel` may contain, checked before anything of it reaches the disk."""

import json
import re
import stat
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

from appliance.errors import PackRefused

MOST_BYTES = 4 * 1024**3
"""The largest official pack unpacks to about 300 MB; this leaves room without letting a zip bomb fill the disk."""
MOST_FILES = 2000
MOST_METADATA_BYTES = 1_000_000

SPLITTER_FOLDERS = frozenset({"stanza", "spacy", "minisbd"})
"""Sentence splitters in official packs, stanza's being pickles. This appliance splits by rules: they are not kept."""
_PICKLE_SUFFIXES = frozenset({".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib", ".npy", ".npz"})
# Protocols 2 to 5 start with PROTO and their number (Python's pickletools); torch's newer files are zips of a pickle.
_PICKLE_STARTS = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))
_ZIP_START = b"PK\x03\x04"
_CODE = re.compile(r"[a-z]{2,3}")


def check_archive(archive: Path) -> dict[str, Any]:
    """Return the metadata of a pack that is safe to unpack and can translate one pair, or raise PackRefused."""
    try:
        with zipfile.ZipFile(archive) as opened:
            return _check(opened, archive.name)
    except FileNotFoundError as error:
        raise PackRefused(f"There is no file {archive}.") from error
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        # zipfile raises NotImplementedError for unknown compressions and RuntimeError for encrypted members.
        raise PackRefused(f"{archive.name} cannot be read as a language pack: {error}.") from error


def _check(opened: zipfile.ZipFile, name: str) -> dict[str, Any]:
    members = [member for member in opened.infolist() if not member.is_dir()]
    if len(members) > MOST_FILES or sum(member.file_size for member in members) > MOST_BYTES:
        raise PackRefused(f"{name} unpacks to more than a language pack can hold.")
    for member in opened.infolist():
        _check_place(member, name)
    roots = {PurePosixPath(member.filename).parts[0] for member in members}
    if len(roots) != 1 or any(len(PurePosixPath(member.filename).parts) < 2 for member in members):
        raise PackRefused(f"{name} must hold one folder with everything in it.")
    inside = {str(PurePosixPath(*PurePosixPath(member.filename).parts[1:])): member for member in members}
    _check_parts(set(inside), name)
    for path, member in inside.items():
        if path.split("/")[0] not in SPLITTER_FOLDERS:
            _check_content(opened, member, name)
    if inside["metadata.json"].file_size > MOST_METADATA_BYTES:
        raise PackRefused(f"{name} has a metadata.json of more than {MOST_METADATA_BYTES:,} bytes.")
    return _read_metadata(opened.read(inside["metadata.json"]), name)


def _check_place(member: zipfile.ZipInfo, name: str) -> None:
    path = PurePosixPath(member.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0] or member.filename != member.orig_filename:
        raise PackRefused(f"{name} wants to write outside its folder, to '{member.filename[:80]}'.")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise PackRefused(f"{name} holds a link, '{member.filename[:80]}'.")


def _check_parts(paths: set[str], name: str) -> None:
    for needed in ("metadata.json", "model/model.bin"):
        if needed not in paths:
            raise PackRefused(f"{name} holds no {needed}.")
    if not paths & {"sentencepiece.model", "bpe.model"}:
        raise PackRefused(f"{name} holds no tokenizer (sentencepiece.model or bpe.model).")


def _check_content(opened: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> None:
    """Refuse pickles, and read each file to its end so that a wrong checksum shows now."""
    with opened.open(member) as file:
        start = file.read(4)
        if (
            PurePosixPath(member.filename).suffix.lower() in _PICKLE_SUFFIXES
            or start.startswith(_PICKLE_STARTS)
            or start == _ZIP_START
        ):
            raise PackRefused(f"{name} holds a pickle, '{member.filename[:80]}', which could run code when read.")
        while file.read(1 << 20):
            pass


def _read_metadata(content: bytes, name: str) -> dict[str, Any]:
    try:
        metadata = json.loads(content)
    except ValueError as error:
        raise PackRefused(f"{name} has a metadata.json that is not JSON.") from error
    if not isinstance(metadata, dict) or metadata.get("type", "translate") != "translate":
        raise PackRefused(f"{name} is not a translation pack.")
    for field in ("from_code", "to_code"):
        if not _CODE.fullmatch(str(metadata.get(field))):
            raise PackRefused(f"{name} does not say in its metadata.json which language {field} is.")
    for field in ("package_version", "target_prefix", "meeshy_quality"):
        if not isinstance(metadata.get(field, ""), str):
            raise PackRefused(f"{name} has a {field} in its metadata.json that is not text.")
    return metadata
