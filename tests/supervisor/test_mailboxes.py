"""What runs next, and what becomes of it: decided without threads, tasks or a clock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from coolamqp.attaches.batch import Batch
from coolamqp.attaches.consumer_options import OnError
from coolamqp.attaches.delivery import Delivery
from coolamqp.attaches.events import Event, MessageReceived
from coolamqp.attaches.mailbox import Hook, Item, Mailbox
from coolamqp.exceptions import WireError
from coolamqp.objects import Queue
from coolamqp.reply_codes import SYNTAX_ERROR
from coolamqp.supervisor.mailboxes import (
    TURN_ITEMS,
    TURN_SECONDS,
    Mailboxes,
    Turn,
    callback_for,
    keep,
    settle_failed,
)
from coolamqp.supervisor.watermarks import HIGH_MESSAGES, ReadWatermarks
from tests.support.deliveries import Refusable, deliveries


class Kept:
    """An inbox."""

    def __init__(self, *, discarded: bool = False) -> None:
        self.events: list[Event] = []
        self.discarded = discarded

    def put(self, event: Event) -> bool:
        if not self.discarded:
            self.events.append(event)
        return not self.discarded


def mailbox(on_message: Callable[[Any], Any] | None = print, **options: Any) -> Mailbox:
    return Mailbox(Queue('jobs'), on_message, **options)


def mailboxes() -> Mailboxes:
    return Mailboxes(ReadWatermarks())


def post(to: Mailboxes, mailbox: Mailbox, *items: Item) -> list[tuple[Mailbox, Item]]:
    return to.post([(mailbox, item) for item in items])


def run_all(all_of: Mailboxes, now: float = 0.0) -> list[Item]:
    """Serve until nothing is ready, as one thread would."""
    ran: list[Item] = []
    while (mailbox := all_of.take()) is not None:
        turn = Turn(mailbox)
        turn.begin(mailbox, now)
        while (item := turn.next(now)) is not None:
            ran.append(item)
        all_of.give_back(turn)
    return ran


def test_the_items_of_a_consumer_run_in_order() -> None:
    every, box = mailboxes(), mailbox()
    sent: list[Item] = [*deliveries(3), Hook(print), *deliveries(2)]
    post(every, box, *sent[:2])
    post(every, box, *sent[2:])

    assert run_all(every) == sent
    assert every.watermarks.messages == 0


def test_consumers_take_turns() -> None:
    every, first, second = mailboxes(), mailbox(), mailbox()
    long, short = deliveries(TURN_ITEMS + 1), deliveries(1)
    post(every, first, *long)
    post(every, second, *short)

    assert run_all(every) == [*long[:TURN_ITEMS], *short, long[-1]]


def test_a_turn_ends_when_its_time_is_over() -> None:
    every, box = mailboxes(), mailbox()
    post(every, box, *deliveries(3))
    turn = Turn(box)
    turn.begin(box, 5.0)

    assert turn.next(5.0) is not None
    assert turn.next(5.0 + TURN_SECONDS) is not None
    assert turn.next(5.0 + 2 * TURN_SECONDS) is None


@pytest.mark.parametrize('workers', [1, 3])
def test_a_mailbox_is_ready_for_as_many_turns_at_once_as_it_has_workers(workers: int) -> None:
    every, box = mailboxes(), mailbox(workers=workers)
    post(every, box, *deliveries(9))

    taken = [every.take() for _ in range(workers + 1)]

    assert taken == [box] * workers + [None]
    assert every.extra_workers == workers - 1


def test_workers_are_not_needed_any_more_when_the_mailbox_is_empty() -> None:
    every, box = mailboxes(), mailbox(workers=3)
    post(every, box, *deliveries(2))
    run_all(every)

    assert every.extra_workers == 0


def test_what_comes_during_a_turn_is_not_forgotten() -> None:
    every, box = mailboxes(), mailbox()
    first, second = deliveries(2)
    post(every, box, first)
    assert every.take() is box
    turn = Turn(box)
    turn.begin(box, 0.0)
    assert turn.next(0.0) is first
    assert turn.next(0.0) is None
    post(every, box, second)
    assert every.take() is None  # the turn is still under way
    every.give_back(turn)

    assert run_all(every) == [second]


def test_inline_items_are_returned_to_run_at_once_and_do_not_count() -> None:
    every, box = mailboxes(), mailbox(inline=True)
    (message,) = deliveries(1)

    assert post(every, box, message) == [(box, message)]
    assert every.take() is None
    assert every.watermarks.messages == 0


def test_functions_of_no_consumer_run_in_order() -> None:
    every, ran = mailboxes(), list[int]()
    for number in range(3):
        every.post_own(ran.append, number)
    for item in run_all(every):
        assert isinstance(item, Hook)
        item.function(*item.arguments)

    assert ran == [0, 1, 2]


def test_a_message_of_a_hook_comes_before_what_waits() -> None:
    every, box = mailboxes(), mailbox()
    waiting, first = deliveries(2)
    post(every, box, waiting)
    every.post_first(box, first)

    assert run_all(every) == [first, waiting]
    assert every.watermarks.messages == 0


# What becomes of a message


def test_a_message_runs_if_there_is_a_callback() -> None:
    assert callback_for(mailbox(print)) is print
    assert callback_for(mailbox(None)) is None


def test_without_a_callback_messages_are_kept_and_count_until_they_are_released() -> None:
    every, box = mailboxes(), mailbox(None)
    inbox = box.inbox = Kept()
    post(every, box, *deliveries(2))
    run_all(every)

    assert [type(event) for event in inbox.events] == [MessageReceived] * 2
    assert every.watermarks.messages == 2
    every.watermarks.release(2, 0)
    assert every.watermarks.messages == 0


@pytest.mark.parametrize('inbox', [None, Kept(discarded=True)])
def test_messages_that_nobody_will_take_are_dropped(inbox: Kept | None) -> None:
    every, box = mailboxes(), mailbox(None)
    box.inbox = inbox
    post(every, box, *deliveries(2))

    assert run_all(every) == []
    assert every.watermarks.messages == 0


@pytest.mark.parametrize('on_message', [print, None])
def test_a_cancelled_consumer_gets_hooks_but_no_messages(
    on_message: Callable[[Any], Any] | None,
) -> None:
    every, box, hook = mailboxes(), mailbox(on_message), Hook(print)
    box.inbox = Kept()
    post(every, box, *deliveries(2), hook)
    box.ending = box.closed = True

    assert run_all(every) == [hook]
    assert every.watermarks.messages == 0
    assert not keep(box, deliveries(1)[0])


@pytest.mark.parametrize(('delivery_tag', 'runs'), [(1, False), (None, True)])
@pytest.mark.parametrize('hooked', [True, False])
def test_what_waits_goes_back_when_its_consumer_ends_unless_the_broker_has_forgotten_it(
    delivery_tag: int | None, runs: bool, hooked: bool
) -> None:
    every, box, message = mailboxes(), mailbox(), Refusable(b'', delivery_tag)
    item = Hook(print, carries=message) if hooked else message
    post(every, box, item)
    box.ending = True

    assert run_all(every) == ([item] if runs else [])
    assert message.refusals == [True]
    assert every.watermarks.messages == 0


def test_what_waits_can_be_returned_before_its_turn() -> None:
    every, box, messages = mailboxes(), mailbox(), deliveries(3)
    post(every, box, messages[0], Hook(print), Hook(print, carries=messages[1]), messages[2])
    box.return_waiting()
    assert [message.refusals for message in messages] == [[True]] * 3


def test_the_end_of_a_turn_of_a_consumer_that_ends_is_told() -> None:
    every, box = mailboxes(), mailbox()
    post(every, box, Hook(print))
    assert every.take() is box
    box.items.clear()
    box.ending = True
    assert every.give_back(Turn(box))
    assert box.at_rest


def test_a_callback_that_waits_for_the_shutdown_is_not_waited_for() -> None:
    box = mailbox(workers=2)
    box.stopping_callbacks, at_rest = 1, []
    for box.scheduled in (2, 1):
        at_rest.append(box.at_rest)
    assert at_rest == [False, True]


def test_an_iteration_is_waited_for_while_its_thread_lives() -> None:
    box, end = mailbox(), threading.Event()
    box.iterator = threading.Thread(target=end.wait)
    box.iterator.start()
    assert not box.at_rest
    end.set()
    box.iterator.join()
    assert box.at_rest


def test_a_hook_that_carries_a_message_counts_as_one() -> None:
    every, box = mailboxes(), mailbox()
    (carried,) = deliveries(1)
    post(every, box, Hook(print, carries=carried))
    assert every.watermarks.messages == 1
    run_all(every)

    assert every.watermarks.messages == 0


def test_giving_back_a_turn_tells_that_reading_may_resume() -> None:
    every, box = mailboxes(), mailbox()
    post(every, box, *deliveries(HIGH_MESSAGES))
    assert not every.watermarks.should_read(True, lambda: False)
    resumed = []
    while (ready := every.take()) is not None:
        turn = Turn(ready)
        turn.begin(ready, 0.0)
        while turn.next(0.0) is not None:
            pass
        resumed.append(every.give_back(turn))

    assert resumed.count(True) == 1


# Failed callbacks


@pytest.mark.parametrize(
    ('on_error', 'refusals'), [('keep', []), ('requeue', [True]), ('reject', [False])]
)
def test_a_message_whose_callback_raises_is_settled_as_on_error_says(
    on_error: OnError, refusals: list[bool]
) -> None:
    message = Refusable(b'')
    settle_failed(mailbox(on_error=on_error), message, LookupError('no such order'))

    assert message.refusals == refusals


class NoText(Exception):
    """An error that cannot be shown."""

    def __str__(self) -> str:
        raise ZeroDivisionError

    __repr__ = __str__


def with_note(error: Exception, note: str) -> Exception:
    error.add_note(note)
    return error


@pytest.mark.parametrize(
    ('error', 'reason'),
    [
        (LookupError('no such order'), 'LookupError: no such order'),
        (
            with_note(LookupError('no such order'), 'order 17'),
            'LookupError: no such order order 17',
        ),
        (NoText(), 'tests.supervisor.test_mailboxes.NoText: <exception str() failed>'),
    ],
)
def test_a_message_is_retried_with_the_error_of_its_callback(error: Exception, reason: str) -> None:
    message = Refusable(b'')
    settle_failed(mailbox(on_error='retry'), message, error)

    assert message.reasons == [reason]


class Uncopied(Refusable):
    """A message that cannot be retried."""

    def __init__(self, error: Exception) -> None:
        super().__init__(b'')
        self.error = error

    def retry(self, reason: str = '') -> bool:
        raise self.error


@pytest.mark.parametrize(
    'why', [WireError('no table', 'headers', SYNTAX_ERROR), ValueError('x-attempt is too large')]
)
def test_a_message_that_cannot_be_copied_is_dead_lettered(why: Exception) -> None:
    message = Uncopied(why)
    settle_failed(mailbox(on_error='retry'), message, LookupError('no such order'))

    assert message.refusals == [False]


def test_it_costs_the_others_of_its_batch_nothing() -> None:
    first, bad, last = (
        Refusable(b''),
        Uncopied(ValueError('x-attempt is too large')),
        Refusable(b''),
    )
    settle_failed(
        mailbox(on_error='retry'), Batch([first, bad, last]), LookupError('no such order')
    )

    assert [each.refusals for each in (first, bad, last)] == [[], [False], []]
    assert first.reasons == last.reasons == ['LookupError: no such order']


@pytest.mark.parametrize('on_error', ['keep', 'reject', 'retry'])
def test_but_it_goes_back_while_its_consumer_ends(on_error: OnError) -> None:
    message, box = Refusable(b''), mailbox(on_error=on_error)
    box.ending = True
    settle_failed(box, message, LookupError('no such order'))

    assert message.refusals == [True]


def test_an_item_taken_by_another_worker_ends_the_turn() -> None:
    every, box = mailboxes(), mailbox(workers=2)
    post(every, box, *deliveries(1))
    one, other = Turn(box), Turn(box)
    one.begin(box, 0.0)
    other.begin(box, 0.0)
    taken = partial(Turn.next, now=0.0)

    assert [isinstance(taken(turn), Delivery) for turn in (one, other)] == [True, False]
