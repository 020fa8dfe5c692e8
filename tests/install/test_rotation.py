"""Passwords, keys and certificates change while the appliance works: nobody is refused, and the old ones are."""

import contextlib
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.install.playbook import changed_tasks
from tests.install.rich import eventually

pytestmark = [pytest.mark.install, pytest.mark.full, pytest.mark.timeout(2400)]
SECRETS = ("database_password", "broker_password")
FINGERPRINT = (
    "import hashlib, ssl; print(hashlib.sha256(ssl.get_server_certificate(('127.0.0.1', 443)).encode()).hexdigest())"
)


@pytest.fixture(scope="module")
def load(rich):
    """What a client does all the time: it sends a note whose answer is kept, and looks at its readiness."""
    key = rich.key("load")
    fields = {"user_id": "load", "target_langs": "fr"}
    note = {
        "method": "POST", "path": "/api/v1/voice/translate", "headers": {"Authorization": f"Bearer {key}"},
        "fields": fields, "note": str(rich.client.note),
    }  # fmt: skip
    (first,) = rich.ask(note)
    assert first["status"] in (200, 202), first
    return [note, {"path": "/health/live"}]


def secrets(rich) -> dict[str, str]:
    return {name: rich.box.run("cat", f"/etc/meeshy/site/secrets/{name}").stdout.strip() for name in SECRETS}


@contextlib.contextmanager
def arguments_seen() -> Iterator[set[bytes]]:
    """Yield all command lines that any process here, machines' too, has meanwhile."""
    seen: set[bytes] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            for each in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    seen.add(each.read_bytes())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def login(rich, user: str, password: str) -> int:
    told = rich.box.run(
        "psql", "--host=127.0.0.1", f"--username={user}", "--dbname=meeshy", "--no-password", "--command=SELECT 1",
        check=False, PGPASSWORD=password,
    )  # fmt: skip
    return told.returncode


def redis(rich, password: str) -> str:
    return rich.box.run("redis-cli", "-h", "127.0.0.1", "PING", check=False, REDISCLI_AUTH=password).stdout.strip()


def test_other_passwords_take_over_while_everything_is_answered(rich, load):
    before = secrets(rich)
    own = [rich.box.run("cat", f"/etc/meeshy/credentials/{name}").stdout.strip() for name in ("edge_key", "trial_key")]

    with arguments_seen() as arguments:
        output, counts = rich.while_asked(load, lambda: rich.install("rotate_secrets.yml", "--diff"))

    assert set(counts) <= {"200", "202"}, counts
    assert counts["200"] > 100
    after = secrets(rich)
    assert all(after[name] != before[name] for name in SECRETS)
    assert login(rich, "meeshy", after["database_password"]) == 0
    assert login(rich, "meeshy", before["database_password"]) != 0
    assert login(rich, "meeshy_next", after["database_password"]) != 0
    assert (redis(rich, after["broker_password"]), redis(rich, before["broker_password"]) != "PONG") == ("PONG", True)
    refused = rich.ask(*[{"path": "/api/v1/health", "headers": {"Authorization": f"Bearer {key}"}} for key in own])
    assert [each["status"] for each in refused] == [401, 401]
    journal = rich.box.run("journalctl", "--no-pager", "--output=cat").stdout
    logs = rich.box.run("sh", "-c", "cat /var/log/meeshy/* /var/log/postgresql/* /var/log/nginx/*").stdout
    assert any(b"ansible-playbook" in each for each in arguments)
    told = {
        "output": output, "journal": journal, "logs": logs,
        "arguments": b"\n".join(arguments).decode(errors="replace"),
    }  # fmt: skip
    assert [
        (name, where) for name in SECRETS for where, text in told.items() if before[name] in text or after[name] in text
    ] == []
    assert rich.box.run("sh", "-c", "ls /etc/meeshy/site/secrets").stdout.count(".next") == 0
    assert changed_tasks(rich.install()) == []


@pytest.mark.parametrize(
    "task", ["rotation : Give the appliance's own role", "Forget the present ones"], ids=["before", "settled"]
)
def test_a_rotation_that_was_cut_goes_on_with_the_same_passwords(rich, task):
    before = secrets(rich)
    log = rich.box.root / "var/log/meeshy/install.log"
    told = log.stat().st_size
    running = threading.Event()

    def cut() -> None:
        while not running.wait(0.1):
            if f"TASK [{task}" in log.read_text()[told:]:
                rich.box.run("pkill", "--signal=KILL", "--full", "ansible-playbook", check=False)
                return

    cutter = threading.Thread(target=cut)
    cutter.start()
    try:
        with pytest.raises(AssertionError):
            rich.install("rotate_secrets.yml")
    finally:
        running.set()
        cutter.join()
    # Whether the cut came before they were renamed is the scheduler's to say.
    folder = rich.box.root / "etc/meeshy/site/secrets"
    left = folder / "database_password.next"
    coming = (left if left.exists() else folder / "database_password").read_text().strip()

    rich.install("rotate_secrets.yml")

    assert secrets(rich)["database_password"] == coming
    assert login(rich, "meeshy", coming) == 0
    assert login(rich, "meeshy", before["database_password"]) != 0
    assert changed_tasks(rich.install()) == []


def edge_s(rich) -> int:
    """Return when the edge's certificate ends, as Prometheus is told."""
    told = (rich.box.root / "var/lib/meeshy-certificates/certificates.prom").read_text()
    return int(re.search(r'certificate="edge"\} (\d+)', told)[1])


def test_other_certificates_take_over_while_everything_is_answered(rich, load):
    shown, ended_s = rich.box.run("/usr/bin/python3", "-c", FINGERPRINT).stdout, edge_s(rich)

    _, counts = rich.while_asked(load, lambda: rich.install("rotate_certs.yml"))

    assert set(counts) <= {"200", "202"}, counts
    assert counts["200"] > 100
    assert rich.box.run("/usr/bin/python3", "-c", FINGERPRINT).stdout != shown
    assert eventually(lambda: edge_s(rich) > ended_s)
    assert changed_tasks(rich.install()) == []
