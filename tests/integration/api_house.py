"""A whole appliance in one process for the API's tests: real database, store, decoder and worker, scripted engines."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from litestar import Litestar
from litestar.testing import TestClient

from appliance.access.keys import IssuedKey, Role, create_key
from appliance.access.quotas import Quotas
from appliance.api.app import create_app
from appliance.api.parts import ApiParts
from appliance.audio.decoder import DecoderPool
from appliance.audio.pcm import pcm_of
from appliance.audio.wav import wav_bytes
from appliance.clock import SystemClock
from appliance.engines.protocols import SPEECH_RATE_HZ
from appliance.jobs.query import JobReader
from appliance.jobs.registry import CapabilityReader, WorkerRegistry
from appliance.jobs.submit import Submitter
from appliance.settings import Settings
from appliance.stages.context import Context, Engines
from appliance.stages.references import References
from appliance.storage.database import Database
from appliance.storage.folder import FolderStore
from appliance.testing.engines import (
    ScriptedEncoder,
    ScriptedSynthesizer,
    ScriptedTranscriber,
    ScriptedTranslator,
    scripted_speech,
)
from appliance.workers.capabilities import capabilities_of
from appliance.workers.roles import FAMILIES
from appliance.workers.worker import Worker
from tests.fresh_sqlite import fresh_sqlite

# Scripted speech is too quiet to pass for a recording; the scripted transcriber hears positive samples only.
_LOUD = np.tile(np.array([0, -0.25], dtype=np.float32), SPEECH_RATE_HZ // 4)
TRANSLATE = "/api/v1/voice/translate"


def recording(text: str) -> bytes:
    """Return a WAV file that the scripted transcriber hears as the text."""
    return wav_bytes(pcm_of(np.concatenate([scripted_speech(text), _LOUD])), SPEECH_RATE_HZ)


@dataclass
class House:
    """The appliance; while `working` is off, accepted jobs wait."""

    settings: Settings
    database: Database
    objects: FolderStore
    decoder: DecoderPool
    engines: Engines
    working: bool = True
    rings: int = 0
    key: IssuedKey = field(init=False)
    app: Litestar = field(init=False)
    parts: ApiParts = field(init=False)
    client: TestClient = field(init=False)

    def __post_init__(self) -> None:
        self.registry = WorkerRegistry(self.database, "w1")
        self.registry.announce(capabilities_of(self.engines, self.settings), FAMILIES)
        self.key = create_key(self.database, "messenger", "app")
        capabilities = CapabilityReader(self.database)
        quotas = Quotas(self.settings)
        submitter = Submitter(self.database, self.settings, capabilities.current, self.ring, quotas)
        self.parts = ApiParts(
            self.settings, self.database, self.objects, submitter, JobReader(self.database), self.decoder,
            capabilities, quotas,
        )  # fmt: skip
        self.app = create_app(self.parts)

    def ring(self) -> None:
        self.rings += 1
        if self.working:
            self.work()

    def work(self) -> None:
        context = Context(self.database, self.objects, self.engines, self.settings, References(), SystemClock())
        Worker(context, "w1").run_until_idle()

    def headers(self, user: str | None = "alice", *, key: str | None = None, **more: str) -> dict[str, str]:
        found = {"authorization": f"Bearer {key or self.key.key}", **more}
        return found | ({"x-meeshy-user": user} if user else {})

    def another_key(self, application: str, role: Role = "app") -> str:
        return create_key(self.database, application, role).key

    def send(
        self, text: str, *targets: str, path: str = TRANSLATE, user: str = "alice", **fields: Any
    ) -> httpx.Response:
        headers = fields.pop("headers", {})
        return self.client.post(
            path,
            headers=self.headers(user) | headers,
            files={"audio": ("note.wav", recording(text), "audio/wav")},
            data={"target_lang": list(targets), "consent": "true", **fields},
        )

    def waiting_job(self, text: str = "hello", *targets: str) -> str:
        """Return the id of a job that nobody works on."""
        self.working = False
        response = self.send(text, *(targets or ("fr",)), path=f"{TRANSLATE}/async")
        assert response.status_code == 202, response.text
        return response.json()["job_id"]

    def finished_job(self, text: str = "hello", *targets: str, **fields: Any) -> dict[str, Any]:
        response = self.send(text, *(targets or ("fr",)), **fields)
        assert response.status_code == 200, response.text
        return response.json()


@contextmanager
def open_house(
    folder: Path, decoder: DecoderPool, engines: Engines | None = None, **settings: Any
) -> Iterator[House]:  # fmt: skip
    """Yield an appliance with its data in this folder."""
    chosen = Settings(data_dir=folder, **{"sla_s": 20, **settings})
    fresh_sqlite(folder / "meeshy.sqlite3")
    database = Database(chosen.database)
    engines = engines or Engines(
        ScriptedTranscriber(), ScriptedTranslator(), ScriptedSynthesizer(), ScriptedEncoder(), whisper_translates=False
    )
    house = House(chosen, database, FolderStore(folder / "objects"), decoder, engines)
    with TestClient(house.app) as client:
        house.client = client
        yield house
    database.close()
