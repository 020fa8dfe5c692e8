"""A unit that was started before its files were changed is started anew, whoever changed them, and no other is."""

import os
from dataclasses import replace

import pytest

from tests.ansible_code import load

STARTED_S = 1_795_735_031.25
SHOWN = {
    "LoadState": "loaded",
    "ActiveState": "active",
    "UnitFileState": "enabled",
    "NeedDaemonReload": "no",
    "FragmentPath": "/lib/systemd/system/nginx.service",
    "DropInPaths": "/etc/systemd/system/nginx.service.d/a.conf /run/systemd/generator/nginx.service.d/b.conf",
    "InactiveExitTimestamp": "Thu 2026-11-26 23:17:11.250000 UTC",
    "InactiveExitTimestampMonotonic": "500000000",
}
MONOTONIC_S = 600.0
NOW_S = STARTED_S + 100


@pytest.fixture(scope="module")
def in_force():
    return load("plugins/module_utils/in_force.py")


@pytest.fixture
def parsed(in_force):
    def parsed_(now_s=NOW_S, **changes):
        shown = "\n".join(f"{name}={value}" for name, value in (SHOWN | changes).items())
        return in_force.parse_unit(shown, now_s, MONOTONIC_S)

    return parsed_


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "meeshy.conf"
    path.write_text("right")
    return path


@pytest.fixture
def unit(in_force, parsed, file):
    """A unit that was started so many seconds after the file was written."""

    def unit_(after_s, **changes):
        started_s = in_force.changed_s(str(file)) + after_s
        return replace(parsed(), started_s=started_s, own_files=(), **changes)

    return unit_


@pytest.fixture
def verb(in_force):
    def verb_(unit, *files, reloads=False, reloaded_s=0.0, start=True):
        return in_force.judge(unit, map(str, files), reloads=reloads, reloaded_s=reloaded_s, start=start).verb

    return verb_


def test_what_systemd_says_is_read(parsed):
    unit = parsed()

    assert [unit.known, unit.runs, unit.enabled] == [True] * 3
    assert [unit.failed, unit.read_before_change] == [False] * 2
    assert unit.started_s == STARTED_S
    assert unit.own_files == ("/lib/systemd/system/nginx.service", "/etc/systemd/system/nginx.service.d/a.conf")


def test_a_unit_that_is_unknown_or_was_never_started_is_read_too(parsed):
    never = {"InactiveExitTimestamp": "", "InactiveExitTimestampMonotonic": "0", "FragmentPath": "", "DropInPaths": ""}
    unit = parsed(**never, LoadState="not-found", ActiveState="inactive", UnitFileState="")

    assert (unit.known, unit.runs, unit.enabled, unit.started_s, unit.own_files) == (False, False, False, 0.0, ())


def test_of_a_clock_that_was_set_and_a_machine_that_slept_the_earlier_start_counts(parsed):
    assert parsed(now_s=NOW_S - 7200).started_s == STARTED_S - 7200
    assert parsed(now_s=NOW_S + 7200).started_s == STARTED_S


def test_a_file_that_is_newer_than_the_start_restarts_and_an_older_one_does_not(unit, verb, file):
    assert verb(unit(after_s=-5), file) == "restart"
    assert verb(unit(after_s=5), file) == "nothing"


def test_a_file_with_its_right_content_and_a_new_time_restarts(in_force, unit, verb, file):
    running = unit(after_s=0.1)
    assert verb(running, file) == "nothing"

    os.utime(file, (running.started_s + 5,) * 2)

    assert verb(running, file) == "restart"


def test_one_that_is_still_starting_is_waited_for_only_with_what_lies_there_now(parsed, unit, verb, file):
    starting = parsed(ActiveState="activating")
    assert (starting.runs, starting.starting) == (False, True)
    old, new = (unit(after_s=after_s, runs=False, starting=True) for after_s in (-5, 5))

    assert (verb(old, file), verb(new, file)) == ("restart", "start")
    assert (verb(old, file, start=False), verb(new, file, start=False)) == ("restart", "nothing")
    assert verb(old, file, reloads=True) == "restart"  # nothing listens to a reload yet


def test_what_came_by_rename_with_an_old_time_of_writing_counts_by_its_coming(in_force, unit, verb, file):
    running = unit(after_s=-5)
    os.utime(file, (1, 1))

    assert verb(running, file) == "restart"


def test_a_file_within_one_tick_of_the_start_counts_as_newer(unit, verb, file):
    assert verb(unit(after_s=0.005), file) == "restart"


def test_what_does_not_exist_counts_for_nothing(unit, verb, tmp_path):
    assert verb(unit(after_s=-5), tmp_path / "none") == "nothing"


def test_a_link_that_leads_elsewhere_now_counts_and_what_lies_in_its_folder_does_not(in_force, unit, verb, tmp_path):
    release, link = tmp_path / "release", tmp_path / "current"
    release.mkdir()
    link.symlink_to(release)
    linked_s = in_force.changed_s(str(link))
    os.utime(release, (linked_s + 50,) * 2)

    assert in_force.changed_s(str(link)) == linked_s
    assert verb(replace(unit(0), started_s=linked_s - 5), link) == "restart"


def test_a_folder_counts_with_its_entries(in_force, unit, verb, tmp_path):
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "key").write_text("x")
    running = replace(unit(0), started_s=in_force.changed_s(str(folder)) + 5)
    assert verb(running, folder) == "nothing"

    os.utime(folder / "key", (running.started_s + 5,) * 2)

    assert verb(running, folder) == "restart"


def test_a_reload_counts_until_a_file_is_newer_than_it(unit, verb, file):
    running = unit(after_s=-50)

    assert verb(running, file, reloads=True) == "reload"
    assert verb(running, file, reloads=True, reloaded_s=running.started_s + 40) == "reload"
    assert verb(running, file, reloads=True, reloaded_s=running.started_s + 60) == "nothing"
    assert verb(running, file, reloaded_s=running.started_s + 60) == "restart"


def test_a_reload_of_the_unit_s_former_life_counts_for_nothing(unit, verb, file):
    assert verb(unit(after_s=5), file, reloads=True, reloaded_s=1.0) == "nothing"


def test_a_changed_unit_is_restarted_even_where_its_files_ask_for_a_reload_only(unit, verb, file):
    assert verb(replace(unit(after_s=-5), own_files=(str(file),)), reloads=True) == "restart"
    assert verb(unit(after_s=5, read_before_change=True), file, reloads=True) == "restart"


def test_what_does_not_run_is_started_or_left(unit, verb, file):
    stopped = unit(after_s=-5, runs=False, failed=True)

    assert verb(stopped, file) == "start"
    assert verb(stopped, file, start=False) == "nothing"


def test_an_addition_in_a_new_folder_is_one_that_systemd_has_not_read(in_force, tmp_path):
    assert in_force.unread("nginx.service", [], str(tmp_path)) == []
    addition = tmp_path / "nginx.service.d/meeshy.conf"
    addition.parent.mkdir()
    addition.write_text("")

    assert in_force.unread("nginx.service", [], str(tmp_path)) == [str(addition)]
    assert in_force.unread("nginx.service", [str(addition)], str(tmp_path)) == []
