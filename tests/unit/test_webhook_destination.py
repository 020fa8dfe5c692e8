import pytest

from appliance.errors import DestinationRefused
from appliance.settings import Settings
from appliance.webhooks.destination import allowed_destination, checked_address
from appliance.webhooks.own_servers import own_servers


def _settings(allow: str, port: int = 8750) -> Settings:
    return Settings(webhook_allow=allow, port=port)


@pytest.mark.parametrize(
    ("allow", "url"),
    [
        ("hooks.example", "https://hooks.example/a"),
        ("hooks.example", "http://hooks.example/a"),
        ("a, Hooks.Example:8443", "https://HOOKS.example:8443/a?b=c"),
        ("[::1]:9000", "http://[::1]:9000/"),
        ("hooks.example", "https://hooks.example./a"),
    ],
)
def test_a_listed_destination_is_allowed(allow: str, url: str) -> None:
    assert allowed_destination(url, _settings(allow)).url == url


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example/",
        "https://hooks.example:8443/",
        "https://hooks.example.evil/",
        "https://hooks.example@evil.example/",
        "https://user:pw@hooks.example/",
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "//hooks.example/",
        "hooks.example",
        "",
        "https://",
        "https://hooks.example:99999/",
        "https://hooks.example:0x50/",
        "https://hooks.example\\@evil.example/",
        "https://hooks.example/\r\nx: y",
        "https://[hooks.example/",
        "https://hööks.example/",
        "https://hooks.example/" + "a" * 3000,
        "http://2130706433/",
    ],
)
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(DestinationRefused):
        allowed_destination(url, _settings("hooks.example"))


def test_with_an_empty_list_nothing_is_allowed() -> None:
    with pytest.raises(DestinationRefused):
        allowed_destination("https://hooks.example/", _settings(""))


def test_the_appliances_own_port_is_refused_even_when_listed() -> None:
    settings = _settings("127.0.0.1:8750,localhost:8750")
    for url in ("http://127.0.0.1:8750/", "http://localhost:8750/"):
        with pytest.raises(DestinationRefused, match="appliance itself"):
            checked_address(allowed_destination(url, settings), settings)


SERVERS = {
    "database_url": "postgresql://meeshy:secret@db.site/meeshy",
    "redis_url": "redis://:secret@queue.site/0",
    "cache_redis_url": "rediss://cache.site:6380/1",
    "s3_endpoint": "objects.site:9000",
    "s3_access_key": "key",
    "s3_secret_key": "secret",
}
NAMED = ("db.site:5432", "queue.site:6379", "cache.site:6380", "objects.site:9000")


@pytest.mark.parametrize("named", NAMED)
def test_the_appliances_own_servers_are_refused_by_name_even_when_listed(named: str) -> None:
    settings = Settings(**SERVERS, webhook_allow=",".join(NAMED))
    with pytest.raises(DestinationRefused, match="appliance itself"):
        allowed_destination(f"http://{named.upper()}/", settings)


def leading_to(monkeypatch, names: dict[str, str]) -> None:
    monkeypatch.setattr("socket.getaddrinfo", lambda host, port, **_: [(2, 1, 6, "", (names[host], port))])


@pytest.mark.parametrize("named", NAMED)
def test_and_so_are_their_addresses_under_another_name(monkeypatch, named: str) -> None:
    server, _, port = named.partition(":")
    leading_to(monkeypatch, {server: "192.0.2.7", "hooks.example": "192.0.2.7", "elsewhere.example": "192.0.2.8"})
    settings = Settings(**SERVERS, webhook_allow=f"hooks.example:{port},elsewhere.example:{port},hooks.example:1")
    with pytest.raises(DestinationRefused, match="appliance itself"):
        checked_address(allowed_destination(f"http://hooks.example:{port}/", settings), settings)
    for other in (f"http://elsewhere.example:{port}/", "http://hooks.example:1/"):
        checked_address(allowed_destination(other, settings), settings)


