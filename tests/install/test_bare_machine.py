"""On a machine with nothing installed: systemd keeps the API's socket; the console's user gets nothing else by SSH."""

import json
import re
import shutil
import subprocess

import pytest
import yaml

from tests.install.ansible_environment import ROOT
from tests.install.node import node

pytestmark = [pytest.mark.install, pytest.mark.timeout(900)]
ROLES = ROOT / "ansible/roles"
SSH = ("-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oLogLevel=ERROR", "-oBatchMode=yes")
SERVER = """
import sys, time
sys.path.insert(0, "/opt/door")
from appliance.api.door import open_door
door = open_door("127.0.0.1", 8750)
time.sleep(1)  # what loading takes
while True:
    connection, _ = door.accept()
    with connection:
        connection.recv(100)
        connection.sendall(b"served")
"""
UNIT = """
[Service]
Type=exec
FileDescriptorStoreMax=1
ExecStart=/usr/bin/python3 -B /opt/door/server.py
"""
CLIENT = """
import json, socket, sys, time
answers = {}
end_s = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end_s:
    try:
        with socket.create_connection(("127.0.0.1", 8750), timeout=20) as connection:
            connection.sendall(b"?")
            answer = connection.recv(100).decode()
    except OSError as failure:
        answer = type(failure).__name__
    answers[answer] = answers.get(answer, 0) + 1
    time.sleep(0.02)
print(json.dumps(answers))
"""
CONSOLE = '#!/bin/sh\necho the console: "$@" as $(id -un), home $HOME, secret ${SECRET:-none}\n'
"""Stands where the release's Python would be, and says how it was called."""


@pytest.fixture(scope="module")
def bare(archive, network, place):
    with node("bare", 60, network, archive, place) as made:
        yield made


def test_who_comes_between_two_processes_is_answered_by_the_second_and_a_stopped_service_gives_up(bare):
    folder = bare.root / "opt/door"
    for part in ("appliance/__init__.py", "appliance/notify.py", "appliance/api/door.py"):
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / part, folder / part)
    (folder / "server.py").write_text(SERVER)
    (folder / "client.py").write_text(CLIENT)
    (bare.root / "etc/systemd/system/door.service").write_text(UNIT)
    bare.run("systemctl", "daemon-reload")
    bare.run("systemctl", "start", "door.service")
    bare.run("sh", "-c", "until ss -Hltn | grep -q :8750; do sleep 0.1; done")

    both = "python3 /opt/door/client.py 8 & sleep 1; systemctl restart door; sleep 2; systemctl restart door; wait"
    answers = json.loads(bare.run("sh", "-c", both).stdout)

    assert answers.pop("served") > 50
    # Whom a process had already taken when it was ended: at most one each time. Nobody was refused.
    assert "ConnectionRefusedError" not in answers
    assert sum(answers.values()) <= 2
    bare.run("systemctl", "stop", "door.service")
    assert set(json.loads(bare.run("python3", "/opt/door/client.py", "0.5").stdout)) == {"ConnectionRefusedError"}


def backup_commands() -> list[list[str]]:
    """Return what the backup has systemd do around its copy: forget, wait, and tell whether it waits still."""
    (block,) = [task for task in yaml.safe_load((ROLES / "backup/tasks/main.yml").read_text()) if "block" in task]
    commands = [task["ansible.builtin.command"]["argv"] for task in block["block"] if "ansible.builtin.command" in task]
    return [[word.replace("{{ backup_rest_h }}h", "1s") for word in command] for command in commands]


def test_housekeeping_comes_back_from_a_killed_backup_and_a_slow_one_hears_of_it(bare):
    unit = "[Service]\nExecStart=sleep infinity\n"
    (bare.root / "etc/systemd/system/meeshy-housekeeping.service").write_text(unit)
    bare.run("systemctl", "daemon-reload")
    forget, wait, tell = backup_commands()

    bare.run(*forget, check=False)
    bare.run(*(word.replace("1s", "1h") for word in wait))
    assert bare.run(*tell).stdout == "active\n"
    bare.run(*forget)
    bare.run(*wait)
    bare.run("sh", "-c", "until systemctl is-active meeshy-housekeeping; do sleep 0.1; done")
    bare.run("sh", "-c", "while systemctl is-active meeshy-backup-over.service; do sleep 0.1; done")
    assert bare.run(*tell, check=False).stdout == "inactive\n"
    bare.run("systemctl", "stop", "meeshy-housekeeping")


