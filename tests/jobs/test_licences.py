"""A licence that forbids commercial use counts once somebody accepted it, for exactly those weights."""

import json

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from appliance.access.licences import accept, acceptance, require_acceptance
from appliance.catalog.catalog import Catalog
from appliance.cli import main
from appliance.errors import CommandFailed, LicenceNotAccepted
from appliance.storage.database import Database
from appliance.storage.migrate import migrate
from appliance.storage.tables import audit
from appliance.testing.small_catalog import entry, small_catalog

RESEARCH = {"commercial": False, "licence": "CPML", "forbids": "selling it"}


@pytest.fixture
def research():
    return small_catalog(entry(**RESEARCH))["small"]


def test_a_model_for_everybody_needs_no_acceptance_and_takes_none(database):
    free = small_catalog()["small"]
    require_acceptance(database, free)
    with pytest.raises(CommandFailed, match="nothing has to be accepted"):
        accept(database, free, "Ada")


def test_a_research_model_is_refused_until_somebody_accepts_its_licence(database, research):
    with pytest.raises(LicenceNotAccepted, match=r"CPML, which forbids selling it.*accept-licence small"):
        require_acceptance(database, research)

    accepted = accept(database, research, "Ada Lovelace")

    require_acceptance(database, research)
    with database.read() as connection:
        assert acceptance(connection, research) == accepted
    assert (accepted.licence, accepted.by) == ("CPML", "Ada Lovelace")
    assert accepted.at_s > 0


def test_who_accepted_what_and_when_stands_in_the_audit(database, clock, research):
    accept(database, research, "Ada")
    with database.read() as connection:
        (row,) = connection.execute(sa.select(audit)).all()
    assert (row.action, row.subject, row.detail) == ("licence_accepted", "small", {"licence": "CPML", "by": "Ada"})


@pytest.mark.parametrize(
    "changed",
    [
        {"licence": "CPML-2"},
        {"forbids": "selling it and lending it"},
        {"file": [{"path": "model.bin", "size": 1, "sha256": "0" * 64}]},
    ],
)
def test_other_terms_or_other_weights_need_another_acceptance(database, research, changed):
    accept(database, research, "Ada")
    other = small_catalog(entry(**(RESEARCH | changed)))["small"]
    with pytest.raises(LicenceNotAccepted):
        require_acceptance(database, other)


class Commands:
    """The command line over a data folder of its own."""

    def __init__(self, folder):
        self.environment = {
            "MEESHY_DATA_DIR": str(folder), "MEESHY_MODELS_DIR": str(folder / "models"), "MEESHY_LICENCE": "evaluation",
        }  # fmt: skip

    def __call__(self, *arguments, text=None, **environment):
        return CliRunner().invoke(main, [*arguments], env=self.environment | environment, input=text)

    def accepted(self):
        database = Database(f"sqlite:///{self.environment['MEESHY_DATA_DIR']}/meeshy.sqlite3")
        migrate(database)
        try:
            with database.read() as connection:
                return acceptance(connection, Catalog.load()["xtts-v2"])
        finally:
            database.close()


@pytest.fixture
def commands(tmp_path):
    return Commands(tmp_path)


def test_the_command_shows_what_is_forbidden_asks_and_records(commands):
    done = commands("models", "accept-licence", "xtts-v2", "--by", "Ada", text="y\n")
    assert done.exit_code == 0, done.output
    assert "CPML" in done.output and "commercial use" in done.output
    assert commands.accepted().by == "Ada"


def test_who_says_no_has_accepted_nothing(commands):
    done = commands("models", "accept-licence", "xtts-v2", "--by", "Ada", text="n\n")
    assert done.exit_code == 1
    assert commands.accepted() is None


def test_the_document_tells_who_and_when(commands):
    done = commands("models", "accept-licence", "xtts-v2", "--by", "Ada", "--yes", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["id"], told["licence"], told["by"]) == ("xtts-v2", "CPML", "Ada")


def test_a_commercial_site_cannot_accept_it(commands):
    done = commands("models", "accept-licence", "xtts-v2", "--by", "Ada", "--yes", MEESHY_LICENCE="commercial")
    assert done.exit_code == 1 and "MEESHY_LICENCE=commercial" in done.output
    assert commands.accepted() is None


@pytest.mark.parametrize(
    ("model", "name", "says"),
    [
        ("whisper-base", "Ada", "nothing has to be accepted"),
        ("nothing", "Ada", "no model 'nothing'"),
        ("xtts-v2", "", "1 to 128"),
        ("xtts-v2", "A\nB", "printable"),
    ],
)
def test_what_cannot_be_accepted_is_one_sentence(commands, model, name, says):
    done = commands("models", "accept-licence", model, "--by", name, "--yes")
    assert done.exit_code == 1 and says in done.output
