"""What the XTTS process does when it is asked; it keeps weights and counts, and nothing of a speaker or a text."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from appliance.engines.xtts_process import batch, conditioning, streaming
from appliance.engines.xtts_process.batch import Said
from appliance.engines.xtts_process.frames import Arrays
from appliance.engines.xtts_process.loading import Loaded
from appliance.engines.xtts_process.memory import Rows
from appliance.engines.xtts_process.rows import Row, RowRefused, prepared
from appliance.engines.xtts_process.stopping import Asked

Answer = tuple[dict[str, Any], dict[str, np.ndarray]]

LATENTS, EMBEDDING = "gpt_cond_latents", "speaker_embedding"


class Service:
    """Answers requests with one model, one at a time: the model's prefix belongs to whoever called last."""

    def __init__(self, loaded: Loaded, most_rows: int) -> None:
        """Speak with this model, at most so many rows together."""
        self._loaded = loaded
        self._rows = Rows(most_rows)
        self._counts = {"conditionings": 0, "utterances": 0, "passes": 0, "largest_pass": 0}

    def facts(self) -> dict[str, Any]:
        """Return what the other side has to know of the model."""
        tokenizer, config = self._loaded.model.tokenizer, self._loaded.config
        return {
            "rate_hz": self._loaded.rate_hz,
            "languages": [str(language) for language in config.languages],
            "characters": {language: int(limit) for language, limit in tokenizer.char_limits.items()},
            "speakers": conditioning.speakers(self._loaded),
            "device": str(self._loaded.device),
        }

    def status(self) -> dict[str, Any]:
        """Return counts since the start, how many rows go together now, and the process's memory in bytes."""
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * 4096
        return self._counts | {
            "rows": self._rows.now, "halvings": self._rows.halvings, "resident_bytes": resident,
        }  # fmt: skip

    def condition(self, arrays: Arrays) -> Answer:
        """Return the conditioning of the recordings `0`, `1`, …; the error `too_short` where they show no voice."""
        self._counts["conditionings"] += 1
        try:
            latents, embedding = conditioning.conditioning(
                self._loaded, [arrays[str(place)] for place in range(len(arrays))]
            )
        except conditioning.TooShort:
            return {"error": "too_short"}, {}
        return {}, {LATENTS: latents, EMBEDDING: embedding}

    def stock(self, name: str) -> Answer:
        """Return the conditioning of a voice that came with the weights."""
        try:
            latents, embedding = conditioning.stock(self._loaded, name)
        except KeyError:
            return {"error": "no_stock_voice"}, {}
        return {}, {LATENTS: latents, EMBEDDING: embedding}

    def speak(self, wanted: Sequence[dict[str, Any]], arrays: Arrays, cancelled: Asked) -> Iterator[Answer]:
        """Yield each row's samples or error, in order; rows that are of like length go through the model together."""
        prepared_rows = [self._prepared(row, arrays) for row in wanted]
        speakable = [place for place, row in enumerate(prepared_rows) if isinstance(row, Row)]
        speakable.sort(key=lambda place: len(prepared_rows[place].tokens))
        said = self._rows.in_batches(
            [prepared_rows[place] for place in speakable], lambda some: self._pass(some, cancelled)
        )
        of_place = dict(zip(speakable, said, strict=True))
        for place, row in enumerate(prepared_rows):
            yield _answer(of_place.get(place), row)

    def stream(self, wanted: dict[str, Any], arrays: Arrays, cancelled: Asked) -> Iterator[Answer]:
        """Yield one utterance in pieces, or its error."""
        row = self._prepared(wanted, arrays)
        if not isinstance(row, Row):
            yield {"error": row}, {}
            return
        self._counts["utterances"] += 1
        sizes = {name: int(wanted[name]) for name in ("first", "later") if name in wanted}
        for piece in streaming.stream(self._loaded, row, cancelled, **sizes):
            yield {}, {"samples": piece}

    def _pass(self, rows: Sequence[Row], cancelled: Asked) -> list[Said]:
        said = batch.speak(self._loaded, rows, cancelled)
        self._counts["passes"] += 1
        self._counts["utterances"] += len(rows)
        self._counts["largest_pass"] = max(self._counts["largest_pass"], len(rows))
        return said

    def _prepared(self, row: dict[str, Any], arrays: Arrays) -> Row | str:
        voice = row["voice"]
        try:
            return prepared(
                self._loaded, row["text"], row["language"], int(row["seed"]),
                arrays[f"{voice}.{LATENTS}"], arrays[f"{voice}.{EMBEDDING}"],
            )  # fmt: skip
        except RowRefused as refused:
            return refused.code


def _answer(said: Said | None, row: Row | str) -> Answer:
    if isinstance(row, str):
        return {"error": row}, {}
    if said is None:
        return {"error": "out_of_memory"}, {}
    return {"ended": said.ended}, {"samples": said.samples, "codes": said.codes}
