"""Utterances whose time is over: their answers expire by themselves, wherever those are kept."""

from itertools import islice

from appliance.housekeeping.house import House, Outcome

MARGIN_S = 3600.0
"""An object may be stored a little before the answer that names it, and by another clock."""
DELETE_AT_ONCE = 5000


def delete_old_utterances(house: House) -> Outcome:
    """Delete the objects of utterances that are older than any answer that could name them."""
    with house.database.read() as connection:
        before_s = house.database.now_s(connection) - house.settings.audio_ttl_s - MARGIN_S
    old = [entry.name for entry in house.objects.entries("utterance/") if entry.modified_s < before_s]
    if house.dry_run:
        return Outcome(found=len(old), done=0)
    due = list(islice(old, DELETE_AT_ONCE))
    for name in due:
        house.objects.delete(name)
    return Outcome(found=len(old), done=len(due))
