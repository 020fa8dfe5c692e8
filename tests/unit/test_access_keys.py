import json
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from appliance.access.commands import keys
from appliance.access.first_key import ensure_first_key
from appliance.access.identify import identify
from appliance.access.keys import create_key, list_keys, revoke_key
from appliance.access.rates import count_request
from appliance.errors import NotAuthenticated, NotFound, RateLimited
from appliance.owner import Owner
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.schema import metadata
from appliance.storage.tables import api_keys, applications, audit
from appliance.testing.clock import FrozenClock

ALICE = Owner("app_1", "alice")


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def database(tmp_path: Path, clock: FrozenClock) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'test.sqlite3'}", clock)
    metadata.create_all(database.engine)
    yield database
    database.close()


def test_a_new_key_identifies_its_application(database: Database, clock: FrozenClock) -> None:
    issued = create_key(database, "messenger", "app")

    caller = identify(database, clock, f"Bearer {issued.key}")

    assert caller.application_id == issued.application_id
    assert caller.roles == {"app"}
    assert caller.user_id is None


def test_a_second_key_belongs_to_the_same_application(database: Database) -> None:
    first, second = (create_key(database, "messenger", "app") for _ in range(2))

    assert first.application_id == second.application_id
    assert first.token_secret == second.token_secret
    assert first.key != second.key


def test_the_key_itself_is_stored_nowhere(database: Database, tmp_path: Path) -> None:
    issued = create_key(database, "messenger", "app")
    secret = issued.key.rsplit("_", 1)[1]

    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert secret.encode() not in stored


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: key[:-1] + ("0" if key[-1] != "0" else "1"),
        lambda key: key + "0",
        lambda key: key.replace("mk_", "mk_0", 1),
        lambda key: f"mk_{'0' * 16}_{key.rsplit('_', 1)[1]}",
        lambda key: "mk_",
        lambda key: "mk_%00_x",
    ],
)
def test_a_wrong_key_is_refused(database: Database, clock: FrozenClock, spoil) -> None:
    issued = create_key(database, "messenger", "app")

    with pytest.raises(NotAuthenticated, match="This API key is not valid"):
        identify(database, clock, f"Bearer {spoil(issued.key)}")


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "mk_x", "Bearer a b", "Bearer \xff"])
def test_a_header_without_credentials_is_refused(database: Database, clock: FrozenClock, header: str | None) -> None:
    with pytest.raises(NotAuthenticated):
        identify(database, clock, header)


def test_a_revoked_key_is_refused_from_the_next_request_on(database: Database, clock: FrozenClock) -> None:
    issued = create_key(database, "messenger", "app")
    revoke_key(database, issued.id)

    with pytest.raises(NotAuthenticated):
        identify(database, clock, f"Bearer {issued.key}")
    assert list_keys(database)[0].revoked_s == clock.now_s()


def test_revoking_an_unknown_key_says_so(database: Database) -> None:
    with pytest.raises(NotFound, match="no key with the id 'nope'"):
        revoke_key(database, "nope")


def test_making_and_revoking_keys_is_audited(database: Database) -> None:
    issued = create_key(database, "messenger", "admin")
    revoke_key(database, issued.id)
    revoke_key(database, issued.id)

    with database.read() as connection:
        rows = connection.execute(sa.select(audit).order_by(audit.c.id)).all()

    assert [(row.action, row.subject) for row in rows] == [("key_created", issued.id), ("key_revoked", issued.id)]


def test_the_first_start_leaves_one_key_that_only_its_owner_can_read(
    database: Database, clock: FrozenClock, tmp_path: Path
) -> None:
    path = ensure_first_key(database, tmp_path / "data")

    assert path == tmp_path / "data" / "first_key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert identify(database, clock, f"Bearer {path.read_text().strip()}").roles == {"admin", "app"}


def test_a_later_start_makes_no_key(database: Database, tmp_path: Path) -> None:
    ensure_first_key(database, tmp_path)

    assert ensure_first_key(database, tmp_path) is None
    assert len(list_keys(database)) == 1


