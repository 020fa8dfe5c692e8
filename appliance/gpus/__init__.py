"""GPU readings: asking a host's driver, and one row per host for every other process to tell."""
