"""Which workers are stuck: a batch that takes far longer than its audio, a process that no longer reports or loads."""

from collections.abc import Mapping

from appliance.pool.inventory import Rules
from appliance.pool.reading import Batch, Reading


class Watchdog:
    """Looks at every reading; keeps only what the readings of living processes have shown."""

    def __init__(self, rules: Rules) -> None:
        """Judge by these rules."""
        self._rules = rules
        self._audio_s: dict[tuple[str, float], float] = {}
        self._reports: dict[int, tuple[float, float]] = {}

    def stuck(self, reading: Reading, ages_s: Mapping[int, float], now_s: float) -> dict[int, str]:
        """Return the stuck ones among these processes with the reason; ages in seconds, `now_s` on the pool's clock."""
        found = self._silent(reading, ages_s, now_s)
        for batch in self._with_whole_audio(reading.batches):
            limit_s = (self._rules.hung_base_s + self._rules.hung_per_audio_s * batch.audio_s) * reading.scale
            if batch.running_s > limit_s:
                found[batch.pid] = (
                    f"hung: {batch.family} for {batch.running_s:.0f} s with {batch.audio_s:.0f} s of audio, "
                    f"{limit_s:.0f} s are allowed"
                )
        return found

    def blind(self) -> None:
        """Forget when processes reported: nothing can be said of a time in which the database was away."""
        self._reports = {}

    def _silent(self, reading: Reading, ages_s: Mapping[int, float], now_s: float) -> dict[int, str]:
        found = {}
        reports = {}
        for pid, age_s in ages_s.items():
            if pid not in reading.seen_s:
                if age_s > self._rules.load_s:
                    found[pid] = f"not ready after {age_s:.0f} s"
                continue
            seen_s = reading.seen_s[pid]
            # Measured on the pool's own clock: a pool that was itself stopped for a while must not blame its workers.
            before = self._reports.get(pid)
            reports[pid] = before if before and before[0] == seen_s else (seen_s, now_s)
            silent_s = now_s - reports[pid][1]
            if silent_s > self._rules.silent_s:
                found[pid] = f"silent for {silent_s:.0f} s"
        self._reports = reports
        return found

    def _with_whole_audio(self, batches: tuple[Batch, ...]) -> list[Batch]:
        """Return the batches with the audio that they began with: items leave a batch one by one as they end."""
        self._audio_s = {
            batch.key: max(batch.audio_s, self._audio_s.get(batch.key, 0.0)) for batch in batches
        }  # fmt: skip
        return [
            Batch(batch.pid, batch.key, batch.family, batch.running_s, self._audio_s[batch.key]) for batch in batches
        ]
