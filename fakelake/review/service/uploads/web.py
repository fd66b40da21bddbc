"""Fetching one address of the public web for somebody: never one of this machine's or this network's own."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable
from urllib.parse import unquote

import httpx

from fakelake.review.service.uploads.receive import Incoming
from fakelake.review.service.uploads.refusals import Refused, too_large

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
REDIRECTS = 5
CONNECT_S, READ_S, WHOLE_S = 10.0, 30.0, 3600.0
HEADERS = {"Accept": "video/*, */*;q=0.5", "Accept-Encoding": "identity", "User-Agent": "fakelake review desk"}
# Ways through IPv6 to an IPv4 address that is not written there for all to see: NAT64, 6to4, Teredo, and site-local.
_DETOURS = [
    ipaddress.ip_network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "fec0::/10")
]


def is_public(address: Address) -> bool:
    """Whether anybody on the internet may be asked by this address."""
    address = getattr(address, "ipv4_mapped", None) or address
    hidden = (
        address.is_private or address.is_loopback or address.is_link_local or address.is_multicast
        or address.is_reserved or address.is_unspecified or not address.is_global
    )  # fmt: skip
    return not hidden and not any(address in net for net in _DETOURS if net.version == address.version)


def name_of(link: str) -> str:
    """What a link's file is called, for people."""
    try:
        return unquote(httpx.URL(link).path.rpartition("/")[2])[:255] or "link"
    except (httpx.InvalidURL, ValueError):
        return "link"


def download(
    link: str, incoming: Incoming, limit: int, allowed: Callable[[Address], bool] = is_public, whole_s: float = WHOLE_S
) -> None:
    """Write what a http(s) link leads to. Raises Refused: bad_link, not_public, too_large, unreachable, too_slow ...

    Each hop's name is resolved once, every address that it has must be `allowed`, and the connection goes to one of
    these very addresses: a name that is resolved otherwise a moment later gains nothing. No proxy of the environment
    is used, as it would resolve names by itself.
    """
    name, end = incoming.name, time.monotonic() + whole_s
    with httpx.Client(trust_env=False, timeout=httpx.Timeout(READ_S, connect=CONNECT_S), headers=HEADERS) as client:
        url = plain_link(link, name)
        for _ in range(REDIRECTS + 1):
            addresses = _addresses(url, name, allowed)
            try:
                onward = _one(client, url, addresses, incoming, limit, end)
            except httpx.HTTPError as error:
                said = f"{url.host} could not be read: {error or type(error).__name__}."
                raise Refused(name, "unreachable", said, "Check the link, then try again.", 502) from error
            if onward is None:
                return
            url = plain_link(str(url.join(onward)), name)
    raise Refused(name, "too_many_redirects", f"{name} leads on more than {REDIRECTS} times.", _LINK)


_LINK = "Give the link of the video file itself, one that begins with https:// or http://."


def plain_link(link: str, name: str) -> httpx.URL:
    """Raises Refused (bad_link) for what no browser would open as a page of the web."""
    try:
        url = httpx.URL(link.strip())
        port = url.port
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise Refused(name, "bad_link", f"This is no link: {error}.", _LINK) from error
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or port == 0:
        raise Refused(
            name, "bad_link", "Only plain links of the web can be fetched, without a name and password.", _LINK
        )
    return url


def _addresses(url: httpx.URL, name: str, allowed: Callable[[Address], bool]) -> list[Address]:
    host = url.raw_host.decode("ascii").strip("[]")
    try:
        found = socket.getaddrinfo(host, url.port or (443 if url.scheme == "https" else 80), type=socket.SOCK_STREAM)
        addresses = [ipaddress.ip_address(entry[4][0].partition("%")[0]) for entry in found]
    except (OSError, ValueError, UnicodeError) as error:
        raise Refused(
            name, "unreachable", f"There is no {url.host}.", "Check the link, then try again.", 502
        ) from error
    if not addresses or not all(allowed(address) for address in addresses):
        said = f"{url.host} is not on the public web."
        raise Refused(name, "not_public", said, "Upload the file itself, or take it by its path.", 403)
    return addresses


def _one(
    client: httpx.Client, url: httpx.URL, addresses: list[Address], incoming: Incoming, limit: int, end: float
) -> str | None:
    """One hop: where it leads on, or None when the file is written."""
    for n, address in enumerate(addresses):
        request = client.build_request(
            "GET", url.copy_with(host=str(address)), headers={"Host": url.netloc.decode("ascii")},
            extensions={"sni_hostname": url.raw_host.decode("ascii")},
        )  # fmt: skip
        try:
            answer = client.send(request, stream=True)
            break
        except httpx.ConnectError:
            if n + 1 == len(addresses):
                raise
    try:
        if answer.has_redirect_location:
            return answer.headers["location"]
        _write(answer, url, incoming, limit, end)
        return None
    finally:
        answer.close()


def _write(answer: httpx.Response, url: httpx.URL, incoming: Incoming, limit: int, end: float) -> None:
    name = incoming.name
    if not answer.is_success:
        said = f"{url.host} answers with {answer.status_code} {answer.reason_phrase}."
        raise Refused(name, "unreachable", said, "Check that the link opens without a log-in.", 502)
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise Refused(name, "bad_link", f"{url.host} sends it packed, unasked.", "Upload the file itself.", 502)
    promised = answer.headers.get("content-length", "")
    if promised.isdigit() and int(promised) > limit:
        raise too_large(name, limit)
    for block in answer.iter_raw():
        if time.monotonic() > end:
            said = f"{name} did not come within its time, {incoming.bytes:,} bytes of it did."
            raise Refused(name, "too_slow", said, "Try again later, or upload the file itself.", 504)
        incoming.write(block)
    if promised.isdigit() and incoming.bytes != int(promised):
        raise Refused(name, "broken_off", f"{name} broke off after {incoming.bytes:,} bytes.", "Try again.", 502)
