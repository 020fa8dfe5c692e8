"""The socket that the API listens on outlives its process: told over a real datagram socket, as systemd is."""

import os
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from appliance.api.door import open_door
from appliance.testing.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
TEXT_BYTES = 4096


@pytest.fixture
def manager(tmp_path, monkeypatch):
    """What systemd is to a service: a datagram socket that takes statements and descriptors."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listening


def told(manager: socket.socket) -> tuple[str, list[int]]:
    text, descriptors, _, _ = socket.recv_fds(manager, TEXT_BYTES, 4)
    return text.decode(), descriptors


def test_a_connection_made_between_two_processes_is_answered_by_the_second(manager):
    port = free_port()
    with open_door("127.0.0.1", port):
        assert told(manager) == ("FDSTOREREMOVE=1\nFDNAME=api", [])
        said, (kept,) = told(manager)
    assert said == "FDSTORE=1\nFDNAME=api"

    with socket.create_connection(("127.0.0.1", port), timeout=5) as waiting:
        waiting.sendall(b"are you there?")
        second = """
            import os
            os.environ["LISTEN_PID"] = str(os.getpid())
            from appliance.api.door import open_door
            with open_door("127.0.0.1", PORT) as door:
                assert not [name for name in os.environ if name.startswith("LISTEN_")]
                connection, _ = door.accept()
                connection.sendall(connection.recv(64).upper())
        """
        program = textwrap.dedent(second).replace("PORT", str(port))
        # Descriptor 3 is where systemd puts it; the child gets it there by the shell.
        command = ["bash", "-c", f'exec "$0" -c "$1" 3<&{kept}', sys.executable, program]
        subprocess.run(command, cwd=ROOT, env=os.environ | {"LISTEN_FDS": "1"}, pass_fds=[kept], check=True, timeout=60)
        assert waiting.recv(64) == b"ARE YOU THERE?"
    os.close(kept)


@pytest.mark.parametrize(("host", "same_port"), [("127.0.0.1", False), ("0.0.0.0", True)])
def test_a_kept_socket_of_another_address_is_let_go_and_a_new_one_is_kept(manager, host, same_port):
    program = """
        import os
        os.environ["LISTEN_PID"] = str(os.getpid())
        from appliance.api.door import open_door
        with open_door(HOST, AFTER) as door:
            print(*door.getsockname())
    """
    old = socket.create_server(("127.0.0.1", 0))
    after = old.getsockname()[1] if same_port else free_port()
    command = ["bash", "-c", f'exec "$0" -c "$1" 3<&{old.fileno()} {old.fileno()}<&-', sys.executable]
    text = textwrap.dedent(program).replace("HOST", repr(host)).replace("AFTER", str(after))
    with subprocess.Popen(
        [*command, text], cwd=ROOT, env=os.environ | {"LISTEN_FDS": "1"}, pass_fds=[old.fileno()],
        stdout=subprocess.PIPE, text=True,
    ) as second:  # fmt: skip
        manager.settimeout(60)
        assert told(manager)[0].startswith("FDSTOREREMOVE=1")
        # As systemd does when it is told.
        old.close()
        said, descriptors = told(manager)
        assert said.startswith("FDSTORE=1")
        assert second.communicate(timeout=60)[0].split() == [host, str(after)]
    for each in descriptors:
        os.close(each)


def test_a_kept_socket_is_found_again_by_the_hosts_name(manager):
    with socket.create_server(("127.0.0.1", 0)) as kept:
        program = f"""
            import os
            os.environ["LISTEN_PID"] = str(os.getpid())
            from appliance.api.door import open_door
            print(open_door("localhost", {kept.getsockname()[1]}).fileno())
        """
        command = ["bash", "-c", f'exec "$0" -c "$1" 3<&{kept.fileno()}', sys.executable, textwrap.dedent(program)]
        ran = subprocess.run(
            command, cwd=ROOT, env=os.environ | {"LISTEN_FDS": "1"}, pass_fds=[kept.fileno()],
            check=True, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    assert ran.stdout.strip() == "3"


def test_what_another_process_was_given_is_not_taken(monkeypatch):
    monkeypatch.setenv("LISTEN_PID", str(os.getpid() + 1))
    monkeypatch.setenv("LISTEN_FDS", "1")

    with open_door("127.0.0.1", 0) as door:
        assert door.getsockname()[1] > 0


def test_without_a_manager_it_listens_all_the_same(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    port = free_port()

    with open_door("127.0.0.1", port) as door:
        assert door.getsockname() == ("127.0.0.1", port)
    assert "systemd was not told FDSTOREREMOVE=1" in caplog.text


def second_process(kept: socket.socket, program: str, **environment: str) -> subprocess.Popen[str]:
    """Start a process that was given the kept socket as descriptor 3; `program` is Python, or arguments after -m."""
    how = "-c" if "\n" in program else "-m"
    shell = f'export LISTEN_PID=$$; exec "$0" {how} "$@" 3<&{kept.fileno()} {kept.fileno()}<&-'
    command = ["bash", "-c", shell, sys.executable]
    arguments = [textwrap.dedent(program)] if how == "-c" else program.split()
    return subprocess.Popen(
        [*command, *arguments], cwd=ROOT, env=os.environ | {"LISTEN_FDS": "1"} | environment, pass_fds=[kept.fileno()],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def until_refused(port: int) -> None:
    """Wait for the process to close its own copy, which it does once the manager was told."""
    deadline_s = time.monotonic() + 30
    with pytest.raises(ConnectionRefusedError):
        while time.monotonic() < deadline_s:
            with socket.create_connection(("127.0.0.1", port), timeout=5):
                time.sleep(0.02)


FAILS = """
    from appliance.api.door import guard_start
    guard_start()
    raise SystemExit("no database")
