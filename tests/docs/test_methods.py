"""The page about methods tells of each method of the protocol once, and of calls that exist."""

from __future__ import annotations

import re

from coolamqp.clustering import Cluster
from coolamqp.framing.definitions import METHODS
from tests.docs.pages import DOCS, Page

# What stands there in the same type, and is no call of a Cluster.
NO_CALLS = {
    'cancel',
    'extra_properties',
    'global',
    'nack',
    'name',
    'on_error',
    'on_message',
    'reject',
}

TEXT = Page(DOCS / 'reference' / 'methods.md').text


def test_every_method_is_told_of_once_in_the_order_of_the_protocol() -> None:
    told = re.findall(r'^\| `([a-z]+\.[a-z-]+)` \|', TEXT, re.MULTILINE)
    classes = re.findall(r'^## (\w+)$', TEXT, re.MULTILINE)

    assert sorted(told) == sorted(method.NAME for method in METHODS.values())
    assert told == sorted(told, key=lambda name: classes.index(name.partition('.')[0]))


def test_every_call_that_it_names_exists() -> None:
    named = set(re.findall(r'`([a-z_]+)(?:\([^`]*\))?`', TEXT))

    assert sorted(call for call in named - NO_CALLS if not hasattr(Cluster, call)) == []
