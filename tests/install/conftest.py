"""Machines to install on. Where this machine cannot have any, the tests are skipped and the reason is printed."""

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from installer.bundle.host import this_host
from tests.install.lan import Lan, lan
from tests.install.media import Medium, make_medium
from tests.install.node import Node, node
from tests.install.playbook import install
from tests.install.rich import Rich, rich_machine
from tests.install.rootfs import missing_tools, root_archive

PROBES = (
    ["unshare", "--net", "--pid", "--fork", "--mount", "true"],
    ["ip", "netns", "add", "meeshy-probe"],
    ["ip", "netns", "delete", "meeshy-probe"],
    [
        "systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--volatile=yes",
        "--machine=meeshy-probe", "--directory=/", "/usr/bin/true",
    ],
)  # fmt: skip
"""What booting machines needs and a container without privileges refuses; each is tried, and leaves nothing."""
FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def figures(pytestconfig: pytest.Config) -> list[str]:
    """Lines that are told at the end of the run, whichever process measured them."""
    return pytestconfig.stash.setdefault(FIGURES, [])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand a process's figures to the one that prints."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["figures"] = session.config.stash.get(FIGURES, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take the figures of a process that has ended."""
    node.config.stash.setdefault(FIGURES, []).extend(getattr(node, "workeroutput", {}).get("figures", []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was measured: no test judges it, for how long something takes is the machine's own."""
    if lines := config.stash.get(FIGURES, []):
        terminalreporter.section("installed for real")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def archive() -> Path:
    """The root file system of a minimal Debian."""
    if reason := why_not():
        pytest.skip(f"no machine can be booted here: {reason}")
    return root_archive()


def why_not() -> str:
    """Return why this machine cannot boot others, an empty text where it can."""
    if os.geteuid() != 0:
        return "root is needed"
    if missing := missing_tools():
        return f"{', '.join(missing)} is not installed (Debian: mmdebstrap, systemd-container, iproute2)"
    if this_host().os != "debian-12":
        return f"bundles are for debian-12, this is {this_host().os}"
    # Two drills at once would take each other's namespace for their own and skip all they have.
    with (Path(tempfile.gettempdir()) / "meeshy-probe.lock").open("w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        tried = [subprocess.run(command, check=False, capture_output=True, text=True) for command in PROBES]
    refused = [one for one in tried if one.returncode != 0]
    return "; ".join(f"{' '.join(one.args)}: {one.stderr.strip()}" for one in refused)


@pytest.fixture(scope="session")
def place() -> Iterator[Path]:
    """A folder for gigabytes, which goes away."""
    folder = Path(tempfile.mkdtemp(prefix="meeshy-install-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def medium(archive: Path, place: Path) -> Medium:
    """A medium with a bundle of this checkout."""
    folder = place / "stick"
    folder.mkdir()
    return make_medium(folder)


@pytest.fixture(scope="session")
def network(archive: Path, place: Path) -> Iterator[Lan]:
    """A bridge without a way out."""
    with lan(place) as made:
        yield made


@pytest.fixture(scope="session")
def box(archive: Path, medium: Medium, network: Lan, place: Path) -> Iterator[Node]:
    """A machine with the medium in its drive and the site's key in place, on which nothing was installed yet."""
    with node("appliance", 11, network, archive, place, [f"{medium.folder}:{medium.inside}"]) as made:
        made.run("install", "-D", "--mode=0644", f"{medium.inside}/bundle-keys", "/etc/meeshy/bundle-keys")
        yield made


@pytest.fixture(scope="session")
def installed(box: Node, medium: Medium, figures: list[str]) -> str:
    """What the first installation on the machine printed; how long it took is told at the end."""
    began_s = time.monotonic()
    output = install(box, medium)
    figures.append(f"the first installation took {time.monotonic() - began_s:.0f} s")
    return output


@pytest.fixture(scope="session")
def rich(archive: Path, medium: Medium, network: Lan, place: Path) -> Iterator[Rich]:
    """A machine whose inventory asks for everything that is optional, installed."""
    with rich_machine(archive, medium, network, place) as made:
        yield made
