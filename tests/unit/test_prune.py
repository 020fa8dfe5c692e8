"""Letting go of older bundles keeps all of the releases that are named, and never takes the one in force."""

import pytest

from installer.target.failure import TargetFailed
from installer.target.prune import prune


@pytest.fixture
def machine(tmp_path):
    """Return a machine's folders with what three bundles left."""
    for name in ("0.1.0-aaa", "0.2.0-bbb", "0.3.0-ccc"):
        for place in ("incoming", "control", "releases"):
            (tmp_path / place / name / "deep").mkdir(parents=True)
        (tmp_path / "incoming" / f"{name}.pyz").touch()
        (tmp_path / "control" / f".{name}.lock").touch()
        (tmp_path / "runs").mkdir(exist_ok=True)
        (tmp_path / "runs" / f"{name}.json").touch()
    (tmp_path / "incoming/.0.1.0-aaa.unpacking").mkdir()
    (tmp_path / "current").symlink_to(tmp_path / "releases/0.3.0-ccc")
    return tmp_path


def pruned(machine, *keep, **more):
    places = [machine / each for each in ("incoming", "control", "releases", "runs", "missing")]
    return prune(keep, places, machine / "current", **more)


def names(machine):
    return {path.name for place in ("incoming", "control", "releases", "runs") for path in (machine / place).iterdir()}


def test_everything_of_other_releases_goes(machine):
    pruned(machine, "0.2.0-bbb", "0.3.0-ccc")

    assert not [name for name in names(machine) if "0.1.0" in name]
    assert len([name for name in names(machine) if "0.2.0-bbb" in name]) == 4
    assert (machine / "releases/0.3.0-ccc/deep").is_dir()
    assert pruned(machine, "0.2.0-bbb", "0.3.0-ccc") == []


def test_looking_removes_nothing(machine):
    before = names(machine)

    assert len(pruned(machine, "0.2.0-bbb", "0.3.0-ccc", check=True)) == 7
    assert names(machine) == before


@pytest.mark.parametrize("keep", [["0.1.0-aaa", "0.2.0-bbb"], [], [""]])
def test_the_release_in_force_never_goes(machine, keep):
    before = names(machine)

    with pytest.raises(TargetFailed, match=r"0\.3\.0-ccc, which is not to be kept"):
        pruned(machine, *keep)
    assert names(machine) == before


def test_a_machine_without_a_release_in_force_has_to_be_told_what_stays(machine):
    (machine / "current").unlink()

    with pytest.raises(TargetFailed, match="Say which"):
        pruned(machine)
