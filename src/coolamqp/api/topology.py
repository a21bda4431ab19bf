"""The calls about topology: declaring, binding, deleting, purging.

Each is checked at once, in the caller's thread. It is carried out when there is a connection, also
after a reconnect, and its future ends when the broker has answered.
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
    """The part of a Cluster that is about topology."""

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
        """Declare a queue, with the binding it describes, an exchange or a binding.

        :param obj: a `Queue`, an `Exchange`, a `QueueBind` or an `ExchangeBind`
        :param persistent: whether to declare it again after each reconnect
        :param span: parent of the span of this call, if there is a tracer; None for the active one
        :param dont_trace: True for no span
        :param passive: whether only to ask if it is there: the future ends with the broker's
            answer, for a queue a `QueueDeclareOk` with its `message_count` and `consumer_count`
        :returns: a future that ends with None, or with `AMQPError` if the broker refuses
        :raises ValueError: an anonymous queue; consuming declares it
        :raises TypeError: nothing that can be declared
        """
        with self._core.traced('declare', obj, span, dont_trace) as traced:
            _check_flag(persistent, 'persistent')
            if not passive:
                return self._declare(obj, persistent, traced)
            if persistent:
                raise ValueError('passive only asks, so there is nothing to be persistent')
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
        """Bind a queue to an exchange, from which it gets messages then; see `declare`.

        :param queue: as an object or by name
        :param exchange: as an object or by name
        :param routing_key: what the routing key of a message must be, or be like
        :param persistent: whether to bind again after each reconnect
        :param span: see `declare`
        :param dont_trace: see `declare`
        :param arguments: of the binding, by which an exchange of type ``headers`` goes
        :returns: a future that ends with None, or with `AMQPError` if the broker refuses
        :raises ValueError: an anonymous queue; consuming binds it
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
        """Undo a binding, which is not made again then; one that is not there is a success.

        :param queue: these four as they were for `bind`
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
        """Bind an exchange to another, from which it gets messages then; see `declare`.

        :param destination: the exchange that gets the messages, as an object or by name
        :param source: the exchange that they come from, as an object or by name
        :param routing_key: what the routing key of a message must be, or be like
        :param persistent: whether to bind again after each reconnect
        :param arguments: of the binding, by which an exchange of type ``headers`` goes
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
        """Undo a binding between exchanges, which is not made again then; see `unbind`.

        :param destination: these four as they were for `bind_exchange`
        :returns: a future that ends with None, or with `AMQPError` if the broker refuses
        """
        with self._core.traced('unbind_exchange', destination) as traced:
            return self._unbind(ExchangeBind(destination, source, routing_key, arguments), traced)

    def delete_queue(
        self, queue: Queue | Text, if_unused: bool = False, if_empty: bool = False
    ) -> FutureT:
        """Delete a queue, which is not declared again then; one that is not there is a success.

        :param queue: as an object or by name
        :param if_unused: only if it has no consumers
        :param if_empty: only if it has no messages
        :returns: a future that ends with None, or with `AMQPError` if the broker refuses
        """
        with self._core.traced('delete_queue', queue) as traced:
            name = queue_name(queue)
            methods = [operation.delete_queue(queue, if_unused, if_empty)]
            return self._call(methods, traced, lambda topology: topology.forget_queue(name))

    def delete_exchange(self, exchange: Exchange | Text, if_unused: bool = False) -> FutureT:
        """Delete an exchange, which is not declared again then; see `delete_queue`.

        :param exchange: as an object or by name
        :param if_unused: only if nothing is bound to it
        :returns: a future that ends with None, or with `AMQPError` if the broker refuses
        """
        with self._core.traced('delete_exchange', exchange) as traced:
            name = exchange_name(exchange)
            methods = [operation.delete_exchange(exchange, if_unused)]
            return self._call(methods, traced, lambda topology: topology.forget_exchange(name))

    def purge(self, queue: Queue | Text) -> FutureT:
        """Take all messages out of a queue that are not on their way to a consumer.

        :param queue: as an object or by name
        :returns: a future that ends with how many there were, with `AMQPError`, or with
            `ConnectionDead` if the answer was lost: it is not asked again, since that might take
            messages that have come meanwhile
        """
        with self._core.traced('purge', queue) as traced:
            methods = [operation.purge(queue)]
            return self._call(methods, traced, result=_message_count, repeatable=False)

    def _declare(self, subject: Subject, persistent: bool, span: CallSpan | None) -> FutureT:
        remember = (lambda topology: topology.remember(subject)) if persistent else None
        return self._call(operation.declare(subject), span, remember)

    def _unbind(self, binding: QueueBind | ExchangeBind, span: CallSpan | None) -> FutureT:
        methods = [operation.unbind(binding)]
        return self._call(methods, span, lambda topology: topology.forget_binding(binding))

    def _call(
        self,
        methods: list[Method],
        span: CallSpan | None,
        remember: Callable[[Topology], None] | None = None,
        result: Callable[[Method], Any] | None = None,
        *,
        repeatable: bool = True,
    ) -> FutureT:
        """Have methods called; what they change for later reconnects is told to the topology."""

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
