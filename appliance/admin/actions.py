"""Actions of operators: each done at most once per key, refused where it is not what was expected, and audited."""

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec
import sqlalchemy as sa

from appliance.admin.action_types import ActionAnswer
from appliance.errors import Forbidden, IdempotencyConflict, MeeshyError, StateConflict, StorageUnavailable, every_error
from appliance.jobs.items import new_id
from appliance.jobs.locks import hold_names
from appliance.owner import Owner
from appliance.storage.admin_tables import admin_actions
from appliance.storage.audit import CONSOLE, of_console, record
from appliance.storage.database import Database
from appliance.storage.tables import audit


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts: a key, and the application that it was made for."""

    application_id: str
    key_id: str
    name: str

    @property
    def owner(self) -> Owner:
        """Return under whom the audit has it."""
        return Owner(self.application_id, f"key:{self.key_id}")


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for, by whom, under which key of idempotency."""

    actor: Actor
    action: str
    subject: str
    body: msgspec.Struct
    idempotency_key: str

    @property
    def reason(self) -> str:
        """Return why, as the body says."""
        return getattr(self.body, "reason", "")

    def digest(self) -> str:
        """Return what must be equal for a repetition to be one."""
        asked = msgspec.json.encode([self.action, self.subject, self.body])
        return hashlib.sha256(asked).hexdigest()


BEGUN = "begun"
"""What the audit has as the result of an action of several transactions until it has ended."""
OURS = 500
"""Statuses from here on are the appliance's own trouble."""
KNOCKS_S = 3600.0
Do = Callable[[sa.Connection, float], ActionAnswer]
"""Does it in a transaction at a time, or raises why it is not done; answers without an id."""


def perform(database: Database, ask: Ask, do: Do) -> ActionAnswer:
    """Do an action in one transaction with its audit and its answer; a repetition gets the same answer or refusal.

    A refusal is written down too. What is the appliance's own trouble (5xx) is audited and not remembered: a
    repetition tries again. Another request under the same key is audited, and the key stays what it was.
    """
    with database.write() as connection:
        known = held_action(connection, ask)
        if isinstance(known, ActionAnswer):
            return known
        refusal = known
        now_s = database.now_s(connection)
        if isinstance(refusal, IdempotencyConflict):
            note_action(connection, ask, refusal.code, now_s)
        elif refusal is None:
            try:
                with connection.begin_nested():
                    answer = do(connection, now_s)
                return done_within(connection, ask, answer, now_s)
            except StorageUnavailable:
                raise
            except MeeshyError as error:
                refusal = error
            _write_down(connection, ask, None, refusal, now_s)
    # After the commit: that it was refused stays written.
    if refusal is None:
        raise ValueError("neither an answer nor a refusal")
    raise refusal


def held_action(connection: sa.Connection, ask: Ask) -> ActionAnswer | MeeshyError | None:
    """Keep everybody else from doing an action until this transaction ends; return what came of it where it was done.

    None for one that is new, or that was begun and not ended.
    """
    hold_names(connection, [f"action:{ask.actor.key_id}:{ask.idempotency_key}"])
    return _known(connection, ask)


def done_within(connection: sa.Connection, ask: Ask, answer: ActionAnswer, now_s: float) -> ActionAnswer:
    """Write an action that is held and done in this transaction into the audit, and return its answer with its id."""
    answer = msgspec.structs.replace(answer, action_id=_begun(connection, ask) or new_id("action"))
    _write_down(connection, ask, answer, None, now_s)
    return answer


class Known(Exception):
    """The same request has been answered meanwhile: what this transaction has done is taken back."""

    def __init__(self, known: ActionAnswer | MeeshyError) -> None:
        """Keep what it was answered or refused with."""
        super().__init__()
        self._known = known

    def answer(self) -> ActionAnswer:
        """Return the answer, or raise what it was refused with."""
        if isinstance(self._known, MeeshyError):
            raise self._known
        return self._known


def holding(ask: Ask) -> Callable[[sa.Connection], None]:
    """Return what holds an action in a transaction, and raises Known where it has ended."""

    def hold(connection: sa.Connection) -> None:
        known = held_action(connection, ask)
        if known is not None:
            raise Known(known)

    return hold


def begin(database: Database, ask: Ask, require: Callable[[sa.Connection], None]) -> ActionAnswer | str:
    """Write down that an action of several transactions begins and return its id, or its answer where it has ended.

    `require` raises why it may not begin: that is its refusal. A repetition of one that was begun goes on with it,
    under the same id. `perform` ends it.
    """
    with database.write() as connection:
        refusal = held_action(connection, ask)
        if isinstance(refusal, ActionAnswer):
            return refusal
        if refusal is None and (begun := _begun(connection, ask)) is not None:
            return begun
        now_s = database.now_s(connection)
        if refusal is None:
            try:
                require(connection)
            except StorageUnavailable:
                raise
            except MeeshyError as error:
                refusal = error
                _write_down(connection, ask, None, refusal, now_s)
            else:
                action_id = _keep(connection, ask, None, None, now_s)
                note_action(connection, ask, BEGUN, now_s, action_id=action_id)
                return action_id
        elif isinstance(refusal, IdempotencyConflict):
            note_action(connection, ask, refusal.code, now_s)
    raise refusal


