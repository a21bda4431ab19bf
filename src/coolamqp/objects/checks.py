"""Checks for the arguments of nodes, queues and consumers: text, numbers and seconds.

Every error is a `ValueError` that names the field, and shows nothing that may be a secret.
"""

from __future__ import annotations

from typing import Any

from coolamqp.framing.text import text_bytes


def checked_text(value: Any, name: str) -> str:
    """Return text as str.

    :raises ValueError: the value is no text, or not UTF-8
    """
    try:
        return text_bytes(value, name).decode('utf-8')
    except (TypeError, ValueError):  # their messages may hold the password
        raise ValueError(f'{name} must be text in UTF-8') from None


def checked_number(value: Any, name: str, low: int, high: int) -> int:
    """Return a whole number.

    :raises ValueError: the value is none, or out of bounds
    """
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f'{name} must be a whole number from {low} to {high}, not {value!r}')
    return value


def checked_seconds(value: Any, name: str, high: float) -> float:
    """Return a time in seconds, over 0.

    :raises ValueError: the value is no number, or out of bounds
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0 < value <= high:
        raise ValueError(
            f'{name} must be a number of seconds over 0 and up to {high}, not {value!r}'
        )
    return float(value)
