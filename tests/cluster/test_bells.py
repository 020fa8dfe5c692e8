"""Doorbells over a real Redis: who hears a ring, what an unread one stands for, and what happens without Redis."""

import threading

import dramatiq
import pytest
import redis as redis_client

from appliance.testing.ports import free_port
from appliance.testing.redis_server import redis_program, redis_server
from appliance.workers.bells import ACTOR, NAMESPACE, RedisDoorbell, RedisRinger, _Bells, queue_of
from tests.services import redis as redis
from tests.services import redis_of_session as redis_of_session

ANSWER_LIMIT_S = 10.0


@pytest.fixture
def nobody_home():
    """A port that nothing listens on."""
    return f"redis://127.0.0.1:{free_port()}/0"


def test_a_ring_reaches_every_worker_that_takes_such_work_and_no_other(redis):
    heard = {name: threading.Event() for name in ("ears", "more-ears", "mouth")}
    listeners = {"ears": ["hear"], "more-ears": ["hear", "translate"], "mouth": ["synthesize"]}
    bells = [RedisDoorbell(redis.url, name, event.set) for name, event in heard.items()]
    with bells[0], bells[1], bells[2], RedisRinger(redis.url, lambda: listeners) as ringer:
        ringer.ring(["hear"])
        assert heard["ears"].wait(ANSWER_LIMIT_S)
        assert heard["more-ears"].wait(ANSWER_LIMIT_S)
        ringer.ring(["synthesize"])
        assert heard["mouth"].wait(ANSWER_LIMIT_S)


def test_rings_for_a_worker_that_does_not_read_them_do_not_pile_up(redis):
    ringer = RedisRinger(redis.url, lambda: {"deaf": ["hear"]})
    for _ in range(50):
        ringer.tell(["hear"])
    client = redis.client()
    assert client.llen(f"{NAMESPACE}:{queue_of('deaf')}") == 1
    assert client.hlen(f"{NAMESPACE}:{queue_of('deaf')}.msgs") == 1
    assert 0 < client.ttl(f"{NAMESPACE}:{queue_of('deaf')}") <= 600


def test_who_was_rung_before_hears_a_ring_while_it_is_looked_up_who_else_is_there(redis):
    asked, heard, answered = threading.Event(), threading.Event(), threading.Event()

    def listeners():
        # Asked for the second time, it answers only when the ring has been heard.
        if asked.is_set():
            assert heard.wait(ANSWER_LIMIT_S)
            answered.set()
            return {"w": ["hear"], "newcomer": ["hear"]}
        asked.set()
        return {"w": ["hear"]}

    ringer = RedisRinger(redis.url, listeners)
    ringer.tell(["finish"])
    newcomer = threading.Event()
    with RedisDoorbell(redis.url, "w", heard.set), RedisDoorbell(redis.url, "newcomer", newcomer.set), ringer:
        ringer.ring(["hear"])
        assert answered.wait(ANSWER_LIMIT_S)
        assert newcomer.wait(ANSWER_LIMIT_S)


def test_the_next_ring_waits_in_redis_until_the_one_in_hand_is_answered(redis):
    client, rings = redis.client(), 3
    broker = _Bells(client=client, namespace=NAMESPACE, middleware=[])
    for _ in range(rings):
        broker.enqueue(dramatiq.Message(queue_of("w"), ACTOR, (), {}, {}))
    begun, go_on, all_answered, answers = threading.Event(), threading.Event(), threading.Event(), []

    def answer():
        answers.append(client.llen(f"{NAMESPACE}:{queue_of('w')}"))
        begun.set()
        assert go_on.wait(ANSWER_LIMIT_S)
        if len(answers) == rings:
            all_answered.set()

    with RedisDoorbell(redis.url, "w", answer):
        assert begun.wait(ANSWER_LIMIT_S)
        assert answers == [rings - 1]
        go_on.set()
        assert all_answered.wait(ANSWER_LIMIT_S)


def test_a_ring_after_an_answer_began_is_answered_again(redis):
    answers, second = [], threading.Event()

    def answer():
        answers.append(None)
        if len(answers) == 2:
            second.set()

    with RedisDoorbell(redis.url, "w", answer), RedisRinger(redis.url, lambda: {"w": ["hear"]}) as ringer:
        ringer.ring(["hear"])
        while not answers:
            threading.Event().wait(0.005)
        ringer.ring(["hear"])
        assert second.wait(ANSWER_LIMIT_S)


def test_an_idle_doorbell_leaves_redis_and_the_processor_alone(redis):
    def commands() -> int:
        return redis.client().info("stats")["total_commands_processed"]

    with RedisDoorbell(redis.url, "w", lambda: None):
        before = commands()
        threading.Event().wait(1.0)
        # Looking every 20 ms would be at least fifty; a slow machine makes it fewer, never more.
        assert commands() - before <= 20


def test_rings_that_come_while_one_is_answered_are_answered_after_it(redis):
    hold, answered = threading.Event(), threading.Semaphore(0)

    def answer():
        hold.wait(ANSWER_LIMIT_S)
        answered.release()

    with RedisDoorbell(redis.url, "w", answer) as bell:
        for _ in range(6):  # more than it takes at a time
            bell._broker.enqueue(dramatiq.Message(queue_of("w"), ACTOR, (), {}, {}))
        hold.set()
        for _ in range(6):
            assert answered.acquire(timeout=ANSWER_LIMIT_S)


def test_ringing_without_redis_returns_at_once_and_raises_nothing(nobody_home):
    with RedisRinger(nobody_home, lambda: {"w": ["hear"]}) as ringer:
        for _ in range(100):
            ringer.ring(["hear", "translate"])
        with pytest.raises(redis_client.ConnectionError):
            ringer.tell(["hear"])


def test_a_doorbell_hears_again_after_redis_came_back_empty(redis_of_session):
    with redis_server(redis_program()) as own:
        rung = threading.Event()
        with RedisDoorbell(own.url, "w", rung.set), RedisRinger(own.url, lambda: {"w": ["hear"]}) as ringer:
            own.kill()
            own.start()
            for _ in range(100):
                ringer.ring(["hear"])
                if rung.wait(0.2):
                    break
        assert rung.is_set()
