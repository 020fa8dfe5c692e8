"""Which languages can be asked for, from what the workers publish about themselves."""

from appliance.errors import NoRoute
from appliance.jobs.documents import Capabilities, Request


def check_targets(capabilities: Capabilities, request: Request) -> None:
    """Raise NoRoute when one of the languages cannot be reached or spoken, with those that can."""
    reachable = _reachable(capabilities, request.source_language, request.allow_deepl)
    missing = [target for target in request.targets if target not in reachable]
    if missing:
        heard = f" from '{request.source_language}'" if request.source_language else ""
        raise NoRoute(
            f"There is no route{heard} to {', '.join(missing)}; there is one to: {', '.join(sorted(reachable))}.",
            reachable=sorted(reachable),
        )


def _reachable(capabilities: Capabilities, source: str | None, allow_deepl: bool) -> set[str]:
    """Return the languages that can be spoken and that a route leads to, from one language or from any."""
    speaks = set(capabilities.speaks)
    if allow_deepl and capabilities.deepl:
        return speaks
    routed = {target for from_, target, _ in capabilities.routes if source in (None, from_)}
    return speaks & (routed | ({source} if source else set()))
