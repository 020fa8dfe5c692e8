"""One settings object, built once by the command line and passed down; nothing else reads the environment.

Every field is set by the environment variable `MEESHY_` plus its name in capitals.
"""

import os
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_BUCKET = r"^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$"
_REGION = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"


def _cache_home() -> Path:
    return Path.home() / ".cache" / "meeshy"


class Settings(BaseSettings):
    """Everything a site can set; a restart applies a change."""

    model_config = SettingsConfigDict(env_prefix="MEESHY_", frozen=True, extra="forbid")

    data_dir: Path = Field(default=Path(".meeshy"), description="Database, recordings and results. Made on first use.")
    models_dir: Path = Field(
        default_factory=lambda: _cache_home() / "models",
        description="Downloaded models, shared by all data folders of this user.",
    )
    model_mirror_url: str = Field(
        default="", description="Base address of the site's model mirror, laid out like models_dir. Empty: none."
    )
    model_folder: str = Field(default="", description="Folder with model files, laid out like models_dir. Empty: none.")
    database_url: str = Field(default="", description="SQLAlchemy URL. Empty: SQLite in the data folder.")
    redis_url: str = Field(
        default="", repr=False, description="Redis that carries doorbells between hosts. Empty: workers only poll."
    )
    cache_redis_url: str = Field(
        default="", repr=False, description="Redis that keeps sentences and utterances' measures; a "
        "server without persistence. Empty: the database keeps them.",
    )  # fmt: skip
    disk_reserve_bytes: int = Field(
        default=1 << 30, ge=0, description="Free space that writing objects leaves on the data folder's disk. 0: none."
    )
    s3_endpoint: str = Field(default="", description="host[:port] of an S3 server. Empty: objects in the data folder.")
    s3_bucket: str = Field(default="meeshy", pattern=_BUCKET, description="Bucket for the appliance alone.")
    s3_access_key: str = Field(
        default="", repr=False, validate_default=True, description="S3 access key. Empty: only without s3_endpoint."
    )
    s3_secret_key: str = Field(
        default="", repr=False, validate_default=True, description="S3 secret key. Empty: only without s3_endpoint."
    )
    s3_secure: bool = Field(default=True, description="Whether the S3 server is reached over TLS.")
    s3_region: str = Field(default="us-east-1", pattern=_REGION, description="Region that S3 requests are signed for.")
    host: str = Field(default="127.0.0.1", description="Address the API listens on.")
    port: int = Field(default=8750, ge=0, le=65535, description="Port the API listens on. 0: any free port.")
    licence: Literal["commercial", "evaluation"] = Field(
        default="commercial", description="commercial refuses models whose licence forbids commercial use."
    )
    model_preset: str = Field(default="starter", description="Model set of the catalog that the engines load.")
    device: Literal["cpu", "cuda"] = Field(
        default="cpu", description="What Whisper, the language packs and XTTS run on; `meeshy pool` sets it per worker."
    )
    xtts_python: str = Field(
        default="", description="Python of the environment that XTTS runs in. Empty: that of `meeshy xtts install`."
    )
    threads: int = Field(default=0, ge=0, description="Threads of the model runtimes. 0: as many as there are cores.")
    model_memory_bytes: int = Field(
        default=0,
        ge=0,
        description="Memory for model weights: Whisper and the voice stay, language packs share the "
        "rest. 0: what stays, and 1 GiB for packs.",
    )
    max_upload_bytes: int = Field(default=50_000_000, gt=0, description="Largest request body.")
    max_audio_s: float = Field(default=600.0, gt=0, description="Longest recording, in seconds.")
    sla_s: float = Field(
        default=30.0, gt=0, description="How long a synchronous request waits at most; SLA of plans without one."
    )
    sla_scale: float = Field(
        default=1.0, gt=0, description="What deadlines are multiplied by, until the machine has been measured."
    )
    most_waiting_jobs: int = Field(
        default=10_000, ge=0, description="Open jobs above which uploads are refused unread. 0: no limit."
    )
    requests_per_minute: int = Field(default=600, ge=0, description="Limit per user. 0: no limit.")
    batch_limits: str = Field(default="", description="Largest batches of a worker, `family=number,…`.")
    price_per_gpu_s: float = Field(default=0.0, ge=0, description="Site price of a second of engine time. 0: free.")
    price_per_million_characters: float = Field(
        default=0.0, ge=0, description="Site price of a million translated characters. 0: free."
    )
    price_per_gb_month: float = Field(
        default=0.0, ge=0, description="Site price of a gigabyte (10^9 bytes) kept for 30 days. 0: free."
    )
    lease_s: float = Field(default=10.0, gt=0, description="How long a silent worker keeps its claimed work.")
    poll_s: float = Field(default=2.0, gt=0, description="How often a worker reports and puts right what was lost.")
    poll_rings: bool = Field(default=True, description="Whether that round also looks for work nobody rang for.")
    attempts: int = Field(
        default=3, ge=1, description="How often a work item is started before it fails as worker_lost."
    )
    result_ttl_s: float = Field(default=7 * 86400.0, gt=0, description="How long results and cached answers are kept.")
    transcription_ttl_s: float = Field(
        default=7 * 86400.0, gt=0, description="How long it is known what was heard in a recording."
    )
    translation_ttl_s: float = Field(
        default=7 * 86400.0, gt=0, description="How long a sentence's translation is kept for its owner."
    )
    audio_ttl_s: float = Field(
        default=86400.0, gt=0, description="How long a spoken utterance is kept for its owner, and audio at the edge."
    )
    phrase_audio_ttl_s: float = Field(
        default=30 * 86400.0, gt=0, description="How long the edge keeps audio of the phrase library's sentences."
    )
    static_ttl_s: float = Field(
        default=7 * 86400.0, gt=0, description="How long anybody may keep the API's documentation."
    )
    conditioning_ttl_s: float = Field(
        default=30 * 86400.0, gt=0, description="How long a profile's voice at an engine is kept after its last use."
    )
    source_ttl_s: float = Field(default=86400.0, gt=0, description="How long uploaded recordings are kept.")
    webhooks_ttl_s: float = Field(
        default=7 * 86400.0, gt=0, description="How long webhooks that have come to an end are kept, at most."
    )
    events_ttl_s: float = Field(
        default=400 * 86400.0, gt=0, description="How long events are kept for statistics and learning, without text."
    )
    phrases_most: int = Field(
        default=100_000, ge=0, description="Largest phrase library, corpus included. 0: it does not grow."
    )
    phrases_owners: int = Field(
        default=3, ge=2, description="Users of one application who said a phrase before it is the site's."
    )
    phrases_half_life_s: float = Field(
        default=30 * 86400.0, gt=0, description="After which a use of a phrase counts half."
    )
    phrases_ahead_per_hour: int = Field(
        default=1000, ge=0, description="Phrases translated or spoken ahead in idle time, per hour. 0: none."
    )
    max_wer: float = Field(default=0.35, ge=0, description="Word error rate above which a result is retried.")
    min_similarity: float = Field(
        default=0.5, ge=0, le=1, description="Speaker similarity below which a matched result is retried."
    )
    speak_attempts: int = Field(default=3, ge=1, description="Readings tried before a result is marked needs_review.")
    voice_key_file: str = Field(
        default="", description="File with the key that voice profiles are sealed with. Empty: made in the data folder."
    )
    voice_samples_from_translations: bool = Field(
        default=False, description="Whether recordings translated with consent become samples of the user's profile."
    )
    deepl_key: str = Field(default="", repr=False, description="DeepL API key. Empty: DeepL cannot be used.")
    deepl_url: str = Field(default="https://api-free.deepl.com", description="Base address of DeepL's API.")
    allow_deepl: bool = Field(default=False, description="Site policy: may text leave the site for DeepL?")
    webhook_allow: str = Field(
        default="", description="Comma-separated host[:port] list webhooks may be sent to. Empty: none."
    )
    client_key: str = Field(
        default="", repr=False, description="API key of `meeshy translate` and `meeshy demo`. Empty: the first key."
    )
    metrics_open: bool = Field(default=False, description="Whether GET /metrics of the API needs no key.")
    metrics_host: str = Field(
        default="127.0.0.1", description="Address on which workers and housekeeping tell their metrics."
    )
    metrics_port: int = Field(
        default=0, ge=0, le=65535, description="First port on which workers and housekeeping tell metrics. 0: none."
    )
    metrics_ports: int = Field(
        default=32, ge=1, description="From how many ports each process of a host takes the first that is free."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe log line."
    )

    @field_validator("webhook_allow")
    @classmethod
    def _usable_destinations(cls, listed: str) -> str:
        for entry in filter(None, (part.strip() for part in listed.split(","))):
            _require_host(entry)
        return listed

    @field_validator("s3_endpoint")
    @classmethod
    def _usable_endpoint(cls, endpoint: str) -> str:
        if endpoint:
            _require_host(endpoint)
        return endpoint

    @field_validator("s3_access_key", "s3_secret_key")
    @classmethod
    def _keys_for_the_endpoint(cls, key: str, others: ValidationInfo) -> str:
        if others.data.get("s3_endpoint") and not key:
            raise ValueError("the S3 server of MEESHY_S3_ENDPOINT needs it")
        return key

    @property
    def database(self) -> str:
        """Return the SQLAlchemy URL in force."""
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'meeshy.sqlite3'}"


def read_settings() -> Settings:
    """Return the settings of the environment; what it lacks comes from systemd's credentials `meeshy_NAME`.

    A credential is a file that only the service sees, where a variable can be read by whoever may read its process.
    """
    folder = _credentials_folder()
    return Settings(_secrets_dir=folder) if folder else Settings()


def from_credentials() -> frozenset[str]:
    """Return the names of the settings that systemd's credentials have and the environment lacks."""
    folder = _credentials_folder()
    lacking = [name for name in Settings.model_fields if f"MEESHY_{name.upper()}" not in os.environ]
    return frozenset(name for name in lacking if folder and (folder / f"meeshy_{name}").is_file())


def _credentials_folder() -> Path | None:
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    return Path(folder) if folder and Path(folder).is_dir() else None


def _require_host(entry: str) -> None:
    parts = urlsplit(f"//{entry}")  # reading .port raises ValueError where it is no port number
    if not parts.hostname or parts.port == 0 or parts.netloc != entry or "@" in entry:
        raise ValueError(f"'{entry}' is not host or host:port")
