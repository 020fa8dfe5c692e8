"""A `.argosmodel` file: a zip of NAME/{metadata.json, README.md, sentencepiece.model, model/}, repeatable."""

import json
import zipfile
from pathlib import Path

PACKAGE_VERSION = "0.1"
ARGOS_VERSION = "1.9"
QUALITY = "starter"
NAMES = {"en": "English", "fr": "French", "es": "Spanish"}
# The earliest date that a zip can hold: a date of its own would change the pack's hash at every build.
ZIP_DATE = (1980, 1, 1, 0, 0, 0)

README = """# Meeshy starter pack {source_name} → {target_name}

A small translation model for everyday and workplace messages, trained from scratch on the phrase corpus of the Meeshy
appliance (`models/corpus`, {sentences} written sentences and slot-filled variants). Outside that domain it fails,
sometimes fluently: install an official Argos pack for this pair where one can be had; it takes this one's place.

Network: Marian transformer, 3 + 3 layers of width 256, CTranslate2 int8. Decode with a beam of 4.
Licence: the same as the appliance, GPL-3.0-or-later; no outside text or model went into it.
"""


def pack_name(source: str, target: str) -> str:
    """Return the pack's folder name, in the official packs' form."""
    return f"translate-{source}_{target}-{PACKAGE_VERSION.replace('.', '_')}-starter"


def metadata(source: str, target: str) -> dict[str, object]:
    """Return what Argos Translate reads about a pack, and `meeshy_quality`, which the appliance reads."""
    return {
        "package_version": PACKAGE_VERSION,
        "argos_version": ARGOS_VERSION,
        "from_code": source,
        "from_name": NAMES[source],
        "to_code": target,
        "to_name": NAMES[target],
        "dependencies": [],
        "meeshy_quality": QUALITY,
    }


def write_pack(destination: Path, source: str, target: str, vocabulary: bytes, model: Path, sentences: int) -> None:
    """Write the pack over `destination` in one step; `model` is a CTranslate2 model's folder."""
    readme = README.format(source_name=NAMES[source], target_name=NAMES[target], sentences=f"{sentences:,}")
    files = {
        "metadata.json": json.dumps(metadata(source, target), indent=2).encode(),
        "README.md": readme.encode(),
        "sentencepiece.model": vocabulary,
        **{f"model/{path.name}": path.read_bytes() for path in sorted(model.iterdir())},
    }
    unfinished = destination.with_suffix(".part")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(f"{pack_name(source, target)}/{name}", ZIP_DATE)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    unfinished.replace(destination)
