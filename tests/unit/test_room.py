"""Room for a bundle is asked for before it is unpacked, disk by disk."""

from dataclasses import replace

from appliance.testing.small_bundle import small_bundle
from installer.target.room import DATA, ENVIRONMENT, RESERVE_BYTES, UNPACKED, judge_room, needed_bytes

MIB = 1 << 20
NEEDS = {UNPACKED: 3 * MIB, DATA: 2 * MIB}


def test_a_bundle_needs_its_files_its_environments_and_its_models(tmp_path):
    about = small_bundle(tmp_path / "small.bundle")
    wheel, model = (replace(about.components[0], kind=kind, size_bytes=1000) for kind in ("wheel", "model"))

    needs = needed_bytes(replace(about, components=(wheel, model)))

    assert needs[UNPACKED] == about.checksums.size_bytes + ENVIRONMENT * 1000
    assert needs[DATA] == 1000 + RESERVE_BYTES


def test_enough_is_no_finding():
    assert list(judge_room(NEEDS, lambda _: 5 * MIB, lambda _: 1)) == []


def test_places_on_one_disk_share_its_room():
    (finding,) = judge_room(NEEDS, lambda _: 4 * MIB, lambda _: 1)

    assert (finding.check, finding.stop) == ("disk", True)
    assert "4.0 MiB are free for /opt/meeshy and /var/lib/meeshy, this bundle needs 5.0 MiB" in finding.text


def test_each_disk_is_asked_by_itself():
    (finding,) = judge_room(NEEDS, lambda place: {UNPACKED: 9 * MIB, DATA: MIB}[place], lambda place: hash(place))

    assert "1.0 MiB are free for /var/lib/meeshy, this bundle needs 2.0 MiB" in finding.text
