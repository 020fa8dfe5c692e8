"""A support bundle of a machine with planted secrets and planted words of somebody: none of them is in it."""

import base64
import json
import tarfile
from pathlib import Path
from urllib.parse import quote

import pytest

from appliance.commands.settings import SECRET, WITH_PASSWORD
from appliance.settings import Settings
from appliance.status.figures import Figures, PauseLine, WebhookLine
from appliance.status.report import Report
from installer.__main__ import main
from installer.target.support.forms import cut_form
from installer.target.support.gather import gather
from installer.target.support.journal import told_lines
from installer.target.support.redact import Redactor
from installer.target.support.secrets import find_secrets
from installer.target.support.sentences import Sentences, sentences_of
from installer.target.support.settings import HIDDEN, SHOWN, shown_settings
from installer.target.support.status import without_names

ROOT = Path(__file__).resolve().parents[2]
DATABASE, BROKER, S3, DEEPL, VOICE, KEY = (
    "Db7planted0Password9", "Br7planted0Password9", "S37planted0Secret+/x=", "dee7planted0key9:fx",
    base64.b64encode(b"planted voice key of 32 bytes...").decode(), f"mk_{'a1' * 8}_{'b2' * 32}",
)  # fmt: skip
SECRETS = (DATABASE, BROKER, S3, DEEPL, VOICE, KEY)
SAID = "Ask not what your country can do for you"
SAID_IN_CHINESE = "不要问你的国家能为你做些什么"
CODE = """
log.info("the pool started %s on %s", role, place)
raise ModelMissing(f"The model {model_id} is not installed; run it.")
log.warning("an engine failed: %s", reason)
"""


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


@pytest.fixture
def root(tmp_path):
    """A machine's files, with everything planted where it may turn up."""
    root = tmp_path / "machine"
    write(root, "etc/meeshy/credentials/meeshy_database_url", f"postgresql://meeshy:{DATABASE}@127.0.0.1:5432/meeshy")
    write(root, "etc/meeshy/site/secrets/database_password", f"{DATABASE}\n")
    write(root, "etc/meeshy/site/secrets/broker_password", f"{BROKER}\n")
    write(root, "etc/meeshy/site/secrets/objectstore_secret_key", S3)
    write(root, "var/lib/meeshy/voice.key", f"{VOICE}\n")
    write(root, "var/lib/meeshy/data/first_key", f"{KEY}\n")
    write(root, "etc/meeshy/inventory/group_vars/all.yml", f"application_secret_settings: {{deepl_key: '{DEEPL}'}}\n")
    settings = ("MEESHY_PORT=8750", f"MEESHY_DEEPL_KEY={DEEPL}", "MEESHY_WEBHOOK_ALLOW=hooks.corp")
    write(root, "etc/meeshy/meeshy.env", "\n".join(settings))
    write(root, "etc/meeshy/pool.toml", f"# {BROKER}\n[[device]]\n")
    write(root, "opt/meeshy/current/product/appliance/pool.py", CODE)
    write(root, "var/lib/meeshy/data/objects/pcm/a", SAID)
    write(root, "var/lib/meeshy/data/meeshy.sqlite3", f"{SAID} {DEEPL}")
    written = (f"redis://:{BROKER}@h", quote(S3, safe=""), base64.b64encode(DATABASE.encode()).decode())
    write(root, "var/log/meeshy/install.log", " ".join(written))
    write(
        root, "var/log/postgresql/postgresql-15-main.log",
        f'2026-11-26 23:00:00.1 UTC [7] meeshy@meeshy ERROR:  duplicate key violates unique constraint "targets_pkey"\n'
        f"2026-11-26 23:00:00.1 UTC [7] meeshy@meeshy DETAIL:  Failing row contains ({SAID}).\n"
        f"2026-11-26 23:00:00.1 UTC [7] meeshy@meeshy ERROR:  invalid input syntax for type json: \"{SAID}\"\n"
        f"\t{SAID}\n",
    )  # fmt: skip
    write(
        root,
        "var/log/nginx/meeshy-error.log",
        f'2026/11/26 23:00:00 [error] 7#7: *1 connect() failed, client: 10.0.0.9, request: "GET /j?text={SAID} HTTP"\n'
        f"{SAID}\n",
    )
    return root


def contents(path: Path) -> dict[str, str]:
    with tarfile.open(path) as archive:
        return {entry.name: archive.extractfile(entry).read().decode() for entry in archive.getmembers()}


def test_nothing_that_was_planted_is_in_the_bundle_and_what_helps_is(root, tmp_path):
    manifest = gather(tmp_path / "support.tar.gz", 100, tmp_path / "none", root)
    inside = contents(tmp_path / "support.tar.gz")
    everything = "\n".join(inside.values())

    for secret in SECRETS:
        for form in (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("=")):
            assert form not in everything
    for word in (SAID, "country", "hooks.corp"):
        assert word not in everything
    assert "MEESHY_PORT=8750" in inside["product/settings.txt"]
    assert "MEESHY_DEEPL_KEY=[secret]" in inside["product/settings.txt"]
    assert "targets_pkey" in inside["logs/postgresql.txt"]
    assert "connect() failed" in inside["logs/nginx.txt"]
    assert manifest["taken_out"]["values"] >= 4


