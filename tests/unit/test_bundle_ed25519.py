"""Our verification accepts what RFC 8032 and OpenSSL accept, and nothing else."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from installer.bundle.ed25519 import ORDER, P, verify

# RFC 8032, section 7.1: TEST 1, 2, 3 and TEST SHA(abc).
VECTORS = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd"
        "454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e030"
        "3dca179c138ac17ad9bef1177331a704",
    ),
]
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
SMALL_ORDER = [  # every point whose order divides 8, in its canonical encoding
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
]


@pytest.mark.parametrize(("secret", "public", "message", "signature"), VECTORS)
def test_the_vectors_of_the_rfc_hold(secret, public, message, signature):
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))

    assert key.public_key().public_bytes_raw().hex() == public
    assert verify(bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature))
    assert not verify(bytes.fromhex(public), bytes.fromhex(message) + b"x", bytes.fromhex(signature))


def test_what_another_implementation_signs_is_accepted():
    for number in range(40):
        key = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
        message = bytes(range(number)) * 7
        assert verify(key.public_key().public_bytes_raw(), message, key.sign(message)), number


def test_flipped_bits_all_over_the_signature_and_the_key_are_refused():
    signature = KEY.sign(b"bundle")
    for bit in range(0, 512, 3):
        changed = bytearray(signature)
        changed[bit // 8] ^= 1 << bit % 8
        assert not verify(PUBLIC, b"bundle", bytes(changed)), bit
    for bit in range(0, 256, 3):
        changed = bytearray(PUBLIC)
        changed[bit // 8] ^= 1 << bit % 8
        assert not verify(bytes(changed), b"bundle", signature), bit


def test_the_second_signature_that_arithmetic_allows_is_refused():
    signature = KEY.sign(b"bundle")
    scalar = int.from_bytes(signature[32:], "little")

    assert not verify(PUBLIC, b"bundle", signature[:32] + (scalar + ORDER).to_bytes(32, "little"))


@pytest.mark.parametrize("encoded", SMALL_ORDER)
def test_a_key_of_small_order_is_refused_though_the_equation_would_hold(encoded):
    # R = A and S = 0 satisfy the equation for every message whose challenge fits, with these keys.
    point = bytes.fromhex(encoded)
    neutral = bytes.fromhex(SMALL_ORDER[0])

    for message in (bytes([number]) for number in range(32)):
        assert not verify(point, message, neutral + bytes(32))
        assert not verify(point, message, point + bytes(32))


def test_encodings_that_are_not_canonical_are_refused():
    signature = KEY.sign(b"bundle")
    beyond = (P + 1).to_bytes(32, "little")  # 1, the neutral point's y, written a second way

    assert not verify(beyond, b"bundle", signature)
    assert not verify(PUBLIC, b"bundle", beyond + signature[32:])
    assert not verify(bytes.fromhex("01" + "00" * 30 + "80"), b"bundle", signature)  # x = 0 with a sign


@pytest.mark.parametrize(
    ("public", "signature"), [(b"", bytes(64)), (PUBLIC, b""), (PUBLIC, bytes(65)), (bytes(33), bytes(64))]
)
def test_other_lengths_are_refused(public, signature):
    assert not verify(public, b"bundle", signature)
