"""Unique names, made of random bytes from a source outside.

`coolamqp/__init__.py` sets the source. Tests and simulations set another one, which makes a run
repeatable. Nothing else below the drivers knows of randomness.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

# Called with a count, returns that many random bytes.
RandomBytes: TypeAlias = 'Callable[[int], bytes]'

NAME_BYTES = 16  # two hexadecimal digits each


def _no_source(count: int) -> bytes:
    raise RuntimeError(f'no source of {count} random bytes is set; call use_source first')


class _InUse:
    source: ClassVar[RandomBytes] = _no_source


def use_source(source: RandomBytes) -> RandomBytes:
    """Draw the bytes of names from this source from now on; return the one before."""
    previous = _InUse.source
    _InUse.source = source
    return previous


def unique_name() -> bytes:
    """Return a name that nobody else has: 32 hexadecimal digits."""
    return _InUse.source(NAME_BYTES).hex().encode()
