"""What a worker that was killed leaves in Redis goes by itself."""

import sqlalchemy as sa

from appliance.storage.tables import workers
from appliance.workers.bells import KEEP_RINGS_S, NAMESPACE, queue_of
from tests.processes.conftest import eventually


def test_the_queue_of_a_killed_worker_expires(cluster, redis):
    victim = cluster.start_worker()
    cluster.start_api()
    cluster.ready()
    ((worker,),) = cluster.rows(sa.select(workers.c.id))
    cluster.kill(victim)
    cluster.submit("nobody answers", "fr")
    client = redis.client()
    queue = f"{NAMESPACE}:{queue_of(worker)}"
    eventually(lambda: client.exists(queue), "it is rung: nobody knows yet that it is dead")
    left = [key for key in client.keys(f"{NAMESPACE}:*") if queue_of(worker).encode() in key]
    assert {0 < client.ttl(key) <= KEEP_RINGS_S for key in left} == {True}
