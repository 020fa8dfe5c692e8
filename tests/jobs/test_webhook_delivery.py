"""One message and what a receiver does with it, on both databases."""

import json
import random
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from appliance.access.keys import create_key
from appliance.access.rotation import OVERLAP_S, rotate_secret
from appliance.application_secret import webhook_secret
from appliance.errors import DestinationDisabled, NotFound
from appliance.jobs.outbox import Notice, queue_messages
from appliance.settings import Settings
from appliance.storage.tables import audit, jobs, outbox
from appliance.testing.webhook_receiver import HostileReceiver
from appliance.webhooks.claims import claim
from appliance.webhooks.message import LARGEST_BODY_BYTES
from appliance.webhooks.outcome import Outcome, write_down
from appliance.webhooks.schedule import JITTER, LONGEST_ASKED_S, SCHEDULE_S
from appliance.webhooks.trouble import enable, require_enabled
from tests.jobs.post_office import QUICK, PostOffice, fits

WEEK_S = 7 * 86400.0


@pytest.fixture
def receiver() -> Iterator[HostileReceiver]:
    with HostileReceiver() as receiver:
        yield receiver


@pytest.fixture
def office(database, clock, tmp_path, receiver) -> PostOffice:
    office = PostOffice(database, clock, Settings(data_dir=tmp_path))
    office.allow(receiver)
    return office


def always(receiver, behaviour) -> None:
    receiver.behave = lambda _path, _nth: behaviour


def test_a_message_arrives_signed_so_that_a_receiver_can_verify_it(office, receiver):
    message = office.add(receiver.url("/hook?a=1"))

    assert office.deliver() == 1

    (received,) = receiver.received
    assert received.path == "/hook?a=1"
    assert office.well_signed(received)
    assert received.headers["webhook-id"] == message
    assert received.headers["webhook-timestamp"] == str(int(office.clock.now_s()))
    assert received.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert received.headers["content-type"] == "application/json"
    assert office.row(message).state == "delivered"
    assert office.row(message).last_answer == "204"


def test_a_message_says_what_became_of_the_job_and_quotes_nobody(office, receiver):
    office.add(receiver.url(), "fr", state="failed", error={"code": "no_speech", "detail": "un secret"})
    office.deliver()

    message = json.loads(receiver.received[0].body)
    assert message["type"] == "voice.job.failed"
    assert message["data"] == {
        "job_id": "job_1",
        "sequence": 1,
        "user_id": "alice",
        "state": "failed",
        "error": {"code": "no_speech"},
        "targets": [{"language": "fr", "state": "failed", "error": {"code": "no_route"}}],
    }


def test_the_largest_message_is_thin(office, receiver):
    office.add(receiver.url(), *(f"x-{number:014}" for number in range(20)), error={"code": "e" * 40, "detail": "d"})
    office.deliver()

    assert len(receiver.received[0].body) < LARGEST_BODY_BYTES / 4


def test_messages_of_one_job_are_numbered(office, receiver):
    first = office.add(receiver.url())
    with office.database.write() as connection:
        (second,) = queue_messages(
            connection, [Notice("job_1", office.application.application_id, receiver.url())], 0.0
        )
    office.deliver()

    sequences = {got.message_id: json.loads(got.body)["data"]["sequence"] for got in receiver.received}
    assert sequences == {first: 1, second: 2}


def test_a_delivered_message_is_not_sent_again(office, receiver):
    office.add(receiver.url())
    office.deliver()
    office.clock.advance(WEEK_S)

    assert office.deliver() == 0
    assert len(receiver.received) == 1


def test_a_failing_receiver_is_tried_by_the_schedule_and_is_then_marked_as_failing(office, receiver):
    always(receiver, "error")
    message = office.add(receiver.url())
    pauses = []
    while office.row(message).state == "waiting":
        pauses.append(office.row(message).next_attempt_s - office.clock.now_s())
        office.clock.advance(pauses[-1])
        assert office.deliver() == 1

    assert pauses == pytest.approx(SCHEDULE_S, rel=JITTER)
    assert pauses[1:] != list(SCHEDULE_S[1:])
    assert 68 * 3600 < sum(pauses) < 84 * 3600
    assert office.row(message).state == "failed"
    assert office.row(message).attempts == len(SCHEDULE_S)
    assert office.troubles() == {receiver.url(): "failing"}


def test_every_attempt_has_the_messages_id_the_same_body_and_a_time_of_its_own(office, receiver):
    receiver.behave = lambda _path, nth: "error" if nth < 3 else "accept"
    message = office.add(receiver.url())
    for _ in range(4):
        office.deliver()
        office.clock.advance(7200)

    assert {got.headers["webhook-id"] for got in receiver.received} == {message}
    assert len({got.body for got in receiver.received}) == 1
    assert len({got.headers["webhook-timestamp"] for got in receiver.received}) == 4
    assert all(office.well_signed(got) for got in receiver.received)


def test_a_destination_is_well_again_when_a_message_arrives(office, receiver):
    always(receiver, "error")
    office.add(receiver.url())
    for _ in SCHEDULE_S:
        office.deliver()
        office.clock.advance(2 * 86400)
    assert office.troubles() == {receiver.url(): "failing"}

    always(receiver, "accept")
    office.add(receiver.url())
    office.deliver()

    assert office.troubles() == {}


@pytest.mark.parametrize(("asked", "granted_s"), [("3600", 3600), ("99999999", LONGEST_ASKED_S), ("1", 5), ("?", 5)])
def test_a_busy_receiver_gets_the_pause_it_asks_for_within_bounds(office, receiver, asked, granted_s):
    receiver.retry_after = asked
    always(receiver, "busy")
    message = office.add(receiver.url())
    office.deliver()

    pause = office.row(message).next_attempt_s - office.clock.now_s()
    assert granted_s * (1 - JITTER) <= pause <= granted_s * (1 + JITTER)


