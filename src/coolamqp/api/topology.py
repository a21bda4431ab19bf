"""The calls for topology: declare, bind, delete, purge.

Each call checks its arguments at once, in the thread of the caller. CoolAMQP sends it when there is
a connection. Its future ends with the answer of the broker.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Generic

from coolamqp.api.commands import Commands, FutureT
from coolamqp.attaches import operation
from coolamqp.compat import bind_takes_both_orders, declare_takes_both_orders
from coolamqp.framing.definitions import QueuePurgeOk
from coolamqp.framing.field_table import Arguments
from coolamqp.framing.method import Method
from coolamqp.framing.text import Text
from coolamqp.objects import Exchange, ExchangeBind, Queue, QueueBind
from coolamqp.objects.topology import Subject, exchange_name, queue_name
from coolamqp.supervisor.engine import Engine
from coolamqp.supervisor.topology import Topology
from coolamqp.tracing import CallSpan


class TopologyCalls(Generic[FutureT]):
    """The calls of a Cluster for topology.

    All calls return at once. Their futures end when the broker has answered. If the connection is
    lost meanwhile, CoolAMQP repeats the call on the next connection, except `purge`. All calls
    raise `RuntimeError` if the Cluster is not started, and `ConnectionDead` if it is shut down.
    """

    _core: Commands[FutureT]

    @declare_takes_both_orders
    def declare(
        self,
        obj: Subject,
        persistent: bool = False,
        span: Any = None,
        dont_trace: bool = False,
        *,
        passive: bool = False,
    ) -> FutureT:
        """Declare a queue, an exchange or a binding.

        A `Queue` with an exchange includes the exchange and the binding.

        :param obj: a `Queue`, an `Exchange`, a `QueueBind` or an `ExchangeBind`
        :param persistent: whether to declare the object again after each reconnect
        :param passive: whether to check only if the queue or the exchange exists. The future then
            ends with the answer of the broker; for a queue, this is a `QueueDeclareOk` with
            `message_count` and `consumer_count`
        :param span: the parent of the span of this call; None for the active span
        :param dont_trace: whether to make no span for this call
        :returns: a future that ends with None, or with `AMQPError` if the broker refuses
        :raises ValueError: the queue is anonymous (consuming declares it), or both `persistent` and
            `passive` are True
        :raises TypeError: the object cannot be declared

        >>> cluster.declare(Queue('tasks', durable=True)).result()  # doctest: +SKIP
        """
        with self._core.traced('declare', obj, span, dont_trace) as traced:
            _check_flag(persistent, 'persistent')
            if not passive:
                return self._declare(obj, persistent, traced)
            if persistent:
                raise ValueError(
                    'a passive declaration creates nothing to be persistent; leave out one of them'
                )
            return self._call(operation.look_up(obj), traced, result=_answer)

    @bind_takes_both_orders
    def bind(
        self,
        queue: Queue | Text,
        exchange: Exchange | Text,
        routing_key: Text,
        persistent: bool = False,
        span: Any = None,
        dont_trace: bool = False,
        arguments: Arguments = None,
    ) -> FutureT:
        """Bind a queue to an exchange.

        :param queue: the queue, as an object or by name
        :param exchange: the exchange, as an object or by name
        :param routing_key: the routing key that a message must have, or a pattern for it
        :param persistent: whether to bind again after each reconnect
        :param arguments: the arguments of the binding; an exchange of type ``headers`` uses them
        :param span: see `declare`
        :param dont_trace: see `declare`
        :returns: a future that ends with None, or with `AMQPError` if the broker refuses
        :raises ValueError: the queue is anonymous; consuming binds it

        >>> cluster.bind('tasks', 'jobs', 'images.*').result()  # doctest: +SKIP
        """
        with self._core.traced('bind', queue, span, dont_trace) as traced:
            _check_flag(persistent, 'persistent')
            binding = QueueBind(queue, exchange, routing_key, arguments)
            return self._declare(binding, persistent, traced)

    def unbind(
        self,
        queue: Queue | Text,
        exchange: Exchange | Text,
        routing_key: Text,
        arguments: Arguments = None,
    ) -> FutureT:
        """Remove a binding of a queue, also from the persistent declarations.

        The call succeeds if the binding does not exist.

        :param queue: the queue, as for `bind`
        :param exchange: the exchange, as for `bind`
        :param routing_key: the routing key, as for `bind`
        :param arguments: the arguments, as for `bind`
        :returns: a future that ends with None, or with `AMQPError` if the broker refuses
        """
        with self._core.traced('unbind', queue) as traced:
            return self._unbind(QueueBind(queue, exchange, routing_key, arguments), traced)

    def bind_exchange(
        self,
        destination: Exchange | Text,
        source: Exchange | Text,
        routing_key: Text = b'',
        persistent: bool = False,
        arguments: Arguments = None,
    ) -> FutureT:
        """Bind an exchange to another exchange.

        :param destination: the exchange that receives the messages, as an object or by name
        :param source: the exchange that routes the messages, as an object or by name
        :param routing_key: the routing key that a message must have, or a pattern for it
        :param persistent: whether to bind again after each reconnect
        :param arguments: the arguments of the binding; an exchange of type ``headers`` uses them
        :returns: a future that ends with None, or with `AMQPError` if the broker refuses
        """
        with self._core.traced('bind_exchange', destination) as traced:
            _check_flag(persistent, 'persistent')
            binding = ExchangeBind(destination, source, routing_key, arguments)
            return self._declare(binding, persistent, traced)

    def unbind_exchange(
        self,
        destination: Exchange | Text,
        source: Exchange | Text,
        routing_key: Text = b'',
        arguments: Arguments = None,
    ) -> FutureT:
        """Remove a binding between exchanges, also from the persistent declarations.

        The call succeeds if the binding does not exist.

        :param destination: the receiving exchange, as for `bind_exchange`
        :param source: the routing exchange, as for `bind_exchange`
        :param routing_key: the routing key, as for `bind_exchange`
        :param arguments: the arguments, as for `bind_exchange`
        :returns: a future that ends with None, or with `AMQPError` if the broker refuses
        """
        with self._core.traced('unbind_exchange', destination) as traced:
            return self._unbind(ExchangeBind(destination, source, routing_key, arguments), traced)

    def delete_queue(
        self, queue: Queue | Text, if_unused: bool = False, if_empty: bool = False
    ) -> FutureT:
        """Delete a queue, also from the persistent declarations.

        The call succeeds if the queue does not exist.

        :param queue: the queue, as an object or by name
        :param if_unused: whether the broker must refuse if the queue has consumers
        :param if_empty: whether the broker must refuse if the queue has messages
        :returns: a future that ends with None, or with `AMQPError` if the broker refuses
        """
        with self._core.traced('delete_queue', queue) as traced:
            name = queue_name(queue)
            methods = [operation.delete_queue(queue, if_unused, if_empty)]
            return self._call(methods, traced, lambda topology: topology.forget_queue(name))

    def delete_exchange(self, exchange: Exchange | Text, if_unused: bool = False) -> FutureT:
        """Delete an exchange, also from the persistent declarations.

        The call succeeds if the exchange does not exist.

        :param exchange: the exchange, as an object or by name
        :param if_unused: whether the broker must refuse if the exchange has bindings
        :returns: a future that ends with None, or with `AMQPError` if the broker refuses
        """
        with self._core.traced('delete_exchange', exchange) as traced:
            name = exchange_name(exchange)
            methods = [operation.delete_exchange(exchange, if_unused)]
            return self._call(methods, traced, lambda topology: topology.forget_exchange(name))

    def purge(self, queue: Queue | Text) -> FutureT:
        """Remove all messages from a queue, except unsettled deliveries.

        CoolAMQP does not repeat a purge, because this could remove later messages.

        :param queue: the queue, as an object or by name
        :returns: a future that ends with the number of removed messages, with `AMQPError` if the
            broker refuses, or with `ConnectionDead` if the connection is lost before the answer
        """
        with self._core.traced('purge', queue) as traced:
            methods = [operation.purge(queue)]
            return self._call(methods, traced, result=_message_count, repeatable=False)

    def _declare(self, subject: Subject, persistent: bool, span: CallSpan | None) -> FutureT:
        remember = (lambda topology: topology.remember(subject)) if persistent else None
        return self._call(operation.declare(subject), span, remember)

    def _unbind(self, binding: QueueBind | ExchangeBind, span: CallSpan | None) -> FutureT:
        methods = [operation.unbind(binding)]
        return self._call(methods, span, lambda topology: topology.forget(binding))

    def _call(
        self,
        methods: list[Method],
        span: CallSpan | None,
        remember: Callable[[Topology], None] | None = None,
        result: Callable[[Method], Any] | None = None,
        *,
        repeatable: bool = True,
    ) -> FutureT:
        """Call methods of AMQP; `remember` changes the persistent declarations after success."""

        def command(engine: Engine, promise: Any) -> None:
            on_success = None if remember is None else partial(remember, engine.topology)
            engine.call(methods, promise, on_success, result, repeatable=repeatable)

        return self._core.command(command, span)


def _check_flag(value: object, name: str) -> None:
    if not isinstance(value, bool):
        raise TypeError(f'{name} must be True or False, not {value!r}')


def _answer(answer: Method) -> Method:
    return answer


def _message_count(answer: Method) -> int | None:
    return answer.message_count if isinstance(answer, QueuePurgeOk) else None
