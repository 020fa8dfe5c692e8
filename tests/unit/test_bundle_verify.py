"""A bundle passes as it was signed, and with any change it does not, before anything is written."""

import hashlib
import io
import random
import re
from dataclasses import replace

import pytest

from appliance.testing.small_bundle import BUILT_S, HOST, SmallKey, small_bundle
from installer.bundle.container import END, Member, header, padding, stored_bytes
from installer.bundle.host import check_host
from installer.bundle.keys import TrustedKey, read_keys
from installer.bundle.metadata import Checksums, Host, parse_metadata
from installer.bundle.reader import read_front
from installer.bundle.refusal import (
    BundleRefused,
    Damaged,
    FormatUnknown,
    KeysUnreadable,
    KeyUnknown,
    MemberRefused,
    NotABundle,
    Older,
    SignatureWrong,
    Truncated,
    Unsigned,
    UpgradePath,
    WrongHost,
)
from installer.bundle.signature import SLOT_BYTES, UNSIGNED, Signature, signed_message
from installer.bundle.verify import Site, verify, verify_file
from installer.bundle.versions import Release

KEY = SmallKey()


@pytest.fixture
def bundle(tmp_path):
    path = tmp_path / "small.bundle"
    small_bundle(path, KEY)
    return path


def judged(raw, site=None):
    return verify(io.BytesIO(raw), site or KEY.site(), lambda line: None)


def test_a_signed_bundle_passes_and_says_so_in_one_line_per_phase(bundle):
    lines = []
    found = verify_file(bundle, KEY.site(host=HOST), lines.append)

    assert found.key.id == KEY.trusted.id
    assert [line.split(":")[0] for line in lines] == ["signature", "version", "machine", "checksums"]
    assert lines[-1].startswith(f"checksums: {len(found.sha256_by_path)} files verified, ")
    assert lines[-1].endswith(f"signed by {KEY.trusted.id}")


def test_an_unsigned_bundle_is_refused(tmp_path):
    small_bundle(tmp_path / "x.bundle")

    with pytest.raises(Unsigned, match=r"^\[bundle_unsigned\]"):
        verify_file(tmp_path / "x.bundle", KEY.site(), print)


def test_a_key_that_the_site_does_not_trust_is_refused_and_named(tmp_path):
    small_bundle(tmp_path / "x.bundle", SmallKey(2))

    with pytest.raises(KeyUnknown, match=f"{SmallKey(2).trusted.id}; trusted here: {KEY.trusted.id}"):
        verify_file(tmp_path / "x.bundle", KEY.site(), print)


def test_another_key_under_a_trusted_name_is_refused(tmp_path):
    path, forger = tmp_path / "x.bundle", SmallKey(2)
    small_bundle(path, forger)
    raw = path.read_bytes().replace(forger.trusted.id.encode(), KEY.trusted.id.encode())

    with pytest.raises(SignatureWrong):
        judged(raw)


def test_a_signature_of_one_bundle_does_not_fit_another(tmp_path):
    small_bundle(tmp_path / "a", KEY)
    small_bundle(tmp_path / "b", KEY, version="0.3.0")
    fronts = [read_front(io.BytesIO((tmp_path / name).read_bytes())) for name in "ab"]
    mixed = (tmp_path / "a").read_bytes().replace(fronts[0].slot, fronts[1].slot)

    with pytest.raises(SignatureWrong):
        judged(mixed)


def test_what_apt_is_given_is_signed_too(bundle):
    raw = bundle.read_bytes()
    slot = read_front(io.BytesIO(raw)).slot
    mine = Signature(KEY.trusted.id, KEY.sign(b""), b"cert", b"sig")
    assert signed_message(b"m", b"a", b"b") != signed_message(b"m", b"b", b"a")

    with pytest.raises(SignatureWrong):
        judged(raw.replace(slot, mine.slot()))


