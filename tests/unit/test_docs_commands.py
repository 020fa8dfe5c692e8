"""docs/commands.md tells every command with every option, and every command line in the documentation can be run."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from appliance.cli import main
from appliance.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
HELP = {"--help", "-h"}


def every_command(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for word in command.list_commands(context):
            yield from every_command(command.get_command(context, word), f"{name} {word}")


@pytest.fixture(scope="module")
def commands() -> dict[str, click.Command]:
    return dict(every_command(main, "meeshy"))


@pytest.fixture(scope="module")
def sections() -> dict[str, str]:
    parts = re.split(r"^#+ (meeshy .+)$", (ROOT / "docs/commands.md").read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def parameters(command: click.Command) -> set[str]:
    return {
        name
        for parameter in command.params
        for name in (parameter.opts if isinstance(parameter, click.Option) else [parameter.human_readable_name])
    }


def test_every_command_has_a_section_and_every_section_a_command(commands, sections):
    assert set(sections) == set(commands) - {"meeshy"}


def test_a_section_lists_exactly_the_parameters_of_its_command(commands, sections):
    for name, text in sections.items():
        documented = {
            cell for row in re.findall(r"^\| (`.+?`) \|", text, re.MULTILINE) for cell in row.split("`")[1::2]
        }
        assert documented == parameters(commands[name]), name


def command_lines() -> Iterator[tuple[str, str]]:
    for document in DOCUMENTS:
        text = document.read_text()
        blocks = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
        lines += re.findall(
            r"`((?:\./)?meeshy [^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
        )
        yield from ((document.name, line) for line in lines if re.search(r"(^|[ /])meeshy [a-z-]", line))


def test_every_command_line_in_the_documentation_is_one(commands):
    variables = {f"MEESHY_{field.upper()}" for field in Settings.model_fields} | {"CI"}
    lines = list(command_lines())
    assert len(lines) > 20
    for document, line in lines:
        assignments, name, given = understood(line, commands)
        assert name, f"{document}: {line}"
        assert assignments <= variables, f"{document}: {line}"
        command = commands[name]
        known = parameters(command) | HELP
        passed_on = command.context_settings.get("ignore_unknown_options", False)
        assert passed_on or given <= known, f"{document}: {line}"


def understood(line: str, commands: dict[str, click.Command]) -> tuple[set[str], str, set[str]]:
    """Return the variables, the longest command name (empty where there is none) and the options of a shell line."""
    words = shlex.split(line, comments=True)
    start = next(place for place, word in enumerate(words) if word in ("./meeshy", "meeshy"))
    assignments = {word.split("=")[0] for word in words[:start]}
    rest = words[start + 1 :]
    if rest and rest[0].startswith("--"):
        return assignments, "meeshy", {word for word in rest if word.startswith("-")}
    for length in (2, 1):
        name = " ".join(["meeshy", *rest[:length]])
        if len(rest) >= length and name in commands:
            return assignments, name, {word.split("=")[0] for word in rest[length:] if word.startswith("-")}
    return assignments, "", set()
