"""The figures of faults: how long publishing and consuming paused.

They are printed and never asserted, since they depend on the machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.history import What, longest_gap

if TYPE_CHECKING:
    from tests.support.history import History
    from tests.support.rabbitmq_cluster import RabbitMQCluster


class Figures:
    """The figures of a run, as lines to print."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, history: History, stored: str, consumed: str, nodes: RabbitMQCluster) -> None:
        """Measure the faults of a history with a queue that is consumed, and one that is not."""
        for fault in history.faults:
            for what, queue in (
                (What.CONFIRM, stored),
                (What.CONFIRM, consumed),
                (What.DELIVER, consumed),
            ):
                start, end = longest_gap(history, what, queue, fault)
                elections = [when for when in nodes.elections(queue) if start <= when <= end]
                since = f', {end - elections[-1]:.2f} s after the election' if elections else ''
                self.lines.append(
                    f'{fault.name:24} {queue:12} none {what.value} for {end - start:5.2f} s{since}'
                )
        counts = [
            f'{history.count(what, stored) + history.count(what, consumed)} {what.value}'
            for what in (What.PUBLISH, What.CONFIRM, What.FAIL)
        ]
        failed = sum(call.error is not None for call in history.calls)
        self.lines.append(
            f'messages: {", ".join(counts)}; calls: {len(history.calls)}, of which {failed} failed'
        )