def test_any_flipped_bit_is_refused(bundle):
    raw = bundle.read_bytes()
    places = set(random.Random(5).sample(range(len(raw)), 120))
    places |= {0, 100, 156, 511, 512, len(raw) - 1, len(raw) - 1024}
    for place in sorted(places):
        changed = bytearray(raw)
        changed[place] ^= 1 << place % 8
        with pytest.raises(BundleRefused):
            judged(bytes(changed))


def test_a_flipped_bit_of_a_file_names_the_file(bundle):
    raw = bytearray(bundle.read_bytes())
    raw[raw.index(bytes(range(200))) + 7] ^= 0x40

    with pytest.raises(Damaged, match=r"models/small/model.bin has another checksum"):
        judged(bytes(raw))


def test_every_cut_is_a_truncation(bundle):
    raw = bundle.read_bytes()
    for length in [*range(512 + SLOT_BYTES, len(raw), 293), len(raw) - 1]:
        with pytest.raises((Truncated, NotABundle)):
            judged(raw[:length])
    with pytest.raises(Truncated, match=rf"{len(raw) - 512} of {len(raw)} bytes"):
        judged(raw[:-512])


def test_something_that_follows_is_refused(bundle):
    with pytest.raises(Damaged, match="instead of"):
        judged(bundle.read_bytes() + b"\0")


@pytest.mark.parametrize("raw", [b"", b"PK\x03\x04", bytes(2048), b"#!/bin/sh\n" * 400])
def test_another_file_is_no_bundle(raw):
    with pytest.raises(NotABundle):
        judged(raw)


def test_an_older_bundle_is_refused(bundle):
    for installed in (Release("0.3.0", 1), Release("0.2.1rc1", 1), Release("0.2.0", BUILT_S + 1)):
        with pytest.raises(Older):
            verify_file(bundle, KEY.site(installed=installed), print)
    for installed in (Release("0.2.0", BUILT_S), Release("0.2.0rc3", BUILT_S + 5), Release("0.1.9", BUILT_S + 5)):
        verify_file(bundle, KEY.site(installed=installed), print)


def test_an_upgrade_that_skips_a_stop_or_comes_from_too_far_is_refused(tmp_path):
    path = tmp_path / "x.bundle"
    small_bundle(path, KEY, version="2.0.0", upgrade_oldest="1.0.0", required_stops=("1.4.0", "1.8.0"))

    with pytest.raises(UpgradePath, match=r"to 1\.4\.0 first"):
        verify_file(path, KEY.site(installed=Release("1.1.0", 1)), print)
    with pytest.raises(UpgradePath, match=r"to 1\.8\.0 first"):
        verify_file(path, KEY.site(installed=Release("1.4.0", 1)), print)
    verify_file(path, KEY.site(installed=Release("1.8.0", 1)), print)
    small_bundle(tmp_path / "y.bundle", KEY, version="2.0.0", upgrade_oldest="1.0.0")
    with pytest.raises(UpgradePath, match=r"follows 1\.0\.0 or later"):
        verify_file(tmp_path / "y.bundle", KEY.site(installed=Release("0.9.0", 1)), print)


def test_another_machine_is_refused_with_all_that_differs():
    with pytest.raises(WrongHost) as refused:
        check_host(HOST, Host("debian-13", "x86_64", "3.13.5"))

    assert "debian-13" in str(refused.value)
    assert "3.13.5" in str(refused.value)
    assert "architecture" not in str(refused.value)


def test_the_signature_is_judged_before_the_metadata_is_read(tmp_path):
    member = Member("bundle.json", 2, BUILT_S)
    slot = Member("bundle.sig", SLOT_BYTES, BUILT_S)
    raw = header(member) + b"[]" + padding(2) + header(slot) + UNSIGNED + padding(SLOT_BYTES) + END

    with pytest.raises(Unsigned):
        judged(raw)


def signed_front(metadata: bytes) -> bytes:
    slot = Signature(KEY.trusted.id, KEY.sign(signed_message(metadata, b"", b""))).slot()
    front = header(Member("bundle.json", len(metadata), BUILT_S)) + metadata + padding(len(metadata))
    return front + header(Member("bundle.sig", SLOT_BYTES, BUILT_S)) + slot


