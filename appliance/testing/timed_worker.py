"""`meeshy worker` with engines that take their time: `python -m appliance.testing.timed_worker ROLE [--slots N]`."""

from appliance.testing.scripted_worker import command_line, work
from appliance.testing.timed import timed

if __name__ == "__main__":
    work(command_line().parse_args(), timed)
