"""Commissioning with scripted engines that take scripted time: every figure follows from what was measured."""

import json
import os
import subprocess
import sys
import textwrap
import time

import msgspec
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from appliance.bench.commissioning import ROUNDS, commission, scale_for
from appliance.bench.trial import opened_trial
from appliance.cli import main
from appliance.commands.commission import _store
from appliance.jobs.deadlines import sla_scale
from appliance.jobs.rates import COMMISSIONED, FAMILIES, LENGTHS, load_rates
from appliance.jobs.registry import this_host
from appliance.settings import Settings
from appliance.stages.context import Context, Engines
from appliance.stages.references import References
from appliance.storage.database import Database
from appliance.storage.opening import open_store
from appliance.storage.site import site_value
from appliance.storage.tables import jobs, workers
from appliance.testing.clock import FrozenClock
from appliance.testing.engines import (
    ScriptedEncoder,
    ScriptedSynthesizer,
    ScriptedTranscriber,
    ScriptedTranslator,
    scripted_speech,
)
from appliance.workers.roles import BATCH_LIMITS

BATCH_S = 2.0
"""What each call of the transcriber takes, however many are in it; nothing else takes time."""


class Workshop:
    """Engines of which one takes time on a clock that stands still."""

    def __init__(self, settings: Settings, database: Database, batch_s: float = BATCH_S) -> None:
        clock = FrozenClock()
        self.sizes: list[int] = []

        def take(batch) -> None:
            self.sizes.append(len(batch))
            clock.advance(batch_s)

        transcriber = ScriptedTranscriber(on_batch=take)
        engines = Engines(
            transcriber, ScriptedTranslator(), ScriptedSynthesizer(), ScriptedEncoder(), whisper_translates=False
        )
        self.context = Context(database, open_store(settings), engines, settings, References(), clock)

    def warm(self, families) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture
def measured(tmp_path):
    settings = Settings(data_dir=tmp_path / "data")
    said: list[str] = []
    with opened_trial(settings, Workshop) as trial:
        figures, sums = commission(trial, scripted_speech("good morning"), 3.0, said.append)
    assert len(said) > ROUNDS
    return settings, figures, sums


def test_the_figures_are_what_the_engines_took(measured):
    _, figures, _ = measured
    # Heard and verified.
    assert figures.note_s == 2 * BATCH_S
    assert (figures.transcription.alone_s, figures.transcription.in_batch_s) == (0.2, 0.025)
    assert figures.transcription.gain == 8.0
    assert figures.translation.alone_s == 0.0
    assert set(figures.rates) == {f"{family}:{length}" for family in FAMILIES for length in LENGTHS}
    # Alone and four at once, heard and verified: four batches of 2 s for ten passes over 4 s. Of medium ones two.
    assert figures.rates["hear:short"] == 0.2
    assert figures.rates["hear:medium"] == 0.1333
    assert figures.rates["finish:long"] == 0.0
    assert figures.resident_bytes > 1_000_000


@pytest.mark.parametrize(("batch_s", "rounds"), [(2.0, ROUNDS), (5.0, 2), (12.0, 1)])
def test_what_takes_long_is_not_repeated(tmp_path, batch_s, rounds):
    made = []

    def workshop(*given):
        made.append(Workshop(*given, batch_s))
        return made[0]

    with opened_trial(Settings(data_dir=tmp_path / "data"), workshop) as trial:
        figures, _ = commission(trial, scripted_speech("good morning"), 3.0, lambda said: None)

    assert made[0].sizes.count(BATCH_LIMITS["hear"]) == rounds
    assert figures.transcription.in_batch_s == batch_s / 80


def test_the_scale_lets_an_idle_machine_keep_the_strictest_promise_with_headroom(measured):
    assert measured[1].sla_scale == 1.0
    # 13 s are promised for a note of 5 s.
    assert scale_for(26.0, 3.0) == 3.0
    assert scale_for(1.0, 3.0) == 1.0


def test_what_is_stored_is_in_force(measured, database):
    settings, figures, sums = measured
    slow = msgspec.structs.replace(figures, sla_scale=2.5)
    url = database.url.render_as_string(hide_password=False)
    settings = settings.model_copy(update={"database_url": url})
    _store(settings, slow, sums)
    with database.read() as connection:
        rates = load_rates(connection)
        assert rates.origin == "commissioned"
        assert rates.known
        assert rates.cost("hear", "short") == pytest.approx(0.2)
        assert sla_scale(connection, settings) == 2.5
        assert site_value(connection, COMMISSIONED)["note_s"] == figures.note_s
        assert connection.scalar(sa.select(sa.func.count()).select_from(jobs)) == 0


def test_without_models_it_says_what_to_pull_and_stores_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("MEESHY_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MEESHY_MODELS_DIR", str(tmp_path / "models"))

    result = CliRunner().invoke(main, ["commission", "--json"])

    assert result.exit_code == 1
    assert "models pull" in result.output
    assert not (tmp_path / "data").exists()
    with pytest.raises(json.JSONDecodeError):
        json.loads(result.output)


@pytest.fixture
def site(database, tmp_path, monkeypatch):
    """The command's settings lead to the database of the test, and to no models."""
    monkeypatch.setenv("MEESHY_DATABASE_URL", database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("MEESHY_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MEESHY_MODELS_DIR", str(tmp_path / "models"))
    return database


def worker_of(database, host, pid, seen_ago_s=1.0):
    with database.write() as connection:
        now_s = time.time() if database.is_sqlite else connection.scalar(sa.text("SELECT extract(epoch FROM now())"))
        entry = {
            "id": f"worker_{pid}", "host": host, "pid": pid, "started_s": 0.0, "seen_s": float(now_s) - seen_ago_s,
            "capabilities": {}, "families": ["hear"],
        }  # fmt: skip
        connection.execute(sa.insert(workers).values(**entry))


def test_it_refuses_to_measure_beside_workers_of_this_host(site):
    worker_of(site, this_host(), os.getpid())

    refused = CliRunner().invoke(main, ["commission", "--json"])
    forced = CliRunner().invoke(main, ["commission", "--json", "--force"])

    assert refused.exit_code == 1
    assert f"Workers run on this host (processes {os.getpid()})" in refused.output
    assert "models pull" in forced.output, "it went on, to the models that are not there"


def test_it_refuses_to_measure_beside_a_worker_that_is_still_loading(site, tmp_path):
    loads = """
        import sys
        from appliance.settings import Settings
        from appliance.workers.workshop import opened

        def build(settings, database):
            print("loading", flush=True)
            sys.stdin.read()
            raise SystemExit

        with opened(Settings(), build, ["hear"]):
            pass
    """
    (tmp_path / "data").mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(loads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as worker:
        assert worker.stdout.readline() == b"loading\n"
        refused = CliRunner().invoke(main, ["commission", "--json"])
        forced = CliRunner().invoke(main, ["commission", "--json", "--force"])
    after = CliRunner().invoke(main, ["commission", "--json"])

    assert refused.exit_code == 1
    assert "is loading its engines" in refused.output
    assert "models pull" in forced.output
    assert "models pull" in after.output, "a worker that has ended is no hindrance"


def test_workers_elsewhere_gone_or_dead_are_no_hindrance(site):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    worker_of(site, "another-host", os.getpid())
    worker_of(site, this_host(), ended.pid)
    worker_of(site, this_host(), os.getppid(), seen_ago_s=60.0)

    assert "models pull" in CliRunner().invoke(main, ["commission"]).output
