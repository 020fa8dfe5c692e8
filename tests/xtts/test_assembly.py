"""A worker of a preset that speaks with XTTS: what keeps it from loading, and a job from recording to cloned speech."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from appliance.access.licences import accept
from appliance.bench.trial import opened_trial
from appliance.catalog.catalog import Catalog
from appliance.catalog.model import Model
from appliance.engines.faster_whisper import SPEECH_RATE_HZ
from appliance.engines.xtts import Xtts
from appliance.errors import LicenceNotAccepted, LicenceRefused, ModelCorrupt
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.migrate import migrate
from appliance.storage.tables import targets
from appliance.testing.small_catalog import entry
from appliance.workers.assembly import assemble
from appliance.workers.capabilities import capabilities_of
from tests.models.conftest import model_path as model_path
from tests.models.conftest import model_store as model_store

pytestmark = [pytest.mark.xtts, pytest.mark.models]

FILES = ("config.json", "model.pth", "speakers_xtts.pth", "vocab.json")


@pytest.fixture
def site(
    toy_folder: Path, model_path: Callable[[str], Path], xtts_python: Path, tmp_path: Path
) -> tuple[Settings, Catalog]:
    """Settings and a catalog whose starter set speaks with the toy, under XTTS-v2's licence."""
    real = Catalog.load()
    files = {name: (toy_folder / name).read_bytes() for name in FILES}
    facts = {"id": "toy-xtts", "engine": "xtts", "licence": "CPML", "commercial": False}
    toy = Model.model_validate(entry(files, **facts, languages=["en", "es", "fr"]))
    starter = [model for model in real.of_set("starter") if model.task != "synthesis"]
    folder = tmp_path / "models"
    folder.mkdir()
    for model in starter:
        (folder / model.id).symlink_to(model_path(model.id))
    shutil.copytree(toy_folder, folder / toy.id)
    settings = Settings(
        data_dir=tmp_path, models_dir=folder, licence="evaluation", speak_attempts=1, xtts_python=str(xtts_python)
    )
    return settings, Catalog([*starter, toy])


@pytest.fixture
def database(tmp_path: Path):
    database = Database(f"sqlite:///{tmp_path / 'site.sqlite3'}")
    migrate(database)
    yield database
    database.close()


def test_it_loads_under_the_policy_evaluation_only(site, database):
    settings, catalog = site
    accept(database, catalog["toy-xtts"], "Ada")
    with pytest.raises(LicenceRefused):
        assemble(settings.model_copy(update={"licence": "commercial"}), database, catalog=catalog)


def test_it_loads_once_its_licence_was_accepted(site, database):
    settings, catalog = site
    with pytest.raises(LicenceNotAccepted, match="accept-licence toy-xtts"):
        assemble(settings, database, catalog=catalog)


def test_weights_that_are_not_the_catalogs_are_refused_before_they_are_read(site, database):
    settings, catalog = site
    accept(database, catalog["toy-xtts"], "Ada")
    with (settings.models_dir / "toy-xtts" / "model.pth").open("r+b") as weights:
        weights.seek(1000)
        weights.write(b"\0\0\0\0")
    with pytest.raises(ModelCorrupt, match=r"model\.pth"):
        assemble(settings, database, catalog=catalog)


def test_a_job_is_spoken_with_a_voice_cloned_from_its_recording(site):
    settings, catalog = site

    def build(own: Settings, database: Database):
        accept(database, catalog["toy-xtts"], "Ada")
        return assemble(own, database, catalog=catalog)

    with opened_trial(settings, build) as trial:
        engines = trial.context.engines
        assert isinstance(engines.synthesizer, Xtts)
        assert engines.refine_voice is None and engines.clearer_voice is None
        assert capabilities_of(engines, settings).voice_kind == "cloned"
        trial.run([_recording(settings)])
        with trial.context.database.read() as connection:
            (spoken,) = connection.scalars(sa.select(targets.c.spoken)).all()
        status = engines.synthesizer.status()
    assert spoken["voice_kind"] == "cloned"
    assert spoken["receipt"]["engines"]["synthesizer"].startswith("xtts/toy-xtts@")
    assert status["conditionings"] == 1


def _recording(settings: Settings) -> np.ndarray:
    from faster_whisper import decode_audio

    (wav,) = (settings.models_dir / "demo-recording").glob("*.wav")
    return decode_audio(str(wav), sampling_rate=SPEECH_RATE_HZ)
