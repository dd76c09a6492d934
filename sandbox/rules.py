"""Which hosts a command may reach: names, `*.` suffixes, addresses and networks, each with its ports."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from moot.agent.core.errors import UsageError

__all__ = ["Address", "Rules", "address_of", "is_public", "split_port"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_DEFAULT_PORTS = frozenset({80, 443})
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Rules:
    """What is allowed; nothing is, when there are none.

    Attributes:
        names: (name, ports); a name that starts with `.` stands for everything below it.
        networks: (network, ports); also what a name may resolve to beside public addresses.
    """

    names: tuple[tuple[str, frozenset[int]], ...] = ()
    networks: tuple[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, frozenset[int]], ...] = ()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> "Rules":
        """Read `pypi.org`, `*.npmjs.org`, `10.0.0.5`, `10.0.0.0/8`, each also with `:PORT`.

        Raises:
            UsageError: a text is none of these.
        """
        names: list[tuple[str, frozenset[int]]] = []
        networks: list[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, frozenset[int]]] = []
        for text in texts:
            host, port = split_port(text)
            ports = _DEFAULT_PORTS if port is None else frozenset({port})
            try:
                networks.append((ipaddress.ip_network(host.strip("[]"), strict=False), ports))
            except ValueError:
                names.append((_pattern(host, text), ports))
        return cls(tuple(names), tuple(networks))

    def allow_name(self, name: str, port: int) -> bool:
        """Tell whether a name, in lower case, may be reached at a port."""
        return any(
            port in ports and (name == wanted or (wanted.startswith(".") and name.endswith(wanted)))
            for wanted, ports in self.names
        )

    def allow_address(self, address: Address, port: int) -> bool:
        """Tell whether an address was listed itself."""
        return any(port in ports and address in network for network, ports in self.networks)


def split_port(text: str) -> tuple[str, int | None]:
    """Split `HOST:PORT`, where an IPv6 address stands in brackets; the host comes back in lower case.

    Raises:
        UsageError: the port is not a number from 1 to 65535.
    """
    text = text.strip().lower()
    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):
        return text, None
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65_535):
        raise UsageError(f"`{text}` has no port from 1 to 65535: write HOST or HOST:PORT")
    return host, int(port)


def address_of(host: str) -> Address | None:
    """Return the address that a host is written as; None for a name."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def is_public(address: Address) -> bool:
    """Tell whether an address is reached through the internet, also behind its IPv6 disguises."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast


def _pattern(host: str, text: str) -> str:
    name = host.removeprefix("*.").rstrip(".")
    # A name that ends in a number would be read as an address by some resolvers (127.1, 0x7f.1).
    if not _NAME.fullmatch(name) or re.fullmatch(r"\d+|0x[0-9a-f]*", name.rpartition(".")[2]):
        raise UsageError(
            f"--allow-net {text}: name a host (pypi.org), all hosts below one (*.npmjs.org) or an address, "
            "with :PORT for other ports than 80 and 443"
        )
    return f".{name}" if host.startswith("*.") else name
