"""The steps of pika's connections with callbacks, as coroutines that await the callbacks."""

import pika
from pika.spec import Basic

from tests.foreign.programs.common import (
    BODIES,
    BODY,
    EXCHANGE,
    HEADERS,
    KEY,
    NO_KEY,
    NO_QUEUE,
    NUMBERED,
    PREFETCH,
    PROPERTIES,
    QUEUE,
    do_async,
    ok,
    same,
    with_wrong_password,
)

SENT = pika.BasicProperties(headers=HEADERS, **PROPERTIES)


class Session:
    """A connection of one class on one loop.

    :ivar calls: makes a callback; `await` returns the arguments of its next call
    """

    def __init__(self, connection_class, loop, calls):
        self.connection_class, self.loop, self.calls = connection_class, loop, calls
        self.connection = None

    async def run(self, url):
        """Do all steps."""
        closed = self.calls()
        self.connection, *errors = await self.connect(url, closed)
        same(errors, [])
        await do_async(STEPS, self)
        self.connection.close()
        _, reason = await closed
        same(reason.reply_code, 200)
        await login_refused(self, url)
        ok(login_refused)

    async def connect(self, url, closed=None):
        """Return the connection, and an error if it does not open."""
        result = self.calls()
        self.connection_class(
            pika.URLParameters(url),
            on_open_callback=result,
            on_open_error_callback=result,
            on_close_callback=closed,
            custom_ioloop=self.loop,
        )
        return await result

    async def channel(self):
        """Return a new channel."""
        opened = self.calls()
        self.connection.channel(on_open_callback=opened)
        (channel,) = await opened
        return channel

    async def call(self, method, *arguments, **options):
        """Return the answer to a method."""
        answered = self.calls()
        method(*arguments, callback=answered, **options)
        (frame,) = await answered
        return frame.method

    async def close(self, channel):
        """Close a channel."""
        closed = self.calls()
        channel.add_on_close_callback(closed)
        channel.close()
        await closed

    async def counts(self, channel):
        """Return the numbers of ready messages and of consumers."""
        declared = await self.call(channel.queue_declare, QUEUE, passive=True)
        return declared.message_count, declared.consumer_count


class Publisher:
    """A channel in confirm mode."""

    def __init__(self, session, channel):
        self.session, self.channel, self.confirms = session, channel, session.calls()
        self.sent, self.pending = 0, set()

    async def select(self):
        await self.session.call(self.channel.confirm_delivery, self.confirms)

    async def publish(self, *bodies, key=KEY, **options):
        """Publish messages, and wait for all confirms."""
        for body in bodies:
            self.channel.basic_publish(EXCHANGE, key, body, SENT, **options)
            self.sent += 1
            self.pending.add(self.sent)
        while self.pending:
            (frame,) = await self.confirms
            same(type(frame.method), Basic.Ack)
            tag, multiple = frame.method.delivery_tag, frame.method.multiple
            self.pending -= {
                each for each in self.pending if each == tag or (multiple and each < tag)
            }


async def declare(session):
    channel = await session.channel()
    await session.call(channel.exchange_declare, EXCHANGE, 'direct', durable=True)
    declared = await session.call(channel.queue_declare, QUEUE, durable=True)
    same((declared.queue, declared.message_count, declared.consumer_count), (QUEUE, 0, 0))
    await session.call(channel.queue_bind, QUEUE, EXCHANGE, KEY)
    await session.close(channel)


async def publish(session):
    channel, publisher = await publishing(session)
    await publisher.publish(*BODIES)
    same(await session.counts(channel), (len(BODIES), 0))
    await session.close(channel)


async def get(session):
    channel, got = await session.channel(), session.calls()
    for left, body in zip((2, 1, 0), BODIES, strict=True):
        channel.basic_get(QUEUE, got)
        _, method, properties, received = await got
        same((received, properties), (body, SENT))
        same((method.exchange, method.routing_key, method.redelivered), (EXCHANGE, KEY, False))
        same(method.message_count, left)
        channel.basic_ack(method.delivery_tag)
    await session.close(channel)


async def get_empty(session):
    channel, empty = await session.channel(), session.calls()
    channel.add_callback(empty, [Basic.GetEmpty])
    channel.basic_get(QUEUE, session.calls())
    await empty
    await session.close(channel)


