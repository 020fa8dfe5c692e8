"""What a target does with an unpacked bundle: the product is laid out once, exactly; what is lacking is a sentence."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from appliance.testing.small_bundle import SmallKey, small_bundle
from installer.__main__ import main
from installer.bundle.host import INTERPRETER
from installer.bundle.unpack import unpack
from installer.target.alone import alone
from installer.target.environment import STAMP, _digest, make_environment
from installer.target.failure import TargetFailed
from installer.target.product import compile_product, lay_product

KEY = SmallKey()


@pytest.fixture
def bundle(tmp_path):
    small_bundle(tmp_path / "small.bundle", KEY)
    unpack(tmp_path / "small.bundle", tmp_path / "unpacked", KEY.site(), lambda _: None)
    return tmp_path / "unpacked"


@pytest.fixture
def lock(bundle):
    """The lock of the small bundle's environment."""
    path = bundle / "wheels/locks/base.txt"
    path.parent.mkdir(parents=True)
    path.write_text("small==1\n")
    return path


def test_the_product_is_laid_out_once(bundle, tmp_path):
    folder = tmp_path / "release/product"

    assert lay_product(bundle, folder)
    assert not lay_product(bundle, folder)
    assert (folder / "meeshy").read_bytes() == (bundle / "product/meeshy").read_bytes()
    assert os.access(folder / "meeshy", os.X_OK)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "meeshy").write_text("changed"),
        lambda folder: (folder / "more").write_text("added"),
        lambda folder: (folder / "meeshy").unlink(),
        lambda folder: (folder / "meeshy").chmod(0o644),
    ],
)
def test_a_changed_product_is_laid_out_anew(bundle, tmp_path, spoil):
    folder = tmp_path / "product"
    lay_product(bundle, folder)
    spoil(folder)

    assert lay_product(bundle, folder)
    assert not lay_product(bundle, folder)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".product")] == [".product.lock"]


def test_compiled_modules_are_no_change(bundle, tmp_path):
    folder = tmp_path / "product"
    lay_product(bundle, folder)
    (folder / "appliance/__pycache__").mkdir()
    (folder / "appliance/__pycache__/x.pyc").write_bytes(b"x")

    assert not lay_product(bundle, folder)


def test_an_environment_that_the_bundle_lacks_is_a_sentence(bundle, tmp_path, capsys):
    with pytest.raises(TargetFailed, match="no environment 'control'"):
        make_environment(bundle, "control", tmp_path / "control")
    arguments = ["--bundle", bundle, "--environment", "control", "--to", tmp_path / "control"]

    assert main(["environment", *map(str, arguments)]) == 1
    assert "failed: The bundle has no environment 'control'." in capsys.readouterr().err


def test_preflight_is_one_document(capsys):
    assert main(["preflight", "--json", "--ports", "none", "--memory-gib", "0", "--disk-gib", "0"]) == 0

    document = json.loads(capsys.readouterr().out)
    assert set(document) == {"stop", "lines"}
    assert document["stop"] == any(line.startswith("STOP") for line in document["lines"])


def test_preflight_for_people_ends_with_one_where_something_stops(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["preflight", "--ports", "none", "--memory-gib", "1000000"])

    told = capsys.readouterr().out
    assert ended.value.code == 1
    assert "STOP [memory]" in told
    assert told.endswith("preflight: refused\n")


def test_a_product_that_was_cut_before_it_was_compiled_is_compiled_by_the_next_call(bundle, tmp_path):
    folder = tmp_path / "product"
    lay_product(bundle, folder)

    assert compile_product(folder, Path(sys.executable), check=True)
    assert compile_product(folder, Path(sys.executable))
    assert list((folder / "appliance/__pycache__").glob("*.pyc"))
    assert not compile_product(folder, Path(sys.executable))

    (folder / "meeshy").write_text("changed by hand")
    assert lay_product(bundle, folder)
    (folder / "appliance/__init__.py").write_text("more = 1\n")
    assert compile_product(folder, Path(sys.executable))


def made_environment(bundle, folder):
    """Leave an environment as one that was made whole, without a wheel to make it from."""
    folder.mkdir()
    (folder / STAMP).write_text(_digest(bundle, "appliance", folder, None, INTERPRETER))


def test_a_whole_environment_is_left_alone(bundle, tmp_path, lock):
    made_environment(bundle, tmp_path / "venv")

    assert not make_environment(bundle, "appliance", tmp_path / "venv")
    assert not make_environment(bundle, "appliance", tmp_path / "venv", check=True)


def test_a_whole_environment_of_something_else_may_be_in_use_and_stays(bundle, tmp_path, lock):
    made_environment(bundle, tmp_path / "venv")
    (tmp_path / "venv/python").touch()
    lock.write_text("other==1\n")

    with pytest.raises(TargetFailed, match="made from something else and may be in use"):
        make_environment(bundle, "appliance", tmp_path / "venv")
    assert (tmp_path / "venv/python").exists()


def test_two_that_make_one_folder_take_turns(tmp_path):
    order = []
    with alone(tmp_path / "deep/venv"):
        other = threading.Thread(target=lambda: enter(tmp_path / "deep/venv", order))
        other.start()
        with (tmp_path / "deep/.venv.lock").open("w") as third, pytest.raises(BlockingIOError):
            fcntl.flock(third, fcntl.LOCK_EX | fcntl.LOCK_NB)
        order.append("first")
    other.join(30)

    assert order == ["first", "second"]


def test_a_product_is_laid_and_compiled_by_one_process_at_a_time(bundle, tmp_path, monkeypatch):
    folder, alone_in = tmp_path / "product", []

    def watched(work):
        def run(*arguments, **options):
            with (tmp_path / ".product.lock").open("w") as other, pytest.raises(BlockingIOError):
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            alone_in.append(work.__name__)
            return work(*arguments, **options)

        return run

    monkeypatch.setattr(shutil, "copytree", watched(shutil.copytree))
    monkeypatch.setattr(subprocess, "run", watched(subprocess.run))
    lay_product(bundle, folder)
    compile_product(folder, Path(sys.executable))

    assert set(alone_in) == {"copytree", "run"}


def enter(folder, order):
    with alone(folder):
        order.append("second")
