"""The elementary values of AMQP 0-9-1 (section 4.2.5), read and written one at a time.

`Reader` never reads behind its end, whatever the bytes say. `Writer` packs neighbouring bits into
octets (section 4.2.5.2). Neither knows what the values mean.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from coolamqp.exceptions import WireError
from coolamqp.framing.text import ReceivedBytes
from coolamqp.reply_codes import SYNTAX_ERROR

SHORT: Final = Struct('>H')
LONG: Final = Struct('>I')
LONG_LONG: Final = Struct('>Q')

_OCTET_BITS: Final = 8
MAX_OF_BITS: Final = {8: 0xFF, 16: 0xFFFF, 32: 0xFFFFFFFF, 64: 0xFFFFFFFFFFFFFFFF}


class Reader:
    """Reads values from `data` between `offset` and `end`."""

    def __init__(self, data: bytes, offset: int, end: int, where: str) -> None:
        self.data = data
        self.offset = offset
        self.end = end
        self.where = where
        self._bits = 0
        self._bits_left = 0

    def fail(self, what: str) -> WireError:
        """Make the error for a fault at the present offset."""
        return WireError(what, f'in {self.where} at offset {self.offset}', SYNTAX_ERROR)

    def take(self, size: int) -> int:
        """Skip `size` bytes; return the offset at which they begin."""
        start = self.offset
        if size > self.end - start:
            raise self.fail(f'{size} bytes are announced where {self.end - start} are left')
        self.offset = start + size
        self._bits_left = 0
        return start

    def octet(self) -> int:
        """Read 8 bits, unsigned."""
        return self.data[self.take(1)]

    def short(self) -> int:
        """Read 16 bits, unsigned."""
        value: int = SHORT.unpack_from(self.data, self.take(2))[0]
        return value

    def long(self) -> int:
        """Read 32 bits, unsigned."""
        value: int = LONG.unpack_from(self.data, self.take(4))[0]
        return value

    def long_long(self) -> int:
        """Read 64 bits, unsigned."""
        value: int = LONG_LONG.unpack_from(self.data, self.take(8))[0]
        return value

    def bit(self) -> bool:
        """Read the next bit of an octet that up to eight neighbours share."""
        if self._bits_left == 0:
            self._bits = self.octet()
            self._bits_left = _OCTET_BITS
        value = bool(self._bits & 1)
        self._bits >>= 1
        self._bits_left -= 1
        return value

    def raw(self, size: int) -> ReceivedBytes:
        """Read `size` bytes as they are."""
        start = self.take(size)
        return ReceivedBytes(self.data[start : start + size])

    def short_string(self) -> ReceivedBytes:
        """Read a string with one octet of length."""
        return self.raw(self.octet())

    def long_string(self) -> ReceivedBytes:
        """Read a string with four octets of length."""
        return self.raw(self.long())


class Writer:
    """Collects encoded values."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._bits = 0
        self._bits_used = 0

    def getvalue(self) -> bytes:
        """Return everything written so far."""
        self._flush_bits()
        return bytes(self._data)

    def _flush_bits(self) -> None:
        if self._bits_used:
            self._data.append(self._bits)
            self._bits = 0
            self._bits_used = 0

    def raw(self, data: bytes) -> None:
        """Write bytes as they are."""
        self._flush_bits()
        self._data += data

    def unsigned(self, value: object, bits: int, field: str) -> None:
        """Write an integer of 8, 16, 32 or 64 bits.

        :raises TypeError: the value is no int; the message names the field
        :raises ValueError: the value is out of range; the message names the field
        """
        if not isinstance(value, int):
            raise TypeError(f'{field} must be an int, not {type(value).__name__}')
        if not 0 <= value <= MAX_OF_BITS[bits]:
            raise ValueError(f'{field} is {value}; it must be from 0 to {MAX_OF_BITS[bits]}')
        self.raw(value.to_bytes(bits // 8, 'big'))

    def bit(self, value: bool) -> None:
        """Write a bit into the octet of its neighbours, or into a new one."""
        if self._bits_used == _OCTET_BITS:
            self._flush_bits()
        if value:
            self._bits |= 1 << self._bits_used
        self._bits_used += 1

    def short_string(self, encoded: bytes) -> None:
        """Write a string of at most 255 bytes, its length in front."""
        self.raw(bytes((len(encoded),)) + encoded)

    def long_string(self, encoded: bytes) -> None:
        """Write a string with four octets of length in front."""
        self.raw(LONG.pack(len(encoded)) + encoded)
