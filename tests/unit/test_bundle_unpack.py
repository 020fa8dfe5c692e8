"""Unpacking makes one folder, whole or not at all, and touches nothing else."""

import os
import stat

import pytest

from appliance.testing.small_bundle import BUILT_S, FILES, SmallKey, small_bundle
from installer.bundle.container import Member
from installer.bundle.folder import verify_folder
from installer.bundle.refusal import (
    Damaged,
    MemberRefused,
    NoSpace,
    NotABundle,
    Older,
    TargetInTheWay,
    Truncated,
    Unsigned,
)
from installer.bundle.space import RESERVE_BYTES
from installer.bundle.unpack import _Folder, unpack
from installer.bundle.versions import Release

KEY = SmallKey()


def silent(_):
    pass


@pytest.fixture
def bundle(tmp_path):
    path = tmp_path / "media" / "small.bundle"
    path.parent.mkdir()
    small_bundle(path, KEY)
    return path


def everything(folder):
    return {str(path.relative_to(folder)): path.is_file() and path.read_bytes() for path in folder.rglob("*")}


def test_the_folder_holds_what_was_signed(bundle, tmp_path):
    target = tmp_path / "releases" / "0.2.0"
    unpack(bundle, target, KEY.site(), silent)

    for path, raw in FILES.items():
        assert (target / path).read_bytes() == raw
    assert stat.S_IMODE((target / "product/meeshy").stat().st_mode) == 0o755
    assert stat.S_IMODE((target / "sbom.cdx.json").stat().st_mode) == 0o644
    assert stat.S_IMODE(target.stat().st_mode) == 0o755
    assert (target / "product/meeshy").stat().st_mtime == BUILT_S
    assert (target / "debs/Release.gpg").read_bytes().startswith(b"-----BEGIN PGP SIGNATURE-----")
    assert [path.name for path in target.parent.iterdir()] == ["0.2.0"]
    verify_folder(target, KEY.site(), silent)


def test_the_modes_do_not_depend_on_the_caller_s_mask(bundle, tmp_path):
    before = os.umask(0o077)
    try:
        unpack(bundle, tmp_path / "out", KEY.site(), silent)
    finally:
        os.umask(before)

    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").rglob("*")}
    assert modes == {0o755, 0o644}


@pytest.mark.parametrize("fault", ["flipped", "cut", "unsigned", "older"])
def test_a_refused_bundle_leaves_no_trace(bundle, tmp_path, fault):
    raw, site, refusal = bytearray(bundle.read_bytes()), KEY.site(), Damaged
    if fault == "flipped":
        raw[-1500] ^= 1
    elif fault == "cut":
        raw, refusal = raw[:-700], Truncated
    elif fault == "unsigned":
        small_bundle(bundle)
        raw, refusal = bundle.read_bytes(), Unsigned
    else:
        site, refusal = KEY.site(installed=Release("9.0", 1)), Older
    bundle.write_bytes(raw)
    before = everything(tmp_path)

    with pytest.raises(refusal):
        unpack(bundle, tmp_path / "releases" / "x", site, silent)
    assert everything(tmp_path) == before


def test_an_existing_target_is_not_touched(bundle, tmp_path):
    (tmp_path / "dangling").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    for name in ("dangling", "full"):
        with pytest.raises(TargetInTheWay):
            unpack(bundle, tmp_path / name, KEY.site(), silent)

    assert everything(tmp_path / "full") == {"file": b"mine"}
    assert not (tmp_path / "elsewhere").exists()


def test_space_is_asked_for_before_anything_is_written(bundle, tmp_path):
    size = sum(map(len, FILES.values()))
    with pytest.raises(NoSpace, match="are missing"):
        unpack(bundle, tmp_path / "x", KEY.site(), silent, free=lambda _: RESERVE_BYTES + size)

    assert not list(tmp_path.glob("*x*"))


def test_a_bundle_that_changes_between_reading_and_writing_is_refused(bundle, tmp_path):
    def change_it_now(path):
        raw = bytearray(bundle.read_bytes())
        raw[raw.index(b"echo meeshy")] ^= 1
        bundle.write_bytes(raw)
        return 1 << 40

    with pytest.raises(Damaged, match="product/meeshy has another checksum"):
        unpack(bundle, tmp_path / "x", KEY.site(), silent, free=change_it_now)
    assert not (tmp_path / "x").exists()
    assert not list(tmp_path.glob(".x*"))


def test_what_an_interrupted_call_left_is_cleared(bundle, tmp_path):
    left = tmp_path / ".x.unpacking"
    (left / "product").mkdir(parents=True)
    (left / "product" / "meeshy").symlink_to(tmp_path / "victim")
    (tmp_path / "victim").write_text("untouched")

    unpack(bundle, tmp_path / "x", KEY.site(), silent)
    assert (tmp_path / "victim").read_text() == "untouched"
    assert not (tmp_path / "x" / "product" / "meeshy").is_symlink()


def test_the_writer_judges_paths_by_itself_and_follows_no_link(tmp_path):
    folder = _Folder(tmp_path / "root")
    (tmp_path / "root").mkdir()
    for path in ("../x", "/x", "a/../../x"):
        with pytest.raises(MemberRefused):
            folder.take(Member(path, 1, 0), iter([b"!"]))
    (tmp_path / "root" / "link").symlink_to(tmp_path / "victim")
    with pytest.raises(FileExistsError):
        folder.take(Member("link", 1, 0), iter([b"!"]))

    assert not (tmp_path / "victim").exists()


def changed(folder, bundle, change):
    unpack(bundle, folder, KEY.site(), silent)
    change(folder)
    return lambda: verify_folder(folder, KEY.site(), silent)


def test_an_unpacked_folder_that_was_changed_is_refused(bundle, tmp_path):
    def another_key(folder):
        (folder / "debs/meeshy-archive-key.gpg").write_bytes(b"mine")

    cases = [
        (Damaged, lambda folder: (folder / "product/meeshy").write_text("#!/bin/sh\nrm -rf /\n")),
        (Damaged, another_key),
        (Damaged, lambda folder: (folder / "checksums.sha256").write_text("")),
        (MemberRefused, lambda folder: (folder / "wheels").mkdir() or (folder / "wheels/extra.whl").write_text("")),
        (MemberRefused, lambda folder: (folder / "more").symlink_to("/etc")),
        (Truncated, lambda folder: (folder / "sbom.cdx.json").unlink()),
        (NotABundle, lambda folder: (folder / "bundle.json").unlink()),
    ]
    for number, (refusal, change) in enumerate(cases):
        judge = changed(tmp_path / str(number), bundle, change)
        with pytest.raises(refusal):
            judge()


def test_a_pipe_in_an_unpacked_folder_does_not_hang_the_check(bundle, tmp_path):
    def pipe_instead(folder):
        (folder / "product/meeshy").unlink()
        os.mkfifo(folder / "product/meeshy")

    judge = changed(tmp_path / "x", bundle, pipe_instead)
    with pytest.raises(MemberRefused):
        judge()
