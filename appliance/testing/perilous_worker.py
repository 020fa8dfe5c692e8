"""`meeshy worker` with perilous engines: `python -m appliance.testing.perilous_worker ROLE SECONDS_PER_BATCH`."""

from appliance.testing.perilous import perilous
from appliance.testing.scripted_worker import command_line, work

if __name__ == "__main__":
    parser = command_line()
    parser.add_argument("pace_s", type=float)
    given = parser.parse_args()
    work(given, perilous(given.pace_s))
