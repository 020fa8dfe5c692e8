"""The arrows between packages go one way: the contracts in pyproject.toml."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def loggers_as_they_were() -> Iterator[None]:
    """Let those that spoke before speak again: import-linter silences every logger of its process."""
    spoke = [each for each in logging.root.manager.loggerDict.values() if not getattr(each, "disabled", True)]
    yield
    for logger in spoke:
        logger.disabled = False


@pytest.mark.usefixtures("loggers_as_they_were")
def test_arrows_between_packages_go_down(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    broken = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert not broken, capsys.readouterr().out
