import pytest

from appliance.errors import DestinationRefused
from appliance.settings import Settings
from appliance.webhooks.destination import allowed_destination, checked_address


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
