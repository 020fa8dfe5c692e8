"""The items of one lane with their jobs, and dead letters; never any of their text."""

from collections.abc import Iterable

from appliance.admin.schema import DeadLetter, JobLine
from tui import format as fmt
from tui.glyphs import Glyphs, Look, unknown_state
from tui.widgets.rows import Cell, Column, Row

LOOKS = {"waiting": Look("idle", "waiting", "plain"), "running": Look("ok", "running", "good")}
COLUMNS = (
    Column("JOB", 14),
    Column("STATE", 9),
    Column("PAIR", 9),
    Column("AUDIO", 6, right=True, descending=True),
    Column("TRY", 3, right=True, descending=True),
    Column("WAITED", 7, right=True, descending=True),
    Column("RUNS", 6, right=True, descending=True),
    Column("DUE IN", 8, right=True),
    Column("APPLICATION", 16, spare=1),
    Column("WORKER", 20, spare=2),
)
DEAD_COLUMNS = (
    Column("JOB", 14),
    Column("FAILED", 7, right=True),
    Column("PAIR", 11),
    Column("AUDIO", 6, right=True, descending=True),
    Column("TRY", 3, right=True, descending=True),
    Column("ERROR", 22),
    Column("APPLICATION", 16, spare=3),
)


def pair(source: str | None, targets: Iterable[str | None]) -> str:
    """Return the languages of a job: `en>de,fr`."""
    return f"{source or '?'}>{','.join(target or '?' for target in targets) or '?'}"


def item_row(job: JobLine, glyphs: Glyphs) -> Row:
    """Return an item as a row; its key is the item's, since a job may have several here."""
    look = LOOKS.get(job.state) or unknown_state(job.state)
    name, languages = job.job_id or "(voice sample)", pair(job.source_language, [job.target_language])
    return Row(
        job.item_id,
        (
            Cell(name, name),
            Cell(look.text(glyphs), look.word, look.tone),
            Cell(languages, languages),
            Cell(fmt.age(job.audio_s), job.audio_s),
            Cell(fmt.count(job.attempts), job.attempts, "warn" if job.attempts > 1 else "plain"),
            Cell(fmt.age(job.wait_s), job.wait_s),
            Cell(fmt.age(job.run_s), job.run_s),
            Cell(due(job.slack_s), job.slack_s, "warn" if job.slack_s < 0 else "plain"),
            Cell(job.application, job.application),
            Cell(job.worker_id or fmt.UNKNOWN, job.worker_id, "quiet"),
        ),
    )


def dead_row(letter: DeadLetter, glyphs: Glyphs) -> Row:
    """Return a dead letter as a row."""
    languages = pair(letter.source_language, letter.failed_languages)
    return Row(
        letter.job_id,
        (
            Cell(letter.job_id, letter.job_id),
            Cell(fmt.age(letter.failed_ago_s), letter.failed_ago_s),
            Cell(languages, languages),
            Cell(fmt.age(letter.audio_s), letter.audio_s),
            Cell(fmt.count(letter.attempts), letter.attempts),
            Cell(letter.error or fmt.UNKNOWN, letter.error, "bad"),
            Cell(letter.application, letter.application),
        ),
    )


def due(slack_s: float | None) -> str:
    """Return the time left, negative where it is over."""
    if slack_s is None:
        return fmt.UNKNOWN
    return ("-" if slack_s < 0 else "") + fmt.age(abs(slack_s))
