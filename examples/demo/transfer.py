"""The sender and the receiver of files, through a queue.

A program of yours would have this part of the demo. It has no code for the disturbance of the
broker, except that it waits for it on purpose.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from coolamqp.clustering import Cluster, ConnectionLost
from coolamqp.exceptions import CoolAMQPError
from coolamqp.objects import Message, Queue, ReceivedMessage
from examples.demo.tally import Tally

ANSWER_TIMEOUT = 5.0  # seconds for one answer of a running broker
logger = logging.getLogger('coolamqp.demo')

PREFETCH = 100
PERSISTENT = 2


class Sender(threading.Thread):
    """The thread that publishes all files, the last quarter of them without a connection.

    :ivar half_way: set when half of the files are published
    :ivar error: the error that has ended the thread; None for none
    """

    def __init__(self, cluster: Cluster, queue: Queue, folder: Path, tally: Tally) -> None:
        super().__init__(name='sender', daemon=True)
        self.half_way = threading.Event()
        self.connection_lost = threading.Event()
        self.error: Exception | None = None
        self._cluster = cluster
        self._queue = queue
        self._folder = folder
        self._tally = tally

    def run(self) -> None:
        """Publish all files."""
        try:
            self._publish_all(source_files(self._folder))
        except Exception as error:  # noqa: BLE001 - the main thread reports it
            self.error = error
            self.half_way.set()
            self._tally.complete.set()

    def _publish_all(self, paths: list[Path]) -> None:
        half, three_quarters = len(paths) // 2, len(paths) * 3 // 4
        for path in paths[:half]:
            self._publish(path)
        self.half_way.set()
        for path in paths[half:three_quarters]:
            self._publish(path)
        # The program publishes the rest without a connection. It must arrive nevertheless.
        self.connection_lost.wait()
        for path in paths[three_quarters:]:
            self._publish(path)

    def _publish(self, path: Path) -> None:
        body = path.read_bytes()
        name = str(path.relative_to(self._folder))
        headers = {'path': name, 'sha256': sha256(body).hexdigest()}
        message = Message(body, headers=headers, delivery_mode=PERSISTENT)
        self._tally.enter_published(name, len(body))
        future = self._cluster.publish(message, routing_key=self._queue.name or b'', confirm=True)
        if future is not None:
            future.add_done_callback(partial(self._on_settled, name))

    def _on_settled(self, name: str, future: Future[Any]) -> None:
        if future.exception() is None:
            self._tally.enter_confirmed(name)

    def count_lost_connections(self) -> None:
        """Count lost connections until the shutdown of the Cluster."""
        while isinstance(self._cluster.drain(None), ConnectionLost):
            self._tally.reconnects += 1
            self.connection_lost.set()


@contextmanager
def sending(cluster: Cluster, queue: Queue, folder: Path, tally: Tally) -> Iterator[Sender]:
    """Publish all files of a folder on a thread; shut the Cluster down at the end."""
    sender = Sender(cluster, queue, folder, tally)
    threads = [
        sender,
        threading.Thread(target=sender.count_lost_connections, name='losses', daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        yield sender
    finally:
        cluster.shutdown()
        sender.connection_lost.set()
        for thread in threads:
            thread.join(ANSWER_TIMEOUT)


@contextmanager
def receiving(cluster: Cluster, queue: Queue, tally: Tally) -> Iterator[None]:
    """Receive, check and acknowledge messages; delete the queue at the end."""

    def on_message(message: ReceivedMessage) -> None:
        intact = sha256(message.body).hexdigest() == message.headers['sha256']
        tally.enter_received(message.headers['path'], intact)
        message.ack()

    consumer, ready = cluster.consume(queue, on_message, no_ack=False, qos=PREFETCH)
    ready.result(ANSWER_TIMEOUT)
    try:
        yield
    finally:
        consumer.cancel()
        _delete(cluster, queue)


def _delete(cluster: Cluster, queue: Queue) -> None:
    try:
        cluster.delete_queue(queue).result(ANSWER_TIMEOUT)
    except (CoolAMQPError, TimeoutError) as error:
        logger.warning('the queue %r was not deleted: %s', queue.name, error)


def source_files(folder: Path) -> list[Path]:
    """Return all .py files in a folder, except those of installed packages."""
    return sorted(
        path
        for path in folder.rglob('*.py')
        if path.is_file()
        and not {'site-packages', 'dist-packages'} & set(path.relative_to(folder).parts)
    )
