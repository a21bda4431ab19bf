"""Exchanges: their bindings, and the matching of messages with bindings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from coolamqp.broker.arguments import NamedArguments, named
from coolamqp.broker.header_match import HeaderMatch
from coolamqp.broker.message import BrokerMessage
from coolamqp.broker.topic import TopicKey, matches, split

if TYPE_CHECKING:
    from coolamqp.broker.base_queue import BaseQueue

# The size of the cache of a topic exchange: routing keys and their destinations together.
_REMEMBERED_MAX: Final = 100_000


class Binding:
    """A binding of a queue or an exchange to an exchange.

    :ivar key: the identity of the binding: destination, routing key and sorted arguments
    """

    __slots__ = ('arguments', 'destination', 'key', 'routing_key')

    def __init__(
        self, destination: Destination, routing_key: bytes, arguments: NamedArguments
    ) -> None:
        self.destination = destination
        self.routing_key = routing_key
        self.arguments = arguments
        self.key: BindingKey = (destination, routing_key, str(sorted(arguments.items())))


@dataclass(frozen=True)
class ExchangeDefinition:
    """The declaration of an exchange, without its type."""

    name: bytes
    arguments: NamedArguments
    durable: bool = True
    auto_delete: bool = False
    internal: bool = False


class Exchange(ABC):
    """An exchange.

    :ivar bindings: the bindings with this exchange as the source, in the order of their creation
    :ivar incoming: the number of bindings with this exchange as the destination
    :ivar alternate: the alternate exchange, of the arguments or of a policy; None for none
    """

    type_: str

    def __init__(self, definition: ExchangeDefinition) -> None:
        self.name = definition.name
        self.arguments = definition.arguments
        self.durable = definition.durable
        self.auto_delete = definition.auto_delete
        self.internal = definition.internal
        self.bindings: dict[BindingKey, Binding] = {}
        self.policy = ''
        self.alternate: bytes | None = None
        self.apply_policy('', {})

    def apply_policy(self, name: str, definition: Mapping[str, Any]) -> None:
        """Apply a policy; an empty definition removes it."""
        self.policy = name
        argument = self.arguments.get(b'alternate-exchange')
        of_policy = definition.get('alternate-exchange')
        if argument is not None:
            self.alternate = bytes(argument[0])
        else:
            self.alternate = None if of_policy is None else str(of_policy).encode()

    def bind(self, binding: Binding) -> bool:
        """Add a binding; return False if the same binding exists.

        :raises Refusal: the arguments are invalid
        """
        if binding.key in self.bindings:
            return False
        self._added(binding)
        self.bindings[binding.key] = binding
        return True

    def unbind(self, binding: Binding) -> None:
        """Remove a binding."""
        del self.bindings[binding.key]
        self._removed(binding)

    @abstractmethod
    def match(self, routing_key: bytes, message: BrokerMessage) -> Iterator[Destination]:
        """Yield the destinations of a message, some perhaps twice."""

    @abstractmethod
    def _added(self, binding: Binding) -> None:
        """Add a binding to the index."""

    @abstractmethod
    def _removed(self, binding: Binding) -> None:
        """Remove a binding from the index."""


Destination: TypeAlias = 'BaseQueue | Exchange'
BindingKey: TypeAlias = tuple[Destination, bytes, str]


class DirectExchange(Exchange):
    """An exchange that compares the routing key."""

    type_ = 'direct'

    def __init__(self, definition: ExchangeDefinition) -> None:
        super().__init__(definition)
        self._by_key: dict[bytes, dict[Binding, Destination]] = {}

    def match(self, routing_key: bytes, message: BrokerMessage) -> Iterator[Destination]:
        """Yield the destinations of a message, some perhaps twice."""
        found = self._by_key.get(routing_key)
        return iter(()) if found is None else iter(found.values())

    def _added(self, binding: Binding) -> None:
        self._by_key.setdefault(binding.routing_key, {})[binding] = binding.destination

    def _removed(self, binding: Binding) -> None:
        found = self._by_key[binding.routing_key]
        del found[binding]
        if not found:
            del self._by_key[binding.routing_key]


class FanoutExchange(Exchange):
    """An exchange that matches all bindings."""

    type_ = 'fanout'

    def match(self, routing_key: bytes, message: BrokerMessage) -> Iterator[Destination]:
        """Yield the destinations of a message, some perhaps twice."""
        for binding in self.bindings.values():
            yield binding.destination

    def _added(self, binding: Binding) -> None:
        """Do nothing: there is no index."""

    def _removed(self, binding: Binding) -> None:
        """Do nothing: there is no index."""


class TopicExchange(Exchange):
    """An exchange that matches the words of the routing key."""

    type_ = 'topic'

    def __init__(self, definition: ExchangeDefinition) -> None:
        super().__init__(definition)
        self._patterns: dict[Binding, list[bytes]] = {}
        self._remembered: dict[bytes, list[Destination]] = {}
        self._remembered_count = 0

    def match(self, routing_key: bytes, message: BrokerMessage) -> Iterator[Destination]:
        """Yield the destinations of a message, some perhaps twice."""
        found = self._remembered.get(routing_key)
        if found is None:
            key = TopicKey(routing_key)
            found = [
                binding.destination
                for binding, pattern in self._patterns.items()
                if matches(pattern, key)
            ]
            self._remember(routing_key, found)
        return iter(found)

    def _remember(self, routing_key: bytes, found: list[Destination]) -> None:
        if self._remembered_count >= _REMEMBERED_MAX:
            self._forget()
        self._remembered[routing_key] = found
        self._remembered_count += 1 + len(found)

    def _forget(self) -> None:
        self._remembered.clear()
        self._remembered_count = 0

    def _added(self, binding: Binding) -> None:
        self._patterns[binding] = split(binding.routing_key)
        self._forget()

    def _removed(self, binding: Binding) -> None:
        del self._patterns[binding]
        self._forget()


class HeadersExchange(Exchange):
    """An exchange that compares headers with the arguments of the bindings."""

    type_ = 'headers'

    def __init__(self, definition: ExchangeDefinition) -> None:
        super().__init__(definition)
        self._conditions: dict[Binding, HeaderMatch] = {}

    def match(self, routing_key: bytes, message: BrokerMessage) -> Iterator[Destination]:
        """Yield the destinations of a message, some perhaps twice."""
        headers = named(message.headers)
        for binding, condition in self._conditions.items():
            if condition.holds(headers):
                yield binding.destination

    def _added(self, binding: Binding) -> None:
        self._conditions[binding] = HeaderMatch(binding.arguments)

    def _removed(self, binding: Binding) -> None:
        del self._conditions[binding]


TYPES: Final[dict[str, type[Exchange]]] = {
    each.type_: each for each in (DirectExchange, FanoutExchange, TopicExchange, HeadersExchange)
}
