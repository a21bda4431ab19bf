"""One channel of a connection: its states, the calls that wait for an answer, its contents.

Only the handler knows the purpose of a channel, see floor 3.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any, Final, cast

from mypy_extensions import mypyc_attr

from coolamqp.exceptions import AMQPError, WireError
from coolamqp.framing.content import ContentAssembler
from coolamqp.framing.decoder import ChannelSink
from coolamqp.framing.definitions import (
    BasicGetOk,
    BasicReturn,
    ChannelClose,
    ChannelCloseOk,
    ChannelFlow,
    ChannelFlowOk,
    ChannelOpen,
    decode_method,
)
from coolamqp.framing.frames import FRAME_OVERHEAD, encode_method
from coolamqp.framing.hot import (
    ACK_MULTIPLE,
    BASIC_ACK,
    BASIC_DELIVER,
    BASIC_GET_OK,
    BASIC_NACK,
    BASIC_RETURN,
    Buffer,
    Envelope,
    begin_body,
    decode_settlement,
    end_frame,
    method_index,
    write_ack,
    write_header,
    write_nack,
    write_publish,
    write_reject,
)
from coolamqp.framing.method import Method
from coolamqp.framing.send_buffer import SendBuffer
from coolamqp.reply_codes import REPLY_SUCCESS, UNEXPECTED_FRAME
from coolamqp.uplink.states import CHANNEL_TRANSITIONS, ChannelState

# Each frame and each publish compares with it; a global is the fastest to read.
OPEN: Final = ChannelState.OPEN


@mypyc_attr(allow_interpreted_subclasses=True)
class ChannelHandler(ABC):
    """The user of a channel. The connection calls its methods from within its own."""

    @abstractmethod
    def on_channel_open(self) -> None:
        """The broker has opened the channel."""

    @abstractmethod
    def on_channel_closed(self, error: AMQPError | None) -> None:
        """The channel is closed: by the broker for an error, or at our request without one."""

    @abstractmethod
    def on_channel_lost(self, cause: Exception | None) -> None:
        """The connection is lost, and the channel with it; perhaps because of this channel."""

    @abstractmethod
    def on_method(self, method: Method) -> None:
        """The broker has sent a method that answers no call."""

    @abstractmethod
    def on_delivery(self, envelope: Envelope, properties: bytes, body: Any) -> None:
        """The broker has delivered a message to a consumer."""

    @abstractmethod
    def on_get_ok(self, envelope: Envelope, properties: bytes, body: Any) -> None:
        """The broker has answered a basic.get with a message."""

    @abstractmethod
    def on_return(self, method: BasicReturn, properties: bytes, body: Any) -> None:
        """The broker has returned a mandatory message."""

    @abstractmethod
    def on_settlement(self, delivery_tag: int, multiple: bool, acked: bool) -> None:
        """The broker has confirmed or refused publishes."""


class Channel(ChannelSink):
    """A channel. Making one sends channel.open.

    :param out: send buffer of the connection
    :param frame_max: the longest frame that the broker accepts, in bytes
    :param forget: called with the number once both sides have closed the channel
    :ivar number: number of the channel on its connection
    :ivar state: see `coolamqp.uplink.states`
    """

    def __init__(
        self,
        number: int,
        handler: ChannelHandler,
        out: SendBuffer,
        frame_max: int,
        forget: Callable[[int], None],
    ) -> None:
        self.number = number
        self.state = ChannelState.OPENING
        self.content = ContentAssembler()
        self._handler = handler
        self._out = out
        self._body_max = frame_max - FRAME_OVERHEAD
        self._forget = forget
        self._waiting: deque[tuple[tuple[str, ...], Callable[[Method], None]]] = deque()
        self.send(ChannelOpen())

    @property
    def is_open(self) -> bool:
        """Whether the channel sends what it is given."""
        return self.state is OPEN

    def send(self, method: Method) -> None:
        """Send a method without waiting for an answer."""
        self._out.append(encode_method(self.number, method))

    # A channel that is closing sends nothing else. The broker would have closed it by then, and
    # would close the connection for a frame on a channel that is not open.

    def publish(
        self, exchange: bytes, routing_key: bytes, mandatory: bool, properties: bytes, body: Buffer
    ) -> None:
        """Send a message; no other frame comes between its frames.

        :param properties: encoded flags and values
        :param body: flat and contiguous; it must not change until it is sent
        """
        if self.state is not OPEN:
            return
        writer = self._out.writer()
        write_publish(writer, self.number, exchange, routing_key, mandatory)
        size = len(body)
        write_header(writer, self.number, properties, size)
        if size > self._body_max:
            view = memoryview(body)
            for start in range(0, size, self._body_max):
                self._send_body(view[start : start + self._body_max])
        elif size:
            self._send_body(body)
        end_frame(self._out.writer())

    def _send_body(self, body: Buffer) -> None:
        """Send a body frame without its end."""
        begin_body(self._out.writer(), self.number, len(body))
        self._out.append(body)

    def ack(self, delivery_tag: int, multiple: bool) -> None:
        """Acknowledge a delivery, or with `multiple` all up to it."""
        if self.state is OPEN:
            write_ack(self._out.writer(), self.number, delivery_tag, multiple)

    def nack(self, delivery_tag: int, requeue: bool) -> None:
        """Refuse a delivery by basic.nack."""
        if self.state is OPEN:
            write_nack(self._out.writer(), self.number, delivery_tag, False, requeue)

    def reject(self, delivery_tag: int, requeue: bool) -> None:
        """Refuse a delivery by basic.reject."""
        if self.state is OPEN:
            write_reject(self._out.writer(), self.number, delivery_tag, requeue)

    def call(self, method: Method, on_answer: Callable[[Method], None]) -> None:
        """Send a method; call `on_answer` with its answer, unless the channel ends before."""
        if self.state is ChannelState.OPEN:
            self.send(method)
            self._waiting.append((method.ANSWERS, on_answer))

    def close(self) -> None:
        """Ask the broker to close the channel; `on_channel_closed(None)` follows."""
        if self.state in (ChannelState.OPENING, ChannelState.OPEN):
            self.state = ChannelState.CLOSING
            self.send(ChannelClose(REPLY_SUCCESS, b'', 0, 0))

    def connection_closing(self) -> None:
        """Send nothing more: nothing may follow connection.close."""
        self.state = ChannelState.CLOSING

    def connection_lost(self, cause: Exception | None) -> None:
        """End the channel, since its connection is lost."""
        self.state = ChannelState.CLOSED
        self._waiting.clear()
        self._handler.on_channel_lost(cause)

    def on_method(self, buffer: bytes, start: int, end: int) -> None:
        """Process a method frame."""
        if self.state is OPEN:
            if self.content.under_way:
                what = 'a method in the middle of a content'
                raise WireError(what, f'on channel {self.number}', UNEXPECTED_FRAME)
            index = method_index(buffer, start, end)
            if index in (BASIC_DELIVER, BASIC_GET_OK, BASIC_RETURN):
                self.content.begin(index, buffer[start:end])
                return
            if index in (BASIC_ACK, BASIC_NACK):
                tag, bits = decode_settlement(buffer, start, end)
                self._handler.on_settlement(tag, bool(bits & ACK_MULTIPLE), index == BASIC_ACK)
                return
        self._on_rare_method(decode_method(buffer[start:end]))

    def on_header(self, buffer: bytes, start: int, end: int) -> None:
        """Process a header frame."""
        if self._accepts_content() and self.content.on_header(buffer, start, end):
            self._on_content()

    def on_body(self, buffer: bytes, start: int, end: int, frame_ended: bool) -> None:
        """Process a piece of a body frame."""
        if self._accepts_content() and self.content.on_body(buffer, start, end, frame_ended):
            self._on_content()

    def _accepts_content(self) -> bool:
        """Whether to process a content; a channel that is not open ignores it."""
        return self.state is OPEN

    def _on_content(self) -> None:
        kind, method, properties, body = self.content.release()
        if kind == BASIC_DELIVER:
            self._handler.on_delivery(Envelope(method, BASIC_DELIVER), properties, body)
        elif kind == BASIC_GET_OK:
            if self._waiting and BasicGetOk.NAME in self._waiting[0][0]:
                self._answer(decode_method(method))
            self._handler.on_get_ok(Envelope(method, BASIC_GET_OK), properties, body)
        else:
            returned = cast('BasicReturn', decode_method(method))
            self._handler.on_return(returned, properties, body)

    def _on_rare_method(self, method: Method) -> None:
        following = CHANNEL_TRANSITIONS.get((self.state, method.NAME))
        if following is not None:
            self.state = following
            self._on_transition(method)
        elif self.state is ChannelState.CLOSING:
            return  # Section 2.2.5: until close-ok, everything but close is ignored.
        elif self.state is not ChannelState.OPEN:
            self._handler.on_method(method)
        elif isinstance(method, ChannelFlow):
            self.send(ChannelFlowOk(method.active))
        elif self._waiting and method.NAME in self._waiting[0][0]:
            self._answer(method)
        else:
            self._handler.on_method(method)

    def _answer(self, method: Method) -> None:
        _, on_answer = self._waiting.popleft()
        on_answer(method)

    def _on_transition(self, method: Method) -> None:
        if self.state is ChannelState.OPEN:
            self._handler.on_channel_open()
            return
        if self.state is ChannelState.CLOSING:
            self.send(ChannelCloseOk())
            return
        self._waiting.clear()
        self._forget(self.number)
        if isinstance(method, ChannelClose):
            self.send(ChannelCloseOk())
            self._handler.on_channel_closed(AMQPError(method))
        else:
            self._handler.on_channel_closed(None)
