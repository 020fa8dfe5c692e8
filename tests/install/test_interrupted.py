"""An installation that is cut off goes on with the next call."""

import pytest

from tests.install.node import node
from tests.install.playbook import changes, install

pytestmark = [pytest.mark.install, pytest.mark.full, pytest.mark.timeout(1800)]
CUTS_S = (3, 15, 30, 50)
"""On two cores: while unpacking, installing packages, making the environment. Elsewhere at other moments."""


def test_an_installation_that_was_killed_several_times_is_finished_by_the_next_call(archive, medium, network, place):
    with node("killed", 12, network, archive, place, [f"{medium.folder}:{medium.inside}"]) as box:
        box.run("install", "-D", "--mode=0644", f"{medium.inside}/bundle-keys", "/etc/meeshy/bundle-keys")
        for cut_s in CUTS_S:
            cut = ["timeout", "--signal=KILL", str(cut_s), "sh", medium.script, medium.bundle]
            assert box.run(*cut, check=False, limit_s=600).returncode != 0

        assert changes(install(box, medium))["appliance"] > 0
        assert changes(install(box, medium)) == {"appliance": 0}