"""


@pytest.mark.parametrize("program", [FAILS, "appliance.cli api"], ids=["in its code", "by a setting"])
def test_who_waits_is_refused_when_the_next_process_cannot_start(manager, tmp_path, program):
    manager.settimeout(60)
    kept = socket.create_server(("127.0.0.1", 0))
    with socket.create_connection(kept.getsockname(), timeout=5) as waiting:
        waiting.sendall(b"are you there?")
        with second_process(kept, program, MEESHY_DATA_DIR=str(tmp_path / "data"), MEESHY_PORT="none") as second:
            assert told(manager) == ("FDSTOREREMOVE=1\nFDNAME=api", [])
            # As systemd does when it is told.
            kept.close()
            second.communicate(timeout=60)
        assert second.returncode == 1
        with pytest.raises(ConnectionResetError):
            waiting.recv(64)


def test_a_start_that_takes_long_lets_the_socket_go_and_listens_anew_when_it_is_done(manager):
    manager.settimeout(60)
    kept = socket.create_server(("127.0.0.1", 0))
    port = kept.getsockname()[1]
    program = f"""
        from appliance.api.door import guard_start, open_door, ready
        guard_start(limit_s=0.01)
        input()
        with open_door("127.0.0.1", {port}) as door:
            ready()
            print(*door.getsockname())
    """
    with second_process(kept, program) as second:
        assert told(manager)[0].startswith("FDSTOREREMOVE=1")
        kept.close()
        until_refused(port)
        out, _ = second.communicate("go on\n", timeout=60)
    assert out.split() == ["127.0.0.1", str(port)]
    assert told(manager)[0].startswith("FDSTOREREMOVE=1")
    said, descriptors = told(manager)
    assert said.startswith("FDSTORE=1")
    for each in descriptors:
        os.close(each)


def test_a_very_first_start_that_fails_after_it_listened_leaves_no_socket_to_wait_at(manager):
    program = f"""
        from appliance.api.door import open_door
        open_door("127.0.0.1", {free_port()})
        raise SystemExit("the rest cannot start")
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, check=False, timeout=60)
    statements = [told(manager) for _ in range(3)]
    assert [said.split("=")[0] for said, _ in statements] == ["FDSTOREREMOVE", "FDSTORE", "FDSTOREREMOVE"]
    os.close(statements[1][1][0])


def test_the_socket_of_a_process_that_has_answered_is_kept_however_it_ends(manager):
    with socket.create_server(("127.0.0.1", 0)) as kept:
        program = f"""
            from appliance.api.door import guard_start, open_door, ready
            guard_start()
            open_door("127.0.0.1", {kept.getsockname()[1]})
            ready()
            raise SystemExit(3)
        """
        with second_process(kept, program) as second:
            second.communicate(timeout=60)
    assert second.returncode == 3
    manager.settimeout(0)
    with pytest.raises(BlockingIOError):
        told(manager)
