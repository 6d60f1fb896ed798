"""robots.txt as RFC 9309 says it."""

import time

import pytest

from goodsight.collecting import robots
from goodsight.collecting.terms import USER_AGENT

SHOP = """\ufeff
# a shop
User-agent: OtherBot
Disallow: /

User-Agent: *
Allow: /
Disallow: /private   # the longest rule decides, wherever it stands
Disallow: /*?sort=
Disallow: /*.gif$
Allow: /private/open/
Disallow: /caf%C3%A9
Disallow:
Crawl-delay: 2.5
Sitemap: http://shop/sitemap.xml
nonsense
"""


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/", True),
        ("/a.jpg", True),
        ("/private", False),
        ("/private/x.jpg", False),
        ("/privately", False),
        ("/private/open/x.jpg", True),
        ("/list?sort=price", False),
        ("/list?page=2&sort=price", True),
        ("/a.gif", False),
        ("/a.gif?big", True),
        ("/caf%c3%a9/1.jpg", False),
        ("/%70rivate/x", False),
        ("/robots.txt", True),
    ],
)
def test_the_longest_rule_decides(path: str, allowed: bool) -> None:
    assert robots.parse(SHOP, USER_AGENT).allows(path) is allowed


def test_a_group_of_our_own_goes_before_the_one_for_all() -> None:
    all_others, own, again = (
        "User-agent: *\nDisallow: /",
        "User-agent: a\nUser-agent: GoodSight/9\nDisallow: /x",
        "Disallow: /y",
    )
    text = f"{all_others}\n\n{own}\n\nUser-agent: goodsight\n{again}"
    rules = robots.parse(text, USER_AGENT)
    assert [rules.allows(path) for path in ("/z", "/x", "/y")] == [True, False, False]
    assert not robots.parse(text, "MyShop/1.0").allows("/z")


def test_the_delay_and_the_empty_file() -> None:
    assert robots.parse(SHOP, USER_AGENT).delay == 2.5
    assert robots.parse("User-agent: *\nCrawl-delay: soon", USER_AGENT).delay == 0
    assert robots.parse("", USER_AGENT).allows("/x")
    assert robots.parse("Disallow: /", USER_AGENT).allows("/x"), "a rule before any group is nobody's"
    assert not robots.NOTHING.allows("/x")
    assert robots.ALL.allows("/x")


def test_a_tie_allows() -> None:
    assert robots.parse("User-agent: *\nDisallow: /a\nAllow: /a", USER_AGENT).allows("/a")


def test_a_hostile_pattern_takes_no_time() -> None:
    rules = robots.parse("User-agent: *\nDisallow: /" + "a*" * 5000 + "b$", USER_AGENT)
    began = time.monotonic()
    assert rules.allows("/" + "a" * 3000)
    assert time.monotonic() - began < 5, "a regular expression would take years"


@pytest.mark.parametrize(
    ("pattern", "path", "fits"), [("/a*b$", "/ab", True), ("/a*a$", "/a", False), ("/*", "/", True)]
)
def test_stars(pattern: str, path: str, fits: bool) -> None:
    assert robots.parse(f"User-agent: *\nDisallow: {pattern}", USER_AGENT).allows(path) is not fits
