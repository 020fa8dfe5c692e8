"""Where webhooks may go: only to hosts that the site lists, never back to the appliance, checked at submit and again
at delivery, where the address that was checked is the one that is connected to."""

import ipaddress
import queue
import socket
import threading
from urllib.parse import SplitResult, urlsplit

import msgspec

from appliance.errors import DestinationRefused
from appliance.settings import Settings
from appliance.webhooks.own_servers import own_servers

_DEFAULT_PORTS = {"http": 80, "https": 443}
_URL_MAX = 2000
_ITSELF = "A webhook may not be sent to the appliance itself."
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook address in its parts."""

    url: str
    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """Return host and port as they stand in a Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def target(self) -> str:
        """Return path and query as they stand in a request's first line."""
        parts = urlsplit(self.url)
        return f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"


def allowed_destination(url: str, settings: Settings) -> Destination:
    """Return the destination's parts, or raise DestinationRefused where the site's list does not hold it.

    The appliance's own servers are refused by name here, and by address in `checked_address`.
    """
    destination = _parsed(url)
    if (destination.host, destination.port) not in _allowed(settings.webhook_allow, destination.scheme):
        raise DestinationRefused(f"{destination.authority} is not on the site's list of webhook destinations.")
    if (destination.host, destination.port) in own_servers(settings):
        raise DestinationRefused(_ITSELF)
    return destination


def checked_address(destination: Destination, settings: Settings) -> Address:
    """Return an address of the destination to connect to, or raise DestinationRefused.

    A name that leads to this machine is refused (the list names `localhost` or the address itself where that is meant),
    and so are, in any case, the appliance's own ports here and its servers anywhere. OSError where the name, or one of
    these servers' on the same port, has no address.
    """
    addresses, servers = _addresses(destination.host, destination.port), _servers(destination.port, settings)
    for address in addresses:
        here = _is_here(address)
        if address in servers or (here and _is_taken(destination.port, settings, servers)):
            raise DestinationRefused(_ITSELF)
        hidden = here or address.is_link_local or address.is_multicast
        if hidden and destination.host not in {str(address), "localhost"}:
            raise DestinationRefused(f"{destination.host} leads to an address that webhooks may not be sent to.")
    return addresses[0]


def _addresses(host: str, port: int) -> list[Address]:
    """Return where a name leads; an IPv4 address that is written as an IPv6 one is that IPv4 address."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(str(entry[4][0]).split("%")[0]) for entry in found]
    return [getattr(address, "ipv4_mapped", None) or address for address in addresses]


def _servers(port: int, settings: Settings) -> set[Address]:
    """Return the addresses on which a server of the appliance's own listens on this port."""
    names = [host for host, its_port in own_servers(settings) if its_port == port]
    return {address for name in names for address in _addresses(name, port)}


def _is_taken(port: int, settings: Settings, servers: set[Address]) -> bool:
    """Return whether something of the appliance's own listens on this port of this machine, as far as is known here."""
    metrics = range(settings.metrics_port, settings.metrics_port + settings.metrics_ports)
    of_processes = port == settings.port or (settings.metrics_port and port in metrics)
    return bool(of_processes) or any(_is_here(address) for address in servers)


def address_within(destination: Destination, settings: Settings, limit_s: float) -> Address:
    """Return `checked_address`, or raise TimeoutError when the name service takes longer than this many seconds.

    A lookup cannot be interrupted. Its thread is left behind and ends with the resolver's own patience.
    """
    found: queue.SimpleQueue[Address | Exception] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            found.put(checked_address(destination, settings))
        except (DestinationRefused, OSError, ValueError) as failure:  # ValueError: a name that cannot be one
            found.put(failure)

    threading.Thread(target=look_up, name="webhook-address", daemon=True).start()
    try:
        address = found.get(timeout=limit_s)
    except queue.Empty:
        raise TimeoutError("the name service did not answer in time") from None
    if isinstance(address, Exception):
        raise address
    return address


def _parsed(url: str) -> Destination:
    if len(url) > _URL_MAX or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise DestinationRefused("The webhook's destination is not a usable URL.")
    try:
        parts: SplitResult = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise DestinationRefused("The webhook's destination is not a usable URL.") from error
    if parts.scheme not in _DEFAULT_PORTS or not host or "@" in parts.netloc:
        raise DestinationRefused("A webhook's destination is an http or https URL without a user name.")
    return Destination(
        url=url, scheme=parts.scheme, host=host.rstrip("."), port=_DEFAULT_PORTS[parts.scheme] if port is None else port
    )


def _allowed(listed: str, scheme: str) -> set[tuple[str, int]]:
    """Return (host, port) of every entry; one without a port means the scheme's own."""
    allowed = set()
    for entry in filter(None, (part.strip().lower() for part in listed.split(","))):
        parts = urlsplit(f"//{entry}")
        allowed.add((parts.hostname or "", parts.port or _DEFAULT_PORTS[scheme]))
    return allowed


def _is_here(address: Address) -> bool:
    return address.is_loopback or address.is_unspecified or _is_ours(address)


def _is_ours(address: Address) -> bool:
    """Return whether this machine has the address: only its own can be bound."""
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True
