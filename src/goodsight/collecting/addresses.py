"""Which addresses may be fetched: http and https only, and no host inside the user's own network.

A name says nothing about where it leads, so it is resolved first, every address that it has is judged, and the
connection goes to one of these addresses; see :mod:`goodsight.collecting.wire`.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable

import httpx2

from goodsight.collecting.terms import NotFetched, printable

Resolve = Callable[[str, int], list[str]]
LONGEST = 4000
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def checked(url: str) -> httpx2.URL:
    """A web address in its normal form, without the part after ``#``.

    Raises:
        NotFetched: it is no http or https address with a host, is very long, or carries a user name or password.

    """
    shown = printable(url)[:80]
    if len(url) > LONGEST:
        raise NotFetched(f"an address of {len(url)} characters; the limit is {LONGEST}", lasting=True)
    try:
        parsed = httpx2.URL(url.strip()).copy_with(fragment=None)
    except (httpx2.InvalidURL, ValueError, TypeError) as error:
        raise NotFetched(f"{shown!r} is not a web address", lasting=True) from error
    if parsed.scheme not in ("http", "https"):
        scheme = f"{parsed.scheme}: is refused" if parsed.scheme else f"{shown!r} is not a web address"
        raise NotFetched(f"{scheme}; only http and https are fetched", lasting=True)
    if not parsed.host:
        raise NotFetched(f"{shown!r} names no host", lasting=True)
    if parsed.userinfo:
        raise NotFetched("carries a user name or password; addresses with credentials are refused", lasting=True)
    return parsed


def referer(page: str, url: httpx2.URL) -> str:
    """What a browser says of the page when it asks for an address that the page names, '' for nothing.

    The page's address within its own host, only the host to others, and nothing to one without encryption from one
    with it: ``strict-origin-when-cross-origin``.
    """
    try:
        source = checked(page)
    except NotFetched:
        return ""
    origins = [(one.scheme, one.host, one.port) for one in (source, url)]
    if origins[0] == origins[1]:
        return str(source)
    if source.scheme == "https" and url.scheme == "http":
        return ""
    return str(source.copy_with(raw_path=b"/"))


def refusal(address: str, *, allow_private: bool) -> str:
    """Why an IP address may not be connected to, or nothing when it may."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "not an IP address"
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.sixtofour or ip.teredo:  # a public-looking wrapping of any IPv4 address; nobody serves photos there
            return "a tunnel"
        inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else ip.ipv4_mapped
        if inner is not None:
            return refusal(str(inner), allow_private=allow_private)
    if ip.is_multicast:
        return "a multicast address"
    if ip.is_unspecified:
        return "an unspecified address"
    if ip.is_link_local:  # also where cloud machines keep their credentials: never, whatever is allowed
        return "a link-local address"
    if ip.is_loopback:
        return "" if allow_private else "a loopback address"
    if ip.is_reserved:
        return "a reserved address"
    if ip.is_private or not ip.is_global or getattr(ip, "is_site_local", False):
        return "" if allow_private else "a private address"
    return ""


def system_resolve(host: str, port: int) -> list[str]:
    """All addresses of a host, as this machine resolves it. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def resolve(host: str, port: int, *, allow_private: bool, lookup: Resolve = system_resolve) -> list[str]:
    """The addresses of a host, all of which may be connected to.

    Raises:
        NotFetched: it has none, or one that is refused.

    """
    try:
        found = lookup(host, port)
    except (OSError, UnicodeError) as error:
        raise NotFetched(f"{host}: the name cannot be resolved", again=True) from error
    for address in found:
        why = refusal(address, allow_private=allow_private)
        if why:
            hint = "; allow it with `allow_private`" if why in ("a private address", "a loopback address") else ""
            raise NotFetched(f"{host} leads to {address}, {why}{hint}")
    if not found:
        raise NotFetched(f"{host}: the name has no address", again=True)
    return found
