"""Voice profiles over the API: real database, store and decoder, scripted engines that hear who speaks."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from appliance.audio.decoder import DecoderPool
from appliance.audio.pcm import pcm_of
from appliance.audio.wav import wav_bytes
from appliance.engines.protocols import SPEECH_RATE_HZ
from appliance.stages.context import Engines
from appliance.storage.tables import audit
from appliance.storage.voice_tables import voice_profiles, voice_samples
from appliance.testing.engines import ScriptedTranscriber, ScriptedTranslator
from appliance.testing.speakers import FaithfulSynthesizer, SpeakerByRemainder, spoken_by
from tests.integration.api_house import TRANSLATE, House, open_house

PROFILE = "/api/v1/voice/profile"
SAMPLE = f"{PROFILE}/sample"
ASKED = {"subject": "Alice Martin", "purpose": "messages to our customers", "languages": ["fr"], "days": 30}


def engines() -> Engines:
    return Engines(
        ScriptedTranscriber(), ScriptedTranslator(), FaithfulSynthesizer(), SpeakerByRemainder(),
        whisper_translates=False,
    )  # fmt: skip


@pytest.fixture
def house(tmp_path: Path, decoder: DecoderPool) -> Iterator[House]:
    with open_house(tmp_path, decoder, engines()) as house:
        yield house


def wav(text: str, speaker: str, seconds: float = 12.0) -> bytes:
    return wav_bytes(pcm_of(spoken_by(text, speaker, seconds)), SPEECH_RATE_HZ)


def ask(house: House, user: str = "alice", *, key: str | None = None, **changed: Any) -> httpx.Response:
    headers = house.headers(user) | ({"idempotency-key": key} if key else {})
    return house.client.post(PROFILE, headers=headers, json=ASKED | changed)


def send(house: House, audio: bytes, kind: str = "sample", user: str = "alice", **headers: str) -> httpx.Response:
    return house.client.post(
        SAMPLE, headers=house.headers(user) | headers, files={"audio": ("a.wav", audio)}, data={"kind": kind}
    )


def look(house: House, user: str = "alice") -> dict[str, Any]:
    response = house.client.get(PROFILE, headers=house.headers(user))
    assert response.status_code == 200, response.text
    return response.json()


def enrolled(house: House, user: str = "alice") -> dict[str, Any]:
    statement = ask(house, user).json()["challenge"]["statement"]
    response = send(house, wav(statement, user), "consent", user)
    assert response.status_code == 200, response.text
    return look(house, user)


def translated(house: House, speaker: str, text: str, user: str = "alice", **fields: Any) -> httpx.Response:
    return house.client.post(
        TRANSLATE, headers=house.headers(user), files={"audio": ("a.wav", wav(text, speaker, 4.0))},
        data={"target_lang": "fr", **fields},
    )  # fmt: skip


def test_from_the_ceremony_to_a_translation_and_the_erasure(house: House) -> None:
    asked = ask(house)
    assert asked.status_code == 201
    assert asked.json()["state"] == "awaiting_consent"
    challenge = asked.json()["challenge"]

    consent = send(house, wav(challenge["statement"], "alice"), "consent")
    assert (consent.status_code, consent.json()["state"]) == (200, "accepted")
    assert consent.headers["location"] == PROFILE

    profile = look(house)
    assert (profile["state"], profile["usable"], profile["version"], profile["level"]) == ("active", True, 1, "basic")
    assert profile["consent"]["subject"] == "Alice Martin"
    assert profile["consent"]["languages"] == ["fr"]

    spoken = translated(house, "alice", "good morning").json()["targets"][0]
    assert (spoken["voice"], spoken["receipt"]["voice"]["profile_version"]) == ("matched", 1)
    audio = house.client.get(spoken["audio_url"], headers=house.headers())
    assert audio.status_code == 200

    erased = house.client.delete(PROFILE, headers=house.headers())
    assert erased.status_code == 200
    assert erased.json()["complete"] is True
    assert erased.json()["counts"]["results"] == 1

    gone = house.client.get(spoken["audio_url"], headers=house.headers())
    assert (gone.status_code, gone.json()["code"]) == (410, "audio_erased")
    assert house.client.head(spoken["audio_url"], headers=house.headers()).status_code == 410
    assert house.client.get(PROFILE, headers=house.headers()).status_code == 404
    assert house.client.delete(PROFILE, headers=house.headers()).status_code == 404
    job = house.client.get(spoken["audio_url"].split("/audio/")[0], headers=house.headers()).json()
    assert (job["targets"][0]["audio_url"], job["targets"][0]["text"]) == (None, "fr:good morning")


def test_the_reading_may_come_as_json(house: House) -> None:
    statement = ask(house).json()["challenge"]["statement"]
    body = {"audio": base64.b64encode(wav(statement, "alice")).decode(), "kind": "consent"}
    assert house.client.post(SAMPLE, headers=house.headers(), json=body).status_code == 200


def test_other_words_are_no_consent(house: House) -> None:
    ask(house)
    response = send(house, wav("I say something else entirely", "alice"), "consent")
    assert (response.status_code, response.json()["code"]) == (422, "consent_mismatch")
    assert response.json()["reasons"][0]["code"] == "consent_mismatch"
    assert "something" not in response.text


def test_another_speaker_is_409(house: House) -> None:
    enrolled(house)
    response = send(house, wav("it is me, alice", "mallory"))
    assert (response.status_code, response.json()["code"]) == (409, "speaker_mismatch")
    refused = look(house)["samples"][-1]
    assert (refused["state"], refused["reasons"][0]["code"]) == ("refused", "speaker_mismatch")
    assert refused["sample_id"] == response.json()["sample_id"]


def test_a_bad_sample_says_why(house: House) -> None:
    enrolled(house)
    response = send(house, wav("short", "alice", 1.0))
    assert (response.status_code, response.json()["code"]) == (422, "sample_refused")
    assert "1.0 s of speech" in response.json()["detail"]


def test_samples_need_consent_and_a_profile(house: House) -> None:
    assert send(house, wav("hello", "alice")).json()["code"] == "not_found"
    ask(house)
    assert send(house, wav("hello", "alice")).json()["code"] == "consent_missing"


def test_an_expired_phrase_is_409(house: House) -> None:
    statement = ask(house).json()["challenge"]["statement"]
    with house.database.write() as connection:
        connection.execute(sa.update(voice_profiles).values(challenge_expires_s=1.0))
    response = send(house, wav(statement, "alice"), "consent")
    assert (response.status_code, response.json()["code"]) == (409, "challenge_expired")


def test_nobody_waits_for_a_judge_for_ever(house: House) -> None:
    enrolled(house)
    house.working = False
    house.parts.__dict__.pop("samples", None)
    object.__setattr__(house.parts, "settings", house.settings.model_copy(update={"sla_s": 0.05}))
    response = send(house, wav("hello", "alice"))
    assert (response.status_code, response.json()["state"]) == (202, "waiting")
    assert response.headers["retry-after"]
    assert look(house)["samples"][-1]["state"] == "waiting"


def test_keys_make_repetitions_safe(house: House) -> None:
    first = ask(house, key="k").json()
    assert ask(house, key="k").json() == first
    assert ask(house, key="k", days=31).json()["code"] == "idempotency_conflict"
    send(house, wav(first["challenge"]["statement"], "alice"), "consent")
    one = send(house, wav("hello", "alice"), **{"idempotency-key": "s"})
    again = send(house, wav("hello", "alice"), **{"idempotency-key": "s"})
    assert one.json()["sample_id"] == again.json()["sample_id"]
    assert send(house, wav("other", "alice"), **{"idempotency-key": "s"}).json()["code"] == "idempotency_conflict"
    assert ask(house).json()["code"] == "voice_profile_exists"


@pytest.mark.parametrize(
    "changed",
    [
        {"subject": ""}, {"subject": "x" * 121}, {"subject": "two\nlines"}, {"purpose": ""}, {"languages": []},
        {"days": 0}, {"days": 2000}, {"unknown": 1}, {"languages": ["xx-notalanguage"]},
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(house: House, changed: dict[str, Any]) -> None:
    response = ask(house, **changed)
    assert response.status_code in (400, 422)
    with house.database.read() as connection:
        assert connection.execute(sa.select(voice_profiles)).first() is None


def test_garbage_and_too_much_are_refused_before_anything_is_stored(house: House, tmp_path: Path) -> None:
    enrolled(house)
    before = sorted(entry.name for entry in house.objects.entries(""))
    assert send(house, b"\x00\x01garbage" * 100).status_code in (415, 422)
    assert send(house, b"").status_code == 422
    assert send(house, wav("long", "alice", 181.0)).json()["code"] == "audio_too_long"
    huge = house.client.post(
        SAMPLE, headers=house.headers() | {"content-type": "application/json"}, content=b"x" * 51_000_000
    )
    assert huge.status_code == 413
    silent = wav_bytes(bytes(32_000 * 4), SPEECH_RATE_HZ)
    assert send(house, silent).json()["code"] == "no_speech"
    assert send(house, wav("hello", "alice"), "other").status_code == 400
    assert sorted(entry.name for entry in house.objects.entries("")) == before


def test_other_users_and_applications_see_nothing(house: House) -> None:
    enrolled(house)
    other = house.headers(key=house.another_key("crm"))
    for headers in (house.headers("bob"), other):
        assert house.client.get(PROFILE, headers=headers).status_code == 404
        assert house.client.delete(PROFILE, headers=headers).status_code == 404
        sent = house.client.post(SAMPLE, headers=headers, files={"audio": ("a.wav", wav("hello", "alice"))})
        assert sent.status_code == 404
    assert house.client.get(PROFILE).status_code == 401
    admin = house.headers(key=house.another_key("desk", "admin"))
    assert house.client.get(PROFILE, headers=admin).status_code == 403
    assert look(house)["usable"]


def test_a_profile_that_is_asked_for_and_missing_is_409(house: House) -> None:
    response = translated(house, "alice", "good morning", voice="profile")
    assert (response.status_code, response.json()["code"]) == (409, "voice_profile_unusable")


def test_notices_say_why_the_profile_does_not_speak(house: House) -> None:
    enrolled(house)
    other = translated(house, "bob", "good morning").json()["targets"][0]
    assert other["voice"] == "stock"
    assert "another speaker" in other["voice_notice"]
    with house.database.write() as connection:
        connection.execute(sa.update(voice_profiles).values(consent_expires_s=1.0))
    expired = translated(house, "alice", "good evening").json()["targets"][0]
    assert expired["voice"] == "stock"
    assert "has expired" in expired["voice_notice"]


def test_translations_become_samples_only_where_the_site_says_so(tmp_path: Path, decoder: DecoderPool) -> None:
    for allowed in (False, True):
        folder = tmp_path / str(allowed)
        with open_house(folder, decoder, engines(), voice_samples_from_translations=allowed) as house:
            enrolled(house)
            translated(house, "alice", "one", consent="true")
            translated(house, "alice", "two")
            translated(house, "bob", "three", consent="true")
            house.work()
            with house.database.read() as connection:
                rows = connection.execute(sa.select(voice_samples.c.state, voice_samples.c.origin)).all()
        learnt = [row.state for row in rows if row.origin == "translation"]
        assert learnt == (["accepted", "refused"] if allowed else [])


def test_the_audit_tells_everything_and_holds_no_text(house: House) -> None:
    enrolled(house)
    send(house, wav("it is me, alice", "mallory"))
    translated(house, "alice", "good morning")
    house.client.delete(PROFILE, headers=house.headers())
    with house.database.read() as connection:
        rows = connection.execute(sa.select(audit)).all()
    actions = {row.action for row in rows}
    assert actions >= {
        "voice_consent_asked", "voice_consent_received", "voice_consent_given", "voice_sample_refused",
        "voice_profile_used", "voice_profile_erased",
    }  # fmt: skip
    assert not [row for row in rows if "Alice Martin" in str(row) or "customers" in str(row)]


def test_everything_of_a_user_goes_at_once_and_nothing_of_another(house: House) -> None:
    enrolled(house)
    jobs = [
        translated(house, speaker, "good morning", speaker, voice="stock").json()["job_id"]
        for speaker in ("alice", "bob")
    ]
    erased = house.client.delete("/api/v1/user", headers=house.headers())
    assert erased.status_code == 200
    receipt = erased.json()
    assert (receipt["complete"], receipt["counts"]["jobs"], receipt["voice"]["complete"]) == (True, 1, True)
    statuses = [
        house.client.get(f"/api/v1/voice/job/{job_id}", headers=house.headers(user)).status_code
        for job_id, user in zip(jobs, ("alice", "bob"), strict=True)
    ]
    assert statuses == [404, 200]
    assert house.client.get(PROFILE, headers=house.headers()).status_code == 404