@pytest.mark.parametrize(
    ("pattern", "replacement", "said"),
    [
        (rb'"schema": 1', b'"schema": 2', "Its schema is 2, this installer reads 1"),
        (rb'"version": "0.2.0"', b'"version": "new"', "'new' is no version"),
        (rb'"built_s": \d+', b'"built_s": "x"', "built_s is 'x'"),
        (rb'"payload_bytes": \d+', b'"payload_bytes": -1', "payload_bytes is -1"),
        (rb'"cuda": "cpu"', b'"cuda": "rocm"', "'rocm' is no CUDA flavour"),
        (rb'"executables": \[[^\]]*\]', b'"executables": ["../x"]', "no path inside"),
        (rb'"preset": "starter",', b"", "preset"),
        (rb"\A\{", b"[", "not JSON"),
    ],
)
def test_signed_metadata_that_makes_no_sense_is_refused(tmp_path, pattern, replacement, said):
    raw = small_bundle(tmp_path / "x").encoded()
    changed = re.sub(pattern, replacement, raw)
    assert changed != raw

    with pytest.raises(FormatUnknown, match=re.escape(said)):
        judged(signed_front(changed))


def test_metadata_reads_back(tmp_path):
    about = small_bundle(tmp_path / "x")

    assert parse_metadata(about.encoded()) == about
    before_it_was_told = re.sub(rb' "readable_by": "",\n', b"", about.encoded())
    assert before_it_was_told != about.encoded()
    assert parse_metadata(before_it_was_told) == about


@pytest.mark.parametrize(
    "paths", [("a", "a/b"), ("../a",), ("/a",), ("a", "a")], ids=["file and folder", "above", "absolute", "twice"]
)
def test_signed_lists_of_files_that_cannot_be_are_refused(tmp_path, paths):
    listed = b"".join(b"0" * 64 + b"  " + path.encode() + b"\n" for path in paths)
    with pytest.raises(MemberRefused):
        judged(bundle_with_list(tmp_path, listed, len(paths)))


def bundle_with_list(tmp_path, listed, files):
    member = Member("checksums.sha256", len(listed), BUILT_S)
    payload = stored_bytes(len(listed)) + len(END)
    about = small_bundle(tmp_path / "x")
    about = replace(
        about, checksums=Checksums(hashlib.sha256(listed).hexdigest(), files, 0), payload_bytes=payload
    )  # fmt: skip
    return signed_front(about.encoded()) + header(member) + listed + padding(len(listed)) + END


def test_a_key_file_is_read_line_by_line(tmp_path):
    path = tmp_path / "keys"
    path.write_text(f"# the release team\n\n{KEY.trusted.line()}{SmallKey(2).trusted.line()}")

    assert read_keys(path) == {key.trusted.id: key.trusted for key in (KEY, SmallKey(2))}


@pytest.mark.parametrize(
    "text", ["", "# none\n", "ssh-ed25519 AAAA me\n", "meeshy-bundle-key-1 AAAA me\n", "meeshy-bundle-key-1 !! me\n"]
)
def test_a_key_file_that_cannot_be_used_is_refused(tmp_path, text):
    (tmp_path / "keys").write_text(text)

    with pytest.raises(KeysUnreadable):
        read_keys(tmp_path / "keys")
    with pytest.raises(KeysUnreadable):
        read_keys(tmp_path / "absent")


def test_a_trusted_key_of_small_order_vouches_for_nothing(bundle):
    weak = TrustedKey(b"\x01" + bytes(31), "nobody")
    raw = bundle.read_bytes()
    front = read_front(io.BytesIO(raw))
    forged = Signature(weak.id, b"\x01" + bytes(63)).slot()

    with pytest.raises(SignatureWrong):
        judged(raw.replace(front.slot, forged), Site({weak.id: weak}))
