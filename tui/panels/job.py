"""One job as lines: facts, its languages, its steps. Lengths and languages, never text."""

from appliance.admin.schema import JobDetail, Language, Step
from tui import format as fmt
from tui.glyphs import Glyphs, Line, Tone
from tui.tables.jobs import due

_FIGURES = 14 + 13 + 7 + 7 + 6 + 7 + 2
"""Columns before a voice and before a worker."""
_ENDS: dict[str, Tone] = {
    "done": "good",
    "partial": "warn",
    "needs_review": "warn",
    "failed": "bad",
    "cancelled": "quiet",
}


def job_lines(job: JobDetail, width: int, glyphs: Glyphs) -> list[Line]:
    """Return the facts of a job, then a line per language, then a line per step of work."""
    ended = f", ended {fmt.age(job.finished_ago_s)} ago" if job.finished_ago_s is not None else ""
    heard = f"{job.source_characters} characters heard" if job.source_characters is not None else "not heard yet"
    facts: list[tuple[str, str, Tone]] = [
        ("state", job.state, _ENDS.get(job.state, "plain")),
        ("of", f"{job.application}, plan {job.plan or fmt.UNKNOWN}, priority {job.priority}", "plain"),
        ("accepted", f"{fmt.clock(job.accepted_s)}, {fmt.age(job.accepted_ago_s)} ago{ended}", "plain"),
        ("audio", f"{fmt.age(job.audio_s)}, {job.source_language or '?'}, {heard}", "plain"),
        ("due in", f"{due(job.slack_s)}, SLA {fmt.age(job.sla_s)}, expected {fmt.age(job.eta_s)}", "plain"),
    ]
    if job.error:
        facts.append(("error", job.error, "bad"))
    if job.retried_as:
        facts.append(("retried as", job.retried_as, "note"))
    lines: list[Line] = [
        [(f"{name:<11}", "quiet"), (fmt.cut(value, width - 11, glyphs.cut), tone)] for name, value, tone in facts
    ]
    lines += [[], [(f"{'language':<14}{'state':<13}{'spoken':>7}{'chars':>7}{'WER':>6}{'alike':>7}  voice", "quiet")]]
    lines += [line for language in job.languages for line in _language(language, width, glyphs)]
    lines += [[], [(f"{'stage':<14}{'state':<13}{'made':>7}{'waited':>7}{'try':>6}{'lease':>7}  worker", "quiet")]]
    lines += [_step(step, width, glyphs) for step in job.steps]
    return lines


def _language(language: Language, width: int, glyphs: Glyphs) -> list[Line]:
    """Return a language with its error, which takes a line of its own where it does not fit."""
    voice = " ".join(part for part in (language.voice, "cached" if language.cached else None) if part)
    room = width - _FIGURES
    line: Line = [
        (f"{language.language:<14}", "plain"),
        (f"{language.state:<13}", _ENDS.get(language.state, "plain")),
        (f"{fmt.age(language.spoken_s):>7}{fmt.count(language.characters):>7}", "plain"),
        (f"{fmt.number(language.wer, 2):>6}{fmt.number(language.similarity, 2):>7}  ", "plain"),
        (fmt.cut(voice or fmt.UNKNOWN, room, glyphs.cut), "plain"),
    ]
    if not language.error:
        return [line]
    if len(voice or fmt.UNKNOWN) + 1 + len(language.error) <= room:
        return [[*line, (f" {language.error}", "bad")]]
    return [line, [(" " * 14 + fmt.cut(language.error, width - 14, glyphs.cut), "bad")]]


def _step(step: Step, width: int, glyphs: Glyphs) -> Line:
    name = f"{step.stage} {step.target_language}" if step.target_language else step.stage
    return [
        (f"{fmt.cut(name, 14, glyphs.cut):<14}", "plain"),
        (f"{step.state:<13}", "bad" if step.state == "failed" else "plain"),
        (f"{fmt.age(step.created_ago_s):>7}{fmt.age(step.waited_s):>7}{step.attempts:>6}", "plain"),
        (f"{fmt.age(step.lease_s):>7}  ", "plain"),
        (fmt.cut_middle(step.worker_id or fmt.UNKNOWN, width - _FIGURES, glyphs.cut), "plain"),
    ]
