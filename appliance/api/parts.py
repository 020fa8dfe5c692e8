"""What the API is made of; built once by whoever starts it and handed to every route."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from appliance.access.quotas import Quotas
from appliance.admin.snapshot import Snapshots
from appliance.api.followers import Followers
from appliance.api.latest import Latest
from appliance.api.room import Room
from appliance.api.threads import Threads
from appliance.audio.decoded import DecodedAudio
from appliance.cache.interface import Cache
from appliance.clock import Clock, SystemClock
from appliance.jobs.query import JobReader
from appliance.jobs.registry import CapabilityReader
from appliance.jobs.submit import Submitter
from appliance.owner import Owner
from appliance.profiles.samples import Samples
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.objects import ObjectStore
from appliance.telemetry.metrics import Metrics
from appliance.voices.sealing import Vault


class Decoder(Protocol):
    """What turns an upload into sound; `appliance.audio.decoder.DecoderPool` is one."""

    def decode(self, source: bytes) -> DecodedAudio:
        """Return the recording as PCM, or raise the reason why it is refused."""
        ...


@dataclass(frozen=True)
class ApiParts:
    """Everything a route may use."""

    settings: Settings
    database: Database
    objects: ObjectStore
    submitter: Submitter
    reader: JobReader
    decoder: Decoder
    capabilities: CapabilityReader
    quotas: Quotas
    clock: Clock = field(default_factory=SystemClock)
    threads: Threads = field(default_factory=Threads)
    room: Room = field(default_factory=Room)
    followers: Followers = field(default_factory=Followers)
    metrics: Metrics = field(default_factory=Metrics)
    cache: Cache | None = None
    """The second cache level where it is beside the database: deletions empty it."""

    @cached_property
    def vault(self) -> Vault:
        """Return where the keys of voice profiles lie."""
        return Vault(self.settings, self.objects)

    @cached_property
    def latest(self) -> Latest:
        """Return what gives every console the same snapshot."""
        return Latest(Snapshots(self.database, self.settings, self.clock), self.threads, self.clock)

    @cached_property
    def samples(self) -> Samples:
        """Return what takes in samples of voice profiles."""
        return Samples(self.database, self.objects, self.vault, self.settings, self.submitter.ring)


Parts = NamedDependency[SkipValidation[ApiParts]]
Of = NamedDependency[SkipValidation[Owner]]
"""Whose request this is, after the rate limit."""
