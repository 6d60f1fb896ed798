"""What is asked for, how to behave while fetching it, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass, field

from goodsight.about import __version__
from goodsight.photos.limits import DEFAULT_LIMITS, Limits

USER_AGENT = f"Goodsight/{__version__} (collects product photos)"


@dataclass(frozen=True)
class Manners:
    """How to behave towards the servers, and what to take from them.

    Attributes:
        rate: requests per second and host; a longer Crawl-delay of the host's robots.txt goes before it.
        user_agent: the name to give; its first word is the one that robots.txt is asked about.
        allow_private: also fetch from private and loopback addresses.
        limits: on bytes and pixels of a photo.
        workers: how many hosts are asked at the same time.

    """

    rate: float = 1.0
    user_agent: str = USER_AGENT
    allow_private: bool = False
    limits: Limits = DEFAULT_LIMITS
    workers: int = 8


@dataclass(frozen=True)
class Wanted:
    """A photo to fetch.

    Attributes:
        url: where it is.
        label: what it shows, '' for nothing said.
        page: that named it, '' for none.
        seen_at: where that page really was, after all redirects: what a browser would say of where it comes from.
        times: how often pages named it.

    """

    url: str
    label: str = ""
    page: str = ""
    seen_at: str = field(default="", compare=False)
    times: int = field(default=1, compare=False)


@dataclass(frozen=True)
class Answer:
    """What a server gave: the address after all redirects, and the content."""

    url: str
    body: bytes
    content_type: str = ""


@dataclass
class Collected:
    """What :func:`goodsight.collect` did.

    Attributes:
        photos: new in the folder.
        copies: fetched, but byte for byte a photo that is there under the same label.
        there: not fetched, as they came with an earlier run.
        pages: pages that were read.
        empty: pages that named no photo, with the reason.
        left_out: addresses that gave no photo, with the reason.
        two_labels: photos in the folder that came under several labels: their SHA-256 and these labels.

    """

    photos: int = 0
    copies: int = 0
    there: int = 0
    pages: int = 0
    empty: list[tuple[str, str]] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    two_labels: list[tuple[str, str]] = field(default_factory=list)


class Stopped(Exception):  # noqa: N818
    """The run was interrupted."""


class NotFetched(Exception):  # noqa: N818
    """An address that gave nothing: `reason` is a short sentence for a person.

    Attributes:
        reason: what was wrong.
        lasting: asking again soon would give the same.
        again: asking again in a moment may help; after ``after`` seconds, if the server said so.
        status: of the HTTP answer, 0 if there was none.
        host: that gave it, '' if none was asked.

    """

    def __init__(
        self, reason: str, *, lasting: bool = False, again: bool = False, after: float | None = None, status: int = 0
    ) -> None:
        super().__init__(reason)
        self.reason, self.lasting, self.again, self.after, self.status = reason, lasting, again, after, status
        self.host = ""


def printable(text: str) -> str:
    """Text from elsewhere, fit for a terminal and a line of a file."""
    return "".join(c if c.isprintable() else "?" for c in text)[:300]
