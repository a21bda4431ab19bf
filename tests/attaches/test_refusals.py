"""The exchange that a refusal of RabbitMQ names."""

from __future__ import annotations

import pytest

from coolamqp.attaches.refusals import exchange_in, whole_exchange_in
from coolamqp.exceptions import AMQPError


@pytest.mark.parametrize(
    ('text', 'exchange', 'is_whole'),
    [
        ("NOT_FOUND - no exchange 'gone' in vhost '/'", b'gone', True),
        ("NOT_FOUND - no exchange 'it's in vhost '' in vhost '/'", b"it's in vhost '", True),
        (
            "ACCESS_REFUSED - access to exchange 'x' in vhost '/' refused for user 'a'",
            b'x',
            True,
        ),
        (
            "ACCESS_REFUSED - access to topic 'k' in exchange 'x' in vhost '/' refused",
            b'x',
            False,
        ),
        ("PRECONDITION_FAILED - user_id property set to 'a'", None, False),
        ('', None, False),
    ],
)
def test_the_exchange_in_a_refusal(text: str, exchange: bytes | None, is_whole: bool) -> None:
    error = AMQPError(404, text)
    assert exchange_in(error) == exchange
    assert whole_exchange_in(error) == (exchange if is_whole else None)