def test_the_manifest_names_every_file_and_what_could_not_be_had(root, tmp_path):
    gather(tmp_path / "support.tar.gz", 100, tmp_path / "none", root)
    inside = contents(tmp_path / "support.tar.gz")
    manifest = json.loads(inside["manifest.json"])

    assert {each["name"] for each in manifest["files"]} == set(inside) - {"manifest.json"}
    assert all(each["bytes"] == len(inside[each["name"]].encode()) for each in manifest["files"])
    assert "product/status.json" in manifest["missing"], "there is no appliance here to ask"
    assert "logs/redis.txt" in manifest["missing"]
    assert manifest["format"] == 1


def test_the_bundle_is_for_its_owner_alone_and_nothing_half_is_left(root, tmp_path):
    path = tmp_path / "support.tar.gz"
    gather(path, 10, tmp_path / "none", root)
    assert path.stat().st_mode & 0o777 == 0o600
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        gather(tmp_path / "folder", 10, tmp_path / "none", root)
    assert {each.name for each in tmp_path.iterdir()} == {"support.tar.gz", "folder", "machine"}


def test_the_command_says_what_it_wrote(tmp_path, capsys):
    assert main(["support", "--to", str(tmp_path / "support.tar.gz"), "--lines", "5"]) == 0
    assert "files; taken out" in capsys.readouterr().out


def test_every_secret_of_the_site_is_found_where_it_is_kept(root):
    assert set(SECRETS) <= find_secrets(root)


@pytest.mark.parametrize(
    "text",
    [
        f"key {KEY}!", "Authorization: Bearer abc.def-ghi", "X-Api-Key: abcdef", "postgresql://u:abcdef@h/d",
        "requirepass_password=abcdef", '{"s3_secret_key": "abc def"}', "token: abcdef", "Cookie: a=abcdef",
        "-----BEGIN PRIVATE KEY-----\nabcdef\n-----END PRIVATE KEY-----", "eyJhbGciOiJ9.abcdefgh.abc",
        "GET /api/v1/job?text=abcdef",
    ],
)  # fmt: skip
def test_what_has_the_form_of_a_secret_goes_even_where_nobody_knows_it(text):
    assert "abc" not in Redactor(()).clean(text)
    assert KEY not in Redactor(()).clean(text)


def test_what_has_not_is_left_as_it_is():
    text = "tokens: 128; 3 files; until Nov 26 12:00:00 2027 GMT; https://10.0.0.1:443/health"

    assert Redactor({"elsewhere"}).clean(text) == text


@pytest.fixture
def sentences(root):
    return Sentences(list(sentences_of(root / "opt/meeshy/current/product")))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"level":"info","message":"the pool started voice on card-0"}', '"the pool started voice on card-0"'),
        (f'{{"level":"info","message":"an engine failed: {SAID}"}}', '"an engine failed: […]"'),
        (f'{{"level":"info","message":"an engine failed: {SAID_IN_CHINESE}"}}', '"an engine failed: […]"'),
        (f'{{"level":"info","message":"{SAID}"}}', '"[40 characters]"'),
        (
            f'{{"message":"{SAID}","job":"job_1","took_s":1.5,"text":"{SAID}"}}',
            '"job": "job_1", "took_s": 1.5, "text": "[…]"',
        ),
        ("Error: The model whisper-base is not installed; run it.", "The model whisper-base is not installed"),
        ('  File "/opt/meeshy/x.py", line 3, in speak', 'File "/opt/meeshy/x.py", line 3, in speak'),
        (f"appliance.errors.EngineFailed: {SAID}", "appliance.errors.EngineFailed"),
        (SAID, "[40 characters]"),
    ],
)
def test_of_a_log_only_the_product_s_own_sentences_pass(sentences, line, told):
    cut = sentences.cut(line)

    assert told in cut
    assert "country" not in cut
    assert SAID_IN_CHINESE not in cut


def test_the_product_s_own_code_has_sentences():
    assert len(list(sentences_of(ROOT / "appliance"))) > 100


