"""A profile comes to be by consent alone, and grows by what its own speaker sends."""

import base64
import os

import numpy as np
import pytest
import sqlalchemy as sa

from appliance.audio.pcm import pcm_of
from appliance.errors import (
    ChallengeExpired,
    ConsentMissing,
    IdempotencyConflict,
    NotFound,
    VoiceKeyUnusable,
    VoiceProfileExists,
    VoiceSealBroken,
)
from appliance.owner import Owner
from appliance.profiles.ceremony import CHALLENGE_S
from appliance.profiles.samples import MOST_READINGS, Recording
from appliance.storage.tables import audit
from appliance.storage.voice_tables import voice_profiles, voice_samples
from appliance.testing.speakers import spoken_by
from appliance.voices.profile_documents import SampleKind
from appliance.voices.site_key import key_path
from tests.jobs.studio import ALICE

BOB = Owner("app", "bob")
ALICE_ELSEWHERE = Owner("other", "alice")


def test_reading_the_statement_with_its_phrase_makes_the_profile_active(studio):
    asked = studio.ask()
    assert (asked.state, asked.usable, asked.version) == ("awaiting_consent", False, 0)
    assert asked.challenge.phrase in asked.challenge.statement
    assert "Alice Martin" in asked.challenge.statement

    sample = studio.read()

    profile = studio.profile()
    assert sample.state == "accepted"
    assert (profile.state, profile.usable, profile.version, profile.level) == ("active", True, 1, "basic")
    assert profile.challenge is None
    assert profile.consent.subject == "Alice Martin"
    assert profile.consent.statement == asked.challenge.statement
    assert profile.consent.word_error_rate == 0
    assert profile.consent.expires_s == pytest.approx(studio.clock.now_s() + 30 * 86400)
    assert studio.actions() == [
        "voice_consent_asked", "voice_consent_received", "voice_consent_accepted", "voice_consent_given",
        "voice_version_made",
    ]  # fmt: skip


def test_each_ceremony_has_words_of_its_own_and_a_language_without_a_statement_gets_english(studio):
    phrases = {studio.ask().challenge.phrase for _ in range(5)}
    assert len(phrases) == 5
    assert studio.ask(statement_language="fr").challenge.statement.startswith("Je m'appelle Alice Martin.")
    assert studio.ask(statement_language="sw").challenge.language == "en"


def test_the_statement_with_other_words_is_no_consent(studio):
    challenge = studio.ask().challenge
    other = challenge.statement.replace(challenge.phrase, "one two three four five")

    sample = studio.read(text=other)

    assert sample.state == "refused"
    assert [reason.code for reason in sample.reasons] == ["consent_mismatch"]
    assert studio.profile().state == "awaiting_consent"
    assert [name for name in studio.bench.stored() if "sample" in name] == []


def test_the_phrase_without_the_statement_is_no_consent(studio):
    challenge = studio.ask().challenge
    assert studio.read(text=f"my words for today are {challenge.phrase}").state == "refused"


def test_a_phrase_is_valid_for_some_minutes(studio):
    challenge = studio.ask().challenge
    studio.clock.advance(CHALLENGE_S + 1)
    with pytest.raises(ChallengeExpired):
        studio.send(ALICE, "alice", challenge.statement, kind="consent")
    studio.ask()
    assert studio.read().state == "accepted"


def test_a_phrase_may_be_tried_some_times(studio):
    studio.ask()
    for number in range(MOST_READINGS):
        studio.read(text=f"something else {number}")
    with pytest.raises(ChallengeExpired):
        studio.read(text="and again")


def test_a_reading_of_the_phrase_before_the_last_is_refused(studio):
    first = studio.ask().challenge
    sample_id = studio.send(ALICE, "alice", first.statement, kind="consent")
    studio.ask()

    studio.work()

    assert studio.sample(ALICE, sample_id).state == "refused"
    assert studio.profile().state == "awaiting_consent"


def test_without_a_ceremony_nothing_is_taken(studio):
    with pytest.raises(NotFound):
        studio.send(ALICE, "alice", "hello")
    studio.ask()
    with pytest.raises(ConsentMissing):
        studio.send(ALICE, "alice", "hello")


