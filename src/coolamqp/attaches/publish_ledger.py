"""The publish ledger: the sent and unconfirmed publications on one channel.

The broker numbers the publications of a channel from 1. It confirms one of them, or all up to a
number, in any order (https://www.rabbitmq.com/docs/confirms#publisher-confirms).
"""

from __future__ import annotations

from typing import Final

from coolamqp.attaches.publication import Publication
from coolamqp.exceptions import WireError
from coolamqp.reply_codes import PRECONDITION_FAILED

# The ledger deletes settled entries from its start when there are more than this many.
_SETTLED_ENTRIES_MAX: Final = 1024


class PublishLedger:
    """Publications by delivery tag, in the order of sending."""

    def __init__(self) -> None:
        self._entries: list[Publication | None] = []
        self._head = 0  # the lowest index of an unsettled publication
        self._base = 1  # the delivery tag of index 0
        self._unsettled = 0

    def __len__(self) -> int:
        return self._unsettled

    def enter(self, publication: Publication) -> None:
        """Add a publication that was just sent."""
        self._entries.append(publication)
        self._unsettled += 1

    def settle(self, delivery_tag: int, multiple: bool) -> list[Publication]:
        """Remove and return the publications that a confirm or a nack settles, in order.

        :raises WireError: no publication had this tag
        """
        if 0 < delivery_tag < self._base:
            return []  # Settled already; a broker may confirm a tag twice.
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
        """The unsettled publications, in order."""
        return [entry for entry in self._entries[self._head :] if entry is not None]

    @property
    def first(self) -> Publication | None:
        """The first unsettled publication; None if there is none."""
        return self._entries[self._head] if self._unsettled else None

    def clear(self) -> list[Publication]:
        """Remove and return the unsettled publications, in order; tags start at 1 again."""
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
        if head > _SETTLED_ENTRIES_MAX and head * 2 > len(entries):
            del entries[:head]
            self._base += head
            head = 0
        self._head = head
