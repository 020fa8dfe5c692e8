"""docs/bundle.md has every refusal with its sentence, every field of bundle.json and every command of the target."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from installer.__main__ import main
from installer.build.failure import every_failure
from installer.bundle.metadata import Metadata
from installer.bundle.refusal import every_refusal

TEXT = (Path(__file__).resolve().parents[2] / "docs/bundle.md").read_text()


def test_every_refusal_stands_in_the_tables_with_its_sentence():
    told = dict(re.findall(r"^\| `((?:bundle|build)_\w+)` \| (.+?) \| .+ \|$", TEXT, re.MULTILINE))

    assert told == {each.code: each.title() for each in [*every_refusal(), *every_failure()]}


def test_codes_are_unique():
    codes = [each.code for each in [*every_refusal(), *every_failure()]]

    assert len(codes) == len(set(codes)) > 20


def test_every_field_of_the_metadata_is_explained():
    told = set(re.findall(r"^\| `(\w+)` \|", TEXT.split("## bundle.json")[1].split("\n## ")[0], re.MULTILINE))

    assert told == {field.name for field in fields(Metadata)} | {"schema"}


def test_every_command_of_the_target_is_shown(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    names = re.findall(r"^    ([a-z]+)  ", capsys.readouterr().out, re.MULTILINE)

    assert set(names) >= {"verify", "unpack", "join", "inspect"}
    assert all(f"python3 meeshy-installer-*.pyz {name}" in TEXT for name in names)
