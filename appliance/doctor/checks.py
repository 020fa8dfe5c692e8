"""The checks of `meeshy doctor`: each looks at one thing, changes nothing that stays, and says what to do."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from alembic.script import ScriptDirectory

from appliance.audio.decoder import DecoderPool
from appliance.audio.wav import wav_bytes
from appliance.catalog.store import ModelStore
from appliance.clock import Clock, SystemClock
from appliance.doctor.machine import CERTIFICATE, certificate_days, sync_ms
from appliance.doctor.report import Finding
from appliance.errors import MeeshyError, StorageUnavailable, VoiceKeyUnusable
from appliance.settings import Settings
from appliance.status.figures import read_figures
from appliance.status.probes import Health, database_health, disk_health, redis_health, store_health
from appliance.status.report import attention_for
from appliance.storage.database import Database, unmade_file
from appliance.storage.migrate import READABLE_BY, alembic_config, current_revision
from appliance.storage.opening import open_store, unmade_folder
from appliance.storage.patience import ANSWERING
from appliance.storage.site import site_value
from appliance.storage.trial import TRIAL_BYTES, require_working
from appliance.voices.site_key import KNOWN_KEY, fingerprint, key_path, site_key
from appliance.workers.roles import FAMILIES

CLOCKS_NOTE_S, CLOCKS_WRONG_S = 2.0, 60.0
DAYS_NOTE, DAYS_WRONG = 30.0, 3.0
SLOW_SYNC_MS = 10.0
_STATES = {"ok": "ok", "unused": "unused", "low": "note", "away": "wrong"}
_TONE_SAMPLES = 16_000


@dataclass(frozen=True)
class Place:
    """What the checks look at."""

    settings: Settings
    made: Database | None
    clock: Clock
    certificate: Path = CERTIFICATE

    @property
    def database(self) -> Database:
        """Return it; StorageUnavailable where it is a file that nobody has made yet, as to look into it would do."""
        if self.made is None:
            raise StorageUnavailable("There is no database yet.")
        return self.made


def examine(settings: Settings, clock: Clock | None = None, certificate: Path = CERTIFICATE) -> tuple[Finding, ...]:
    """Return what every check came to, in the order of CHECKS; nothing is raised, and nothing stays changed."""
    with _database_of(settings) as database:
        place = Place(settings, database, clock or SystemClock(), certificate)
        return tuple(_looked_at(name, check, place) for name, check in CHECKS.items())


@contextmanager
def _database_of(settings: Settings) -> Iterator[Database | None]:
    if unmade_file(settings.database) is not None:
        yield None
        return
    with closing(Database(settings.database, patience=ANSWERING)) as database:
        yield database


def _looked_at(name: str, check: Callable[[str, Place], Finding], place: Place) -> Finding:
    try:
        return check(name, place)
    except MeeshyError as failure:
        return Finding(check=name, state="wrong", says=failure.detail)
    except Exception as failure:  # noqa: BLE001
        # A damaged file may raise anything, and a doctor is for the damaged. Only the kind: the text of a database's
        # failure may hold what somebody said.
        return Finding(check=name, state="wrong", says=f"It could not be looked at: {type(failure).__name__}.")


def _of_health(name: str, health: Health) -> Finding:
    return Finding(check=name, state=_STATES[health.state], says=health.says, do=health.do)


def _database(name: str, place: Place) -> Finding:
    if place.made is None:
        says = f"There is no {unmade_file(place.settings.database)} yet."
        return Finding(check=name, state="wrong", says=says, do="Start any service, or run meeshy migrate.")
    return _of_health(name, database_health(place.database))


def _schema(name: str, place: Place) -> Finding:
    found = current_revision(place.database)
    with place.database.read() as connection:
        scripts = ScriptDirectory.from_config(alembic_config(connection))
    head = scripts.get_current_head()
    if found == head:
        return Finding(check=name, state="ok", says=f"revision {found}")
    older = found is None or found in {each.revision for each in scripts.walk_revisions()}
    if older:
        says = f"The database is at {found or 'nothing'}, this version needs {head}."
        return Finding(check=name, state="wrong", says=says, do="Start any service, or run meeshy migrate.")
    with place.database.read() as connection:
        readable_by = site_value(connection, READABLE_BY)
    if readable_by is not None and readable_by <= head:
        return Finding(check=name, state="note", says=f"revision {found} of a newer version, on which this one runs")
    says = f"The database is at {found}, which this version does not know."
    return Finding(check=name, state="wrong", says=says, do="Install the newer version again, or restore a backup.")


def _object_store(name: str, place: Place) -> Finding:
    if (folder := unmade_folder(place.settings)) is not None:
        return Finding(check=name, state="note", says=f"nothing was stored yet: there is no {folder}")
    health = store_health(lambda: open_store(place.settings))
    if health.state != "ok":
        return _of_health(name, health)
    require_working(open_store(place.settings))
    return Finding(check=name, state="ok", says=f"wrote, read and deleted {TRIAL_BYTES // 1024} KiB")


def _redis(name: str, place: Place) -> Finding:
    return _of_health(name, redis_health(place.settings))


def _disk(name: str, place: Place) -> Finding:
    return _of_health(name, disk_health(place.settings))


def _sync(name: str, place: Place) -> Finding:
    took_ms = sync_ms(place.settings.data_dir)
    says = f"a small write reaches the disk in {took_ms:.1f} ms"
    if took_ms > SLOW_SYNC_MS:
        do = f"Below {SLOW_SYNC_MS:g} ms is good: each job waits for several. Put the data folder on a faster disk."
        return Finding(check=name, state="note", says=says, do=do)
    return Finding(check=name, state="ok", says=says)


def _clock(name: str, place: Place) -> Finding:
    with place.database.read() as connection:
        away_s = abs(place.database.now_s(connection) - place.clock.now_s())
    says = f"{away_s:.1f} s from the database's"
    if away_s <= CLOCKS_NOTE_S:
        return Finding(check=name, state="ok", says=says)
    state = "wrong" if away_s > CLOCKS_WRONG_S else "note"
    return Finding(check=name, state=state, says=says, do="Give both machines the same time server.")


def _certificate(name: str, place: Place) -> Finding:
    days = certificate_days(place.clock.now_s(), place.certificate)
    if days is None:
        says = f"no {place.certificate}; nobody reaches this host by TLS of its own"
        return Finding(check=name, state="unused", says=says)
    says = f"valid for {days:.0f} days more" if days > 0 else f"ended {-days:.0f} days ago"
    if days >= DAYS_NOTE:
        return Finding(check=name, state="ok", says=says)
    state = "note" if days > DAYS_WRONG else "wrong"
    return Finding(check=name, state=state, says=says, do="Call install.sh again: it makes a new one.")


def _models(name: str, place: Place) -> Finding:
    store, preset = ModelStore(place.settings), place.settings.model_preset
    reports = [store.check(model.id) for model in store.catalog.of_set(preset)]
    bad = [f"{each.model_id} {each.state}" for each in reports if each.state != "installed"]
    if not bad:
        return Finding(check=name, state="ok", says=f"all {len(reports)} of {preset}, whole")
    if all(each.state == "missing" for each in reports):
        return Finding(
            check=name, state="note", says=f"none of {preset} is here",
            do=f"Fine where no worker runs; else run meeshy models pull {preset}.",
        )  # fmt: skip
    says, do = f"of {preset}: {', '.join(bad)}", f"Run meeshy models pull {preset}."
    return Finding(check=name, state="wrong", says=says, do=do)


def _decoder(name: str, place: Place) -> Finding:
    half_waves = ((-8000).to_bytes(2, "little", signed=True), (8000).to_bytes(2, "little", signed=True))
    samples = b"".join(half_waves[number // 40 % 2] for number in range(_TONE_SAMPLES))
    with DecoderPool(children=1) as pool:
        decoded = pool.decode(wav_bytes(samples))
        walls = pool.sandbox
    says = f"read {decoded.duration_s:.1f} s behind {len(walls)} walls"
    missing = [wall for wall in ("network_namespace", "landlock", "seccomp") if wall not in walls]
    if missing:
        do = "The kernel or its settings refuse them; recordings are decoded with less around them."
        return Finding(check=name, state="note", says=f"{says}, without {', '.join(missing)}", do=do)
    return Finding(check=name, state="ok", says=says)


def _voice_key(name: str, place: Place) -> Finding:
    with place.database.read() as connection:
        known = site_value(connection, KNOWN_KEY)
    path = key_path(place.settings)
    if not path.exists() and known is None and not place.settings.voice_key_file:
        return Finding(check=name, state="unused", says="there is no voice profile yet")
    do = "Restore the file from the backup: profiles cannot be used without it, and no other fits."
    try:
        key = site_key(place.settings)
    except VoiceKeyUnusable as unusable:
        return Finding(check=name, state="wrong", says=unusable.detail, do=do)
    if known not in (None, fingerprint(key)):
        return Finding(check=name, state="wrong", says="It is not the key of this site's profiles.", do=do)
    return Finding(check=name, state="ok", says="fits" if known else "there, and not used yet")


def _work(name: str, place: Place) -> Finding:
    wrong = attention_for(read_figures(place.database), FAMILIES)
    if not wrong:
        return Finding(check=name, state="ok", says="every kind of work has a living worker, nothing is overdue")
    says = "; ".join(each.says for each in wrong)
    return Finding(check=name, state="wrong", says=says, do=" ".join(dict.fromkeys(each.do for each in wrong)))


CHECKS: Mapping[str, Callable[[str, Place], Finding]] = {
    "database": _database,
    "schema": _schema,
    "clock": _clock,
    "object_store": _object_store,
    "redis": _redis,
    "disk": _disk,
    "sync": _sync,
    "certificate": _certificate,
    "voice_key": _voice_key,
    "models": _models,
    "decoder": _decoder,
    "work": _work,
}
"""Every check by its name, in the order in which they are made."""
