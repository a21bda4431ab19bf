"""Checking what a node is given: text, numbers and seconds.

The errors are always a `ValueError` that names the field, and never show what may be a secret.
"""

from __future__ import annotations

from typing import Any

from coolamqp.framing.text import text_bytes


def checked_text(value: Any, name: str) -> str:
    """Give text as str.

    :raises ValueError: it is no text, or not UTF-8
    """
    try:
        return text_bytes(value, name).decode('utf-8')
    except (TypeError, ValueError):  # their messages may hold the password
        raise ValueError(f'{name} must be text in UTF-8') from None


def checked_number(value: Any, name: str, low: int, high: int) -> int:
    """Give a whole number.

    :raises ValueError: it is none, or out of bounds
    """
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f'{name} must be a whole number from {low} to {high}, not {value!r}')
    return value


def checked_seconds(value: Any, name: str, high: float) -> float:
    """Give a time in seconds, over 0.

    :raises ValueError: it is no number, or out of bounds
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0 < value <= high:
        raise ValueError(
            f'{name} must be a number of seconds over 0 and up to {high}, not {value!r}'
        )
    return float(value)