def test_a_profile_with_consent_takes_no_second_ceremony(studio):
    studio.enrolled()
    with pytest.raises(VoiceProfileExists):
        studio.ask()


def test_a_repeated_key_opens_one_ceremony(studio):
    first = studio.ask(key="k")
    assert studio.ask(key="k").challenge == first.challenge
    with pytest.raises(IdempotencyConflict):
        studio.ask(key="k", purpose="something else")


def test_two_people_in_the_reading_of_the_statement_are_no_consent(studio):
    statement = studio.ask().challenge.statement
    pcm = pcm_of(np.concatenate([spoken_by(statement, "alice", 8.0), spoken_by("", "bob", 8.0)]))

    sample_id = studio.samples.add(ALICE, SampleKind.CONSENT, Recording(pcm, len(pcm) / 32000, "0" * 64))
    studio.work()

    sample = studio.sample(ALICE, sample_id)
    assert (sample.state, sample.reasons[0].code) == ("refused", "several_speakers")
    assert studio.profile().state == "awaiting_consent"


@pytest.mark.parametrize("other", [BOB, ALICE_ELSEWHERE])
def test_a_profile_is_its_owners_alone(studio, other):
    profile = studio.enrolled()
    with pytest.raises(NotFound):
        studio.profile(other)
    with pytest.raises(NotFound):
        studio.sample(other, profile.samples[0].sample_id)
    with pytest.raises(NotFound):
        studio.send(other, "bob", "hello")
    assert studio.erase(other) is None
    assert studio.profile() == profile


def test_a_row_that_is_moved_to_another_owner_does_not_open(studio):
    studio.enrolled()
    with studio.database.write() as connection:
        connection.execute(sa.update(voice_profiles).values(user_id="bob"))
    with pytest.raises((VoiceSealBroken, VoiceKeyUnusable)):
        studio.profile(BOB)


def test_one_profiles_boxes_do_not_open_in_another(studio):
    studio.enrolled()
    studio.enrolled(BOB, "bob")
    with studio.database.write() as connection:
        of_alice = sa.select(voice_profiles.c.consent).where(voice_profiles.c.user_id == "alice").scalar_subquery()
        bobs = sa.update(voice_profiles).where(voice_profiles.c.user_id == "bob")
        connection.execute(bobs.values(consent=of_alice))
    with pytest.raises(VoiceSealBroken):
        studio.profile(BOB)


def test_consent_ends_and_then_nothing_is_taken(studio):
    studio.enrolled(valid_s=100.0)
    studio.clock.advance(101)
    assert (studio.profile().usable, studio.profile().why_not) == (
        False, "The consent of the voice profile has expired.",
    )  # fmt: skip
    with pytest.raises(ConsentMissing):
        studio.send(ALICE, "alice", "hello")


def test_nothing_readable_is_stored(studio, tmp_path):
    studio.enrolled()
    studio.judged(ALICE, "alice", "sample 1")
    pcm = pcm_of(spoken_by("sample 1", "alice", 12.0))[2000:3000]
    for name in studio.bench.stored():
        assert pcm not in studio.objects.get(name)
    with studio.database.read() as connection:
        rows = [
            str(row) for table in (voice_profiles, voice_samples, audit) for row in connection.execute(table.select())
        ]
    assert not [row for row in rows if "Alice Martin" in row or "customers" in row]


def test_a_lost_key_file_is_said_and_no_other_is_made(studio):
    studio.enrolled()
    path = key_path(studio.bench.settings)
    assert os.stat(path).st_mode & 0o777 == 0o600
    path.unlink()
    with pytest.raises(VoiceKeyUnusable):
        studio.profile()
    with pytest.raises(VoiceKeyUnusable):
        studio.ask(BOB)
    assert not path.exists()


def test_a_host_with_another_key_makes_no_profile(studio, tmp_path):
    studio.enrolled()
    other = tmp_path / "other.key"
    other.write_bytes(base64.b64encode(bytes(32)))
    studio.bench.settings = studio.bench.settings.model_copy(update={"voice_key_file": str(other)})
    with pytest.raises(VoiceKeyUnusable, match="every host needs the same file"):
        studio.ask(BOB)
    with pytest.raises(VoiceKeyUnusable):
        studio.profile()
