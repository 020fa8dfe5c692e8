"""A support bundle of an installed machine with planted secrets and words: none is in it, even with half of it down."""

import json
import shutil
import tarfile
from pathlib import Path

import pytest

from tests.install.node import node
from tests.install.playbook import install

pytestmark = [pytest.mark.install, pytest.mark.full, pytest.mark.timeout(1800)]
ROOT = Path(__file__).resolve().parents[2]
SAID = "ask not what your country can do for you"
PLANTED = "pl4nted-secret-of-nobody"
SPEAKING = "meeshy-housekeeping.service"
PSQL = ("runuser", "--user=postgres", "--", "psql", "--set=ON_ERROR_STOP=1", "meeshy")


@pytest.fixture(scope="module")
def planted(box, installed):
    """Secrets and words where they may turn up: a unit's journal, logs, environment, rows and what failed on them."""
    password = box.run("cat", "/etc/meeshy/site/secrets/database_password").stdout.strip()
    url = f"postgresql://meeshy:{password}@127.0.0.1/meeshy"
    says = [SAID, f"password={PLANTED}", url]
    box.run("sh", "-c", f"echo 'MEESHY_DEEPL_KEY={PLANTED}' >> /etc/meeshy/meeshy.env")
    for log in ("nginx/meeshy-error.log", "nginx/meeshy.log"):
        append(box.root / "var/log" / log, says)
    append(box.root / "var/log/meeshy/install.log", says[1:])
    extra = box.root / f"etc/systemd/system/{SPEAKING}.d/planted.conf"
    extra.parent.mkdir()
    extra.write_text("[Service]\n" + "".join(f'ExecStartPre=/bin/echo "{each}"\n' for each in says))
    box.run("systemctl", "daemon-reload")
    box.run("systemctl", "restart", SPEAKING)
    shutil.rmtree(extra.parent)
    box.run("systemctl", "daemon-reload")
    sql(box, "create table planted (said text)", f"insert into planted values ('{SAID}'), ('{PLANTED}')")
    refused = box.run(*PSQL, f"--command=select said::int from planted where said = '{SAID}'", check=False)
    assert refused.returncode != 0
    # The log keeps no statement and no detail, but an error's own sentence quotes the value.
    assert SAID in "".join(log.read_text() for log in (box.root / "var/log/postgresql").glob("*.log"))
    assert SAID in box.run("journalctl", f"--unit={SPEAKING}", "--no-pager").stdout
    yield [password, PLANTED, SAID]
    sql(box, "drop table planted")


def append(log, lines):
    with log.open("a") as file:
        file.write("".join(f"{line}\n" for line in lines))


def sql(box, *statements):
    box.run(*PSQL, *(f"--command={each}" for each in statements))


def inside(path):
    with tarfile.open(path) as archive:
        return {entry.name: archive.extractfile(entry).read().decode() for entry in archive.getmembers()}


def secrets_of(box):
    words = "cat /etc/meeshy/site/secrets/* /etc/meeshy/credentials/* /var/lib/meeshy/data/first_key"
    return box.run("sh", "-c", words).stdout.split()


def test_a_machine_on_which_nothing_works_gives_one_too(archive, network, place):
    with node("bare", 17, network, archive, place, [f"{ROOT}:/checkout"]) as made:
        secret = made.root / "etc/meeshy/site/secrets/database_password"
        secret.parent.mkdir(parents=True)
        secret.write_text(f"{PLANTED}\n")
        says = f"echo {SAID}; echo password is {PLANTED}; exit 3"
        made.run("systemd-run", "--quiet", "--wait", "--unit=meeshy-api", "sh", "-c", says, check=False)
        assert SAID in made.run("journalctl", "--unit=meeshy-api", "--no-pager").stdout

        words = ["/usr/bin/python3", "-B", "-m", "installer", "support", "--to", "/var/support.tar.gz"]
        told = made.run("env", "--chdir=/checkout", *words, limit_s=240)

        assert "not had: product/status.json" in told.stdout
        assert (made.root / "var/support.tar.gz").stat().st_mode & 0o777 == 0o600
        files = inside(made.root / "var/support.tar.gz")
        journal = files["journal/meeshy-api.service.txt"]
        assert "Failed with result 'exit-code'" in journal
        assert f"[{len(SAID)} characters]" in journal
        assert not [name for name, text in files.items() for word in (PLANTED, "country") if word in text]


def test_the_playbook_fetches_one_of_each_machine_and_nothing_planted_is_in_it(box, medium, planted):
    box.run("sh", medium.script, medium.bundle, "support_bundle.yml", limit_s=600)

    files = inside(box.root / "var/log/meeshy/support/appliance.tar.gz")
    everything = "\n".join(files.values())
    for secret in [*planted, *secrets_of(box)]:
        assert secret not in everything
    manifest = json.loads(files["manifest.json"])
    for name in ("product/status.json", "product/doctor.json", "network/firewall.txt", "product/certificates.txt"):
        assert name in files, manifest["missing"]
    assert "Started" in files["journal/meeshy-api.service.txt"]
    assert box.run("sh", "-c", "ls -d /tmp/meeshy-support-* 2>/dev/null || true").stdout == ""


def test_with_the_database_stopped_there_is_one_all_the_same(box, medium, planted):
    box.run("systemctl", "stop", "postgresql")
    try:
        box.run("sh", medium.script, medium.bundle, "support_bundle.yml", limit_s=600)
    finally:
        box.run("systemctl", "start", "postgresql")

    files = inside(box.root / "var/log/meeshy/support/appliance.tar.gz")
    assert "inactive" in files["units/postgresql.service.txt"]
    assert "product/settings.txt" in files
    assert not [secret for secret in [*planted, *secrets_of(box)] if secret in "\n".join(files.values())]


def test_the_installation_puts_right_what_was_planted(box, medium, planted):
    install(box, medium)

    assert PLANTED not in box.run("cat", "/etc/meeshy/meeshy.env").stdout
