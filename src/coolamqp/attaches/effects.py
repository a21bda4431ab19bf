"""What the engine has to tell the outside, collected for the driver to carry out.

The engine never calls a program and never ends a future itself: it notes that here, under the
driver's lock, and the driver does it afterwards, outside of the lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from logging import WARNING
from typing import TYPE_CHECKING, Any, Protocol

from mypy_extensions import mypyc_attr

if TYPE_CHECKING:
    from coolamqp.attaches.ack_ledger import AckLedger
    from coolamqp.attaches.consumer import Consumer
    from coolamqp.attaches.delivery import Delivery
    from coolamqp.attaches.receiver import Receiver
    from coolamqp.exceptions import Returned
    from coolamqp.objects import Message
    from coolamqp.objects.message import Settlement


class Promise(Protocol):
    """Somebody's future. The engine carries it about, and lets the driver end it."""

    def done(self) -> bool:
        """Whether it has ended."""

    def set_result(self, result: Any, /) -> None:
        """End well."""

    def set_exception(self, exception: BaseException, /) -> None:
        """End with an error."""


class Face(Protocol):
    """What a consumer and its messages ask of the Cluster they belong to, from any thread."""

    def add_consumer(self, consumer: Consumer) -> Promise:
        """Take up a consumer."""

    def cancel_consumer(self, consumer: Consumer) -> Promise:
        """Stop a consumer."""

    def change_qos(self, consumer: Consumer, prefetch_count: int) -> None:
        """Change the prefetch of a consumer."""

    def settle(self, ledger: AckLedger, delivery_tag: int, how: Settlement, multiple: bool) -> None:
        """Settle a delivery, or all up to it."""

    def deliver(self, consumer: Receiver, message: Delivery) -> None:
        """Give a message to the program; called where its callbacks run."""

    def publish_reply(self, answer: Message, routing_key: bytes) -> Promise:
        """Publish the answer to a request, with a confirm."""


class Ended:
    """A promise that has ended before anybody was given it; it can be awaited, too."""

    def __await__(self) -> Iterator[Any]:
        """Give what there is: nothing."""
        return iter(())

    def result(self, timeout: float | None = None) -> Any:
        """Give what there is: nothing."""

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Give None: it went well."""

    def done(self) -> bool:
        """Say yes."""
        return True

    def add_done_callback(self, function: Callable[[Any], Any]) -> None:
        """Call a function at once."""
        function(self)

    def set_result(self, result: Any) -> None:
        """Do nothing: it has ended."""

    def set_exception(self, exception: BaseException | None) -> None:
        """Do nothing: it has ended."""


class Hook:
    """A call to a program's own function, in its turn among the messages of a consumer.

    :param carries: the message that it is about, which counts like one that waits for a callback
    """

    __slots__ = ('arguments', 'carries', 'function')

    def __init__(
        self,
        function: Callable[..., Any],
        arguments: tuple[Any, ...] = (),
        carries: Delivery | None = None,
    ) -> None:
        self.function = function
        self.arguments = arguments
        self.carries = carries


def message_of(post: Delivery | Hook) -> Delivery | None:
    """Give the message that waits with a post, if one does."""
    return post.carries if isinstance(post, Hook) else post


@mypyc_attr(acyclic=True)
class Completion:
    """A promise that is to be ended."""

    __slots__ = ('error', 'promise', 'value')

    def __init__(
        self, promise: Promise, value: Any = None, error: BaseException | None = None
    ) -> None:
        self.promise = promise
        self.value = value
        self.error = error


class LogRecord:
    """Something for the log: `level` is one of the logging module's."""

    def __init__(self, text: str, level: int) -> None:
        self.text = text
        self.level = level


class Unroutable:
    """A message that nobody waits for was published as mandatory, and came back."""

    def __init__(self, error: Returned) -> None:
        self.error = error


class ConsumerEnded:
    """A consumer is cancelled, for good."""

    def __init__(self, consumer: Consumer, reason: Exception | None) -> None:
        self.consumer = consumer
        self.reason = reason


class Effects:
    """Collects what the driver is to carry out.

    :ivar confirmed: promises to end well, and without a value, as nearly all do
    :ivar completions: other promises to end
    :ivar posts: messages and hooks, each with the consumer to whose mailbox they go
    :ivar notices: what has happened, for whoever reports it
    """

    def __init__(self) -> None:
        self.confirmed: list[Promise] = []
        self.completions: list[Completion] = []
        self.posts: list[tuple[Receiver, Delivery | Hook]] = []
        self.notices: list[object] = []

    def succeed(self, promise: Promise | None, value: Any = None) -> None:
        """Have a promise end well; None is nobody's promise."""
        if promise is None:
            return
        if value is None:
            self.confirmed.append(promise)
        else:
            self.completions.append(Completion(promise, value))

    def fail(self, promise: Promise | None, error: BaseException) -> None:
        """Have a promise end with an error."""
        if promise is not None:
            self.completions.append(Completion(promise, None, error))

    def call(self, consumer: Receiver, function: Callable[..., Any], *arguments: Any) -> None:
        """Have a function called, after the messages that came before."""
        self.posts.append((consumer, Hook(function, arguments)))

    def notice(self, notice: object) -> None:
        """Tell what has happened."""
        self.notices.append(notice)

    def log(self, text: str, level: int = WARNING) -> None:
        """Have something logged, once the lock is released."""
        self.notices.append(LogRecord(text, level))

    def take(self) -> Effects:
        """Give what was collected, and begin anew."""
        taken = Effects()
        taken.confirmed, self.confirmed = self.confirmed, taken.confirmed
        taken.completions, self.completions = self.completions, taken.completions
        taken.posts, self.posts = self.posts, taken.posts
        taken.notices, self.notices = self.notices, taken.notices
        return taken

    def __bool__(self) -> bool:
        return bool(self.confirmed or self.completions or self.posts or self.notices)
