"""Sign-in by a reverse proxy: who a header says is asking, believed from named addresses only.

The proxy must take the header away from whatever a client sends. From any other address the header means nothing.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request

from goodsight.errors import GoodsightError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Proxy:
    """The header that names who asks, and the networks that a proxy may ask from."""

    header: str
    networks: tuple[Network, ...]

    def user(self, request: Request) -> str:
        """Who asks, as the proxy says; '' where nobody says so, or somebody who is no proxy."""
        # The server must not take the peer's address from a header: anybody can write one.
        peer = request.client.host if request.client else ""
        values = request.headers.getlist(self.header)
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return ""
        known = any(address.version == n.version and address in n for n in self.networks)
        return values[0].strip() if known and len(values) == 1 else ""


def proxy_of(header: str, addresses: Sequence[str]) -> Proxy | None:
    """What two options say; None without either.

    Raises:
        GoodsightError: one of them is missing or wrong.

    """
    if not header and not addresses:
        return None
    if not header or not addresses:
        raise GoodsightError("`proxy_header` and `proxy_from`: give both, or neither")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,99}", header) or header.lower() in ("authorization", "cookie"):
        raise GoodsightError(f"`proxy_header` {header!r}: must be the name of a header of its own, as X-Remote-User")
    networks = []
    for address in addresses:
        try:
            networks.append(ipaddress.ip_network(address, strict=False))
        except ValueError as error:
            raise GoodsightError(
                f"`proxy_from` {address!r}: must be an address or a network, as 10.0.0.0/24"
            ) from error
    return Proxy(header, tuple(networks))