def test_what_systemd_says_of_a_unit_passes_and_what_the_unit_says_is_cut(sentences):
    def entry(process: str, message: object) -> str:
        return json.dumps({"__REALTIME_TIMESTAMP": "1800000000000000", "_PID": process, "MESSAGE": message})

    raw = "\n".join([
        entry("1", "meeshy-api.service: Main process exited, code=exited, status=1/FAILURE"), entry("77", SAID),
        entry("1", f"Started meeshy-api.service - /bin/sh -c echo {SAID}."), entry("1", "Stopping nginx.service..."),
        entry("1", f"a.service: Ignoring '{SAID}'"), entry("1", "a.service: Failed with result 'exit-code'."),
        entry("1", SAID),
        entry("77", [65, 66]), "no entry",
    ])  # fmt: skip

    told = told_lines(raw, sentences.cut).splitlines()

    assert told == [
        "2027-01-15T08:00:00.000+00:00 systemd meeshy-api.service: Main process exited, code=exited, status=1/FAILURE",
        "2027-01-15T08:00:00.000+00:00 [77] [40 characters]",
        "2027-01-15T08:00:00.000+00:00 systemd Started meeshy-api.service",
        "2027-01-15T08:00:00.000+00:00 systemd Stopping nginx.service",
        "2027-01-15T08:00:00.000+00:00 systemd a.service: Ignoring […]",
        "2027-01-15T08:00:00.000+00:00 systemd a.service: Failed with result 'exit-code'.",
        "2027-01-15T08:00:00.000+00:00 systemd [40 characters]",
        "2027-01-15T08:00:00.000+00:00 [77] [2 bytes]",
    ]


@pytest.mark.parametrize("program", ["postgresql", "nginx", "redis"])
def test_a_line_of_no_known_form_is_told_by_its_length(program):
    assert cut_form(program, SAID) == "[40 characters]"


OF_POSTGRESQL, OF_NGINX = "2026-11-26 23:00:00.1 UTC [7] meeshy@meeshy ERROR:  ", "2026/11/26 23:00:00 [error] 7#7: *1 "


@pytest.mark.parametrize("kind", ["json", "double precision", "timestamp with time zone"])
def test_of_a_value_that_postgresql_refused_only_its_type_is_told(kind):
    """Quotes within what somebody said are as any others to PostgreSQL."""
    told = cut_form("postgresql", f'{OF_POSTGRESQL}invalid input syntax for type {kind}: "Ask "not what" your country')

    assert told == f"{OF_POSTGRESQL}invalid input syntax for type {kind}: […]"


def test_of_a_line_of_nginx_who_asked_and_what_is_not_told():
    asked = 'server: voice.corp, request: "GET /j?text=Ask "not what" HTTP/1.1", host: "voice.corp"'
    told = cut_form("nginx", f"{OF_NGINX}connect() failed (111: Connection refused), client: 10.0.0.9, {asked}")

    assert told == f"{OF_NGINX}connect() failed (111: Connection refused), client: […]"


@pytest.mark.parametrize("sign", ["\x0b", "\x1c", "\x85", "\u2028", "\r"])
def test_a_line_ends_where_the_program_ended_it(root, tmp_path, sentences, sign):
    """What looks like an end within what somebody said makes neither a line of its own nor an entry that is lost."""
    said = f"{SAID}{sign}KeyError: x\nValueError"
    entry = {"__REALTIME_TIMESTAMP": "1800000000000000", "_PID": "77", "MESSAGE": said}
    told = told_lines(json.dumps(entry, ensure_ascii=False) + "\n", sentences.cut)
    assert told == f"2027-01-15T08:00:00.000+00:00 [77] [{len(SAID) + 12} characters] / ValueError\n"

    line = f"{SAID}{sign}{OF_NGINX}said"
    with (root / "var/log/nginx/meeshy-error.log").open("w", newline="") as log:
        log.write(f"{line}\n{OF_NGINX}told\n")
    gather(tmp_path / "support.tar.gz", 100, tmp_path / "none", root)
    assert contents(tmp_path / "support.tar.gz")["logs/nginx.txt"] == f"[{len(line)} characters]\n{OF_NGINX}told\n"


def test_the_status_is_told_without_who_paused_a_lane():
    pause = PauseLine(family="hear", priority=0, paused_ago_s=60.0, actor="Anna Alvarez")
    webhooks = WebhookLine(waiting=0, oldest_due_s=0, failed=0, disabled_destinations=0, failing_destinations=0)
    figures = Figures(
        queue=(), workers=(), reservations=(), jobs={}, webhooks=webhooks, housekeeping={}, housekeeping_ago_s=None,
        commissioned=True, pauses=(pause,),
    )  # fmt: skip
    report = Report(version="1.0", health={}, figures=figures, attention=())

    (told,) = json.loads(without_names(json.dumps(report.document())))["figures"]["pauses"]

    assert (told["family"], told["priority"], told["actor"]) == ("hear", 0, "[…]")
    assert json.loads(without_names('{"figures": null, "health": {}}')) == {"figures": None, "health": {}}
    with pytest.raises(ValueError, match="value"):
        without_names("Anna Alvarez paused it")


def test_the_settings_that_are_shown_exist_and_are_no_secrets():
    names = set(Settings.model_fields)
    hidden = {name for name, field in Settings.model_fields.items() if not field.repr} | SECRET | WITH_PASSWORD

    assert names >= SHOWN
    assert not SHOWN & hidden
    assert not [name for name in SHOWN if name.endswith("_url") or "allow" in name.split("_")[1:]]
    assert shown_settings("# no\nMEESHY_PORT=1\nMEESHY_CLIENT_KEY=\nELSE=x\n") == (
        f"MEESHY_PORT=1\nMEESHY_CLIENT_KEY=\nELSE={HIDDEN}\n"
    )
