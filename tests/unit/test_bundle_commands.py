"""`meeshy bundle` on small bundles: keys, signing, judging, splitting, comparing, and one line for each refusal."""

import json
import stat

import pytest
from click.testing import CliRunner

from appliance.cli import main
from appliance.commands.bundle_options import parse_size
from appliance.testing.small_bundle import small_bundle


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def invoke(*words, code=0):
        done = CliRunner().invoke(main, ["bundle", *map(str, words)])
        assert done.exit_code == code, done.output
        return done.output

    return invoke


@pytest.fixture
def keys(run, tmp_path):
    run("key", "--private", "k.pem", "--public", "k.pub", "--owner", "Release team")
    return ["--keys", "k.pub", "--installed", "none.json", "--any-machine"]


def test_a_bundle_is_signed_split_joined_judged_and_unpacked(run, keys, tmp_path):
    small_bundle(tmp_path / "x.bundle", files={"product/meeshy": b"x" * 200_000})
    assert "bundle_unsigned" in run("verify", "x.bundle", *keys, code=1)
    assert stat.S_IMODE((tmp_path / "k.pem").stat().st_mode) == 0o600

    run("sign", "x.bundle", "--private", "k.pem", "--owner", "Release team")
    parts = run("split", "x.bundle", "--size", "64KiB", "--to", "sticks").split()
    run("join", *parts, "--to", "y.bundle")
    assert "Release team" in run("verify", "y.bundle", *keys)
    assert "part 2 of" in run("verify", parts[1], *keys)
    run("unpack", "y.bundle", "--to", "out", *keys)
    assert "checksums: 1 files verified" in run("verify", "out", *keys)
    assert "checked" in run("inspect", "y.bundle", "--keys", "k.pub")
    assert json.loads(run("inspect", "out", "--json"))["version"] == "0.2.0"


def test_signing_again_replaces_the_signature_and_changes_nothing_else(run, keys, tmp_path):
    small_bundle(tmp_path / "x.bundle")
    run("sign", "x.bundle", "--private", "k.pem")
    first = (tmp_path / "x.bundle").read_bytes()
    run("key", "--private", "l.pem", "--public", "l.pub", "--owner", "Next")
    run("sign", "x.bundle", "--private", "l.pem")
    assert "bundle_key_unknown" in run("verify", "x.bundle", *keys, code=1)
    run("sign", "x.bundle", "--private", "k.pem")

    assert (tmp_path / "x.bundle").read_bytes() == first


def test_a_damaged_bundle_is_not_signed(run, keys, tmp_path):
    small_bundle(tmp_path / "x.bundle")
    raw = (tmp_path / "x.bundle").read_bytes()
    (tmp_path / "x.bundle").write_bytes(raw.replace(b"echo meeshy", b"echo Meeshy"))

    assert "bundle_damaged" in run("sign", "x.bundle", "--private", "k.pem", code=1)
    assert (tmp_path / "x.bundle").read_bytes() == raw.replace(b"echo meeshy", b"echo Meeshy")


def test_a_key_is_protected_and_never_overwritten(run, keys, tmp_path):
    assert "never overwritten" in run("key", "--private", "k.pem", "--public", "n.pub", "--owner", "x", code=1)
    assert not (tmp_path / "n.pub").exists()
    (tmp_path / "word").write_text("correct horse\n")
    run("key", "--private", "p.pem", "--public", "p.pub", "--owner", "x", "--passphrase-file", "word")
    small_bundle(tmp_path / "x.bundle")
    assert "cannot be used" in run("sign", "x.bundle", "--private", "p.pem", code=1)
    run("sign", "x.bundle", "--private", "p.pem", "--passphrase-file", "word")
    (tmp_path / "k.pem").chmod(0o644)
    assert "can be read by others" in run("sign", "x.bundle", "--private", "k.pem", code=1)
    assert b"ENCRYPTED" in (tmp_path / "p.pem").read_bytes()


def test_bundles_are_compared(run, tmp_path):
    small_bundle(tmp_path / "a")
    small_bundle(tmp_path / "b", version="0.3.0")

    assert "version: 0.2.0 -> 0.3.0" in run("diff", "a", "b")
    assert json.loads(run("diff", "a", "b", "--json"))["facts"] == [["version", "0.2.0", "0.3.0"]]
    assert run("diff", "a", "a") == "no difference\n"


def test_a_plan_needs_no_network_and_names_what_goes_in(run):
    document = json.loads(run("plan", "--json", "--object-store", "external", "--cuda", "appliance=cuda12"))

    assert [(each["name"], each["cuda"]) for each in document["environments"]] == [
        ("appliance", "cuda12"),
        ("control", "cpu"),
    ]
    assert document["environments"][0]["locks"] == ["base", "cuda12"]
    assert document["environments"][0]["packages"] > 50
    assert {"whisper-base", "speaker-encoder"} <= {each["name"] for each in document["models"]}
    assert "postgresql" in document["debian_roles"]["database"]
    assert "environment" in run("plan")


def test_models_that_the_licence_policy_forbids_are_left_out(run, monkeypatch):
    monkeypatch.setenv("MEESHY_LICENCE", "commercial")
    strict = {each["name"] for each in json.loads(run("plan", "--json", "--preset", "production"))["models"]}
    monkeypatch.setenv("MEESHY_LICENCE", "evaluation")
    free = {each["name"] for each in json.loads(run("plan", "--json", "--preset", "production"))["models"]}

    assert free - strict == {"xtts-v2"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["plan", "--cuda", "appliance=rocm"], "write ENVIRONMENT=FLAVOUR"),
        (["plan", "--object-store", "silo", "--with", "cloning"], "[build_components_invalid]"),
        (["plan", "--components", "absent.toml"], "[build_components_invalid]"),
        (["build", "--to", "out", "--commit", "no-such-commit"], "[build_client_failed]"),
        (["split", "k.pub", "--size", "many", "--to", "x"], "a size reads"),
        (["split", "k.pub", "--size", "1GiB", "--to", "x"], "[bundle_not_one]"),
        (["verify", "k.pub", "--keys", "absent"], "[bundle_keys_unreadable]"),
    ],
)
def test_a_mistake_ends_in_one_line(run, keys, words, said):
    output = run(*words, code=1)

    assert said in output
    assert output.startswith("Error: ")
    assert output.count("\n") == 1


def test_sizes_are_read_in_binary_units():
    assert [parse_size(text) for text in ("4096", "64KiB", "3.9GiB", "1 MiB")] == [4096, 65536, 4187593113, 1 << 20]
    for text in ("", "4GB", "-1", "four"):
        with pytest.raises(ValueError, match="reads"):
            parse_size(text)
