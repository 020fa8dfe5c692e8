"""What consent was given for, and how long what follows from it is kept."""

from appliance.housekeeping.house import House
from appliance.housekeeping.voice_profiles import drop_unused_voices
from appliance.storage.voice_tables import voice_conditionings
from tests.jobs.studio import ALICE


def test_consent_counts_for_the_terms_that_were_read_and_not_for_those_asked_for_meanwhile(studio):
    challenge = studio.ask(languages=("fr",)).challenge
    sample_id = studio.send(ALICE, "alice", challenge.statement, kind="consent")
    hear = studio.transcriber.transcribe

    def asked_again_meanwhile(batch):
        studio.transcriber.transcribe = hear
        studio.ask(languages=("fr", "es"), purpose="anything at all", valid_s=3650 * 86400.0)
        return hear(batch)

    studio.transcriber.transcribe = asked_again_meanwhile
    studio.work()
    sample = studio.sample(ALICE, sample_id)
    assert (sample.state, [reason.code for reason in sample.reasons]) == ("refused", ["consent_mismatch"])
    assert studio.profile().state == "awaiting_consent"


def test_a_voice_that_nobody_spoke_with_for_long_is_made_again(studio):
    studio.enrolled(valid_s=400 * 86400.0)
    studio.translated("alice", "good morning")
    house = House(studio.database, studio.objects, studio.bench.settings)
    for days, dropped in ((20, 0), (20, 0), (31, 1)):
        studio.clock.advance(days * 86400.0)
        assert drop_unused_voices(house).done == dropped
        assert studio.count(voice_conditionings) == 1 - dropped
        studio.translated("alice", f"good evening after {studio.clock.now_s()}")
        assert studio.count(voice_conditionings) == 1
