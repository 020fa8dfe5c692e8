"""What an inventory may not say is refused before any machine is looked at: judged by Ansible, without a machine."""

import json
import os
import subprocess

import pytest
import yaml

from tests.install.ansible_environment import ROOT, ansible_environment

pytestmark = [pytest.mark.network, pytest.mark.timeout(600)]
HOST = {"ansible_connection": "local", "meeshy_address": "127.0.0.1"}
ONE = {"head": HOST}
ON_IT = {name: ["head"] for name in ("database", "broker", "objectstore", "api", "workers")}
PLAY = [
    {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [{"ansible.builtin.include_role": {"name": "preflight", "tasks_from": "inventory.yml"}}],
    }
]
SHARED = {
    name: value
    for name, value in yaml.safe_load((ROOT / "ansible/group_vars/all.yml").read_text()).items()
    if name.endswith(("_users", "_clients"))
}
"""Variables of all inventories by which parts are told who uses them; Ansible takes them from beside the playbooks."""
BUNDLE = {"preset": "starter", "object_store": "seaweedfs"}
"""What the bundle at hand was built with, as far as an inventory can ask for something else."""


def judged(folder, play=PLAY, bundle=BUNDLE, hosts=ONE, groups=ON_IT, **variables):
    """Return what Ansible says of an inventory with these variables, by default of the example of one machine."""
    (folder / "bundle.json").write_text(json.dumps(bundle))
    variables["meeshy_bundle"] = str(folder)
    children = {name: {"hosts": dict.fromkeys(of)} for name, of in groups.items()}
    everything = {"hosts": hosts, "children": children, "vars": variables}
    (folder / "hosts.json").write_text(json.dumps({"all": everything}))
    (folder / "play.yml").write_text(json.dumps(play))
    settings = {"ANSIBLE_CONFIG": str(ROOT / "ansible/ansible.cfg"), "LC_ALL": "C.UTF-8"}
    command = [ansible_environment() / "ansible-playbook", "--inventory", folder / "hosts.json", folder / "play.yml"]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ | settings)


def test_passwords_that_stay_one_word_in_an_address_are_taken(tmp_path):
    told = judged(tmp_path, database_password="Aa9._~-", broker_password=1234)

    assert told.returncode == 0, told.stdout


@pytest.mark.parametrize("password", ["half@host", "it's", "two words", "closing\n", ""])
def test_one_that_does_not_is_refused_by_its_name_and_not_shown(tmp_path, password):
    told = judged(tmp_path, broker_password=password)

    assert told.returncode != 0
    assert "broker_password may hold letters, digits and . _ ~ - alone" in told.stdout
    assert not password.strip() or password.strip() not in told.stdout


S3 = {
    "objectstore_kind": "external", "application_objectstore_endpoint": "10.0.0.30:9000",
    "objectstore_access_key": "site", "objectstore_secret_key": "kept",
}  # fmt: skip


def test_an_s3_server_of_the_site_s_needs_its_address_and_its_keys(tmp_path):
    told = judged(tmp_path, **S3)
    assert told.returncode == 0, told.stdout

    told = judged(tmp_path, objectstore_kind="external", objectstore_access_key="site")

    assert told.returncode != 0
    assert "lacks application_objectstore_endpoint, objectstore_secret_key." in " ".join(told.stdout.split())


SEAWEEDFS, PRODUCTION = {"objectstore_kind": "seaweedfs"}, {"application_model_preset": "production"}


@pytest.mark.parametrize(
    ("asked", "built_with", "built_without", "wanting"),
    [
        (SEAWEEDFS, {}, {"object_store": "external"}, "SeaweedFS (objectstore_kind)"),
        (PRODUCTION, {"preset": "production"}, {}, "the models of production (application_model_preset)"),
    ],
)
def test_what_the_bundle_was_built_without_is_refused(tmp_path, asked, built_with, built_without, wanting):
    told = judged(tmp_path, bundle=BUNDLE | built_with, **asked)
    assert told.returncode == 0, told.stdout

    told = judged(tmp_path, bundle=BUNDLE | built_without, **asked)

    assert told.returncode != 0
    assert f"The inventory asks for {wanting}; the bundle has" in " ".join(told.stdout.split())


