"""Guarded, polite HTTP: each hop is judged, asked of robots.txt, waits for its turn and is counted as it streams."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from types import TracebackType

import httpcore2
import httpx2

from goodsight.collecting import addresses, robots
from goodsight.collecting.pace import Pace
from goodsight.collecting.robots import Rules
from goodsight.collecting.terms import Answer, Manners, NotFetched, Stopped, printable
from goodsight.collecting.wire import Deadline, Guarded, Transport

TRIES = 4
REDIRECTS = 5
ROBOTS_BYTES = 500 * 1024
LONGEST_WAIT = 120.0
"""In seconds: a server that wants a longer Retry-After or Crawl-delay is left alone."""
_TIMEOUT = httpx2.Timeout(20.0, connect=10.0).as_dict()
_ENCODINGS = ("", "identity", "gzip", "x-gzip", "deflate")
_TROUBLE = (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError, httpx2.DecodingError)


class Client:
    """Fetches pages and photos; used by several threads at a time, and closed by ``with``.

    Args:
        manners: how to behave.
        stop: set to end all work soon.
        wait: waits some seconds.
        now: the time in seconds.
        lookup: the addresses of a host.

    """

    def __init__(
        self,
        manners: Manners,
        stop: threading.Event,
        *,
        wait: Callable[[float], None],
        now: Callable[[], float] = time.monotonic,
        lookup: addresses.Resolve = addresses.system_resolve,
    ) -> None:
        self._manners, self._deadline = manners, Deadline(stop)
        self._pace = Pace(1 / manners.rate, wait, now)
        resolve = partial(addresses.resolve, allow_private=manners.allow_private, lookup=lookup)
        self._transport = Transport(Guarded(resolve, self._deadline), manners.workers)
        self._rules: dict[str, tuple[Rules, str]] = {}
        self._locks: dict[str, threading.Lock] = {}

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._transport.close()

    def get(self, url: str, most: int, page: str = "") -> Answer:
        """What is at an address, of at most so many bytes; ``page`` is the one that names it, if one does.

        Raises:
            NotFetched: it is refused, forbidden, too large, or does not come after four tries.
            Stopped: the run was interrupted.

        """
        return self._patiently(
            lambda hop: self._follow(hop, most, self._require_allowed, page=page), addresses.checked(url)
        )

    def _patiently(self, ask: Callable[[httpx2.URL], Answer], url: httpx2.URL) -> Answer:
        for attempt in range(TRIES):
            try:
                return ask(url)
            except NotFetched as error:
                if not error.again or attempt == TRIES - 1:
                    raise
                after = error.after
                if after is not None and after > LONGEST_WAIT:
                    raise NotFetched(f"{error.reason}: asks to come back in {after:.0f} s", again=True) from error
                seconds = 2**attempt * random.uniform(0.5, 1.5) if after is None else after  # noqa: S311
                self._pace.hold(error.host or url.host, seconds)
        raise AssertionError("the last try raises")

    def _follow(
        self,
        url: httpx2.URL,
        most: int,
        require: Callable[[httpx2.URL], None],
        *,
        page: str = "",
        cut: bool = False,
    ) -> Answer:
        """Ask, and go where redirects lead; each of these is judged as the first one was."""
        for _ in range(REDIRECTS + 1):
            require(url)
            self._pace.turn(url.host)
            try:
                answer = self._ask(url, most, addresses.referer(page, url) if page else "", cut=cut)
            except NotFetched as error:
                error.host = url.host
                raise
            if isinstance(answer, Answer):
                return answer
            url = answer
        raise NotFetched(f"more than {REDIRECTS} redirects", lasting=True)

    def _ask(self, url: httpx2.URL, most: int, referer: str, *, cut: bool) -> Answer | httpx2.URL:
        """One request: the answer, or the address that it redirects to."""
        headers = {"User-Agent": self._manners.user_agent, "Accept": "*/*", "Accept-Encoding": "identity"}
        headers |= {"Referer": referer} if referer else {}
        request = httpx2.Request("GET", url, headers=headers, extensions={"timeout": _TIMEOUT})
        self._deadline.start()
        try:
            with closing(self._transport.handle_request(request)) as response:
                if response.status_code == 200:
                    body = _read(response, most, cut=cut)
                    return Answer(str(url), body, response.headers.get("content-type", ""))
                return _redirect(response, url)
        except (NotFetched, Stopped):
            raise
        # What a stranger sends may trip up any parser on the way, and one bad answer must not end a whole run.
        except Exception as error:
            raise NotFetched(f"no whole answer: {_said(error)}", again=isinstance(error, _TROUBLE)) from error

    def _require_allowed(self, url: httpx2.URL) -> None:
        """Raises NotFetched when the host's robots.txt forbids the address."""
        origin = str(url.copy_with(raw_path=b"/"))
        with self._locks.setdefault(origin, threading.Lock()):  # one thread asks, the others wait for what it learns
            if origin not in self._rules:
                self._rules[origin] = self._ask_robots(httpx2.URL(origin).join("/robots.txt"))
            rules, why = self._rules[origin]
        if not rules.allows(url.raw_path.decode("ascii")):
            raise NotFetched(why or f"robots.txt of {url.host} forbids it")

    def _ask_robots(self, url: httpx2.URL) -> tuple[Rules, str]:
        """The rules of a host, and why nothing is allowed where that is not the rules' own word."""
        try:
            answer = self._patiently(lambda hop: self._follow(hop, ROBOTS_BYTES, lambda _: None, cut=True), url)
        except NotFetched as error:
            if 400 <= error.status < 500 and error.status != 429:
                return robots.ALL, ""
            return robots.NOTHING, f"robots.txt cannot be read ({error.reason}), so nothing may be fetched"
        rules = robots.parse(answer.body.decode("utf-8", "replace"), self._manners.user_agent)
        if rules.delay > LONGEST_WAIT:
            return robots.NOTHING, f"robots.txt asks for {rules.delay:g} s between requests; more than is waited"
        if rules.delay:
            self._pace.slow(url.host, rules.delay)
        return rules, ""


