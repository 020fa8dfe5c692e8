"""Parts carry a bundle over small media: any order, several calls, and a bad one is found before the rest is read."""

from dataclasses import replace

import pytest

from appliance.testing.small_bundle import SmallKey, small_bundle
from installer.bundle.join import join
from installer.bundle.parts import HEADER_BYTES, SMALLEST_BYTES, check_part, is_part, split
from installer.bundle.refusal import NoSpace, NotABundle, PartDamaged, PartsMissing, PartsMixed, TargetInTheWay
from installer.bundle.space import RESERVE_BYTES

KEY = SmallKey()
FILES = {"product/meeshy": b"x" * 1000, "models/big/model.bin": bytes(range(256)) * 1024}


def silent(_):
    pass


@pytest.fixture
def bundle(tmp_path):
    path = tmp_path / "small.bundle"
    small_bundle(path, KEY, FILES)
    return path


@pytest.fixture
def parts(bundle, tmp_path):
    return split(bundle, tmp_path / "parts", SMALLEST_BYTES)


def test_the_parts_make_the_bundle_again(bundle, parts, tmp_path):
    assert len(parts) == 5
    assert all(part.stat().st_size <= SMALLEST_BYTES for part in parts)
    assert sorted(parts) == parts

    join(list(reversed(parts)), tmp_path / "joined", silent)
    assert (tmp_path / "joined").read_bytes() == bundle.read_bytes()
    assert not list(tmp_path.glob("joined.*"))


def test_parts_of_the_same_bundle_are_the_same_bytes(bundle, parts, tmp_path):
    again = split(bundle, tmp_path / "again", SMALLEST_BYTES)

    assert [part.read_bytes() for part in parts] == [part.read_bytes() for part in again]


def test_one_stick_after_the_other(bundle, parts, tmp_path):
    target = tmp_path / "joined"
    for part in (parts[3], parts[0], parts[4]):
        with pytest.raises(PartsMissing):
            join([part], target, silent)
    with pytest.raises(PartsMissing, match=r"still to come: 3\."):
        join([parts[1]], target, silent)
    said = []
    join([parts[2], parts[0]], target, said.append)

    assert target.read_bytes() == bundle.read_bytes()
    assert sum("verified" in line for line in said) == 1, "a part that was taken is not read again"


def test_each_part_can_be_checked_alone(parts):
    assert all(is_part(part) for part in parts)
    assert check_part(parts[1]).number == 2


@pytest.mark.parametrize("place", [0, 200, 4000, HEADER_BYTES - 2, HEADER_BYTES, HEADER_BYTES + 999, -1])
def test_a_flipped_bit_is_found_in_the_part_that_has_it(parts, place):
    raw = bytearray(parts[2].read_bytes())
    raw[place] ^= 0x10
    parts[2].write_bytes(raw)

    with pytest.raises((PartDamaged, NotABundle)):
        check_part(parts[2])


def test_a_cut_part_is_refused(parts, tmp_path):
    parts[1].write_bytes(parts[1].read_bytes()[:-1])

    with pytest.raises(PartDamaged, match="of 65536 bytes"):
        join(parts, tmp_path / "joined", silent)


def test_a_bad_part_costs_only_itself(bundle, parts, tmp_path):
    good = parts[2].read_bytes()
    parts[2].write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    with pytest.raises(PartDamaged, match="part 3 of 5, has another checksum"):
        join(parts, tmp_path / "joined", silent)
    assert not (tmp_path / "joined").exists()
    parts[2].write_bytes(good)

    said = []
    join(parts, tmp_path / "joined", said.append)
    assert (tmp_path / "joined").read_bytes() == bundle.read_bytes()
    assert [line.split(":")[0] for line in said][:-1] == [f"part {number} of 5" for number in (3, 4, 5)]


def test_parts_of_two_bundles_are_refused_before_anything_is_written(parts, tmp_path):
    small_bundle(tmp_path / "other.bundle", KEY, FILES, version="0.3.0")
    others = split(tmp_path / "other.bundle", tmp_path / "others", SMALLEST_BYTES)

    with pytest.raises(PartsMixed):
        join([*parts[:3], *others[3:]], tmp_path / "joined", silent)
    assert not list(tmp_path.glob("joined*"))


def test_a_part_of_another_bundle_is_refused_in_a_later_call(parts, tmp_path):
    small_bundle(tmp_path / "other.bundle", SmallKey(2), FILES)
    others = split(tmp_path / "other.bundle", tmp_path / "others", SMALLEST_BYTES)
    with pytest.raises(PartsMissing):
        join(parts[:2], tmp_path / "joined", silent)

    with pytest.raises(PartsMixed, match="what was joined before"):
        join(others[2:], tmp_path / "joined", silent)
    join(parts[2:], tmp_path / "joined", silent)


def test_a_forged_header_cannot_make_a_huge_file(parts, tmp_path):
    header = check_part(parts[0])
    share = parts[0].read_bytes()[HEADER_BYTES:]
    forgeries = [
        {"number": 1 << 40}, {"number": 0}, {"number": -3}, {"share_bytes": 0}, {"share_bytes": -1}, {"number": "1"},
        {"share_bytes": 1, "bundle_bytes": 1 << 50}, {"bundle_bytes": "x"}, {"number": None}, {"share_bytes": 0.5},
        {"share_bytes": 61440.0},
    ]  # fmt: skip
    for forged in forgeries:
        parts[0].write_bytes(replace(header, **forged).encoded() + share)
        with pytest.raises(PartDamaged):
            join(parts, tmp_path / "joined", silent)
    assert not list(tmp_path.glob("joined*"))


def test_parts_of_other_sizes_do_not_fit_together(bundle, parts, tmp_path):
    others = split(bundle, tmp_path / "others", SMALLEST_BYTES + 512)
    assert len(others) == len(parts)

    with pytest.raises(PartsMixed):
        join([*parts[:2], *others[2:]], tmp_path / "joined", silent)


def test_space_is_asked_for_first(bundle, parts, tmp_path):
    def little(_):
        return RESERVE_BYTES + 1000

    with pytest.raises(NoSpace):
        join(parts, tmp_path / "joined", silent, free=little)
    with pytest.raises(NoSpace):
        split(bundle, tmp_path / "more", SMALLEST_BYTES, free=little)
    assert not list(tmp_path.glob("joined*"))
    assert not (tmp_path / "more").exists()


def test_what_exists_is_not_overwritten(bundle, parts, tmp_path):
    with pytest.raises(TargetInTheWay):
        join(parts, bundle, silent)
    with pytest.raises(TargetInTheWay):
        split(bundle, tmp_path / "parts", SMALLEST_BYTES)


def test_another_file_is_no_part(bundle, tmp_path):
    assert not is_part(bundle)
    with pytest.raises(NotABundle):
        join([bundle], tmp_path / "joined", silent)
    with pytest.raises(NotABundle):
        (tmp_path / "empty").write_bytes(b"")
        check_part(tmp_path / "empty")
    with pytest.raises(ValueError, match="at least"):
        split(bundle, tmp_path / "tiny", 1000)
