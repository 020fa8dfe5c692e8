"""Keeping the appliance in order: one file per duty, each of which can also say what it would do."""