ROTATES = [PLAY[0] | {"tasks": [{"ansible.builtin.include_role": {"name": "rotation", "tasks_from": "given.yml"}}]}]


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        (S3, None),
        (S3 | {"database_password": "kept"}, "database_password"),
        (S3 | {"application_broker_password": "kept"}, "application_broker_password"),
        (S3 | {"objectstore_kind": "seaweedfs"}, "objectstore_access_key"),
    ],
)
def test_only_what_a_rotation_would_change_may_not_be_the_inventory_s(tmp_path, given, refused):
    told = judged(tmp_path, ROTATES, **given)

    assert (told.returncode == 0) is (refused is None), told.stdout
    assert refused is None or f"not rotated: the inventory sets {refused}." in " ".join(told.stdout.split())


@pytest.mark.parametrize(("waived", "lacking"), [([], "authority/ca.pem, authority/ca.key, "), (["authority"], "")])
def test_an_authority_may_be_given_up_and_a_secret_may_not(tmp_path, waived, lacking):
    shown = {"ansible.builtin.debug": {"msg": "lacks {{ preflight_site_files | join(', ') }}."}}
    role = {"ansible.builtin.include_role": {"name": "preflight", "tasks_from": "inventory.yml", "public": True}}

    told = judged(tmp_path, [PLAY[0] | {"tasks": [role, shown]}], preflight_waived=waived)

    secrets = "secrets/voice_key, secrets/database_password, secrets/broker_password"
    assert f"lacks {lacking}{secrets}." in " ".join(told.stdout.split())


REMOTE = {"ansible_connection": "ssh", "meeshy_address": "10.9.9.2"}


@pytest.mark.parametrize(
    ("hosts", "groups"),
    [
        (ONE | {"data": HOST | {"meeshy_address": "10.9.9.2"}}, ON_IT | {"database": ["data"]}),
        (ONE | {"data": REMOTE}, ON_IT | {"database": ["data"], "api": ["data"]}),
    ],
    ids=["without an API", "elsewhere"],
)
def test_a_database_of_which_no_backup_could_be_made_is_refused(tmp_path, hosts, groups):
    task = {"ansible.builtin.include_role": {"name": "preflight", "tasks_from": "inventory.yml"}}
    play = [PLAY[0] | {"hosts": "head", "tasks": [task]}]

    told = judged(tmp_path, play, hosts=hosts, groups=groups, **SEAWEEDFS)

    assert told.returncode != 0
    said = "data of the inventory's group database has to be the machine that install.sh runs on"
    assert said in " ".join(told.stdout.split())


MANY = {name: HOST | {"meeshy_address": f"10.9.9.{number}"} for number, name in enumerate(("head", "w1", "w2"), 1)}


@pytest.mark.parametrize(
    ("groups", "refused"),
    [
        ({"workers": ["head", "w1", "w2"]}, False),
        ({"workers": ["head", "w2"]}, True),
        ({"workers": ["w1", "w2"], "api": ["head", "w2"]}, True),
        ({"workers": ["head", "w2"], "broker": ["w1"], "database": ["w1"], "objectstore": ["w1"]}, False),
    ],
    ids=["beside another", "the first", "with an API", "of whom others use the parts too"],
)
def test_a_machine_that_changes_how_the_others_talk_is_not_taken_in_alone(tmp_path, groups, refused):
    (first, *_) = yaml.safe_load((ROOT / "ansible/add_node.yml").read_text())

    told = judged(tmp_path, [first], hosts=MANY, groups=ON_IT | groups, node="w2", **SHARED)

    assert (told.returncode != 0) is refused, told.stdout
    assert refused is ("takes in a machine of workers alone, beside other machines" in " ".join(told.stdout.split()))