def test_a_first_key_that_cannot_be_written_is_not_left_in_the_database(database: Database, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")

    with pytest.raises(OSError):
        ensure_first_key(database, tmp_path / "data")
    assert list_keys(database) == []


def test_a_database_without_keys_gets_a_new_first_key_in_place_of_an_old_file(
    database: Database, clock: FrozenClock, tmp_path: Path
) -> None:
    (tmp_path / "first_key").write_text("mk_old")

    path = ensure_first_key(database, tmp_path)

    assert identify(database, clock, f"Bearer {path.read_text().strip()}")


def test_requests_over_the_limit_are_told_when_the_next_minute_begins(database: Database, clock: FrozenClock) -> None:
    clock.advance(-clock.now_s() % 60 + 15)
    for _ in range(3):
        count_request(database, ALICE, 3)

    with pytest.raises(RateLimited) as refusal:
        count_request(database, ALICE, 3)

    assert refusal.value.retry_after_s == 45
    clock.advance(45)
    count_request(database, ALICE, 3)


def test_every_user_has_a_limit_of_their_own(database: Database) -> None:
    count_request(database, ALICE, 1)

    count_request(database, Owner("app_1", "bob"), 1)
    count_request(database, Owner("app_2", "alice"), 1)


def test_a_limit_of_zero_means_none(database: Database) -> None:
    for _ in range(5):
        count_request(database, ALICE, 0)


def test_the_limit_is_exact_when_many_threads_count(database: Database) -> None:
    allowed: list[int] = []

    def ask() -> None:
        for _ in range(5):
            try:
                count_request(database, ALICE, 11)
                allowed.append(1)
            except RateLimited:
                pass

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(allowed) == 11


class TestCommands:
    @pytest.fixture
    def settings(self, tmp_path: Path) -> Settings:
        return Settings(data_dir=tmp_path)

    def test_a_created_key_is_listed_without_its_secret_and_can_be_revoked(self, settings: Settings) -> None:
        run = CliRunner().invoke
        made = json.loads(run(keys, ["create", "messenger", "--json"], obj=settings).stdout)
        listed = run(keys, ["list", "--json"], obj=settings)
        revoked = run(keys, ["revoke", made["id"]], obj=settings)

        assert made["key"].startswith(f"mk_{made['id']}_")
        assert made["webhook_secret"].startswith("whsec_")
        assert json.loads(listed.stdout)["keys"][0]["id"] == made["id"]
        assert made["key"] not in listed.stdout
        assert made["token_secret"] not in listed.stdout
        assert revoked.stdout == f"{made['id']}: revoked\n"
        assert "revoked" in run(keys, ["list"], obj=settings).stdout

    def test_without_json_the_key_is_printed_for_people(self, settings: Settings) -> None:
        printed = CliRunner().invoke(keys, ["create", "console", "--role", "admin"], obj=settings).stdout

        assert "mk_" in printed
        assert "admin" in printed

    def test_an_unknown_key_ends_with_a_sentence(self, settings: Settings) -> None:
        result = CliRunner().invoke(keys, ["revoke", "nope"], obj=settings)

        assert result.exit_code == 1
        assert "There is no key with the id 'nope'" in result.stderr

    def test_a_name_that_cannot_be_stored_is_refused(self, settings: Settings) -> None:
        result = CliRunner().invoke(keys, ["create", "x" * 129], obj=settings)

        assert result.exit_code == 1

    def test_an_empty_list_says_how_to_make_a_key(self, settings: Settings) -> None:
        assert "meeshy keys create" in CliRunner().invoke(keys, ["list"], obj=settings).stdout


def test_a_key_belongs_to_exactly_one_application(database: Database) -> None:
    create_key(database, "messenger", "app")
    create_key(database, "console", "admin+app")

    with database.read() as connection:
        names = connection.scalars(
            sa.select(applications.c.name)
            .join(api_keys, api_keys.c.application_id == applications.c.id)
            .order_by(applications.c.name)
        ).all()

    assert names == ["console", "messenger"]
