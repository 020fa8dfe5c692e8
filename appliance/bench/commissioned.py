"""The figures of `meeshy commission`, as they are printed and stored."""

import msgspec


class EngineFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One engine alone: seconds per unit with one item and in a full batch, and what the batch gains."""

    unit: str
    alone_s: float
    in_batch_s: float
    batch: int
    gain: float


class Commissioned(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was measured; `rates` are `family:length` with seconds per second of recording."""

    engines: dict[str, str]
    transcription: EngineFigures
    translation: EngineFigures
    synthesis: EngineFigures
    rates: dict[str, float]
    note_s: float
    """Seconds that a note of 5 s takes on the idle machine, through all stages: the slowest of the rounds."""
    resident_bytes: int
    """Most memory that the process held."""
    strictest_sla_s: float
    sla_scale: float
