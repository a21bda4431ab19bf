"""The ledger of what was sent on a confirming channel and is not confirmed yet.

The broker numbers publishes from 1 on, and confirms them singly or up to a number, in any order
(https://www.rabbitmq.com/docs/confirms#publisher-confirms).
"""

from __future__ import annotations

from typing import Final

from coolamqp.attaches.publication import Publication
from coolamqp.exceptions import WireError
from coolamqp.reply_codes import PRECONDITION_FAILED

_COMPACT_FROM: Final = 1024


class PublishLedger:
    """Publications in the order in which they were sent, found by delivery tag."""

    def __init__(self) -> None:
        self._entries: list[Publication | None] = []
        self._head = 0  # index of the first that may be unsettled
        self._base = 1  # delivery tag of index 0
        self._unsettled = 0

    def __len__(self) -> int:
        return self._unsettled

    def enter(self, publication: Publication) -> None:
        """Note what has just been sent."""
        self._entries.append(publication)
        self._unsettled += 1

    def settle(self, delivery_tag: int, multiple: bool) -> list[Publication]:
        """Take out what the broker has settled, in order.

        :raises WireError: nothing was ever sent under this tag
        """
        if 0 < delivery_tag < self._base:
            return []  # Settled before; the broker may say so twice.
        everything = multiple and delivery_tag == 0
        end = len(self._entries) if everything else delivery_tag - self._base + 1
        if end > len(self._entries) or (end <= 0 and not everything):
            what = f'a confirm for delivery tag {delivery_tag}, which was never sent'
            raise WireError(what, 'on a publishing channel', PRECONDITION_FAILED)
        settled = self._take(self._head if multiple else end - 1, end)
        self._unsettled -= len(settled)
        self._advance()
        return settled

    @property
    def unsettled(self) -> list[Publication]:
        """All that is unsettled, in order."""
        return [entry for entry in self._entries[self._head :] if entry is not None]

    def clear(self) -> list[Publication]:
        """Take out all that is unsettled, in order; tags begin at 1 again."""
        rest = self.unsettled
        self._entries.clear()
        self._head, self._base, self._unsettled = 0, 1, 0
        return rest

    def _take(self, start: int, end: int) -> list[Publication]:
        entries = self._entries
        settled = [entry for entry in entries[start:end] if entry is not None]
        if settled:
            entries[start:end] = [None] * (end - start)
        return settled

    def _advance(self) -> None:
        entries, head = self._entries, self._head
        while head < len(entries) and entries[head] is None:
            head += 1
        if head > _COMPACT_FROM and head * 2 > len(entries):
            del entries[:head]
            self._base += head
            head = 0
        self._head = head
