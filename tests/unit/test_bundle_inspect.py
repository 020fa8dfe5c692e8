"""Looking into bundles and comparing them reads their first bytes only."""

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.testing.small_bundle import BUILT_S, SmallKey, small_bundle
from installer.__main__ import main
from installer.bundle import difference
from installer.bundle.inspect import described, front_of, front_of_stream
from installer.bundle.metadata import parse_metadata
from installer.bundle.parts import SMALLEST_BYTES, split
from installer.bundle.reader import read_front
from installer.bundle.refusal import SignatureWrong
from installer.bundle.unpack import unpack

KEY = SmallKey()
ROOT = Path(__file__).resolve().parents[2]


class Counting(io.BytesIO):
    """Counts what is drawn from it, as a slow medium would feel it."""

    drawn = 0

    def readinto(self, buffer):
        count = super().readinto(buffer)
        self.drawn += count
        return count


@pytest.fixture
def bundle(tmp_path):
    path = tmp_path / "small.bundle"
    small_bundle(path, KEY, {"product/meeshy": b"x" * 300_000})
    return path


def test_a_pipe_is_read_no_further_than_the_signature(bundle):
    medium = Counting(bundle.read_bytes())
    front = front_of_stream(io.BufferedReader(medium))

    assert parse_metadata(front.raw).version == "0.2.0"
    assert medium.drawn <= front.bytes_before_payload + 2 * io.DEFAULT_BUFFER_SIZE


def test_the_first_part_and_the_folder_tell_the_same(bundle, tmp_path):
    parts = split(bundle, tmp_path / "parts", SMALLEST_BYTES)
    unpack(bundle, tmp_path / "folder", KEY.site(), lambda _: None)

    assert front_of(parts[0]) == front_of(bundle) == replace(front_of(tmp_path / "folder"), time_s=BUILT_S)


def test_who_signed_is_told_as_far_as_it_was_checked(bundle, tmp_path):
    small_bundle(tmp_path / "unsigned")
    trusted = {KEY.trusted.id: KEY.trusted}

    assert described(front_of(bundle), trusted)[1][1].endswith(f"by {KEY.trusted.id} {KEY.trusted.owner}, checked")
    assert f"by {KEY.trusted.id}, not checked" in described(front_of(bundle), {})[1][1]
    assert described(front_of(tmp_path / "unsigned"), trusted)[1][1].endswith("not signed")
    forged = bundle.read_bytes().replace(b'"version": "0.2.0"', b'"version": "0.9.0"', 1)
    with pytest.raises(SignatureWrong):
        described(read_front(io.BytesIO(forged)), trusted)


def test_the_difference_names_components_migrations_and_facts(tmp_path):
    before = small_bundle(tmp_path / "a", files={"product/x": b"1", "models/m": b"22"})
    after = small_bundle(tmp_path / "b", files={"product/x": b"333"}, version="0.3.0", preset="production")
    found = difference.difference(before, after)

    assert [each.name for each in found.removed] == ["model"]
    assert [(was.name, now.size_bytes) for was, now in found.changed] == [("product", 3)]
    assert ("preset", "starter", "production") in found.facts
    assert found.fetched_bytes == 3
    lines = difference.described(found)
    assert "version: 0.2.0 -> 0.3.0" in lines
    assert any(line.startswith("~") and "other contents" in line and "+2 bytes" in line for line in lines)
    assert difference.described(difference.difference(before, before)) == ["no difference"]


def test_migrations_that_would_run_are_told_and_so_is_a_database_without_a_way_on(tmp_path):
    before = replace(small_bundle(tmp_path / "a"), migrations=("0001", "0002"))
    after = replace(before, migrations=("0001", "0003", "0004"))

    lines = difference.described(difference.difference(before, after))
    assert [line for line in lines if "would run" in line] == [
        "migration 0003 would run",
        "migration 0004 would run",
    ]
    assert any("0002 is gone" in line for line in lines)


@pytest.fixture
def site(tmp_path):
    (tmp_path / "keys").write_text(KEY.trusted.line())
    return ["--keys", str(tmp_path / "keys"), "--installed", str(tmp_path / "state.json"), "--any-machine"]


def test_the_target_command_verifies_unpacks_and_joins(bundle, site, tmp_path, capsys):
    parts = split(bundle, tmp_path / "parts", SMALLEST_BYTES)

    assert main(["join", *map(str, parts), "--to", str(tmp_path / "joined")]) == 0
    assert main(["verify", *site, str(parts[0])]) == 0
    assert main(["verify", *site, str(tmp_path / "joined")]) == 0
    assert main(["unpack", *site, str(tmp_path / "joined"), "--to", str(tmp_path / "out")]) == 0
    assert main(["verify", *site, str(tmp_path / "out")]) == 0
    assert (tmp_path / "out/product/meeshy").read_bytes() == b"x" * 300_000
    assert main(["inspect", "--json", str(bundle)]) == 0
    assert capsys.readouterr().out.count("checksums: 1 files verified") == 3


def test_the_target_command_refuses_in_one_line_with_the_code(bundle, site, tmp_path, capsys):
    (tmp_path / "state.json").write_text(json.dumps({"version": "9.0", "built_s": 1}))
    assert main(["verify", *site, str(bundle)]) == 1
    older = capsys.readouterr().err
    (tmp_path / "state.json").write_text("{")
    assert main(["verify", *site, str(bundle)]) == 1
    unreadable = capsys.readouterr().err
    (tmp_path / "state.json").unlink()
    assert main(["verify", *site, str(tmp_path / "absent")]) == 1
    absent = capsys.readouterr().err

    assert (
        older
        == "refused [bundle_older] The bundle is older than what is installed. 9.0 is installed, the bundle is 0.2.0.\n"
    )
    assert unreadable.startswith("refused [bundle_state_unreadable]")
    assert absent.startswith("failed: ")
    assert absent.count("\n") == 1


def test_it_runs_from_a_pipe_without_anything_installed(bundle):
    done = subprocess.run(
        [sys.executable, "-S", "-m", "installer", "inspect", "--json", "-"],
        cwd=ROOT, input=bundle.read_bytes(), capture_output=True, check=True,
    )  # fmt: skip

    assert json.loads(done.stdout)["version"] == "0.2.0"