async def consume(session):
    channel, publisher = await publishing(session)
    await publisher.publish(*NUMBERED)
    await session.call(channel.basic_qos, prefetch_count=PREFETCH)
    deliveries = session.calls()
    tag = channel.basic_consume(QUEUE, deliveries)
    unacknowledged = [await deliveries for _ in range(PREFETCH)]
    same(await session.counts(channel), (len(NUMBERED) - PREFETCH, 1))
    for body in NUMBERED:
        _, method, properties, received = (
            unacknowledged.pop(0) if unacknowledged else await deliveries
        )
        same((received, properties), (body, SENT))
        same((method.consumer_tag, method.redelivered), (tag, False))
        channel.basic_ack(method.delivery_tag)
    await session.close(channel)
    channel = await session.channel()
    same(await session.counts(channel), (0, 0))
    await session.close(channel)


async def redeliver(session):
    channel, publisher = await publishing(session)
    await publisher.publish(BODY)
    deliveries = session.calls()
    channel.basic_consume(QUEUE, deliveries)
    _, method, _, _ = await deliveries
    same(method.redelivered, False)
    channel.basic_nack(method.delivery_tag, requeue=True)
    _, method, properties, body = await deliveries
    same((method.redelivered, properties, body), (True, SENT, BODY))
    channel.basic_ack(method.delivery_tag)
    await session.close(channel)


async def cancel(session):
    channel, publisher = await publishing(session)
    answered, got = session.calls(), session.calls()
    tag = channel.basic_consume(QUEUE, session.calls(), callback=answered)
    await answered
    await session.call(channel.basic_cancel, tag)
    await publisher.publish(BODY)
    same(await session.counts(channel), (1, 0))
    channel.basic_get(QUEUE, got, auto_ack=True)
    same((await got)[3], BODY)
    await session.close(channel)


async def mandatory_return(session):
    channel, publisher = await publishing(session)
    returns = session.calls()
    channel.add_on_return_callback(returns)
    await publisher.publish(BODY, key=NO_KEY, mandatory=True)
    _, method, properties, body = await returns
    same((method.reply_code, method.routing_key), (312, NO_KEY))
    same((properties, body), (SENT, BODY))
    await session.close(channel)


async def channel_error(session):
    same(await error_of_missing_queue(session, NO_QUEUE), 404)
    channel = await session.channel()
    same(await session.counts(channel), (0, 0))
    await session.close(channel)


async def transaction(session):
    channel, got = await session.channel(), session.calls()
    await session.call(channel.tx_select)
    channel.basic_publish(EXCHANGE, KEY, b'rolled back')
    await session.call(channel.tx_rollback)
    channel.basic_publish(EXCHANGE, KEY, b'committed')
    same(await session.counts(channel), (0, 0))
    await session.call(channel.tx_commit)
    channel.basic_get(QUEUE, got)
    _, method, _, body = await got
    same(body, b'committed')
    channel.basic_ack(method.delivery_tag)
    await session.call(channel.tx_rollback)
    await session.call(channel.tx_commit)  # The message is not acknowledged.
    await session.close(channel)
    channel = await session.channel()
    same(await session.counts(channel), (1, 0))
    await session.close(channel)


async def delete(session):
    channel, publisher = await publishing(session)
    same((await session.call(channel.queue_purge, QUEUE)).message_count, 1)
    await session.call(channel.queue_unbind, QUEUE, EXCHANGE, KEY)
    await publisher.publish(BODY)
    same((await session.call(channel.queue_delete, QUEUE)).message_count, 0)
    await session.call(channel.exchange_delete, EXCHANGE)
    await session.close(channel)
    same(await error_of_missing_queue(session, QUEUE), 404)


async def login_refused(session, url):
    _, error = await session.connect(with_wrong_password(url))
    same(type(error), pika.exceptions.ProbableAuthenticationError)


async def publishing(session):
    """Return a new channel, and its publisher."""
    channel = await session.channel()
    publisher = Publisher(session, channel)
    await publisher.select()
    return channel, publisher


async def error_of_missing_queue(session, queue):
    """Return the reply code with which a passive declaration closes its channel."""
    channel, closed = await session.channel(), session.calls()
    channel.add_on_close_callback(closed)
    channel.queue_declare(queue, passive=True, callback=session.calls())
    _, reason = await closed
    return reason.reply_code


STEPS = (
    declare,
    publish,
    get,
    get_empty,
    consume,
    redeliver,
    cancel,
    mandatory_return,
    channel_error,
    transaction,
    delete,
)
