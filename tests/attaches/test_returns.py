"""Mandatory messages that come back, with confirms and without."""

from __future__ import annotations

import pickle

import pytest

from coolamqp.attaches.events import MessageReturned
from coolamqp.attaches.publication import Publication
from coolamqp.exceptions import Returned
from coolamqp.framing.definitions import BasicAck, BasicReturn
from coolamqp.objects import Message, ReceivedMessage
from tests.support.ending import Ending
from tests.support.rig import Rig


def test_the_confirm_tells_which_message_came_back() -> None:
    rig = Rig()
    broker = rig.up()
    promises = [rig.publish(body, mandatory=True) for body in (b'a', b'b', b'a')]
    broker.serve()
    assert all(published.mandatory for published in broker.published)
    broker.give_back(broker.published[1])
    assert not promises[1].done()
    broker.send(broker.published[0].channel, BasicAck(3, True))

    assert [type(promise.ends[0]) for promise in promises] == [type(None), Returned, type(None)]
    assert promises[1].ends[0].message.body == b'b'


def test_of_equal_messages_the_first_to_be_confirmed_is_the_one() -> None:
    rig = Rig()
    broker = rig.up()
    promises = [rig.publish(b'same', mandatory=True) for _ in range(3)]
    broker.serve()
    channel = broker.published[0].channel
    broker.give_back(broker.published[1])
    broker.send(channel, BasicAck(2, False))
    broker.send(channel, BasicAck(3, True))

    assert [promise.ends[0] is None for promise in promises] == [True, False, True]


def test_headers_that_the_broker_has_written_anew_are_the_same() -> None:
    rig = Rig()
    broker = rig.up()
    promises = []
    for number in (1, 2):
        headers = {'b': number, 'a': {'x': 'y'}}
        message = Message(b'same', {'headers': headers, 'message_id': 'm'})
        publication = Publication(message, b'', b'key', mandatory=True)
        publication.promise = promise = Ending()
        promises.append(promise)
        rig.engine.window.publish(publication)
    broker.serve()
    second = broker.published[1]
    second.properties = second.properties.replace(headers={'a': {'x': 'y'}, 'b': 2})
    broker.give_back(second)
    broker.send(second.channel, BasicAck(2, True))

    assert [type(promise.ends[0]) for promise in promises] == [type(None), Returned]


@pytest.mark.parametrize(
    'changed', [{'k': 1}, {'BCC': ['x'], 'k': 1, 'added by the broker': True}, {}]
)
def test_headers_that_the_broker_has_taken_away_or_added_change_nothing(
    changed: dict[str, object],
) -> None:
    rig = Rig()
    broker = rig.up()
    message = Message(b'x', {'headers': {'BCC': ['x'], 'k': 1}})
    publication = Publication(message, b'', b'key', mandatory=True)
    publication.promise = promise = Ending()
    rig.engine.window.publish(publication)
    broker.serve()
    (published,) = broker.published
    published.properties = published.properties.replace(headers=changed, timestamp=5)
    broker.give_back(published)
    broker.send(published.channel, BasicAck(1, False))

    assert isinstance(promise.ends[0], Returned)


def test_what_came_back_and_is_none_of_ours_is_told_and_forgotten() -> None:
    rig = Rig()
    broker = rig.up()
    promise = rig.publish(b'x', mandatory=True)
    broker.serve()
    (published,) = broker.published
    published.body = b'y'
    broker.give_back(published)
    broker.send(published.channel, BasicAck(1, False))

    assert promise.ends == [None]
    assert 'did not send' in rig.logged()


def test_what_came_back_before_a_lost_connection_is_sent_again() -> None:
    rig = Rig()
    broker = rig.up()
    promise = rig.publish(b'x', mandatory=True)
    broker.serve()
    broker.give_back(broker.published[0])
    broker = rig.reconnect()
    assert not promise.done()
    broker.send(broker.published[0].channel, BasicAck(1, False))
    assert promise.ends == [None]


def test_a_message_without_confirm_that_comes_back_is_noticed() -> None:
    rig = Rig()
    broker = rig.up()
    rig.engine.window.publish_plain(Publication(Message(b'x'), b'', b'key', mandatory=True))
    broker.serve()
    broker.give_back(broker.published[0])

    (notice,) = rig.reported(MessageReturned)
    assert notice.error.message.body == b'x'


def test_a_return_can_be_pickled() -> None:
    error = Returned(ReceivedMessage(b'x', b'ex', b'key'), 312, 'NO_ROUTE')
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert (str(again), again.message.body, again.reply_code) == (str(error), b'x', 312)
    assert (again.class_id, again.method_id) == BasicReturn.INDEX
