"""Retrying many dead letters: the oldest go first, and what is refused holds up nothing behind it."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec
import sqlalchemy as sa

from appliance.admin.action_types import MOST_RETRIED, ActionAnswer, RetryManyRequest
from appliance.admin.actions import Ask, Do, Known, begin, conflict, holding, note_action, perform, refusing
from appliance.admin.dead_letters import Dead, Filter, count_of, oldest
from appliance.admin.retries import take_up
from appliance.errors import MeeshyError, NotReady, Overloaded, QuotaExceeded, StateConflict, StorageUnavailable
from appliance.jobs.submit import Submitter
from appliance.owner import Owner
from appliance.storage.admin_tables import admin_actions
from appliance.storage.audit import CONSOLE, of_console
from appliance.storage.database import Database
from appliance.storage.tables import audit

LONGEST_S = 45.0
"""A bulk ends early after that: whoever asked waits two minutes, one bulk before theirs included."""
_REFUSED_FOR_ONE = 4
"""So many times as many as may be retried at once are refused before a bulk ends; each is a row of the audit."""
_OVERLOADED_OF_ONE = 5
"""So many of an application are refused for too much work before no other of it is tried."""
_LOOKED_AT_FOR_ONE = 40
"""So many times as many are looked at, to find some that are not refused along with others."""


def retry_many(
    database: Database,
    submitter: Submitter,
    ask: Ask,
    body: RetryManyRequest,
    most: int = MOST_RETRIED,
    monotonic_s: Callable[[], float] = time.monotonic,
) -> ActionAnswer:
    """Retry the dead letters that a filter takes, if they are as many as expected; some may be refused.

    Of more than `most` the oldest go that are not refused; the answer says how many were not tried.
    StorageUnavailable and NotReady end it: where it had made nothing by then they are raised. Each job is made together
    with its mark and its row in the audit; whoever is cut off asks again under the same key, and it goes on.
    """
    which = Filter(stage=body.stage, priority=body.priority, error=body.error)
    begun = begin(database, ask, _counted(which, body.expected_count))
    if isinstance(begun, ActionAnswer):
        return begun
    with database.read() as connection:
        letters = oldest(connection, which, _LOOKED_AT_FOR_ONE * most)
        # What has died since it began was not asked for.
        most = max(0, min(most, body.expected_count) - len(_made_by(connection, ask, begun)))
    until_s = monotonic_s() + LONGEST_S

    def take_up_one(job_id: str) -> str:
        def note(connection: sa.Connection, retried_as: str) -> None:
            now_s = database.now_s(connection)
            note_action(connection, _of_one(ask, job_id), "done", now_s, retried_as=retried_as, bulk=begun)

        return take_up(database, submitter, job_id, note, holding(ask))

    def taken_up(job_id: str) -> bool:
        """Return whether the same request, sent to another process, has taken it up meanwhile."""
        with database.read() as connection:
            return bool(_made_by(connection, ask, begun, job_id))

    try:
        failed = _tried(take_up_one, letters, most, lambda: monotonic_s() > until_s, taken_up)
    except Known as ended:
        return ended.answer()
    except NotReady as refusal:
        return perform(database, ask, refusing(refusal))

    return perform(database, ask, _ending(ask, begun, which, failed))


def _ending(ask: Ask, action_id: str, which: Filter, failed: Mapping[str, str]) -> Do:
    """Return what ends a bulk: what it made, also in an attempt that was cut off, and what was refused in the last."""

    def end(connection: sa.Connection, now_s: float) -> ActionAnswer:
        for job_id, code in failed.items():
            note_action(connection, _of_one(ask, job_id), code, now_s, bulk=action_id)
        job_ids = _made_by(connection, ask, action_id)
        left = max(0, count_of(connection, which) - len(failed))
        return ActionAnswer(
            action=ask.action,
            subject=ask.subject,
            state="retried" if job_ids or not failed else "refused",
            says=_says(len(job_ids), failed, left),
            job_ids=job_ids,
            failed=failed,
            left=left,
        )

    return end


def _made_by(connection: sa.Connection, ask: Ask, action_id: str, of: str | None = None) -> tuple[str, ...]:
    """Return the jobs that a bulk has made (`of` one dead letter), in the order in which it made them.

    The audit has each.
    """
    one = f"{CONSOLE}{_of_one(ask, '').action}"
    made = sa.select(audit.c.detail["retried_as"].as_string()).where(
        of_console(),
        audit.c.at_s >= sa.select(admin_actions.c.at_s).where(admin_actions.c.id == action_id).scalar_subquery(),
        audit.c.subject == of if of else sa.true(),
        audit.c.user_id == ask.actor.owner.user_id,
        audit.c.action == one,
        audit.c.detail["bulk"].as_string() == action_id,
        audit.c.detail["result"].as_string() == "done",
    )
    return tuple(connection.scalars(made.order_by(audit.c.id)))


def _tried(
    take_up_one: Callable[[str], str],
    letters: Sequence[Dead],
    most: int,
    over: Callable[[], bool],
    taken_up: Callable[[str], bool],
) -> dict[str, str]:
    """Take up the first `most` dead letters that can be retried, and return the codes of those that cannot."""
    made = 0
    failed: dict[str, str] = {}
    shut = _Shut()
    for letter in letters:
        if made == most or len(failed) == _REFUSED_FOR_ONE * most or over():
            break
        if shut.out(letter):
            continue
        try:
            take_up_one(letter.job_id)
            made += 1
        except (StorageUnavailable, NotReady):
            # No other fares better now.
            if not made:
                raise
            break
        except MeeshyError as refusal:
            if isinstance(refusal, StateConflict) and taken_up(letter.job_id):
                continue
            failed[letter.job_id] = refusal.code
            shut.note(letter, refusal)
    return failed


class _Shut:
    """Whose dead letters are not tried any more, because all of them are refused: there may be thousands."""

    def __init__(self) -> None:
        self._whose: set[Owner | str] = set()
        self._overloaded: Counter[str] = Counter()

    def out(self, letter: Dead) -> bool:
        """Return whether its user or its application is shut out."""
        return not self._whose.isdisjoint((letter.owner, letter.owner.application_id))

    def note(self, letter: Dead, refusal: MeeshyError) -> None:
        """Learn from a refusal."""
        application_id = letter.owner.application_id
        # With something left, another with fewer languages may fit.
        if isinstance(refusal, QuotaExceeded) and refusal.extra["used"] >= refusal.extra["limit"]:
            of_user = str(refusal.extra["quota"]).startswith("user_")
            self._whose.add(letter.owner if of_user else application_id)
        # Admission judges by the plan, which is the application's, and by the length: a shorter one may have room.
        if isinstance(refusal, Overloaded):
            self._overloaded[application_id] += 1
            if self._overloaded[application_id] == _OVERLOADED_OF_ONE:
                self._whose.add(application_id)


def _says(made: int, failed: Mapping[str, str], left: int) -> str:
    """Return how many were retried, how many were refused for which reason, and how many are left."""
    codes = ", ".join(f"{count} {code}" for code, count in Counter(failed.values()).most_common())
    refused = f", {len(failed)} refused: {codes}" if failed else ""
    rest = f" {left} more {'is' if left == 1 else 'are'} left{': retry again' if made else ' untried'}." if left else ""
    return f"{made} retried{refused}.{rest}"


def _of_one(ask: Ask, job_id: str) -> Ask:
    return msgspec.structs.replace(ask, action="retry", subject=job_id)


def _counted(which: Filter, expected: int) -> Callable[[sa.Connection], None]:
    def require(connection: sa.Connection) -> None:
        count = count_of(connection, which)
        if count != expected:
            raise conflict("dead", f"There are {count} such dead letters now.", count)

    return require
