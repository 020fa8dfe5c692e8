"""The choice of a route, from what is installed and allowed alone."""

import pytest

from appliance.engines.selection import choose_route, reachable
from appliance.errors import NoRoute

FRENCH_AND_SPANISH = frozenset({("en", "fr"), ("fr", "en"), ("en", "es"), ("es", "en")})
BOTH_ALLOW = {"site_allows_deepl": True, "request_allows_deepl": True}


@pytest.mark.parametrize(
    ("source", "target", "options", "kind", "name", "hops"),
    [
        ("en", "en", {}, "none", "none", ()),
        ("en-GB", "en", {}, "none", "none", ()),
        ("en", "fr", {}, "argos", "argos:en>fr", (("en", "fr"),)),
        ("en", "fr-CA", {}, "argos", "argos:en>fr", (("en", "fr"),)),
        ("fr", "es", {}, "argos", "argos:fr>en>es", (("fr", "en"), ("en", "es"))),
        ("fr", "en", {"whisper_translates": True}, "argos", "argos:fr>en", (("fr", "en"),)),
        ("de", "en", {"whisper_translates": True}, "whisper", "whisper:de>en", ()),
        ("de", "fr", {"whisper_translates": True}, "whisper", "whisper:de>en+argos:en>fr", (("en", "fr"),)),
        ("de", "en", {"whisper_translates": True, **BOTH_ALLOW}, "whisper", "whisper:de>en", ()),
        ("de", "it", {"whisper_translates": True, **BOTH_ALLOW}, "deepl", "deepl:de>it", (("de", "it"),)),
        ("en", "fr", BOTH_ALLOW, "argos", "argos:en>fr", (("en", "fr"),)),
    ],
)
def test_the_first_possible_route_in_the_documented_order_is_taken(source, target, options, kind, name, hops):
    route = choose_route(source, target, pairs=FRENCH_AND_SPANISH, **options)
    assert (route.kind, route.name, route.hops) == (kind, name, hops)


@pytest.mark.parametrize(("site", "request_"), [(False, False), (True, False), (False, True)])
def test_deepl_is_not_chosen_unless_the_site_and_the_request_both_allow_it(site, request_):
    with pytest.raises(NoRoute):
        choose_route("en", "de", pairs=FRENCH_AND_SPANISH, site_allows_deepl=site, request_allows_deepl=request_)


def test_a_language_without_a_route_is_refused_with_the_targets_that_have_one():
    with pytest.raises(NoRoute) as caught:
        choose_route("fr", "de", pairs=FRENCH_AND_SPANISH)
    assert caught.value.extra["targets"] == ["en", "es"]
    assert "en, es" in caught.value.detail


def test_a_source_without_any_route_says_so():
    with pytest.raises(NoRoute) as caught:
        choose_route("sw", "fr", pairs=FRENCH_AND_SPANISH)
    assert caught.value.extra["targets"] == []


def test_whisper_does_not_hear_english_into_english_nor_a_language_it_does_not_know():
    with pytest.raises(NoRoute):
        choose_route("en", "de", pairs=frozenset(), whisper_translates=True)
    with pytest.raises(NoRoute):
        choose_route("eo", "en", pairs=frozenset(), whisper_translates=True)


def test_a_regional_pack_serves_the_plain_tag_and_an_exact_pack_comes_first():
    assert choose_route("en", "pt", pairs={("en", "pt-BR")}).hops == (("en", "pt-BR"),)
    both = {("en", "zh"), ("en", "zh-Hant")}
    assert choose_route("en", "zh", pairs=both).hops == (("en", "zh"),)
    assert choose_route("en", "zh-Hant", pairs=both).hops == (("en", "zh-Hant"),)


def test_reachable_lists_every_target_with_its_route_and_not_the_source():
    routes = reachable("fr", pairs=FRENCH_AND_SPANISH)
    assert {target: route.name for target, route in routes.items()} == {"en": "argos:fr>en", "es": "argos:fr>en>es"}


def test_reachable_with_whisper_covers_sources_that_have_no_pack():
    routes = reachable("ja", pairs=FRENCH_AND_SPANISH, whisper_translates=True)
    assert list(routes) == ["en", "es", "fr"]
    assert routes["fr"].name == "whisper:ja>en+argos:en>fr"


def test_reachable_with_deepl_allowed_covers_its_languages():
    assert {"de", "ja", "no"} <= reachable("en", pairs=FRENCH_AND_SPANISH, **BOTH_ALLOW).keys()


@pytest.mark.parametrize("source", ["en", "fr", "de", "sw", "pt"])
@pytest.mark.parametrize("whisper", [True, False])
@pytest.mark.parametrize("deepl", [True, False])
def test_a_target_is_reachable_exactly_when_it_can_be_chosen(source, whisper, deepl):
    options = {
        "pairs": FRENCH_AND_SPANISH | {("en", "pt-BR")},
        "whisper_translates": whisper,
        "site_allows_deepl": deepl,
        "request_allows_deepl": deepl,
    }
    routes = reachable(source, **options)
    for target in ("en", "fr", "es", "pt", "pt-BR", "de", "ja", "sw"):
        if target == source:
            continue
        try:
            chosen = choose_route(source, target, **options)
        except NoRoute:
            assert target not in routes
        else:
            assert chosen.kind == "none" or routes[target] == chosen
