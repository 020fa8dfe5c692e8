"""What is kept only for a time, let go at once in one call."""

from appliance.housekeeping.answers import forget_answers
from appliance.housekeeping.house import House
from appliance.housekeeping.old_events import forget_events
from appliance.housekeeping.recordings import drop_recordings
from appliance.housekeeping.results import expire_results
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.objects import ObjectStore


def let_go(database: Database, objects: ObjectStore, settings: Settings) -> int:
    """Do one round of each, and return how many recordings and jobs that removed."""
    house = House(database, objects, settings)
    forget_answers(house)
    forget_events(house)
    return drop_recordings(house).done + expire_results(house).done
