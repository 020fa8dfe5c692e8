"""The console: a terminal view of an appliance, over its admin addresses alone."""
