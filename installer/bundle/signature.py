"""The signature's place in a bundle: a member of fixed size, so that signing changes these bytes and no others."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from installer.bundle import ed25519
from installer.bundle.keys import TrustedKey
from installer.bundle.refusal import KeyUnknown, SignatureWrong, Unsigned

SLOT_BYTES = 4096
FORMAT = "meeshy-bundle-signature-1"
UNSIGNED = b" " * (SLOT_BYTES - 1) + b"\n"


@dataclass(frozen=True, slots=True)
class Signature:
    """What signing adds: the signature of the metadata, and what apt wants to see of the Debian repository.

    `apt_key` is an OpenPGP certificate of the same key, `apt_signature` the armoured detached signature of
    `debs/Release`; both are empty in a bundle without Debian packages.
    """

    key_id: str
    signature: bytes
    apt_key: bytes = b""
    apt_signature: bytes = b""

    def slot(self) -> bytes:
        """Return the member's bytes, padded with spaces."""
        document = {
            "apt_key": _text(self.apt_key), "apt_signature": _text(self.apt_signature),
            "format": FORMAT, "key_id": self.key_id, "signature": _text(self.signature),
        }  # fmt: skip
        text = json.dumps(document, sort_keys=True).encode()
        if len(text) >= SLOT_BYTES:
            raise ValueError(f"the signature takes {len(text)} bytes, of {SLOT_BYTES - 1}")
        return text.ljust(SLOT_BYTES - 1) + b"\n"


def signed_message(metadata: bytes, apt_key: bytes, apt_signature: bytes) -> bytes:
    """Return what the key signs; its first line keeps such a signature from fitting anything else."""
    digests = [hashlib.sha256(each).hexdigest() for each in (metadata, apt_key, apt_signature)]
    return "\n".join([FORMAT, *digests, ""]).encode()


def read_slot(slot: bytes) -> Signature | None:
    """Return the signature in a slot, None where the bundle was never signed; SignatureWrong where it is no slot."""
    if slot == UNSIGNED:
        return None
    try:
        document = json.loads(slot)
        fields = {name: _bytes(document[name]) for name in ("signature", "apt_key", "apt_signature")}
        found = Signature(str(document["key_id"]), **fields)
        # Spaces and order carry no meaning, so only one way to write them is accepted.
        whole = document["format"] == FORMAT and found.slot() == slot
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        whole = False
    if not whole:
        raise SignatureWrong("Its signature cannot be read.")
    return found


def check_signature(metadata: bytes, slot: bytes, keys: Mapping[str, TrustedKey]) -> tuple[TrustedKey, Signature]:
    """Return the trusted key that signed this metadata, or raise Unsigned, KeyUnknown or SignatureWrong."""
    found = read_slot(slot)
    if found is None:
        raise Unsigned
    if found.key_id not in keys:
        raise KeyUnknown(f"Its key is {found.key_id[:16]}; trusted here: {', '.join(sorted(keys))}.")
    key = keys[found.key_id]
    if not ed25519.verify(key.public, signed_message(metadata, found.apt_key, found.apt_signature), found.signature):
        raise SignatureWrong(f"It names the key {key.id}.")
    return key, found


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError from error
