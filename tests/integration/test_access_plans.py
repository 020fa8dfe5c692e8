import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from click.testing import CliRunner, Result

from appliance.access.keys import create_key
from appliance.access.periods import checked_month, day_end_s, month_end_s, month_of
from appliance.access.plan import Plan, plan_of
from appliance.access.plan_commands import applications, plans
from appliance.access.usage_commands import usage
from appliance.errors import InvalidRequest, NotFound
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.migrate import alembic_config, migrate
from appliance.storage.shipped import SHIPPED_PLANS
from appliance.storage.site import set_site_value, site_value
from appliance.storage.tables import audit
from appliance.storage.tables import plans as plans_table


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    database = Database(settings.database)
    migrate(database)
    yield database
    database.close()


def run(settings: Settings, group: object, *words: str) -> Result:
    return CliRunner().invoke(group, list(words), obj=settings)


def told(settings: Settings, group: object, *words: str) -> dict:
    result = run(settings, group, *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


class TestPlanCommands:
    def test_the_shipped_plans_are_those_of_the_price_list(self, settings: Settings) -> None:
        found = {plan["name"]: plan for plan in told(settings, plans, "list")["plans"]}

        assert {
            name: (plan["translations_per_month"], plan["sla_s"], plan["priority"]) for name, plan in found.items()
        } == {"free": (50, 30, 2), "pro": (500, 10, 1), "business": (5000, 5, 0), "enterprise": (None, 3, 0)}
        assert found["free"]["languages"] == ["en", "es", "fr"]
        assert set(SHIPPED_PLANS[0]) == set(Plan.__struct_fields__) == set(plans_table.c.keys())

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ("sla_s=7.5", 7.5),
            ("sla_s=none", None),
            ("priority=0", 0),
            ("translations_per_month=12", 12),
            ("translations_per_month=unlimited", None),
            ("user_translations_per_month=3", 3),
            ("languages=fr-CA,DE", ["de", "fr"]),
            ("languages=none", None),
            ("model_preset=production", "production"),
            ("cloned_voice=true", True),
            ("analytics=True", True),
            ("reserved_slots=2", 2),
            ("concurrent_jobs=4", 4),
            ("audio_s_per_day=90.5", 90.5),
            ("stored_bytes=9000000000", 9_000_000_000),
            ("requests_per_minute=0", 0),
            ("user_requests_per_minute=9", 9),
        ],
    )
    def test_every_field_can_be_set(self, settings: Settings, change: str, expected: object) -> None:
        field = change.partition("=")[0]

        assert told(settings, plans, "set", "free", change)[field] == expected
        assert told(settings, plans, "show", "free")[field] == expected

    @pytest.mark.parametrize(
        "change",
        ["sla_s=0", "priority=3", "priority=none", "translations_per_month=-1", "translations_per_month=many",
         "languages=xx", "cloned_voice=perhaps", "name=other", "colour=red", "stored_bytes", "audio_s_per_day=nan"],
    )  # fmt: skip
    def test_what_no_plan_can_have_is_refused_with_a_sentence(self, settings: Settings, change: str) -> None:
        before = told(settings, plans, "show", "free")

        result = run(settings, plans, "set", "free", change)

        assert result.exit_code == 1
        assert result.stderr.startswith("Error: ")
        assert told(settings, plans, "show", "free") == before

    def test_a_change_is_an_audit_row_and_no_change_is_none(self, settings: Settings, database: Database) -> None:
        told(settings, plans, "set", "pro", "sla_s=9", "analytics=true")
        told(settings, plans, "set", "pro", "sla_s=9")

        with database.read() as connection:
            (row,) = connection.execute(sa.select(audit))
        assert (row.user_id, row.action, row.subject) == ("operator", "plan_changed", "pro")
        assert row.detail == {"sla_s": [10.0, 9.0], "analytics": [False, True]}

    def test_people_see_a_table(self, settings: Settings) -> None:
        printed = run(settings, plans, "list").stdout

        assert "enterprise" in printed
        assert "en es fr" in printed
        assert "enterprise" in run(settings, plans, "show", "enterprise").stdout

    def test_an_unknown_plan_is_told_with_those_that_exist(self, settings: Settings) -> None:
        assert "business, enterprise, free, pro" in run(settings, plans, "show", "gold").stderr


