"""What can be asked for."""

from litestar import get

from appliance import errors
from appliance.api.parts import Parts
from appliance.api.problems import KEYED, problems
from appliance.api.wire import LanguageOut, LanguagesOut, RouteOut
from appliance.errors import NotReady
from appliance.languages import NAMES


@get(
    "/api/v1/languages",
    operation_id="getLanguages",
    summary="Languages and routes",
    tags=["service"],
    response_description="Which languages can be spoken, and from which to which a message can be translated.",
    responses=problems(*KEYED, errors.NotReady),
)
async def get_languages(parts: Parts) -> LanguagesOut:
    """Return every language that is a source or a target of a route, and the routes with their quality."""
    able = await parts.threads.short(parts.capabilities.current)
    if able is None:
        raise NotReady("The workers are still loading their models.", retry_after_s=3)
    routes = sorted({(source, target, quality) for source, target, quality in able.routes if target in able.speaks})
    named = sorted({language for source, target, _ in routes for language in (source, target)} | set(able.speaks))
    return LanguagesOut(
        languages=[
            LanguageOut(language=language, name=NAMES.get(language, language), speaks=language in able.speaks)
            for language in named
        ],
        routes=[RouteOut(source=source, target=target, quality=quality) for source, target, quality in routes],
        voice_kind=able.voice_kind,
        deepl=able.deepl,
    )
