"""Photos from the web into a folder that `train` reads, politely and safely. The network loads in its modules only."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from goodsight.collecting import lists
from goodsight.collecting.crew import Crew
from goodsight.collecting.placeholders import Held, require_photo
from goodsight.collecting.terms import USER_AGENT, Answer, Collected, Manners, NotFetched, Stopped, Wanted, printable
from goodsight.errors import GoodsightError
from goodsight.photos import decoder
from goodsight.photos.limits import BadPhoto, Limits
from goodsight.progress import Progress

if TYPE_CHECKING:
    from goodsight.collecting.client import Client
    from goodsight.collecting.shelf import Shelf


__all__ = ["USER_AGENT", "Collected", "Manners", "Source", "require", "run"]


@dataclass(frozen=True)
class Source:
    """Where the addresses of the photos come from: a list, or pages.

    Attributes:
        urls: a CSV with the columns ``url`` and perhaps ``label``; None for pages.
        page: the address of a page; ``{page}`` in it is replaced by each number of ``pages``.
        select: a CSS selector of the elements of a page that name photos.
        pages: FIRST:LAST.
        label: of all photos of the pages, and of the list's rows that have none.

    """

    urls: Path | None = None
    page: str = ""
    select: str = ""
    pages: str = ""
    label: str = ""


def require() -> None:
    """See that what this needs is installed.

    Raises:
        GoodsightError: it is not.

    """
    try:
        from goodsight.collecting import client, pages  # noqa: F401
    except ImportError as error:
        raise GoodsightError(
            f"collect needs {error.name}: install it with `pip install 'goodsight[collect]'`"
        ) from error


def run(
    source: Source,
    out: Path,
    manners: Manners,
    progress: Progress,
    *,
    wait: Callable[[float], None] | None = None,
) -> Collected:
    """Fetch photos into a folder; one that holds some already is added to.

    Args:
        source: where their addresses come from.
        out: the folder.
        manners: how to behave.
        progress: told about pages and photos.
        wait: waits some seconds, for tests; by default the clock's, cut short by an interruption.

    Raises:
        GoodsightError: the source, a label, a manner or the folder cannot be used.

    """
    _require_manners(manners)
    require()
    from goodsight.collecting.client import Client
    from goodsight.collecting.shelf import Shelf

    collected, stop, held = Collected(), threading.Event(), Held(manners.limits)
    wanted, addresses = _listed(source, collected)
    labels = {one.label for one in wanted} if source.urls else {source.label}
    try:
        with Shelf(out, labels) as shelf, Client(manners, stop, wait=wait or _waiter(stop)) as client:
            crew = Crew(manners.workers, stop)
            if not source.urls:
                wanted = _from_pages(source, addresses, client, crew, collected, progress)
            jobs = _jobs(wanted, shelf, collected)
            get = partial(_photo, client=client, limits=manners.limits)
            progress("fetch photos", 0, len(jobs))
            with closing(crew.results(jobs, lambda job: _host(job[0].url), get)) as results:
                for done, (job, got) in enumerate(results, 1):
                    for one in job:
                        if not held.take(one, got):
                            _keep(one, got, shelf, collected)
                    progress("fetch photos", done, len(jobs))
            for one, got in held.decided():
                _keep(one, got, shelf, collected)
            collected.two_labels += shelf.two_labels()
    except OSError as error:
        raise GoodsightError(f"{error.filename or out}: {(error.strerror or str(error)).lower()}") from error
    return collected


def _require_manners(manners: Manners) -> None:
    if not 0 < manners.rate <= 1000:
        raise GoodsightError(f"`rate` {manners.rate:g}: must be above 0 and at most 1000 requests per second and host")
    agent = manners.user_agent
    if not (agent[:1].isascii() and agent[:1].isalpha() and agent.isascii() and agent.isprintable()):
        raise GoodsightError(
            f"`user_agent` {agent!r}: must begin with a name in letters, such as 'MyShop/1.0 (me@my.shop)'"
        )


def _listed(source: Source, collected: Collected) -> tuple[list[Wanted], list[str]]:
    """What the user asks for: the photos of the list, or the addresses of the pages."""
    if bool(source.urls) == bool(source.page):
        raise GoodsightError("give either a list of addresses or `page`, and not both")
    label = lists.checked_label(source.label, "`label`")
    if source.urls:
        if source.select or source.pages:
            raise GoodsightError(f"`{'select' if source.select else 'pages'}`: only with `page`, not with a list")
        wanted, left_out = lists.read(source.urls, label)
        collected.left_out += left_out
        return wanted, []
    from goodsight.collecting import addresses, pages

    if not source.select:
        raise GoodsightError("`page`: say with `select` which elements name the photos, such as `select` 'img.photo'")
    pages.require_selector(source.select)
    asked = lists.page_addresses(source.page, source.pages)
    try:
        addresses.checked(asked[0])
    except NotFetched as error:
        raise GoodsightError(f"`page` {printable(source.page)}: {error.reason}") from error
    return [], asked


def _from_pages(
    source: Source,
    asked: Sequence[str],
    client: Client,
    crew: Crew,
    collected: Collected,
    progress: Progress,
) -> list[Wanted]:
    """The photos that the pages name, once each."""
    from goodsight.collecting import lazy, pages
    from goodsight.collecting.reader import Reader

    label = lists.checked_label(source.label, "`label`")
    found: dict[str, Wanted] = {}

    progress("read pages", 0, len(asked))
    with Reader() as reader, ExitStack() as stack:

        def read(page: str) -> tuple[str, dict[str, int], int]:
            answer = client.get(page, pages.MOST_BYTES)
            return answer.url, *reader.links(answer, source.select)

        results = stack.enter_context(closing(crew.results(asked, _host, read)))
        for done, (page, got) in enumerate(results, 1):
            if isinstance(got, NotFetched):
                collected.left_out.append((printable(page), got.reason))
            else:
                collected.pages += 1
                where, links, selected = got
                for link, times in links.items():
                    first = found.setdefault(link, Wanted(link, label, page, where, 0))
                    found[link] = replace(first, times=first.times + times)
                if not links:
                    why = f"{selected} elements, none with an address" if selected else "no element"
                    collected.empty.append((printable(page), f"{source.select!r} selects {why}"))
            progress("read pages", done, len(asked))
    named = [link for link in found if lazy.is_placeholder(link)]
    collected.left_out += [
        (printable(found.pop(link).url), "a placeholder and no photo, as its name says") for link in named
    ]
    return list(found.values())


def _jobs(wanted: Sequence[Wanted], shelf: Shelf, collected: Collected) -> list[tuple[Wanted, ...]]:
    """What has to be fetched: each address once, with all that is wanted of it."""
    from goodsight.collecting import addresses

    jobs: dict[str, dict[str, Wanted]] = {}
    seen: set[tuple[str, str]] = set()
    for one in wanted:
        try:
            one = replace(one, url=str(addresses.checked(one.url)))
        except NotFetched as error:
            collected.left_out.append((printable(one.url), error.reason))
            continue
        if (one.url, one.label) in seen:
            continue
        seen.add((one.url, one.label))
        if shelf.has(one):
            collected.there += 1
        elif reason := shelf.journal.failed(one):
            collected.left_out.append((one.url, f"{reason} (so it was within the last day; not asked again)"))
        else:
            jobs.setdefault(one.url, {})[one.label] = one
    return [tuple(job.values()) for job in jobs.values()]


def _photo(job: tuple[Wanted, ...], client: Client, limits: Limits) -> Answer:
    """What is at an address, if it is a photo: its content says so, and no name or header."""
    answer = client.get(job[0].url, limits.max_bytes, job[0].seen_at)
    try:
        if job[0].page:
            require_photo(answer.body, limits)
        else:
            decoder.open_rgb(answer.body, limits, at_least=1)
    except BadPhoto as error:
        raise NotFetched(str(error), lasting=error.reason != "too large") from error
    return answer


def _keep(one: Wanted, got: Answer | NotFetched, shelf: Shelf, collected: Collected) -> None:
    try:
        if isinstance(got, NotFetched):
            raise got
        if shelf.put(one, got.body):
            collected.photos += 1
        else:
            collected.copies += 1
    except NotFetched as error:
        collected.left_out.append((one.url, error.reason))
        if error.lasting:
            shelf.journal.note(one, reason=error.reason)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _waiter(stop: threading.Event) -> Callable[[float], None]:
    def wait(seconds: float) -> None:
        if stop.wait(max(0.0, seconds)):
            raise Stopped

    return wait