def test_a_receiver_that_is_gone_gets_nothing_more_from_that_application(office, receiver):
    always(receiver, "gone")
    first = office.add(receiver.url())
    office.deliver()
    later = office.add(receiver.url())
    other = create_key(office.database, "another", "app").application_id
    elsewhere, foreign = office.add(receiver.url("/other")), office.add(receiver.url(), application_id=other)
    always(receiver, "accept")
    office.deliver()

    assert [office.row(message).state for message in (first, later)] == ["gone", "gone"]
    assert [office.row(message).state for message in (elsewhere, foreign)] == ["delivered", "delivered"]
    assert receiver.accepted().keys() == {elsewhere, foreign}
    with office.database.read() as rows:
        with pytest.raises(DestinationDisabled):
            require_enabled(rows, office.application.application_id, receiver.url())
        require_enabled(rows, other, receiver.url())


def test_an_enabled_destination_gets_what_it_missed(office, receiver):
    always(receiver, "gone")
    missed = {office.add(receiver.url()), office.add(receiver.url())}
    office.deliver()
    always(receiver, "accept")

    assert enable(office.database, receiver.url(), "messenger") == 2

    office.deliver()
    assert receiver.accepted().keys() == missed
    assert office.troubles() == {}
    with pytest.raises(NotFound):
        enable(office.database, receiver.url())
    with office.database.read() as connection:
        rows = connection.execute(sa.select(audit.c.user_id, audit.c.action).where(audit.c.action.like("webhook%")))
        assert set(rows) == {("delivery", "webhook_disabled"), ("operator", "webhook_enabled")}


def test_a_message_that_is_given_up_while_its_destination_is_enabled_is_not_lost(office, receiver):
    always(receiver, "gone")
    office.add(receiver.url())
    office.deliver()
    message = office.add(receiver.url())
    (claimed,) = claim(office.database, QUICK, 1)
    enable(office.database, receiver.url())

    write_down(office.database, claimed, Outcome(kind="disabled", answer="disabled"), random.Random(0))

    always(receiver, "accept")
    office.deliver()
    assert office.row(message).state == "delivered"
    assert office.row(message).attempts == 1


def test_a_redirect_is_a_miss_and_is_not_followed(office, receiver):
    always(receiver, "redirect")
    message = office.add(receiver.url())
    office.deliver()

    assert office.row(message).state == "waiting"
    assert office.row(message).last_answer == "302"
    assert receiver.visitors_elsewhere == 0


@pytest.mark.parametrize(
    ("behaviour", "answer"),
    [("hang", "timeout"), ("drip", "timeout"), ("reset", "unreachable"), ("garbage", "unreachable")],
)
def test_a_receiver_that_does_not_answer_properly_is_tried_again(office, receiver, behaviour, answer):
    receiver.behave = lambda _path, nth: behaviour if nth == 0 else "accept"
    message = office.add(receiver.url())
    office.deliver()
    assert (office.row(message).state, office.row(message).last_answer) == ("waiting", answer)

    office.clock.advance(10)
    office.deliver()

    assert office.row(message).state == "delivered"


@pytest.mark.parametrize("destination", ["http://127.0.0.1:1/hook", "https://hooks.invalid/hook"])
def test_a_receiver_that_is_not_there_is_tried_again(office, destination):
    office.settings = office.settings.model_copy(update={"webhook_allow": "127.0.0.1:1, hooks.invalid"})
    message = office.add(destination)
    office.deliver()

    assert (office.row(message).state, office.row(message).attempts) == ("waiting", 1)


def test_a_destination_that_left_the_list_is_not_sent_to(office, receiver):
    message = office.add(receiver.url())
    office.settings = office.settings.model_copy(update={"webhook_allow": ""})
    office.deliver()

    assert receiver.received == []
    assert office.row(message).state == "refused"


def test_a_row_that_cannot_be_read_uses_up_its_own_attempts_and_keeps_nobody_waiting(office, receiver):
    broken, whole = office.add(receiver.url(), state="nonsense"), office.add(receiver.url())
    office.deliver()

    assert office.row(whole).state == "delivered"
    assert (office.row(broken).attempts, office.row(broken).last_answer) == (1, "broken")


def test_a_job_deleted_during_the_attempt_takes_its_message_along(office, receiver):
    always(receiver, "hold")
    office.add(receiver.url())
    with office.delivery() as delivery:
        delivery.run_once()
        assert receiver.wait_for(1)
        with office.database.write() as connection:
            connection.execute(sa.delete(jobs))
        receiver.released.set()

    with office.database.read() as connection:
        assert connection.execute(sa.select(outbox)).all() == []


def test_for_a_day_after_a_change_both_secrets_sign(office, receiver):
    old = webhook_secret(office.application.token_secret)
    new = webhook_secret(rotate_secret(office.database, "messenger").token_secret)
    office.add(receiver.url())
    office.deliver()
    office.clock.advance(OVERLAP_S)
    office.add(receiver.url())
    office.deliver()

    first, second = receiver.received
    assert fits(old, first)
    assert fits(new, first)
    assert len(first.headers["webhook-signature"].split(" ")) == 2
    assert fits(new, second)
    assert not fits(old, second)


def test_a_secret_changed_at_once_signs_no_more(office, receiver):
    old = webhook_secret(office.application.token_secret)
    rotate_secret(office.database, "messenger", overlap=False)
    office.add(receiver.url())
    office.deliver()

    assert office.well_signed(receiver.received[0])
    assert not fits(old, receiver.received[0])
