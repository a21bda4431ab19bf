"""The processing of the frames of a channel, and the close of the channel after an error."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Final

from coolamqp.broker.channel import Channel
from coolamqp.broker.decoding import decode, undecodable
from coolamqp.broker.errors import Refusal
from coolamqp.broker.publishing import Publishing
from coolamqp.broker.requests import Requests
from coolamqp.exceptions import WireError
from coolamqp.framing.content import ContentAssembler
from coolamqp.framing.decoder import ChannelSink
from coolamqp.framing.definitions import ChannelClose, ChannelCloseOk
from coolamqp.framing.hot import (
    ACK_MULTIPLE,
    BASIC,
    BASIC_ACK,
    BASIC_DELIVER,
    BASIC_GET_OK,
    BASIC_NACK,
    BASIC_PUBLISH,
    BASIC_REJECT,
    BASIC_RETURN,
    NACK_MULTIPLE,
    NACK_REQUEUE,
    REJECT_REQUEUE,
    PublishEnvelope,
    decode_settlement,
    method_index,
)
from coolamqp.framing.method import Method
from coolamqp.reply_codes import COMMAND_INVALID, UNEXPECTED_FRAME

# The methods with a content (section 4.2.6).
_WITH_CONTENT: Final = (BASIC_PUBLISH, BASIC_DELIVER, BASIC_GET_OK, BASIC_RETURN)
_CLOSE: Final = 0x00140028
_CLOSE_OK: Final = 0x00140029
# The memory that a piece of a body uses besides its content, in bytes.
_PIECE_BYTES: Final = 300
# The envelope of a content that is not a publish.
_NO_ENVELOPE: Final = PublishEnvelope(bytes(9))


class _Awaited(Enum):
    """The kind of frame that must come next, with the text of RabbitMQ for any other kind."""

    METHOD = 'method frame, got non method frame'
    HEADER = 'content header for class 60, got non content header frame'
    BODY = 'content body, got non content body frame'

    def unexpected(self) -> Refusal:
        """Return the error for a frame of another kind."""
        return Refusal(UNEXPECTED_FRAME, f'expected {self.value} instead')


# Globals, because each frame reads them, and they are faster than attributes of the Enum.
_METHOD: Final = _Awaited.METHOD
_HEADER: Final = _Awaited.HEADER
_BODY: Final = _Awaited.BODY


class ChannelFrames(ChannelSink):
    """Processes the frames of one channel.

    :param refuse: called with a hard error and the index of the refused method
    :param forget: called with the number once both sides have closed the channel
    """

    def __init__(
        self,
        channel: Channel,
        refuse: Callable[[Refusal, int], None],
        forget: Callable[[int], None],
    ) -> None:
        self.channel = channel
        self._session = channel.session
        self._publishing = Publishing(channel)
        self._requests = Requests(channel, self._publishing)
        self._content = ContentAssembler()
        self._envelope = _NO_ENVELOPE
        self._size_max = channel.session.state.limits.message_bytes_max
        self._incomplete = 0  # bytes of a content that has begun and not ended
        self._awaited = _METHOD
        # During an alarm, or while the client does not read the answers to what it asks.
        self._held: list[Callable[[], None]] = []
        self._refuse_connection = refuse
        channel.at_end.append(self._drop_incomplete)
        self._forget = forget

    def on_method(self, buffer: bytes, start: int, end: int) -> None:
        """Process a method frame."""
        if self._held or self._session.overloaded:
            payload = buffer[start:end]
            self._held.append(partial(self.on_method, payload, 0, len(payload)))
            return
        index = method_index(buffer, start, end)
        if not self.channel.is_open:
            self._on_method_while_closing(index)
            return
        try:
            if self._awaited is not _METHOD:
                index = BASIC_PUBLISH
                raise self._awaited.unexpected()
            if index in _WITH_CONTENT:
                if index == BASIC_PUBLISH:
                    self._envelope = PublishEnvelope(buffer[start:end])
                self._content.begin(index, b'')
                self._awaited = _HEADER
            elif index in (BASIC_ACK, BASIC_NACK, BASIC_REJECT):
                self._on_settlement(index, *decode_settlement(buffer, start, end))
            else:
                self._on_rare_method(decode(buffer[start:end]))
        except Refusal as refusal:
            self._refuse(refusal, index)
        except WireError as error:
            self._refuse(undecodable(error, buffer[start:end]), index)

    def _on_method_while_closing(self, index: int) -> None:
        # AMQP 0-9-1, channel.close: the sender then ignores all methods but close and close-ok.
        if index == _CLOSE:
            self.channel.send(ChannelCloseOk())
        elif index == _CLOSE_OK:
            self._forget(self.channel.number)

    def _on_rare_method(self, method: Method) -> None:
        if isinstance(method, ChannelClose):
            self.channel.terminate()
            self._forget(self.channel.number)
            self.channel.send(ChannelCloseOk())
            return
        reply = self._requests.answer(method)
        if reply is not None and not getattr(method, 'no_wait', False):
            self.channel.send(reply)

    def _on_settlement(self, index: int, tag: int, bits: int) -> None:
        if index == BASIC_REJECT:
            multiple, requeue = False, bool(bits & REJECT_REQUEUE)
        elif index == BASIC_NACK:
            multiple, requeue = bool(bits & NACK_MULTIPLE), bool(bits & NACK_REQUEUE)
        else:
            multiple, requeue = bool(bits & ACK_MULTIPLE), False
        entries = self.channel.take_unacked(tag, multiple)
        if not self._publishing.settle_later(entries, index == BASIC_ACK, requeue):
            self.channel.settle([entry for _, entry in entries], index == BASIC_ACK, requeue)

    def on_header(self, buffer: bytes, start: int, end: int) -> None:
        """Process a header frame."""
        if self._held:
            payload = buffer[start:end]
            self._held.append(partial(self.on_header, payload, 0, len(payload)))
            return
        if not self.channel.is_open:
            return
        try:
            self._check_awaited(_HEADER)
            _check_class(buffer, start, end)
            complete = self._content.on_header(buffer, start, end)
            if self._content.missing > self._size_max:
                self._publishing.check(self._envelope, self._content.missing)
        except Refusal as refusal:
            self._refuse(refusal, 0 if self._awaited is _METHOD else BASIC_PUBLISH)
            return
        self._awaited = _BODY
        if complete:
            self._on_content()
        else:
            self._hold(end - start)

    def _hold(self, count: int) -> None:
        """Count bytes of an incomplete content for the memory alarm."""
        state = self._session.state
        self._incomplete += count
        state.memory.add(count)
        if state.alarm:
            self._session.block()

    def _drop_incomplete(self) -> None:
        if self._incomplete:
            self._session.state.memory.drop(self._incomplete)
            self._incomplete = 0

    def on_body(self, buffer: bytes, start: int, end: int, frame_ended: bool) -> None:
        """Process a piece of a body frame."""
        if self._held:
            payload = buffer[start:end]
            self._held.append(partial(self.on_body, payload, 0, len(payload), frame_ended))
            return
        if not self.channel.is_open:
            return
        try:
            self._check_awaited(_BODY)
        except Refusal as refusal:
            self._refuse(refusal, 0 if self._awaited is _METHOD else BASIC_PUBLISH)
            return
        size = end - start
        if size < len(buffer) // 4:  # A small piece must not keep the whole buffer.
            buffer, start, end = buffer[start:end], 0, size
        if self._content.on_body(buffer, start, end, frame_ended):
            self._on_content()
        else:
            self._hold(size + _PIECE_BYTES)

    def _check_awaited(self, kind: _Awaited) -> None:
        if self._awaited is not kind:
            raise self._awaited.unexpected()

    def _on_content(self) -> None:
        kind, _, properties, body = self._content.release()
        envelope = self._envelope
        self._drop_incomplete()
        self._awaited = _METHOD
        if kind != BASIC_PUBLISH:
            self._refuse(Refusal(COMMAND_INVALID, 'unimplemented method'), kind)
            return
        session = self._session
        if session.state.alarm:
            session.block()
            self._held.append(partial(self._publish, envelope, properties, body))
        else:
            self._publish(envelope, properties, body)

    def release(self) -> None:
        """Process the frames that were held, in order, as far as the connection can go on."""
        session = self._session
        if session.blocked or session.overloaded:
            return
        held, self._held = self._held, []
        for call in held:
            if session.ended:
                return
            call()

    def _publish(self, envelope: PublishEnvelope, properties: bytes, body: bytes) -> None:
        if not self.channel.is_open:
            return
        try:
            self._publishing.publish(envelope, properties, body)
        except Refusal as refusal:
            self._refuse(refusal, BASIC_PUBLISH)

    def _refuse(self, refusal: Refusal, index: int) -> None:
        if refusal.is_hard:
            self._refuse_connection(refusal, index)
        else:
            self.close(refusal, index)

    def close(self, refusal: Refusal, index: int = 0) -> None:
        """Close the channel because of a soft error, or because a test commands it.

        :param index: class and method id of the refused method, as one number
        """
        if not self.channel.is_open:
            return
        self._session.state.flush()  # No confirm may follow the close.
        self.channel.terminate()
        class_id, method_id = index >> 16, index & 0xFFFF
        self.channel.send(ChannelClose(refusal.reply_code, refusal.reply_text, class_id, method_id))


def _check_class(buffer: bytes, start: int, end: int) -> None:
    """Check that a content header is for class basic."""
    class_id = buffer[start] << 8 | buffer[start + 1] if end - start > 1 else BASIC
    if class_id != BASIC:
        raise Refusal(
            UNEXPECTED_FRAME,
            f'expected content header for class 60, got one for class {class_id} instead',
        )
