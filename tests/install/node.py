"""A machine of its own in a container with systemd as its first process, on the tests' bridge."""

import json
import os
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.install.lan import GATEWAY, Lan

START_S, STOP_S = 60.0, 90.0
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
}
CONTROL_GROUPS = (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup/systemd"))
"""Where a systemd keeps its units' groups beside those of the older kind; else there is one hierarchy, around these."""
OUTSIDE = ("proc", "sys", "dev", "run", "tmp", "var/tmp", "var/log/journal")
"""What a running machine changes by itself."""


class Node:
    """A machine; `root` is its file system as this machine sees it."""

    def __init__(self, name: str, address: str, root: Path, lan: Lan, binds: Sequence[str]) -> None:
        self.name, self.address, self.root = name, address, root
        self._lan, self._binds = lan, binds
        # Of its own: in one, units of the same name would share a group, and what ends in one machine takes the group
        # from under what starts in the other ("status=219/CGROUP").
        kept = [each for each in CONTROL_GROUPS if each.is_dir()]
        self._groups = [each / f"{lan.namespace}-{name}" for each in kept or [CONTROL_GROUPS[0].parent]]
        self._container: subprocess.Popen[bytes] | None = None
        self._leader = 0

    def start(self) -> None:
        """Boot it and wait until systemd says that it runs."""
        words = [
            "systemd-nspawn", "--quiet", f"--directory={self.root}", f"--machine={self.name}", "--boot",
            "--register=no", "--keep-unit", "--suppress-sync=yes", "--console=pipe",
            "--network-bridge=meeshy0", "--timezone=off", "--resolv-conf=off",
            *(f"--bind-ro={each}" for each in self._binds),
        ]  # fmt: skip
        for group in self._groups:
            group.mkdir(exist_ok=True)
        enter = " && ".join([*(f"echo $$ > {group}/cgroup.procs" for group in self._groups), 'exec "$@"'])
        alone = ["sh", "-c", enter, "sh", *words]
        with (self.root.parent / f"{self.name}.log").open("ab") as log:
            self._container = subprocess.Popen(
                self._lan.inside(alone), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline_s = time.monotonic() + START_S
        while time.monotonic() < deadline_s and self._container.poll() is None:
            self._leader = _child_of(self._container.pid)
            if self._leader and self._state() in ("running", "degraded"):
                return
            time.sleep(0.2)
        raise AssertionError(
            f"{self.name} does not boot: {(self.root.parent / f'{self.name}.log').read_text()[-2000:]}"
        )

    def _state(self) -> str:
        try:
            return self.run("systemctl", "is-system-running", check=False).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            return ""

    def run(
        self, *command: str, check: bool = True, limit_s: float = 60.0, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on it as root."""
        words = self.words(*command)
        told = subprocess.run(
            words, env=ENVIRONMENT | more, capture_output=True, text=True, timeout=limit_s, stdin=subprocess.DEVNULL,
            check=False,
        )  # fmt: skip
        assert not check or told.returncode == 0, f"{' '.join(command)}: {told.stdout[-6000:]}{told.stderr[-3000:]}"
        return told

    def words(self, *command: str) -> list[str]:
        """Return the command that runs a command on it as root."""
        return ["nsenter", f"--target={self._leader}", "--all", *command]

    def refused_out(self) -> int:
        """Return how many packets its firewall has kept in since its rules were loaded last; 0 without one."""
        told = self.run("nft", "--json", "list", "counter", "inet", "meeshy", "refused_out", check=False)
        listed = json.loads(told.stdout)["nftables"] if told.returncode == 0 else []
        return sum(each["counter"]["packets"] for each in listed if "counter" in each)

    def files(self) -> dict[str, tuple[int, int, int, int]]:
        """Return mode, owner, size and change time of all its files but those that change by themselves."""
        found = {}
        for folder, folders, names in os.walk(self.root):
            inside = os.path.relpath(folder, self.root)
            folders[:] = [each for each in folders if os.path.normpath(f"{inside}/{each}") not in OUTSIDE]
            for each in [*names, *folders]:
                status = os.lstat(os.path.join(folder, each))
                size = 0 if stat.S_ISDIR(status.st_mode) else status.st_size
                found[os.path.normpath(f"{inside}/{each}")] = (
                    status.st_mode, status.st_uid, size, status.st_mtime_ns,
                )  # fmt: skip
        return found

    def cut_power(self) -> None:
        """End all its processes at once; what they had not told the kernel is lost."""
        assert self._container is not None
        os.kill(self._leader, signal.SIGKILL)
        self._container.wait(STOP_S)

    def stop(self) -> None:
        """End it for good, without waiting until its services have: nobody will miss what they would still do."""
        if self._container is not None and self._container.poll() is None:
            if self._leader:
                self.cut_power()
            else:
                self._container.kill()
                self._container.wait()
        for group in self._groups:
            for folder, _, _ in os.walk(group, topdown=False):
                with suppress(OSError):  # the kernel may still be ending what was in it
                    os.rmdir(folder)


@contextmanager
def node(name: str, number: int, lan: Lan, archive: Path, folder: Path, binds: Sequence[str] = ()) -> Iterator[Node]:
    """Yield a running machine with the address that ends in `number`; nothing of it stays."""
    root = folder / name
    root.mkdir()
    subprocess.run(["tar", "--extract", "--file", archive, "--directory", root, "--numeric-owner"], check=True)
    address = f"{GATEWAY.rpartition('.')[0]}.{number}"
    _configure(root, name, address)
    made = Node(name, address, root, lan, binds)
    try:
        made.start()
        yield made
        assert not made.refused_out(), f"{name} wanted to send something out, and its firewall refused it"
    finally:
        made.stop()
        shutil.rmtree(root)


def _configure(root: Path, name: str, address: str) -> None:
    """Give it a name, a fixed address, and the bridge as gateway and name server."""
    (root / "etc/hostname").write_text(f"{name}\n")
    (root / "etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {name}\n")
    (root / "etc/resolv.conf").write_text(f"nameserver {GATEWAY}\n")
    network = root / "etc/systemd/network"
    network.mkdir(parents=True, exist_ok=True)
    (network / "10-host0.network").write_text(
        f"[Match]\nName=host0\n[Network]\nAddress={address}/24\nGateway={GATEWAY}\nLLMNR=no\nMulticastDNS=no\n"
        "IPv6AcceptRA=no\n"
    )
    wanted = root / "etc/systemd/system/multi-user.target.wants"
    wanted.mkdir(parents=True, exist_ok=True)
    (wanted / "systemd-networkd.service").symlink_to("/lib/systemd/system/systemd-networkd.service")


def _child_of(pid: int) -> int:
    """Return the first process of the container: the child of systemd-nspawn."""
    for _ in range(2):  # `ip netns exec` replaces itself, so the container's program has the process id itself
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if children:
            return int(children[0])
    return 0


def leave_running(box: Node, name: str) -> None:
    """Have a service of this name that an earlier inventory would have left."""
    unit = "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n"
    (box.root / f"etc/systemd/system/{name}.service").write_text(unit)
    box.run("systemctl", "daemon-reload")
    box.run("systemctl", "enable", "--now", name)
