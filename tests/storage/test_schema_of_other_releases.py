"""A database that a newer release migrated: this code uses it where the migrations say so, and else refuses it."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from click.testing import CliRunner

from appliance.cli import main
from appliance.errors import SchemaTooNew
from appliance.storage.database import Database
from appliance.storage.migrate import MIGRATIONS, READABLE_BY, alembic_config, current_revision, migrate
from appliance.storage.site import site_value
from tests.services import postgres_url as postgres_url
from tests.storage.empty_schema import empty

ADDS_A_COLUMN = """
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"
{readable_by}

def upgrade():
    op.add_column("plans", sa.Column("added_by_{revision}", sa.Integer()))


def downgrade():
    op.drop_column("plans", "added_by_{revision}")
"""


class Release:
    """A release with migrations of its own behind those of this code."""

    def __init__(self, folder: Path) -> None:
        self.migrations = folder
        shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))

    def add(self, revision: str, before: str, readable_by: str | None = None) -> None:
        said = f'readable_by = "{readable_by}"' if readable_by else ""
        text = ADDS_A_COLUMN.format(revision=revision, before=before, readable_by=said)
        (self.migrations / "versions" / f"{revision}_later.py").write_text(text)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database that holds nothing, not even a schema, before and after."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'test.sqlite3'}")
    else:
        database = Database(request.getfixturevalue("postgres_url"))
        empty(database)
    yield database
    if not database.is_sqlite:
        empty(database)
    database.close()


@pytest.fixture
def newer(tmp_path: Path) -> Release:
    return Release(tmp_path / "newer")


@pytest.fixture
def head() -> str:
    """The newest revision that this code knows."""
    return max(each.name[:4] for each in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def oldest_reader(database: Database) -> str:
    with database.read() as connection:
        return site_value(connection, READABLE_BY)


def test_a_schema_of_this_release_says_which_code_reads_it(database, head):
    migrate(database)

    assert current_revision(database) == head
    assert "0016" <= oldest_reader(database) <= head


def test_a_newer_schema_that_this_code_can_read_is_used_and_left_alone(database, newer, head):
    newer.add("9001", head, readable_by=head)
    migrate(database, newer.migrations)

    migrate(database)

    assert current_revision(database) == "9001"
    assert oldest_reader(database) == head
    with database.read() as connection:
        assert "added_by_9001" in {each["name"] for each in sa.inspect(connection).get_columns("plans")}


def test_a_newer_schema_that_says_nothing_is_refused_in_words(database, newer, head):
    newer.add("9001", head)
    migrate(database, newer.migrations)

    with pytest.raises(SchemaTooNew) as refused:
        migrate(database)

    assert f"has schema 9001 and needs a release that knows 9001; this release knows {head} " in refused.value.detail
    assert current_revision(database) == "9001"


def test_the_strictest_migration_counts(database, newer, head):
    newer.add("9001", head)
    newer.add("9002", "9001", readable_by=head)
    migrate(database, newer.migrations)

    with pytest.raises(SchemaTooNew, match="knows 9001"):
        migrate(database)


def test_the_newer_release_goes_on_where_an_older_one_ran_between(database, newer, head):
    newer.add("9001", head, readable_by=head)
    migrate(database, newer.migrations)
    migrate(database)
    newer.add("9002", "9001")

    migrate(database, newer.migrations)

    assert (current_revision(database), oldest_reader(database)) == ("9002", "9002")


def test_a_schema_that_is_no_appliances_is_refused_too(database):
    with database.write() as connection:
        connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(sa.text("INSERT INTO alembic_version VALUES ('4f2a91c07be3')"))

    with pytest.raises(SchemaTooNew, match="needs the release that made it"):
        migrate(database)


@pytest.mark.parametrize("command", ["migrate", "status"])
def test_commands_say_it_in_a_sentence(database, newer, head, command, tmp_path):
    newer.add("9001", head)
    migrate(database, newer.migrations)
    url = database.url.render_as_string(hide_password=False)

    result = CliRunner().invoke(main, [command], env={"MEESHY_DATABASE_URL": url, "MEESHY_DATA_DIR": str(tmp_path)})

    assert result.exit_code == 1
    assert result.output.startswith("Error: The database has schema 9001 and needs a release that knows 9001;")
    assert isinstance(result.exception, SystemExit)


def test_revisions_compare_as_text_and_none_is_read_by_a_newer_one_only():
    with sa.create_engine("sqlite://").connect() as connection:
        scripts = list(ScriptDirectory.from_config(alembic_config(connection)).walk_revisions())
    revisions = {script.revision for script in scripts}

    assert all(re.fullmatch(r"\d{4}", revision) for revision in revisions)
    for script in scripts:
        oldest = getattr(script.module, "readable_by", script.revision)
        assert oldest in revisions
        assert oldest <= script.revision
