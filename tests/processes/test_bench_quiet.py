"""What a process and its children have used of the processors is told apart from what others have."""

import subprocess
import sys

from appliance.bench.quiet import others_cpu_s


def test_the_work_of_our_own_children_counts_as_ours():
    used_by_child_s = 1.0
    busy = f"import time\nwhile time.process_time() < {used_by_child_s}: pass"
    before_s = others_cpu_s()
    whole_before_s = _whole_machine_s()

    subprocess.run([sys.executable, "-c", busy], check=True)

    others_s, whole_s = others_cpu_s() - before_s, _whole_machine_s() - whole_before_s
    assert whole_s - others_s >= 0.9 * used_by_child_s


def test_the_work_of_a_server_in_the_background_counts_as_ours_when_it_is_named():
    # A grandchild whose parent has ended belongs to nobody of ours any more, as a server that forks itself away.
    used_s = 1.0
    busy = f"import time\nwhile time.process_time() < {used_s}: pass\nprint(flush=True)\nimport sys; sys.stdin.read()"
    launch = "import subprocess, sys\nprint(subprocess.Popen([sys.executable, '-c', sys.argv[1]]).pid, flush=True)"
    with subprocess.Popen(
        [sys.executable, "-c", launch, busy], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as away:
        server = int(away.stdout.readline())
        away.stdout.readline()
        away.wait()
        with_it_s, without_it_s = others_cpu_s((server,)), others_cpu_s()
        away.stdin.close()

    assert without_it_s - with_it_s >= 0.9 * used_s


def _whole_machine_s() -> float:
    from appliance.bench import quiet

    user, nice, system, _idle, _iowait, irq, soft_irq, steal, *_ = quiet._cpu_ticks()
    return (user + nice + system + irq + soft_irq + steal) * quiet._TICK_S
