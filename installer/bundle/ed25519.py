"""Verification of Ed25519 signatures (RFC 8032, section 5.1.7) in plain integers.

The target must judge a bundle before anything is installed, and neither `ssh-keygen` nor `openssl` is sure to be there.
Verification handles public data only, so it need not run in constant time. One signature takes about 5 ms.
"""

import hashlib

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)

Point = tuple[int, int, int, int]
"""Extended coordinates X, Y, Z, T with x = X/Z, y = Y/Z, x*y = T/Z."""

NEUTRAL: Point = (0, 1, 1, 0)


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether the 64-byte signature of a message is that of the 32-byte public key.

    Strict where RFC 8032 leaves room: encodings must be canonical, S below the group's order (else a second valid
    signature could be made from one), and the key of full order (under one of small order, one signature fits many
    messages). The equation is the one without cofactor, as in OpenSSL.
    """
    if len(public_key) != 32 or len(signature) != 64:
        return False
    key = _decode(public_key)
    commitment, scalar = signature[:32], int.from_bytes(signature[32:], "little")
    if key is None or scalar >= ORDER or _decode(commitment) is None or _equal(_times(8, key), NEUTRAL):
        return False
    challenge = int.from_bytes(hashlib.sha512(commitment + public_key + message).digest(), "little") % ORDER
    minus_key = (P - key[0], key[1], key[2], P - key[3])
    return _encode(_add(_times(scalar, BASE), _times(challenge, minus_key))) == commitment


def _decode(encoded: bytes) -> Point | None:
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    x = _abscissa(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


def _abscissa(y: int, sign: int) -> int | None:
    """Return the x of the curve's point with this y and lowest bit of x; None where there is none."""
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if square == 0:
        return None if sign else 0
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P:
        return None
    return P - x if x & 1 != sign else x


def _encode(point: Point) -> bytes:
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _add(one: Point, other: Point) -> Point:
    # The complete formulas of RFC 8032, section 5.1.4: they hold for doubling and for the neutral point as well.
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(scalar: int, point: Point) -> Point:
    result = NEUTRAL
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point = _add(point, point)
        scalar >>= 1
    return result


def _equal(one: Point, other: Point) -> bool:
    return (one[0] * other[2] - other[0] * one[2]) % P == 0 and (one[1] * other[2] - other[1] * one[2]) % P == 0


_BASE_Y = 4 * pow(5, P - 2, P) % P
_BASE_X = _abscissa(_BASE_Y, 0) or 0
BASE: Point = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % P)