def test_a_killed_nginx_would_find_no_socket_of_its_own_in_the_way(bare):
    unit = bare.root / "etc/systemd/system/stand-in.service"
    bind = (
        "import os, socket, time; socket.socket(socket.AF_UNIX).bind('/run/meeshy-edge/kept.sock'); "
        "open(f'/run/meeshy-edge/{os.getpid()}', 'w').close(); time.sleep(600)"
    )
    unit.write_text(f'[Service]\nType=exec\nExecStart=/usr/bin/python3 -c "{bind}"\n')
    folder = unit.with_name("stand-in.service.d")
    folder.mkdir()
    shutil.copy(ROLES / "edge/templates/nginx-drop-in.conf.j2", folder / "meeshy.conf")
    bare.run("systemctl", "daemon-reload")
    bare.run("systemctl", "start", "stand-in.service")
    bound = (
        'until P=$(systemctl show -P MainPID stand-in); [ "$P" != "$0" ] && [ -e "/run/meeshy-edge/$P" ]; '
        "do sleep 0.1; done; echo $P"
    )
    first = bare.run("sh", "-c", bound, "0").stdout.strip()

    bare.run("systemctl", "kill", "--signal=KILL", "stand-in.service")

    assert bare.run("sh", "-c", bound, first).stdout.strip() != first
    assert bare.run("systemctl", "show", "-P", "NRestarts", "stand-in").stdout == "1\n"


@pytest.fixture(scope="module")
def ssh(bare, network, place):
    """What runs a command over SSH as the console's user."""
    key = place / "bare_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    bare.run(
        "useradd", "--system", "--home-dir=/", "--shell=/usr/local/lib/meeshy/console", "--password=*", "meeshy-admin"
    )
    program = (ROLES / "console/templates/console.sh.j2").read_text()
    texts = {
        "usr/local/lib/meeshy/console": re.sub(r"{{ .+? }}", "x", program),
        "etc/ssh/sshd_config.d/meeshy-console.conf": (ROLES / "console/templates/sshd.conf.j2").read_text(),
        "etc/meeshy/console/authorized_keys": key.with_suffix(".pub").read_text(),
        "opt/meeshy/current/venv/bin/python": CONSOLE,
    }  # fmt: skip
    for path, text in texts.items():
        (bare.root / path).parent.mkdir(parents=True, exist_ok=True)
        (bare.root / path).write_text(text)
        (bare.root / path).chmod(0o755)
    bare.run("/usr/sbin/sshd", "-t")
    bare.run("systemctl", "restart", "ssh.service")

    def run(program, *words, send=()):
        command = [program, "-i", key, *SSH, *send, *words]
        return subprocess.run(
            network.inside(command), check=False, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL
        )

    return run


def test_the_console_s_user_gets_the_console_or_one_picture_of_it(bare, ssh):
    who = f"meeshy-admin@{bare.address}"

    plain, picture, document = (
        ssh("ssh", who),
        ssh("ssh", who, "once"),
        ssh("ssh", who, "json", send=["-oSendEnv=SECRET"]),
    )

    assert plain.stdout.startswith(
        "the console: -I -B -m tui --url https://localhost:x --token-file /etc/meeshy/console/key"
    )
    assert plain.stdout.endswith("--ca x as meeshy-admin, home /nonexistent, secret none\n")
    assert " --once as" in picture.stdout
    assert " --once --json as" in document.stdout


@pytest.mark.parametrize(
    "words", ["id", "once; id", "once\nid", "once --token-file /etc/shadow", "sh -c id", "/bin/sh", "$(id)"]
)
def test_it_gets_nothing_else(bare, ssh, words):
    told = ssh("ssh", f"meeshy-admin@{bare.address}", words)

    assert (told.returncode, told.stdout) == (2, "")
    assert "say nothing for the console" in told.stderr


def test_it_copies_no_file_and_opens_no_way(bare, ssh, tmp_path):
    source = f"meeshy-admin@{bare.address}:/etc/passwd"
    assert ssh("sftp", source, tmp_path / "copy").returncode != 0
    assert ssh("scp", source, tmp_path / "copy").returncode != 0
    assert not (tmp_path / "copy").exists()
    through = ssh("ssh", "-W", "127.0.0.1:22", f"meeshy-admin@{bare.address}")
    assert (through.stdout, through.stderr) == ("", "stdio forwarding failed\n")
    assert ssh("ssh", f"root@{bare.address}", "id").returncode == 255
