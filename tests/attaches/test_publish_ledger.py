"""The ledger of what was published and is not confirmed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coolamqp.attaches.publication import Publication
from coolamqp.attaches.publish_ledger import PublishLedger
from coolamqp.exceptions import WireError
from coolamqp.objects import Message


def publications(count: int) -> list[Publication]:
    return [Publication(Message(b'%d' % number), b'', b'') for number in range(count)]


def filled(count: int) -> tuple[PublishLedger, list[Publication]]:
    """Give a ledger with so many messages, and the messages."""
    ledger, sent = PublishLedger(), publications(count)
    for publication in sent:
        ledger.enter(publication)
    return ledger, sent


def test_confirms_in_any_order() -> None:
    ledger, sent = filled(6)
    assert ledger.settle(2, multiple=False) == [sent[1]]
    assert ledger.settle(4, multiple=True) == [sent[0], sent[2], sent[3]]
    assert len(ledger) == 2
    assert ledger.settle(0, multiple=True) == sent[4:]
    assert ledger.settle(0, multiple=True) == []


def test_a_confirm_that_comes_twice_means_nothing() -> None:
    ledger, sent = filled(3)
    ledger.settle(2, multiple=True)
    for multiple in (False, True):
        assert ledger.settle(1, multiple) == []
        assert ledger.settle(2, multiple) == []
    assert ledger.clear() == sent[2:]


@pytest.mark.parametrize('multiple', [False, True])
@pytest.mark.parametrize('tag', [4, 1 << 63])
def test_a_confirm_for_a_tag_that_was_never_sent(tag: int, multiple: bool) -> None:
    ledger, _ = filled(3)
    with pytest.raises(WireError, match='never sent'):
        ledger.settle(tag, multiple)
    with pytest.raises(WireError, match='never sent'):
        ledger.settle(0, multiple=False)


@pytest.mark.parametrize('multiple', [False, True])
def test_old_tags_mean_nothing_when_their_place_is_gone(multiple: bool) -> None:
    ledger, sent = filled(2000)
    assert len(ledger.settle(1900, multiple=True)) == 1900
    assert ledger.settle(1500, multiple) == []
    assert ledger.settle(1, multiple) == []
    assert ledger.settle(1902, multiple=False) == [sent[1901]]
    assert ledger.clear() == [sent[1900], *sent[1902:]]
    assert len(ledger) == 0


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 4), st.integers(0, 8)), max_size=60))
def test_the_ledger_agrees_with_a_simple_one(steps: list[tuple[bool, int, int]]) -> None:
    ledger, sent = PublishLedger(), publications(300)
    model: dict[int, Publication] = {}
    next_tag = 1
    for multiple, count, back in steps:
        for _ in range(count):
            ledger.enter(sent[next_tag])
            model[next_tag] = sent[next_tag]
            next_tag += 1
        tag = max(next_tag - 1 - back, 1)
        tags = [each for each in model if each == tag or (multiple and each < tag)]
        assert ledger.settle(tag, multiple) == [model.pop(each) for each in tags]
        assert len(ledger) == len(model)
    assert ledger.clear() == list(model.values())
