from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from appliance.access.caller import Caller
from appliance.access.identify import identify
from appliance.access.keys import IssuedKey, create_key
from appliance.access.rotation import OVERLAP_S, rotate_secret
from appliance.access.tokens import LEEWAY_S
from appliance.application_secret import webhook_key
from appliance.errors import Forbidden, InvalidRequest, NotAuthenticated
from appliance.owner import Owner
from appliance.storage.database import Database
from appliance.storage.schema import metadata
from appliance.testing.clock import FrozenClock


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def database(tmp_path: Path, clock: FrozenClock) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'test.sqlite3'}", clock)
    metadata.create_all(database.engine)
    yield database
    database.close()


@pytest.fixture
def application(database: Database) -> IssuedKey:
    return create_key(database, "messenger", "app")


@pytest.fixture
def claims(application: IssuedKey, clock: FrozenClock) -> dict[str, Any]:
    return {"iss": application.application_id, "sub": "alice", "aud": "meeshy", "exp": clock.now_s() + 600}


def _signed(claims: dict[str, Any], secret: str, algorithm: str = "HS256") -> str:
    return f"Bearer {jwt.encode(claims, secret, algorithm=algorithm)}"


def test_a_token_speaks_for_one_user_of_the_application(database, clock, application, claims) -> None:
    caller = identify(database, clock, _signed(claims, application.token_secret))

    assert caller == Caller(application_id=application.application_id, roles=frozenset({"app"}), user_id="alice")


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "elsewhere"},
        {"aud": None},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"sub": None},
        {"sub": ""},
        {"sub": "a\x00b"},
        {"sub": "x" * 129},
        {"iss": None},
        {"iss": "somebody"},
        {"nbf": "later"},
    ],
)
def test_a_token_with_a_wrong_claim_is_refused(database, clock, application, claims, change) -> None:
    changed = {name: value for name, value in (claims | change).items() if value is not None}
    header = _signed(changed, application.token_secret)

    with pytest.raises(NotAuthenticated):
        identify(database, clock, header)


def test_an_expired_token_is_refused_after_the_leeway(database, clock, application, claims) -> None:
    header = _signed(claims, application.token_secret)
    clock.advance(600 + LEEWAY_S - 1)
    assert identify(database, clock, header).user_id == "alice"

    clock.advance(1)
    with pytest.raises(NotAuthenticated, match="expired"):
        identify(database, clock, header)


def test_a_token_is_refused_before_its_time_but_for_the_leeway(database, clock, application, claims) -> None:
    nearly = _signed(claims | {"nbf": clock.now_s() + LEEWAY_S}, application.token_secret)
    early = _signed(claims | {"nbf": clock.now_s() + LEEWAY_S + 1}, application.token_secret)

    assert identify(database, clock, nearly)
    with pytest.raises(NotAuthenticated, match="not valid yet"):
        identify(database, clock, early)


def test_an_application_cannot_sign_for_another(database, clock, application, claims) -> None:
    other = create_key(database, "other", "app")

    with pytest.raises(NotAuthenticated):
        identify(database, clock, _signed(claims, other.token_secret))


@pytest.mark.parametrize("algorithm", ["HS512", "none"])
def test_only_the_one_algorithm_is_accepted(database, clock, application, claims, algorithm) -> None:
    secret = "" if algorithm == "none" else application.token_secret * 2

    with pytest.raises(NotAuthenticated):
        identify(database, clock, _signed(claims, secret, algorithm))


def test_a_webhook_receiver_cannot_make_user_tokens(database, clock, application, claims) -> None:
    with pytest.raises(NotAuthenticated):
        identify(database, clock, _signed(claims, webhook_key(application.token_secret)))


@pytest.mark.parametrize("text", ["a.b.c", "eyJ.eyJ.x", "....", "\x7f", "a" * 5000])
def test_what_is_no_token_is_refused(database, clock, text) -> None:
    with pytest.raises(NotAuthenticated):
        identify(database, clock, f"Bearer {text}")


def test_a_key_has_to_name_the_user() -> None:
    caller = Caller(application_id="app", roles=frozenset({"app"}))

    assert caller.owner(None, "alice", "alice") == Owner("app", "alice")
    with pytest.raises(InvalidRequest, match="name the user"):
        caller.owner(None)
    with pytest.raises(InvalidRequest, match="two different users"):
        caller.owner("alice", "bob")


def test_a_token_cannot_be_used_for_another_user() -> None:
    caller = Caller(application_id="app", roles=frozenset({"app"}), user_id="alice")

    assert caller.owner(None) == caller.owner("alice") == Owner("app", "alice")
    with pytest.raises(Forbidden):
        caller.owner("bob")


@pytest.mark.parametrize("user", ["", "x" * 129, "a\nb", "a\x00", "\ud800"])
def test_a_user_id_that_cannot_be_stored_is_refused(user: str) -> None:
    with pytest.raises(InvalidRequest):
        Caller(application_id="app", roles=frozenset({"app"})).owner(user)


def test_a_role_that_is_missing_is_forbidden() -> None:
    with pytest.raises(Forbidden, match="'app'"):
        Caller(application_id="app", roles=frozenset({"admin"})).require("app")


def test_a_token_made_with_the_secret_of_before_is_taken_for_a_day(database, clock, application, claims) -> None:
    long_lived = claims | {"exp": clock.now_s() + 3 * OVERLAP_S}
    before = _signed(long_lived, application.token_secret)
    rotated = rotate_secret(database, application.application)

    assert identify(database, clock, before).user_id == claims["sub"]
    assert identify(database, clock, _signed(long_lived, rotated.token_secret)).user_id == claims["sub"]
    clock.advance(OVERLAP_S)
    with pytest.raises(NotAuthenticated):
        identify(database, clock, before)
    assert identify(database, clock, _signed(long_lived, rotated.token_secret)).user_id == claims["sub"]


def test_a_secret_that_was_changed_at_once_makes_no_tokens(database, clock, application, claims) -> None:
    rotate_secret(database, application.application, overlap=False)

    with pytest.raises(NotAuthenticated):
        identify(database, clock, _signed(claims, application.token_secret))
