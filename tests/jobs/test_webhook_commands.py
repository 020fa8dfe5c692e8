"""`meeshy webhooks` and `meeshy keys rotate-secret`, on both databases."""

import json

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from appliance.cli import main
from appliance.settings import Settings
from appliance.storage.tables import audit
from appliance.testing.webhook_receiver import HostileReceiver
from appliance.webhooks.replay import replay_failed
from appliance.webhooks.schedule import SCHEDULE_S
from tests.jobs.post_office import PostOffice, fits


@pytest.fixture
def receiver():
    with HostileReceiver() as receiver:
        yield receiver


@pytest.fixture
def office(database, clock, tmp_path, receiver) -> PostOffice:
    office = PostOffice(database, clock, Settings(data_dir=tmp_path))
    office.allow(receiver)
    return office


@pytest.fixture
def meeshy(office):
    """The command line on the office's database; its time is the machine's, months before the office's."""
    url = office.database.engine.url.set(drivername=office.database.url.drivername).render_as_string(False)

    def run(*words: str) -> Result:
        return CliRunner().invoke(main, words, env={"MEESHY_DATABASE_URL": url})

    return run


@pytest.fixture
def failed(office, receiver) -> str:
    """A message that used up its schedule."""
    receiver.behave = lambda _path, _nth: "error"
    message = office.add(receiver.url())
    for _ in SCHEDULE_S:
        office.deliver()
        office.clock.advance(2 * 86400)
    receiver.behave = lambda _path, _nth: "accept"
    return message


def test_the_list_shows_messages_and_destinations_that_need_attention(office, receiver, failed, meeshy):
    waiting = office.add(receiver.url("/other"))

    listed = json.loads(meeshy("webhooks", "list", "--json").stdout)
    only_failed = json.loads(meeshy("webhooks", "list", "--state", "failed", "--json").stdout)
    newest = json.loads(meeshy("webhooks", "list", "--limit", "1", "--json").stdout)
    text = meeshy("webhooks", "list").stdout

    assert [(m["id"], m["state"], m["application"]) for m in listed["messages"]] == [
        (waiting, "waiting", "messenger"),
        (failed, "failed", "messenger"),
    ]
    assert [m["id"] for m in only_failed["messages"]] == [failed]
    assert only_failed["messages"][0]["last_answer"] == "500"
    assert only_failed["messages"][0]["attempts"] == only_failed["messages"][0]["attempts_max"] == len(SCHEDULE_S)
    assert only_failed["messages"][0]["next_attempt_s"] is None
    assert [m["id"] for m in newest["messages"]] == [waiting]
    assert [(d["destination"], d["state"]) for d in listed["destinations"]] == [(receiver.url(), "failing")]
    assert f"{failed}  failed     10 of 10" in text
    assert "failing since" in text


def test_a_failed_message_is_sent_again_under_its_id(office, receiver, failed, meeshy):
    assert meeshy("webhooks", "replay", failed).stdout == "due at once: 1 message\n"
    office.deliver()

    assert receiver.accepted() == {failed: 1}
    assert office.row(failed).state == "delivered"
    assert office.troubles() == {}
    with office.database.read() as connection:
        rows = connection.execute(
            sa.select(audit.c.user_id, audit.c.subject).where(audit.c.action == "webhook_replayed")
        )
        assert rows.all() == [("operator", failed)]


def test_all_that_failed_are_sent_again_and_no_others(office, receiver, failed, meeshy):
    delivered = office.add(receiver.url())
    office.deliver()

    assert json.loads(meeshy("webhooks", "replay", "--failed", "--json").stdout) == {"replayed": [failed]}
    office.deliver()

    assert receiver.accepted() == {failed: 1, delivered: 1}


def test_since_counts_back_from_now(office, failed, meeshy):
    age_s = len(SCHEDULE_S) * 2 * 86400

    assert replay_failed(office.database, age_s - 1) == []
    assert replay_failed(office.database, age_s + 1) == [failed]
    assert meeshy("webhooks", "replay", "--failed", "--since", "90m").stdout == "due at once: 0 messages\n"


def test_an_enabled_destination_gets_what_it_missed(office, receiver, meeshy):
    receiver.behave = lambda _path, _nth: "gone"
    message = office.add(receiver.url())
    office.deliver()
    receiver.behave = lambda _path, _nth: "accept"

    assert "disabled" in meeshy("webhooks", "replay", message).stderr
    assert meeshy("webhooks", "enable", receiver.url(), "--application", "nobody").exit_code == 1
    named = json.loads(meeshy("webhooks", "list", "--json").stdout)["destinations"][0]["id"]
    answer = json.loads(meeshy("webhooks", "enable", named, "--application", "messenger", "--json").stdout)
    office.deliver()

    assert answer == {"destination": named, "enabled": True, "messages": 1}
    assert receiver.accepted() == {message: 1}


def test_a_message_in_delivery_is_not_replayed(office, receiver, meeshy):
    receiver.behave = lambda _path, _nth: "hold"
    message = office.add(receiver.url())
    with office.delivery() as delivery:
        delivery.run_once()
        assert receiver.wait_for(1)
        refused = meeshy("webhooks", "replay", message)
        receiver.released.set()

    assert refused.exit_code == 1
    assert "being delivered" in refused.stderr


@pytest.mark.parametrize(
    ("words", "exit_code", "sentence"),
    [
        (("replay", "msg_nope"), 1, "There is no message"),
        (("replay",), 2, "Name one message, or give --failed"),
        (("replay", "msg_1", "--failed"), 2, "Name one message, or give --failed"),
        (("replay", "msg_1", "--since", "1h"), 2, "Name one message, or give --failed"),
        (("replay", "--failed", "--since", "yesterday"), 2, "90m, 24h, 7d"),
        (("enable", "https://hooks.example/"), 1, "No such destination"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(meeshy, words, exit_code, sentence):
    result = meeshy("webhooks", *words)

    assert result.exit_code == exit_code
    assert sentence in result.stderr


def test_an_empty_outbox_says_so(meeshy):
    assert meeshy("webhooks", "list").stdout == "No messages.\n"


def test_a_rotated_secret_is_printed_once_and_signs_from_then_on(office, receiver, meeshy):
    printed = json.loads(meeshy("keys", "rotate-secret", "messenger", "--at-once", "--json").stdout)
    office.add(receiver.url())
    office.deliver()

    assert fits(printed["webhook_secret"], receiver.received[0])
    assert printed["previous_until_s"] is None
    assert "whsec_" in meeshy("keys", "rotate-secret", "messenger").stdout
    assert "no application 'nobody'" in meeshy("keys", "rotate-secret", "nobody").stderr
