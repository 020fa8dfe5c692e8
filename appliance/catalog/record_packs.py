"""Writes the catalog entries of the language packs that are committed in models/packs."""

import json
import zipfile
from pathlib import Path

from appliance.catalog.catalog import Catalog
from appliance.catalog.hashing import sha256_of
from appliance.catalog.model import Model
from appliance.errors import CatalogInvalid, ModelMissing
from appliance.languages import NAMES, parse_language

MARK = "# Below: the committed language packs, written by `./meeshy models record-packs`; do not edit."
LICENCE = "GPL-3.0-or-later"
"""The packs are trained from this project's own corpus, so they are under the project's licence."""


def record_packs(catalog_path: Path, packs: Path) -> list[Model]:
    """Replace the catalog's entries below MARK by one per pack, with size and hash, and return them.

    `packs` lies in the catalog's checkout. Raises ModelMissing where there is no pack, CatalogInvalid for a file that
    is not a language pack; the catalog is unchanged then.
    """
    checkout = catalog_path.resolve().parents[1]
    found = sorted(packs.resolve().glob("*.argosmodel"))
    if not found:
        raise ModelMissing(f"There is no .argosmodel file in {packs}.")
    entries = "\n".join(_entry(pack, pack.parent.relative_to(checkout).as_posix()) for pack in found)
    written_by_hand = catalog_path.read_text(encoding="utf-8").split(MARK)[0].rstrip()
    text = f"{written_by_hand}\n\n{MARK}\n\n{entries}"
    catalog = Catalog.parse(text, name=catalog_path.name)
    catalog_path.write_text(text, encoding="utf-8")
    return [model for model in catalog if model.files[0].path in {pack.name for pack in found}]


def _entry(pack: Path, folder: str) -> str:
    source, target, unpacked_bytes = _read_pack(pack)
    return f"""\
[[model]]
id = "starter-{source}-{target}"
title = "Starter pack, {NAMES[source]} to {NAMES[target]}: everyday and workplace messages"
task = "translation"
engine = "argos"
licence = "{LICENCE}"
commercial = true
languages = ["{source}", "{target}"]
memory_bytes = {unpacked_bytes}
sets = ["starter"]
upstream = "this project, models/"
file = [
  {{ path = "{pack.name}", size = {pack.stat().st_size}, sha256 = "{sha256_of(pack)}" }},
]

[[model.source]]
kind = "repository"
path = "{folder}"

[[model.source]]
kind = "folder"

[[model.source]]
kind = "mirror"
"""


def _read_pack(pack: Path) -> tuple[str, str, int]:
    """Return a pack's languages (BCP-47) and the unpacked size of its files in bytes."""
    try:
        with zipfile.ZipFile(pack) as archive:
            names = [name for name in archive.namelist() if name.endswith("metadata.json") and name.count("/") == 1]
            metadata = json.loads(archive.read(names[0]))
            unpacked_bytes = sum(member.file_size for member in archive.infolist())
            return parse_language(metadata["from_code"]), parse_language(metadata["to_code"]), unpacked_bytes
    except (zipfile.BadZipFile, IndexError, KeyError, ValueError) as error:
        raise CatalogInvalid(f"{pack} is not a language pack: {error!r}.") from error
