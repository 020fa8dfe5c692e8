"""Many messages, slow receivers, several processes, and one that dies, on both databases."""

import threading
from dataclasses import replace

import pytest

from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.testing.webhook_receiver import FAULTS, HostileReceiver, misbehaving
from appliance.webhooks.attempt import Sender
from appliance.webhooks.claims import claim
from appliance.webhooks.schedule import LONGEST_ASKED_S, SCHEDULE_S
from tests.jobs.post_office import LONG_S, QUICK, PostOffice, empty

SEED = 3
NEXT_IS_DUE_S = 1.2 * LONGEST_ASKED_S
"""Longer than any pause of the schedule."""


@pytest.fixture
def office(database, clock, tmp_path) -> PostOffice:
    return PostOffice(database, clock, Settings(data_dir=tmp_path))


@pytest.mark.parametrize("events", [200, pytest.param(1000, marks=pytest.mark.full)])
def test_a_hostile_receiver_gets_every_message_once_it_accepts_it(office, events):
    with HostileReceiver(misbehaving(SEED)) as receiver:
        office.allow(receiver)
        office.limits = replace(QUICK, attempts_at_once=32, per_receiver=32, attempt_s=2.0)
        messages = {office.add(receiver.url(f"/hook/{number}")) for number in range(events)}
        rounds = 0
        while office.states() != {"delivered"}:
            office.deliver()
            office.clock.advance(NEXT_IS_DUE_S)
            rounds += 1
            assert rounds < len(SCHEDULE_S)

        bad = [got for got in receiver.received if not office.well_signed(got)]
        print(  # noqa: T201 the suite prints its figures
            f"\nwebhooks: seed {SEED}, {events} events, {len(receiver.received)} attempts, {len(bad)} bad signatures, "
            f"{receiver.visitors_elsewhere} redirects followed"
        )
        assert {got.behaviour for got in receiver.received} == {"accept", *FAULTS}
        assert receiver.accepted() == dict.fromkeys(messages, 1)
        assert bad == []
        assert receiver.visitors_elsewhere == 0
        assert set(receiver.most_at_once.values()) == {1}


def test_two_processes_share_an_outbox_and_never_send_a_message_side_by_side(office):
    with HostileReceiver() as receiver:
        office.allow(receiver)
        messages = {office.add(receiver.url()) for _ in range(60)}
        databases = [Database(office.database.engine.url.render_as_string(False), office.clock) for _ in range(2)]
        sent = []

        def process(database: Database) -> None:
            with office.delivery(database, replace(QUICK, attempts_at_once=4)) as delivery:
                sent.append(empty(delivery))

        threads = [threading.Thread(target=process, args=(database,)) for database in databases]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for database in databases:
            database.close()

        assert sum(sent) == len(messages)
        assert receiver.accepted() == dict.fromkeys(messages, 1)
        assert set(receiver.most_at_once.values()) == {1}


def test_a_receiver_gets_no_more_attempts_at_once_than_its_limit_whoever_makes_them(office):
    limits = replace(QUICK, per_receiver=3, attempt_s=LONG_S, lease_s=4 * LONG_S)
    with HostileReceiver(lambda *_: "hold") as receiver:
        office.allow(receiver)
        for _ in range(10):
            office.add(receiver.url())
        with office.delivery(limits=limits) as first, office.delivery(limits=limits) as second:
            assert first.run_once() == 3
            assert second.run_once() == 0
            assert receiver.wait_for(3)
            receiver.released.set()
            assert first.wait_until_idle(LONG_S)
            assert second.run_once() == 3


def test_a_receiver_that_hangs_keeps_no_other_waiting(office):
    limits = replace(QUICK, attempts_at_once=4, per_receiver=2, attempt_s=LONG_S, lease_s=4 * LONG_S)
    with HostileReceiver(lambda *_: "hold") as hanging, HostileReceiver() as well:
        office.allow(hanging, well)
        for _ in range(20):
            office.add(hanging.url())
        office.clock.advance(1)
        messages = {office.add(well.url()) for _ in range(6)}
        with office.delivery(limits=limits) as delivery:
            while delivery.run_once():
                delivery.wait_for_one(LONG_S)
            assert well.wait_for(6)

            assert well.accepted().keys() == messages
            assert len(hanging.received) == 2
            hanging.released.set()


def test_the_message_of_a_process_that_died_is_taken_over_after_its_lease(office):
    limits = replace(QUICK, attempt_s=LONG_S, lease_s=4 * LONG_S)
    with HostileReceiver(lambda _path, nth: "hold" if nth == 0 else "accept") as receiver:
        office.allow(receiver)
        message = office.add(receiver.url())
        with office.delivery(limits=limits) as dying, office.delivery(limits=limits) as living:
            assert dying.run_once() == 1
            assert receiver.wait_for(1)
            assert living.run_once() == 0

            office.clock.advance(limits.lease_s)
            assert empty(living) == 1
            taken_over = office.row(message)
            # It was not dead: what it learns now must change nothing.
            receiver.released.set()

        assert taken_over.state == "delivered"
        assert taken_over.attempts == 1
        assert office.row(message) == taken_over


def test_a_death_costs_the_message_none_of_its_attempts(office):
    with HostileReceiver() as receiver:
        office.allow(receiver)
        message = office.add(receiver.url())
        for _ in range(2 * len(SCHEDULE_S)):
            assert len(claim(office.database, QUICK, 1)) == 1
            office.clock.advance(QUICK.lease_s)
        office.deliver()

        assert (office.row(message).state, office.row(message).attempts) == ("delivered", 1)


def test_an_attempt_that_could_outlive_its_lease_is_not_made(office):
    with HostileReceiver() as receiver:
        office.allow(receiver)
        office.add(receiver.url())
        (message,) = claim(office.database, QUICK, 1)
        with office.delivery() as delivery:
            sender: Sender = delivery.sender
            long_ago_s = office.clock.monotonic_s() - QUICK.start_within_s - 1

            assert sender.attempt(message, long_ago_s) is None
        assert receiver.received == []


def test_receivers_take_turns(office):
    with HostileReceiver() as busy, HostileReceiver() as quiet:
        office.allow(busy, quiet)
        for _ in range(10):
            office.add(busy.url())
        office.clock.advance(1)
        late = office.add(quiet.url())

        claimed = claim(office.database, replace(QUICK, per_receiver=4), 3)

        assert late in {message.id for message in claimed}
