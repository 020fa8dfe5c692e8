"""What of the database's refusals means that its server is away, and what that a single statement was refused."""

import select
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from appliance.errors import StorageUnavailable
from appliance.storage.database import Database
from tests.services import postgres_url as postgres_url


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    database = Database(postgres_url)
    yield database
    database.close()


@pytest.mark.parametrize(
    ("statements", "away"),
    [
        (["SET TRANSACTION READ ONLY", "CREATE TABLE never (id int)"], True),
        (["SET LOCAL idle_in_transaction_session_timeout = 1", "SELECT pg_sleep(0)", "rest", "SELECT 1"], True),
        (["SELECT pg_terminate_backend(pg_backend_pid())"], True),
        (["SET LOCAL statement_timeout = 1", "SELECT pg_sleep(5)"], False),
    ],
)
def test_a_server_that_only_reads_or_ends_the_session_is_away_and_a_slow_statement_is_not(database, statements, away):
    with pytest.raises(StorageUnavailable) as refused, database.write() as connection:
        for statement in statements:
            if statement == "rest":
                _until_ended(connection)
            else:
                connection.execute(sa.text(statement))
    assert refused.value.database_away == away


def _until_ended(connection: sa.Connection) -> None:
    """Wait until the server has something to say that nobody asked for: that it has ended the session."""
    raw = connection.connection.driver_connection
    assert raw is not None
    poll = select.poll()
    poll.register(raw.fileno(), select.POLLIN)
    assert poll.poll(10_000)
