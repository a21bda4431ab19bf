"""Filters: which messages a command is about, by routing key, headers and properties."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import click

from coolamqp.cli.options import Function
from coolamqp.framing.properties import PROPERTY_NAMES
from coolamqp.objects import ReceivedMessage


@dataclass(frozen=True)
class Condition:
    """A condition on a header or a property.

    :ivar name: its name; dots lead into tables and lists, as in ``x-death.0.queue``
    :ivar pattern: a pattern for its value, with ``*`` and ``?``; None if it only has to exist
    :ivar negated: whether the value must be another one
    """

    name: str
    pattern: str | None
    negated: bool = False

    def holds_for(self, message: ReceivedMessage) -> bool:
        """Whether a message fulfils it."""
        value = self._value(message)
        if self.pattern is None or value is None:
            return (value is not None) is not self.negated
        return fnmatchcase(_text(value), self.pattern) is not self.negated

    def _value(self, message: ReceivedMessage) -> Any:
        headers = message.headers
        if self.name in headers:
            return headers[self.name]
        name = 'type_' if self.name == 'type' else self.name
        if name in PROPERTY_NAMES:
            return message.properties.get(name)
        found: Any = headers
        for step in self.name.split('.'):
            found = _step(found, step)
        return found


def _step(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return value.get(name)
    if isinstance(value, list) and name.isdecimal() and int(name) < len(value):
        return value[int(name)]
    return None


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode('utf-8', 'backslashreplace')
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True)
class Filter:
    """The messages that match one of the patterns for routing keys, and all conditions.

    :ivar keys: patterns as those of topic exchanges; none for any routing key
    :ivar conditions: conditions on headers and properties
    """

    keys: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.keys or self.conditions)

    def matches(self, message: ReceivedMessage) -> bool:
        """Whether a message is one of them."""
        if self.keys:
            key = _text(message.routing_key)
            if not any(topic_matches(pattern, key) for pattern in self.keys):
                return False
        return all(condition.holds_for(message) for condition in self.conditions)


def topic_matches(pattern: str, key: str) -> bool:
    """Whether a routing key matches a pattern of a topic exchange.

    >>> topic_matches('order.*.#', 'order.new')
    True
    """
    return _words_match(pattern.split('.'), key.split('.') if key else [])


def _words_match(pattern: list[str], words: list[str]) -> bool:
    """Compare words; `reached` are the places in the pattern that the words so far may lead to."""
    reached = _with_skips(pattern, {0})
    for word in words:
        steps = {place if pattern[place] == '#' else place + 1
                 for place in reached if place < len(pattern)
                 and pattern[place] in ('#', '*', word)}  # fmt: skip
        reached = _with_skips(pattern, steps)
    return len(pattern) in reached


def _with_skips(pattern: list[str], places: Iterable[int]) -> set[int]:
    """Add the places behind each `#`, which may stand for no word."""
    found = set(places)
    for place in range(len(pattern)):
        if place in found and pattern[place] == '#':
            found.add(place + 1)
    return found


def condition_of(text: str) -> Condition:
    """Return the condition of a text: `NAME`, `NAME=PATTERN` or `NAME!=PATTERN`."""
    name, equals, pattern = text.partition('=')
    negated = name.endswith('!')
    if not name.removesuffix('!'):
        raise click.BadParameter(f'{text!r} is not of the form NAME, NAME=PATTERN or NAME!=PATTERN')
    return Condition(name.removesuffix('!'), pattern if equals else None, negated)


def filter_options(function: Function) -> Function:
    """Add --key and --where."""
    for add in (
        click.option(
            '--where', 'conditions', multiple=True, metavar='NAME[=PATTERN]',
            callback=lambda _context, _option, texts: tuple(map(condition_of, texts)),
            help='Only messages with this header or property; NAME!=PATTERN for another value.',
        ),
        click.option(
            '--key', 'keys', multiple=True, metavar='PATTERN',
            help='Only messages with this routing key, such as "order.#".',
        ),
    ):  # fmt: skip
        function = add(function)
    return function