class TestApplicationCommands:
    def test_an_application_is_given_a_plan_and_the_audit_says_so(self, settings: Settings, database: Database) -> None:
        issued = create_key(database, "messenger", "app")

        told(settings, applications, "set", "messenger", "--plan", "pro")
        run(settings, applications, "set", "messenger", "--plan", "pro")

        (entry,) = told(settings, applications, "list")["applications"]
        assert (entry["id"], entry["plan"]) == (issued.application_id, "pro")
        with database.read() as connection:
            (row,) = connection.execute(sa.select(audit).where(audit.c.action == "application_plan_set"))
        assert (row.application_id, row.detail) == (issued.application_id, {"plan": ["enterprise", "pro"]})
        assert "messenger" in run(settings, applications, "list").stdout

    @pytest.mark.parametrize(("name", "plan"), [("nobody", "pro"), ("messenger", "gold")])
    def test_unknown_names_are_refused(self, settings: Settings, database: Database, name: str, plan: str) -> None:
        create_key(database, "messenger", "app")

        assert run(settings, applications, "set", name, "--plan", plan).exit_code == 1

    def test_without_applications_the_list_says_how_to_make_one(self, settings: Settings) -> None:
        assert "meeshy keys create" in run(settings, applications, "list").stdout


class TestUsageCommand:
    def test_every_application_has_a_row_used_or_not(self, settings: Settings, database: Database) -> None:
        create_key(database, "messenger", "app")

        document = told(settings, usage, "--month", "2026-08")

        assert document["month"] == "2026-08"
        assert [entry["used"]["translations"] for entry in document["applications"]] == [0]
        assert "messenger" in run(settings, usage).stdout
        assert told(settings, usage, "--application", "messenger")["applications"][0]["users"] == []

    def test_no_month_and_no_application_are_refused(self, settings: Settings) -> None:
        for words in (["--month", "2026-13"], ["--application", "nobody"]):
            result = run(settings, usage, *words)
            assert result.exit_code == 1, words
            assert result.stderr.startswith("Error: "), words


class TestPeriods:
    @pytest.mark.parametrize(
        ("at", "month", "next_month"),
        [
            (datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), "2026-12", datetime(2027, 1, 1, tzinfo=UTC)),
            (datetime(2028, 2, 29, 12, tzinfo=UTC), "2028-02", datetime(2028, 3, 1, tzinfo=UTC)),
            (datetime(2027, 1, 1, tzinfo=UTC), "2027-01", datetime(2027, 2, 1, tzinfo=UTC)),
        ],
    )
    def test_a_month_is_the_calendars_in_utc(self, at: datetime, month: str, next_month: datetime) -> None:
        assert month_of(at.timestamp()) == month
        assert month_end_s(at.timestamp()) == next_month.timestamp()

    def test_a_day_ends_at_midnight_utc(self) -> None:
        noon, midnight = datetime(2026, 12, 31, 12, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)

        assert day_end_s(noon.timestamp()) == midnight.timestamp()

    @pytest.mark.parametrize("text", ["2026-8", "2026-00", "2026-13", "0999-01", "2026-08-01", "2026-08\n", ""])
    def test_what_is_no_month_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidRequest):
            checked_month(text)


def test_applications_from_before_plans_have_no_limits_after_the_migration(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'old.sqlite3'}")
    with database.write() as connection:
        command.upgrade(alembic_config(connection), "0001")
        connection.execute(sa.text("INSERT INTO applications VALUES ('app_1', 'messenger', 'secret', 1.0)"))

    migrate(database)

    with database.read() as connection:
        assert plan_of(connection, "app_1").translations_per_month is None
    database.close()


def test_the_migration_can_be_taken_back(database: Database) -> None:
    with database.write() as connection:
        command.downgrade(alembic_config(connection), "0001")
        tables = sa.inspect(connection).get_table_names()
        assert not {"plans", "usage", "site"} & set(tables)
    migrate(database)


def test_a_value_of_the_site_is_what_was_set_last(database: Database) -> None:
    with database.write() as connection:
        assert site_value(connection, "sla_scale") is None
        set_site_value(connection, "sla_scale", 2.0, 1.0)
        set_site_value(connection, "sla_scale", 2.5, 2.0)
        assert site_value(connection, "sla_scale") == 2.5


def test_a_new_applications_key_may_name_its_plan(settings: Settings, database: Database) -> None:
    from appliance.access.commands import keys

    assert run(settings, keys, "create", "messenger", "--plan", "gold").exit_code == 1
    told(settings, keys, "create", "messenger", "--plan", "free")

    assert [entry["plan"] for entry in told(settings, applications, "list")["applications"]] == ["free"]
    with pytest.raises(NotFound), database.read() as connection:
        from appliance.access.plans import plan_named

        plan_named(connection, "gold")
