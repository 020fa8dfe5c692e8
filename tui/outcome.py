"""Having an action done: what became of it, in words for a person, also where no answer came back."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from appliance.admin.schema import ActionAnswer
from tui.actions import Action
from tui.clock import Clock
from tui.source import Conflict, Refused, Source, SourceError, Unanswered

ASK_AGAIN_AFTER_S = (2.0, 5.0, 15.0)
"""How long after each time that no answer came the same request is sent again; then a person is told to look."""


@dataclass(frozen=True)
class Outcome:
    """What to tell a person about an action."""

    title: str
    says: str
    severity: Literal["information", "warning", "error"] = "information"
    shown_s: float = 15.0


async def carry_out(source: Source, action: Action, clock: Clock, tell: Callable[[Outcome], None]) -> Outcome:
    """Have an action done at most once and return what became of it; `tell` gets what is so in between.

    Where no answer comes it is not known whether it was done. It is asked for again under the same key: an appliance
    that has done it gives the answer that was lost, and one that has not does it now.
    """
    failure: SourceError
    try:
        return _done(action, await source.act(action))
    except Unanswered as unanswered:
        failure = unanswered
    except Conflict as conflict:
        return _unchanged(conflict)
    except SourceError as refusal:
        return Outcome(f"{action.title}: not done", str(refusal), "error")
    for wait_s in ASK_AGAIN_AFTER_S:
        tell(_unknown(action, failure, "Asking again; nothing is done twice."))
        await clock.sleep_s(wait_s)
        try:
            return _done(action, await source.act(action))
        except Conflict as conflict:
            return _unchanged(conflict)
        except Refused as refusal:
            # That the key may not ask any more says nothing about the first request.
            failure = refusal
            break
        except SourceError as again:
            failure = again
    return _unknown(action, failure, "Look at it, or at the audit (E), before you do it again.")


def _done(action: Action, answer: ActionAnswer) -> Outcome:
    """Return what the appliance says, with the reasons of what it refused and with a warning where it refused any."""
    if not answer.failed:
        return Outcome(f"{action.title}: more are left", answer.says) if answer.left else _all_done(action, answer)
    codes = Counter(answer.failed.values()).most_common()
    untold = [f"{count} {code}" for code, count in codes if code not in answer.says]
    says = " ".join([answer.says, *([f"Refused: {', '.join(untold)}."] if untold else [])])
    return Outcome(f"{action.title}: not all" if answer.job_ids else f"{action.title}: none", says, "warning")


def _all_done(action: Action, answer: ActionAnswer) -> Outcome:
    return Outcome(action.title, answer.says, shown_s=6.0)


def _unchanged(conflict: Conflict) -> Outcome:
    return Outcome("Nothing was changed", str(conflict), "warning")


def _unknown(action: Action, failure: SourceError, advice: str) -> Outcome:
    return Outcome(f"{action.title}: not known whether it was done", f"{failure} {advice}", "warning")