def _read(response: httpx2.Response, most: int, *, cut: bool) -> bytes:
    """The content, counted as it comes and, should it be compressed all the same, as it unfolds."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in _ENCODINGS:
        raise NotFetched(f"sent as {encoding[:40]!r} though nothing but identity was asked for", lasting=True)
    stated = response.headers.get("content-length", "")
    if stated.isdigit() and len(stated) < 19 and int(stated) > most and not cut:
        raise NotFetched(_too_large(most))
    parts, count = [], 0
    for part in response.iter_bytes():
        parts.append(part)
        count += len(part)
        if count > most:
            if cut:
                break
            raise NotFetched(_too_large(most))
    return b"".join(parts)[:most]


def _too_large(most: int) -> str:
    return f"too large: more than the limit of {most / 2**20:g} MiB"


def _redirect(response: httpx2.Response, url: httpx2.URL) -> httpx2.URL:
    """Where an answer that is not 200 leads. Raises NotFetched when it leads nowhere."""
    status, target = response.status_code, response.headers.get("location", "")
    if status in (301, 302, 303, 307, 308) and target:
        try:
            return addresses.checked(str(url.join(target)))
        except (httpx2.InvalidURL, ValueError) as error:
            raise NotFetched("redirects to something that is not a web address", lasting=True) from error
        except NotFetched as error:
            raise NotFetched(f"redirects to an address that is refused: {error.reason}", lasting=True) from error
    again = status in (408, 429) or status >= 500
    after = _seconds(response.headers.get("retry-after", "")) if status in (429, 503) else None
    raise NotFetched(f"HTTP {status}", lasting=not again, again=again, after=after, status=status)


def _seconds(retry_after: str) -> float | None:
    """What a Retry-After asks for: a number of seconds or a date."""
    if retry_after.strip().isdecimal() and len(retry_after) < 10:
        return float(retry_after)
    try:
        at = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


def _said(error: Exception) -> str:
    if isinstance(error, httpcore2.TimeoutException):
        return "it took too long"
    return printable(" ".join(str(error).split())[:100]) or type(error).__name__
