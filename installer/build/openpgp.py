"""OpenPGP for apt: the bundle's own Ed25519 key as a certificate, and the signature of the repository's `Release`.

apt believes a repository through gpgv or sqv only. Saying the same thing with the same key in their format saves the
site a second key to trust. Version 4 packets after RFC 4880, EdDSA as in its successor's legacy form (algorithm 22).
"""

import base64
import hashlib
from collections.abc import Callable

Sign = Callable[[bytes], bytes]
"""The raw Ed25519 signature, 64 bytes, of a message."""

EDDSA, SHA512 = 22, 10
ED25519_OID = bytes.fromhex("2b06010401da470f01")
KEY_MADE_S = 1_767_225_600
"""1 January 2026: part of the fingerprint, so it must be the same whenever the certificate is made anew."""
BINARY_DOCUMENT, POSITIVE_CERTIFICATION = 0x00, 0x13


def certificate(public: bytes, owner: str, sign: Sign) -> bytes:
    """Return a certificate of the key with one name, certified by itself; the same for the same key."""
    user = f"Meeshy bundle key {owner}".strip().encode()
    body = _key_body(public)
    hashed = _subpackets(public, KEY_MADE_S) + _subpacket(27, bytes([0x03]))  # it may certify and sign
    signed = b"\x99" + len(body).to_bytes(2, "big") + body + b"\xb4" + len(user).to_bytes(4, "big") + user
    return _packet(6, body) + _packet(13, user) + _signature(POSITIVE_CERTIFICATION, signed, hashed, public, sign)


def detached_signature(public: bytes, document: bytes, time_s: int, sign: Sign) -> bytes:
    """Return the armoured signature of a document, dated `time_s` seconds since 1970."""
    return _armoured(_signature(BINARY_DOCUMENT, document, _subpackets(public, time_s), public, sign))


def fingerprint(public: bytes) -> bytes:
    """Return the 20 bytes that name the certificate."""
    body = _key_body(public)
    return hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body, usedforsecurity=False).digest()


def _key_body(public: bytes) -> bytes:
    point = _integer(b"\x40" + public)  # 0x40 says: the native encoding of the point
    return b"\x04" + KEY_MADE_S.to_bytes(4, "big") + bytes([EDDSA, len(ED25519_OID)]) + ED25519_OID + point


def _signature(kind: int, signed: bytes, hashed: bytes, public: bytes, sign: Sign) -> bytes:
    head = bytes([4, kind, EDDSA, SHA512]) + len(hashed).to_bytes(2, "big") + hashed
    digest = hashlib.sha512(signed + head + b"\x04\xff" + len(head).to_bytes(4, "big")).digest()
    raw = sign(digest)
    plain = _subpacket(16, fingerprint(public)[-8:])
    tail = len(plain).to_bytes(2, "big") + plain + digest[:2] + _integer(raw[:32]) + _integer(raw[32:])
    return _packet(2, head + tail)


def _subpackets(public: bytes, time_s: int) -> bytes:
    return _subpacket(2, time_s.to_bytes(4, "big")) + _subpacket(33, b"\x04" + fingerprint(public))


def _subpacket(kind: int, body: bytes) -> bytes:
    return bytes([len(body) + 1, kind]) + body


def _packet(tag: int, body: bytes) -> bytes:
    length = len(body)
    if length < 192:
        return bytes([0xC0 | tag, length]) + body
    return bytes([0xC0 | tag, 192 + ((length - 192) >> 8), (length - 192) & 0xFF]) + body


def _integer(raw: bytes) -> bytes:
    """Return a multiprecision integer: its length in bits and its bytes without leading zeros."""
    stripped = raw.lstrip(b"\0")
    bits = int.from_bytes(stripped, "big").bit_length()
    return bits.to_bytes(2, "big") + stripped


def _armoured(packets: bytes) -> bytes:
    text = base64.b64encode(packets).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    crc = base64.b64encode(_crc24(packets).to_bytes(3, "big")).decode()
    return "\n".join(
        ["-----BEGIN PGP SIGNATURE-----", "", *lines, f"={crc}", "-----END PGP SIGNATURE-----", ""]
    ).encode()


def _crc24(raw: bytes) -> int:
    crc = 0xB704CE
    for byte in raw:
        crc ^= byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= 0x1864CFB
    return crc
