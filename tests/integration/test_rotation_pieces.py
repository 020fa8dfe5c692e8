"""What rotate_secrets.yml tells PostgreSQL and Redis: first both secrets count, in the end the next one alone."""

import re
import subprocess
from pathlib import Path

import psycopg
import pytest
import redis as redis_client
import yaml

from tests.services import own_postgres as own_postgres
from tests.services import redis as redis
from tests.services import redis_of_session as redis_of_session

ROOT = Path(__file__).resolve().parents[2]
TASKS = ROOT / "ansible/roles/rotation/tasks"
BEFORE, NEXT = "before" * 5, "coming" * 5


def told(file: str) -> dict:
    """Return a file's first command with standard input."""
    commands = [task.get("ansible.builtin.command", {}) for task in yaml.safe_load((TASKS / file).read_text())]
    return next(command for command in commands if "stdin" in command)


def statement(file: str) -> str:
    """Return what that command is given there, with the secrets in it."""
    text = told(file)["stdin"]
    secrets = {
        "rotation_database_password": NEXT, "rotation_broker_password": NEXT, "meeshy_secret_broker_password": BEFORE
    }  # fmt: skip
    for name, secret in secrets.items():
        text = text.replace(f"{{{{ {name} }}}}", secret)
    assert "{{" not in text
    return text


@pytest.fixture
def server(own_postgres):
    """A server with the appliance's role and database, which asks for passwords as an installation's does."""
    rule = (ROOT / "ansible/roles/database/templates/pg_hba.j2").read_text().splitlines()[1].split()
    with psycopg.connect(own_postgres.url, autocommit=True) as connection:
        connection.execute("SET password_encryption = 'scram-sha-256'")
        connection.execute(f"CREATE ROLE meeshy LOGIN PASSWORD '{BEFORE}'")
        connection.execute("CREATE DATABASE meeshy OWNER meeshy")
        (hba,) = connection.execute("SHOW hba_file").fetchone()
        file = Path(hba)
        file.write_text(f"host {rule[1]} {rule[2]} 127.0.0.1/32 {rule[-1]}\n{file.read_text()}")
        connection.execute("SELECT pg_reload_conf()")
    return own_postgres


def as_superuser(server, text: str, database: str = "postgres") -> None:
    with psycopg.connect(server.url.rpartition("/")[0] + f"/{database}", autocommit=True) as connection:
        connection.execute(text)


def logged_in(server, user: str, password: str) -> psycopg.Connection:
    port = server.url.rpartition(":")[2].split("/")[0]
    return psycopg.connect(host="127.0.0.1", port=port, user=user, password=password, dbname="meeshy")


def takes(server, user: str, password: str) -> bool:
    try:
        logged_in(server, user, password).close()
    except psycopg.OperationalError:
        return False
    return True


def test_at_first_both_passwords_count_and_what_is_made_with_the_next_is_the_appliance_s(server):
    with logged_in(server, "meeshy", BEFORE) as connection:
        connection.execute("CREATE TABLE jobs (id int)")

    as_superuser(server, statement("database.yml"))
    as_superuser(server, statement("database.yml"))

    assert takes(server, "meeshy", BEFORE)
    assert not takes(server, "meeshy_next", BEFORE)
    with logged_in(server, "meeshy_next", NEXT) as connection:
        connection.execute("INSERT INTO jobs VALUES (1)")
        connection.execute("CREATE TABLE more (id int)")
        owners = connection.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert owners == [("meeshy",)]


def test_in_the_end_the_next_password_alone_counts_and_nothing_is_lost(server):
    as_superuser(server, statement("database.yml"))
    with logged_in(server, "meeshy_next", NEXT) as connection:
        connection.execute("CREATE TABLE jobs AS SELECT 7 AS id")
    late = logged_in(server, "meeshy_next", NEXT)

    as_superuser(server, statement("settle.yml"))
    for _ in range(2):
        as_superuser(server, statement("forget.yml"), "meeshy")

    with pytest.raises(psycopg.OperationalError):
        late.execute("SELECT 1")
    late.close()
    assert not takes(server, "meeshy", BEFORE)
    assert not takes(server, "meeshy_next", NEXT)
    with logged_in(server, "meeshy", NEXT) as connection:
        assert connection.execute("SELECT id FROM jobs").fetchall() == [(7,)]


def test_redis_takes_both_passwords_until_it_is_started_with_the_next(redis):
    redis.client().execute_command("CONFIG", "SET", "requirepass", BEFORE)
    known = redis_client.Redis(port=redis.port, password=BEFORE)
    try:
        (program,) = re.findall(r"'(read -r [^']+)'", told("broker.yml")["argv"])
        command = ["sh", "-c", program, "sh", "redis-cli", "-h", "127.0.0.1", "-p", str(redis.port)]
        ran = subprocess.run(command, input=statement("broker.yml"), check=True, capture_output=True, text=True)
        assert ran.stdout == "OK\n"

        for password in (BEFORE, NEXT):
            with redis_client.Redis(port=redis.port, password=password) as client:
                assert client.ping()
        with (
            redis_client.Redis(port=redis.port, password="another") as client,
            pytest.raises(redis_client.AuthenticationError),
        ):
            client.ping()
    finally:
        known.execute_command("CONFIG", "SET", "requirepass", "")
        known.close()
