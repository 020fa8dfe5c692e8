"""The bill of materials: CycloneDX 1.6 in JSON."""

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from installer.bundle.metadata import Component

NAMESPACE = uuid.UUID("6f0b0a53-6c5e-5f0e-9b7e-2f6f4d0c7a51")
TYPES = {"product": "application", "wheel": "library", "deb": "library", "model": "machine-learning-model",
         "binary": "application", "collection": "library"}  # fmt: skip


def bill_of_materials(
    product: str, version: str, commit: str, built_s: int, components: Sequence[Component], distribution: str
) -> bytes:
    """Return the document for what a bundle carries; its serial number follows from that, so it is reproducible.

    `distribution` is the target's system, such as `debian-12`: part of the packages' addresses.
    """
    listed = [_component(each, distribution) for each in sorted(components, key=lambda each: each.key)]
    me = {"type": "application", "bom-ref": f"product:{product}", "name": product, "version": version}
    body = json.dumps([me, commit, built_s, listed], sort_keys=True)
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(NAMESPACE, body)}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(built_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": me | {"properties": [{"name": "meeshy:commit", "value": commit}]},
        },
        "components": listed,
        "dependencies": [{"ref": me["bom-ref"], "dependsOn": [each["bom-ref"] for each in listed]}],
    }
    return (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()


def _component(each: Component, distribution: str) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "type": TYPES[each.kind],
        "bom-ref": f"{each.kind}:{each.name}@{each.version}",
        "name": each.name,
        "version": each.version,
        "hashes": [{"alg": "SHA-256", "content": each.sha256}],
        # As a name, not as an SPDX identifier: what projects write there often is none.
        "licenses": [{"license": {"name": each.licence}}],
        "properties": [{"name": "meeshy:path", "value": each.path}],
    }
    if each.kind == "wheel":
        entry["purl"] = f"pkg:pypi/{each.name}@{quote(each.version)}"
    if each.kind == "deb":
        system, _, release = distribution.partition("-")
        entry["purl"] = f"pkg:deb/{system}/{quote(each.name)}@{quote(each.version)}?distro={system}-{release}"
    return entry
