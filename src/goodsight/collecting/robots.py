"""What a robots.txt allows, as RFC 9309 says it.

The standard library's parser takes the first rule that fits, where the standard takes the longest, and reads ``*`` and
``$`` as letters; it would fetch what many shops forbid.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote


@dataclass
class Rules:
    """The rules of one group: (allowed, pattern), and the seconds wanted between two requests."""

    lines: list[tuple[bool, str]] = field(default_factory=list)
    delay: float = 0.0

    def allows(self, path: str) -> bool:
        """Whether a path, query included, may be fetched: the longest rule that fits decides, allowing on a tie."""
        if path == "/robots.txt":
            return True
        path = unquote(path)
        fitting = [(len(pattern), allowed) for allowed, pattern in self.lines if _fits(pattern, path)]
        return max(fitting)[1] if fitting else True


NOTHING = Rules([(False, "/")])
ALL = Rules()


def token(user_agent: str) -> str:
    """The word of a user agent that a robots.txt addresses, in lower case."""
    found = re.match(r"[A-Za-z_-]+", user_agent)
    return found[0].lower() if found else ""


def parse(text: str, user_agent: str) -> Rules:
    """The rules for a user agent: those of all groups that name it, else of all groups for ``*``."""
    mine, own, others = token(user_agent), Rules(), Rules()
    named = in_head = False
    targets: list[Rules] = []
    for line in text.removeprefix("\ufeff").splitlines():
        key, colon, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if not colon:
            continue
        if key == "user-agent":
            if not in_head:
                targets = []
            in_head = True
            name = value.lower() if value == "*" else token(value)
            named = named or name == mine
            targets += [own] if name == mine else [others] if name == "*" else []
        elif key in ("allow", "disallow", "crawl-delay"):
            in_head = False
            for rules in targets:
                _add(rules, key, value)
    return own if named else others


def _add(rules: Rules, key: str, value: str) -> None:
    if key == "crawl-delay":
        if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value):
            rules.delay = max(rules.delay, float(value))
    elif value:  # an empty Disallow forbids nothing
        rules.lines.append((key == "allow", value))


def _fits(pattern: str, path: str) -> bool:
    """Whether a pattern with ``*`` and a closing ``$`` fits the start of a path. Not a regular expression: the pattern
    is a stranger's, and one with many stars could keep it busy for ever.
    """
    whole = pattern.endswith("$")
    first, *others = [unquote(piece) for piece in pattern.removesuffix("$").split("*")]
    if not path.startswith(first):
        return False
    if not others:
        return not whole or path == first
    at = len(first)
    for piece in others[:-1]:
        at = path.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    last = others[-1]
    return path.endswith(last) and len(path) - len(last) >= at if whole else path.find(last, at) >= 0
