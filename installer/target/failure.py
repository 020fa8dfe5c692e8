"""Why a step on the target failed."""


class TargetFailed(Exception):
    """A step on this machine failed; the text says which and why."""
