"""The first thing that runs in the process: the network is taken away before any library starts a thread.

A user without rights gets a network namespace only inside a user namespace, and that only while there is one thread;
NumPy's BLAS starts others when it is imported.
"""

import importlib
import sys

from appliance.engines.xtts_process.isolation import Network


def main() -> int:
    """Run the module that the first argument names: its `main` gets the walls and the rest of the arguments."""
    network = Network()
    module = importlib.import_module(sys.argv[1])
    return module.main(network, *sys.argv[2:])
