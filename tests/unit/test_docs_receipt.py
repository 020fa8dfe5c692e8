"""docs/receipt.md tells every field of a receipt, and no other."""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from appliance.receipts.receipt import Receipt

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/receipt.md"


def fields(kind: msgspec.inspect.Type, prefix: str = "") -> Iterator[str]:
    if isinstance(kind, msgspec.inspect.VarTupleType):
        yield from fields(kind.item_type, prefix.removesuffix(".") + "[].")
    elif isinstance(kind, msgspec.inspect.StructType):
        for field in kind.fields:
            yield prefix + field.name
            yield from fields(field.type, f"{prefix}{field.name}.")


def test_every_field_is_documented_with_its_unit_and_how_it_is_measured():
    rows = re.findall(r"^\| `([a-z_.\[\]]+)` \| (.*?) \| (.+) \|$", DOCUMENT.read_text(), re.MULTILINE)

    assert sorted(name for name, _, _ in rows) == sorted(fields(msgspec.inspect.type_info(Receipt)))
