"""The Meeshy voice-translation appliance."""

import os

# onnxruntime's wheels since 1.29 report to their maker (mobile.events.data.microsoft.com) when they are loaded, unless
# this stands in the environment by then; switching it off afterwards comes too late for the first report. Found by the
# installation tests, which see every packet. Here, because no module of the appliance can be loaded before this one.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"


__version__ = "0.1.0"