def test_a_server_on_this_machine_is_refused_under_each_of_its_addresses(monkeypatch) -> None:
    leading_to(
        monkeypatch, {"127.0.0.2": "127.0.0.2", "localhost": "127.0.0.1", "::ffff:127.0.0.1": "::ffff:127.0.0.1"}
    )
    settings = Settings(
        redis_url="redis://localhost:6390/0", webhook_allow="127.0.0.2:6390,[::ffff:127.0.0.1]:6390,127.0.0.2:6391"
    )
    for url in ("http://127.0.0.2:6390/", "http://[::ffff:127.0.0.1]:6390/"):
        with pytest.raises(DestinationRefused, match="appliance itself"):
            checked_address(allowed_destination(url, settings), settings)
    checked_address(allowed_destination("http://127.0.0.2:6391/", settings), settings)


@pytest.mark.parametrize(("port", "refused"), [(9099, False), (9100, True), (9101, True), (9102, False)])
def test_the_ports_on_which_processes_tell_their_metrics_are_refused_on_this_machine(port: int, refused: bool) -> None:
    settings = Settings(metrics_port=9100, metrics_ports=2, webhook_allow=f"127.0.0.1:{port}")
    destination = allowed_destination(f"http://127.0.0.1:{port}/", settings)
    if not refused:
        checked_address(destination, settings)
        return
    with pytest.raises(DestinationRefused, match="appliance itself"):
        checked_address(destination, settings)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("", set()),
        ("sqlite:////data/meeshy.sqlite3", set()),
        ("postgresql://meeshy@DB./meeshy", {("db", 5432)}),
        ("postgresql+psycopg://meeshy@[2001:db8::1]:5433/meeshy", {("2001:db8::1", 5433)}),
        ("postgresql://meeshy@/meeshy?host=/run/postgresql", set()),
        ("postgresql://meeshy@/meeshy?host=db1,db2&port=5433,5434", {("db1", 5433), ("db2", 5434)}),
        ("postgresql://meeshy@/meeshy?host=db1:5433&host=db2", {("db1", 5433), ("db2", 5432)}),
    ],
)
def test_every_host_of_the_database_is_known(url: str, found: set[tuple[str, int]]) -> None:
    assert own_servers(Settings(database_url=url)) == found


def test_a_socket_in_the_file_system_is_nowhere_to_send_to() -> None:
    assert own_servers(Settings(redis_url="unix:///run/redis.sock")) == set()


def test_an_object_store_without_a_port_listens_on_its_schemes() -> None:
    store = {"s3_endpoint": "objects.site", "s3_access_key": "key", "s3_secret_key": "secret"}
    assert own_servers(Settings(**store)) == {("objects.site", 443)}
    assert own_servers(Settings(**store, s3_secure=False)) == {("objects.site", 80)}


def test_a_name_that_leads_to_this_machine_is_refused_but_localhost_that_says_so(monkeypatch) -> None:
    settings = _settings("hooks.example:9000,localhost:9000")
    loopback = [(2, 1, 6, "", ("127.0.0.1", 9000))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: loopback)

    assert str(checked_address(allowed_destination("http://localhost:9000/", settings), settings)) == "127.0.0.1"
    with pytest.raises(DestinationRefused, match=r"hooks\.example leads to"):
        checked_address(allowed_destination("http://hooks.example:9000/", settings), settings)


@pytest.mark.parametrize("address", ["169.254.169.254", "0.0.0.0", "224.0.0.1", "::1", "fe80::1"])
def test_a_name_that_leads_to_an_inner_address_is_refused(monkeypatch, address: str) -> None:
    settings = _settings("hooks.example")
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: [(2, 1, 6, "", (address, 443))])

    with pytest.raises(DestinationRefused):
        checked_address(allowed_destination("https://hooks.example/", settings), settings)


@pytest.mark.parametrize(
    "listed", ["https://hooks.example", "hooks.example/path", "hooks:port", "user@hooks", "a:0", ":80"]
)
def test_a_list_with_something_else_than_hosts_is_refused_at_the_start(listed: str) -> None:
    with pytest.raises(ValueError, match="webhook_allow"):
        _settings(listed)
