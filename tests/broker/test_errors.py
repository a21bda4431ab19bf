"""The errors of the broker: what they close, and the text that fits into a close."""

from __future__ import annotations

import pytest

from coolamqp.broker.errors import Refusal, resource, shown


@pytest.mark.parametrize(
    ('code', 'is_hard'), [(404, False), (406, False), (504, True), (320, True)]
)
def test_an_error_closes_the_channel_or_the_connection(code: int, is_hard: bool) -> None:
    assert Refusal(code, 'x').is_hard is is_hard


def test_the_text_begins_with_the_name_of_the_code() -> None:
    assert Refusal(404, 'no queue').reply_text == b'NOT_FOUND - no queue'
    assert str(Refusal(404, 'no queue')) == 'NOT_FOUND - no queue'
    assert Refusal(999, 'odd').reply_text == b'ERROR - odd'


def test_a_long_text_is_cut_to_a_short_string() -> None:
    assert len(Refusal(404, 'x' * 243).reply_text) == 255
    text = Refusal(404, 'x' * 244).reply_text
    assert len(text) == 255
    assert text.endswith(b'x...')


def test_a_text_that_is_cut_within_a_letter_can_be_shown() -> None:
    assert str(Refusal(404, '\N{EURO SIGN}' * 100)).endswith('...')


def test_names_that_are_no_utf_8_can_be_shown() -> None:
    assert resource('queue', b'a\xff', '/') == f"queue '{shown(bytes([97, 255]))}' in vhost '/'"