def earlier(database: Database, ask: Ask) -> ActionAnswer | None:
    """Return what a repetition is answered, or raise what it was refused with; None for a key that is new.

    Another request under the same key is audited.
    """
    with database.read() as connection:
        known = _known(connection, ask)
    if isinstance(known, IdempotencyConflict):
        with database.write() as connection:
            note_action(connection, ask, known.code, database.now_s(connection))
    if isinstance(known, MeeshyError):
        raise known
    return known


def refusing(refusal: MeeshyError) -> Do:
    """Return what does nothing and is refused with this."""

    def do(connection: sa.Connection, now_s: float) -> ActionAnswer:
        raise refusal

    return do


def note_trespass(database: Database, owner: Owner, action: str, subject: str) -> None:
    """Write into the audit that somebody asked for an action who may not have it done: of each, the first in an hour.

    So what operators did stays in sight beside a script that knocks a thousand times.
    """
    named = f"{CONSOLE}{action}"
    with database.write() as connection:
        now_s = database.now_s(connection)
        known = sa.select(audit.c.id).where(
            of_console(),
            audit.c.at_s >= now_s - KNOCKS_S,
            audit.c.application_id == owner.application_id,
            audit.c.user_id == owner.user_id,
            audit.c.action == named,
        )
        if connection.scalar(known.limit(1)) is None:
            record(connection, owner, named, subject, now_s, result=Forbidden.code, reason="")


def conflict(state: str, says: str, count: int | None = None) -> StateConflict:
    """Return the refusal that says what is true instead."""
    now: dict[str, Any] = {"state": state, "says": says} | ({} if count is None else {"count": count})
    return StateConflict(says, now=now)


def _known(connection: sa.Connection, ask: Ask) -> ActionAnswer | MeeshyError | None:
    row = _row(connection, ask)
    if row is None:
        return None
    if row.request_sha256 != ask.digest():
        return IdempotencyConflict()
    if row.answer is not None:
        return msgspec.convert(row.answer, ActionAnswer)
    if row.refusal is None:
        return None
    kind = next((each for each in every_error() if each.code == row.refusal["code"]), MeeshyError)
    kept = row.refusal
    return kind(kept["detail"], retry_after_s=kept.get("retry_after_s"), **kept["extra"])


def _begun(connection: sa.Connection, ask: Ask) -> str | None:
    """Return the id of an action that was begun and has not ended."""
    row = _row(connection, ask)
    return row.id if row is not None and row.answer is None and row.refusal is None else None


def _row(connection: sa.Connection, ask: Ask) -> sa.Row | None:
    of_key = (admin_actions.c.key_id == ask.actor.key_id, admin_actions.c.idempotency_key == ask.idempotency_key)
    return connection.execute(sa.select(admin_actions).where(*of_key)).first()


def _write_down(
    connection: sa.Connection, ask: Ask, answer: ActionAnswer | None, refusal: MeeshyError | None, now_s: float
) -> None:
    remembered = refusal is None or refusal.status < OURS
    action_id = _keep(connection, ask, answer, refusal, now_s) if remembered else new_id("action")
    note_action(connection, ask, "done" if refusal is None else refusal.code, now_s, action_id=action_id)


def _keep(
    connection: sa.Connection, ask: Ask, answer: ActionAnswer | None, refusal: MeeshyError | None, now_s: float
) -> str:
    """Remember what came of an action under its key, nothing yet where it only begins; return its id."""
    action_id = answer.action_id if answer else _begun(connection, ask) or new_id("action")
    connection.execute(sa.delete(admin_actions).where(admin_actions.c.id == action_id))
    connection.execute(
        sa.insert(admin_actions).values(
            id=action_id,
            key_id=ask.actor.key_id,
            idempotency_key=ask.idempotency_key,
            at_s=now_s,
            request_sha256=ask.digest(),
            answer=msgspec.to_builtins(answer) if answer else None,
            refusal=_kept(refusal) if refusal else None,
        )
    )
    return action_id


def _kept(refusal: MeeshyError) -> dict[str, Any]:
    return {
        "code": refusal.code,
        "detail": refusal.detail,
        "extra": refusal.extra,
        "retry_after_s": refusal.retry_after_s,
    }


def note_action(connection: sa.Connection, ask: Ask, result: str, now_s: float, **more: Any) -> None:
    """Write an action and what came of it into the audit."""
    detail = {"result": result, "reason": ask.reason, **more}
    record(connection, ask.actor.owner, f"{CONSOLE}{ask.action}", ask.subject, now_s, **detail)
