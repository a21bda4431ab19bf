"""The mailbox of one consumer, and what is in it."""

from __future__ import annotations

from coolamqp.attaches.mailbox import Hook, Mailbox, messages_of
from coolamqp.objects import Queue
from tests.support.deliveries import deliveries


def test_a_mailbox_has_the_name_of_its_queue() -> None:
    assert Mailbox(Queue('jobs')).name == 'jobs'
    assert Mailbox().name == ''


def test_an_item_is_a_message_or_a_hook_that_may_carry_one() -> None:
    (message,) = deliveries(1)
    items = (message, Hook(print, (message,), carries=message), Hook(print))
    assert [messages_of(item) for item in items] == [message, message, None]
