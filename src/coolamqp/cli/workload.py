"""The work of a benchmark: publishers and consumers, each with a connection and a thread."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from coolamqp.cli.errors import Failure
from coolamqp.cli.histogram import Histogram
from coolamqp.cli.session import Session
from coolamqp.cli.stop import Stop
from coolamqp.clustering import Cluster
from coolamqp.exceptions import CoolAMQPError
from coolamqp.objects import Message, MessageProperties, ReceivedMessage

# The time of publishing, in front of each body.
STAMP: Final = struct.Struct('>d')
SAMPLE_INTERVAL: Final = 0.25  # seconds
REST_TIMEOUT: Final = 5.0  # seconds in which at least one of the last messages must come


@dataclass(frozen=True)
class Plan:
    """What to measure.

    :ivar size: the size of a body, in bytes
    :ivar duration: how long to publish, in seconds
    :ivar rate: messages a second of each publisher; None for as many as possible
    :ivar confirm: whether publishers wait for confirms
    :ivar unconfirmed: how many messages of a publisher may be unconfirmed
    :ivar prefetch: that of each consumer
    """

    publishers: int
    consumers: int
    size: int
    duration: float
    rate: float | None
    confirm: bool
    unconfirmed: int
    prefetch: int
    persistent: bool


@dataclass(frozen=True)
class Sample:
    """How far a run is.

    :ivar seconds: the time since its start
    :ivar published: how many messages are published
    :ivar consumed: how many messages are consumed
    """

    seconds: float
    published: int
    consumed: int


@dataclass
class Worker:
    """The counts of a publisher or a consumer.

    :ivar latencies: of a publisher from publishing to the confirm, of a consumer to the delivery
    :ivar lock: for the latencies of a publisher
    """

    count: int = 0
    latencies: Histogram = field(default_factory=Histogram)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Workload:
    """The publishers and consumers of a plan.

    :param session: of the command
    :param plan: what to measure
    :param queue: the queue that all use
    :param on_sample: called with each sample
    :ivar published_in: the seconds after which all messages were published, and confirmed
    :ivar consumed_in: the seconds after which all of them were consumed
    :ivar samples: the samples of the run, the first one at its start
    """

    def __init__(
        self,
        session: Session,
        plan: Plan,
        queue: str,
        on_sample: Callable[[Sample], object] | None = None,
    ) -> None:
        self._session = session
        self._plan = plan
        self._queue = queue
        self._on_sample = on_sample
        self._errors: list[BaseException] = []
        self.published_in = self.consumed_in = 0.0
        self.samples = [Sample(0.0, 0, 0)]
        self.publishers = [Worker() for _ in range(plan.publishers)]
        self.consumers = [Worker() for _ in range(plan.consumers)]

    @property
    def published(self) -> int:
        """How many messages are published."""
        return sum(each.count for each in self.publishers)

    @property
    def consumed(self) -> int:
        """How many messages are consumed."""
        return sum(each.count for each in self.consumers)

    def run(self, stop: Stop) -> None:
        """Publish and consume to the end of the plan."""
        with ExitStack() as connections:
            for worker in self.consumers:
                self._consume(connections.enter_context(self._session.cluster()), worker)
            clusters = [
                connections.enter_context(
                    self._session.cluster(max_unconfirmed=self._plan.unconfirmed)
                )
                for _ in self.publishers
            ]
            began = time.monotonic()
            self._publish(clusters, stop)
            self.published_in = time.monotonic() - began
            if self.consumers:
                self._await_rest(stop)
            self.consumed_in = time.monotonic() - began
        if self._errors:
            raise self._errors[0]

    def _consume(self, cluster: Cluster, worker: Worker) -> None:
        def on_message(message: ReceivedMessage) -> None:
            (published,) = STAMP.unpack_from(message.body)
            worker.latencies.add(time.monotonic() - published)
            worker.count += 1
            message.ack()

        _, consuming = cluster.consume(
            self._queue, on_message, no_ack=False, prefetch=self._plan.prefetch, declare=False
        )
        self._session.wait(consuming)

    def _publish(self, clusters: list[Cluster], stop: Stop) -> None:
        end = threading.Event()
        threads = [
            threading.Thread(target=self._work, args=(cluster, worker, end))
            for cluster, worker in zip(clusters, self.publishers, strict=True)
        ]
        for thread in threads:
            thread.start()
        began = time.monotonic()
        while (left := began + self._plan.duration - time.monotonic()) > 0 and not stop.requested:
            stop.sleep(min(left, SAMPLE_INTERVAL))
            self._take_sample(time.monotonic() - began)
        end.set()
        for thread in threads:
            thread.join()

    def _take_sample(self, seconds: float) -> None:
        sample = Sample(round(seconds, 3), self.published, self.consumed)
        self.samples.append(sample)
        if self._on_sample is not None:
            self._on_sample(sample)

    def _work(self, cluster: Cluster, worker: Worker, end: threading.Event) -> None:
        """Publish until the end, in a thread of its own."""
        plan = self._plan
        properties = MessageProperties(delivery_mode=2 if plan.persistent else 1)
        filler = bytes(plan.size - STAMP.size)
        began = time.monotonic()
        try:
            while not end.is_set():
                if plan.rate is not None:
                    end.wait(max(began + worker.count / plan.rate - time.monotonic(), 0))
                now = time.monotonic()
                future = cluster.publish(
                    Message(STAMP.pack(now) + filler, properties),
                    routing_key=self._queue, confirm=plan.confirm,
                    timeout=self._session.timeout,
                )  # fmt: skip
                worker.count += 1
                if plan.confirm and future is not None:
                    future.add_done_callback(partial(self._on_confirm, worker, now))
            cluster.wait_for_confirms(self._session.timeout)
        except (CoolAMQPError, TimeoutError) as error:
            self._errors.append(error)

    def _on_confirm(self, worker: Worker, published: float, future: Future[Any]) -> None:
        error = future.exception()
        if error is not None:
            self._errors.append(error)
        with worker.lock:  # done-callbacks may run on several threads
            worker.latencies.add(time.monotonic() - published)

    def _await_rest(self, stop: Stop) -> None:
        """Wait until the consumers have all messages."""
        seen, since = -1, time.monotonic()
        while self.consumed < self.published and not stop.requested and not self._errors:
            if self.consumed != seen:
                seen, since = self.consumed, time.monotonic()
            elif time.monotonic() - since > REST_TIMEOUT:
                raise Failure(
                    f'{self.published - seen} messages did not come back in {REST_TIMEOUT:g} s; '
                    f'see whether others consume {self._queue}, or whether it is bounded'
                )
            stop.sleep(0.02)
