"""One note through the whole pipeline, step by step as its rows tell it, without a word of what was said."""

import sqlalchemy as sa

from appliance.bench.trial import Trial
from appliance.doctor.report import Step
from appliance.engines.protocols import Samples
from appliance.errors import CommandFailed
from appliance.jobs.query import load_job
from appliance.storage.tables import jobs


def run_note(trial: Trial, recording: Samples) -> tuple[Step, ...]:
    """Translate a recording and return what each step came to; CommandFailed where one has nothing to show."""
    elapsed_s = trial.run([recording])
    with trial.context.database.read() as connection:
        job = load_job(connection, connection.scalars(sa.select(jobs.c.id)).one())
    target = job.targets[0]
    if job.source is None or target.spoken is None:
        raise CommandFailed("A note was translated, and its job does not say how.")
    receipt = target.spoken.receipt
    stored_bytes = trial.context.objects.size_bytes(target.spoken.object)
    words = len(job.source.text.split())
    return (
        Step(name="transcribe", says=f"{words} words heard in {job.source.duration_s:.1f} s of {job.source.language}"),
        Step(name="translate", says=f"to {target.language} by {receipt['route']}"),
        Step(name="speak", says=f"{target.spoken.duration_s:.1f} s, {target.spoken.voice_kind} voice"),
        Step(name="score", says=f"word error rate {receipt['wer']:.2f}, {receipt['verdict']}"),
        Step(name="store", says=f"{stored_bytes} bytes, {elapsed_s:.1f} s after it was accepted"),
    )
