"""How threads publish: at once, or asleep until there is room."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from coolamqp.attaches.publication import Publication
from coolamqp.clustering.admission import HELD_BACK_MAX, Admission
from coolamqp.clustering.driver import Driver
from coolamqp.exceptions import ConnectionDead
from coolamqp.framing.definitions import BasicAck
from coolamqp.objects import Message
from tests.clustering.rig import DriverRig
from tests.support.ending import Ending
from tests.support.scripted_broker import ScriptedBroker

PATIENCE = 20.0  # seconds
SHORT = 0.05  # seconds, for what must not happen
ROOM = 4


class Publishers:
    """Threads that publish by a driver in the hands of the test, for at most four messages."""

    def __init__(self, rig: DriverRig, broker: ScriptedBroker, pool: ThreadPoolExecutor) -> None:
        self.rig = rig
        self.broker = broker
        self.refusal: Exception | None = None  # what a thread gets that would have to wait
        self.before_waiting: Callable[[], None] = lambda: None
        self._pool = pool
        self._about_to_wait = threading.Event()
        self.admission = Admission(
            rig.engine, rig.lock, rig.postponed, self._check_running, self._check_may_wait
        )
        self.admission.open(rig.driver)

    def _check_running(self) -> Driver:
        """Called with the lock, by a thread that will wait before it lets go of the lock."""
        if not self.rig.engine.takes_commands:
            raise ConnectionDead('shut down')
        self._about_to_wait.set()
        return self.rig.driver

    def _check_may_wait(self) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.before_waiting()

    def publish(self, body: bytes, timeout: float | None = None) -> Ending:
        """Publish in the thread of the test."""
        publication = publication_of(body)
        self.admission.publish(publication, timeout)
        assert isinstance(publication.promise, Ending)
        return publication.promise

    def begin(self, act: Callable[[], object]) -> Future[object]:
        """Act in another thread, which waits for room when this returns."""
        self._about_to_wait.clear()
        future = self._pool.submit(act)
        assert self._about_to_wait.wait(PATIENCE)
        with self.rig.lock:  # which is free once it waits
            return future

    def fill(self) -> None:
        """Use all the room."""
        for number in range(ROOM):
            self.publish(b'%d' % number)

    def confirm(self, tag: int, *, more_follows: bool = False) -> None:
        """Let the broker confirm messages up to a tag."""
        self.broker.serve()
        self.broker.send(self.broker.published[0].channel, BasicAck(tag, True))
        with self.rig.lock:
            self.admission.on_progress(more_follows)

    def bodies(self) -> list[bytes]:
        self.broker.serve()
        return [each.body for each in self.broker.published]


def publication_of(body: bytes) -> Publication:
    publication = Publication(Message(body), b'', b'key')
    publication.promise = Ending()
    return publication


@pytest.fixture
def publishers(no_leaks: None) -> Iterator[Publishers]:
    with DriverRig(max_unconfirmed=ROOM) as rig, ThreadPoolExecutor(2) as pool:
        publishers = Publishers(rig, rig.up(), pool)
        yield publishers
        with rig.lock:
            rig.engine.abort()
            publishers.admission.on_progress(False)


def test_a_thread_that_finds_room_publishes_at_once(publishers: Publishers) -> None:
    publishers.fill()
    assert publishers.bodies() == [b'0', b'1', b'2', b'3']


def test_a_thread_sleeps_until_there_is_room(publishers: Publishers) -> None:
    publishers.fill()
    late = publishers.begin(lambda: publishers.publish(b'late'))
    assert not late.done()
    publishers.confirm(1)
    late.result(PATIENCE)
    assert publishers.bodies()[-1] == b'late'


def test_a_thread_waits_no_longer_than_its_timeout_even_if_nobody_drives(
    publishers: Publishers,
) -> None:
    publishers.fill()
    with pytest.raises(TimeoutError, match='no room to publish within 0'):
        publishers.publish(b'late', timeout=SHORT)
    assert len(publishers.rig.engine.window.unconfirmed) == ROOM
    publishers.confirm(ROOM)
    assert b'late' not in publishers.bodies()


def test_a_thread_whose_time_runs_out_leaves_its_room_to_others(publishers: Publishers) -> None:
    publishers.fill()
    with pytest.raises(TimeoutError):
        publishers.publish(b'late', timeout=0)
    publishers.confirm(1)
    publishers.publish(b'next')
    assert publishers.bodies()[-1] == b'next'


def test_a_thread_that_waits_wakes_the_driver(publishers: Publishers) -> None:
    rig = publishers.rig
    publishers.fill()
    rig.turn()

    def meanwhile() -> None:
        publishers.begin(lambda: publishers.publish(b'late'))

    rig.selector.meanwhile = meanwhile
    rig.driver.turn(True)
    assert rig.selector.woken


def test_an_error_that_a_thread_raises_does_not_end_its_future_too(
    publishers: Publishers,
) -> None:
    publishers.fill()
    publication = publication_of(b'late')
    late = publishers.begin(lambda: publishers.admission.publish(publication, None))
    with publishers.rig.lock:
        publishers.rig.engine.abort()
        publishers.admission.on_progress(False)
    assert isinstance(late.exception(PATIENCE), ConnectionDead)
    publishers.rig.driver.fail()
    assert isinstance(publication.promise, Ending)
    assert not publication.promise.done()


def test_a_message_that_is_admitted_before_its_thread_sleeps_is_published(
    publishers: Publishers,
) -> None:
    """The Cluster shuts down meanwhile, which is no reason to say that it was not sent."""
    publishers.fill()

    def meanwhile() -> None:
        publishers.confirm(ROOM)
        with publishers.rig.lock:
            publishers.rig.engine.tick(publishers.rig.clock.now)
            publishers.rig.engine.stop(publishers.rig.clock.now)

    publishers.before_waiting = meanwhile
    assert not publishers.publish(b'late').done()
    assert publishers.bodies()[-1] == b'late'


def test_a_shutdown_refuses_those_who_wait(publishers: Publishers) -> None:
    publishers.fill()
    late = publishers.begin(lambda: publishers.publish(b'late'))
    with publishers.rig.lock:
        publishers.rig.engine.stop(publishers.rig.clock.now)
        publishers.admission.on_progress(False)
    assert isinstance(late.exception(PATIENCE), ConnectionDead)
    with pytest.raises(ConnectionDead):
        publishers.publish(b'later')


def test_a_thread_that_must_not_wait_is_refused_only_if_it_would_have_to(
    publishers: Publishers,
) -> None:
    publishers.refusal = RuntimeError('this would be a deadlock')
    publishers.fill()
    with pytest.raises(RuntimeError, match='deadlock'):
        publishers.publish(b'late')
    assert publishers.rig.lock.acquire(timeout=0)
    publishers.rig.lock.release()
    assert b'late' not in publishers.bodies()


def test_threads_are_left_asleep_while_more_room_is_coming(publishers: Publishers) -> None:
    publishers.fill()
    late = publishers.begin(lambda: publishers.publish(b'late'))
    publishers.confirm(1, more_follows=True)
    with publishers.rig.lock:
        for _ in range(HELD_BACK_MAX - 2):
            publishers.admission.on_progress(True)
    with pytest.raises(TimeoutError):
        late.result(SHORT)
    with publishers.rig.lock:
        publishers.admission.on_progress(True)
    late.result(PATIENCE)


def test_threads_are_woken_at_once_when_there_is_much_room(publishers: Publishers) -> None:
    publishers.fill()
    late = publishers.begin(lambda: publishers.publish(b'late'))
    publishers.confirm(ROOM, more_follows=True)
    late.result(PATIENCE)


def test_a_batch_is_published_as_far_as_there_is_room(publishers: Publishers) -> None:
    publishers.publish(b'0')
    batch = [publication_of(b'%d' % number) for number in range(1, 9)]
    assert publishers.admission.publish_batch(batch, None) == ROOM - 1
    assert publishers.bodies() == [b'0', b'1', b'2', b'3']


def test_the_first_of_a_batch_waits_for_room(publishers: Publishers) -> None:
    publishers.fill()
    batch = [publication_of(b'%d' % number) for number in range(4, 6)]
    late = publishers.begin(lambda: publishers.admission.publish_batch(batch, None))
    publishers.confirm(1)
    assert late.result(PATIENCE) == 1
    assert publishers.bodies()[-1] == b'4'


def test_a_publication_that_interrupts_the_engine_is_the_next_one(publishers: Publishers) -> None:
    with publishers.rig.lock:
        publishers.publish(b'interrupting')
        publishers.admission.publish_plain(publication_of(b'plain'), None)
    publishers.publish(b'next')
    assert publishers.bodies() == [b'interrupting', b'plain', b'next']


def test_a_publication_that_interrupts_the_engine_wakes_the_driver(publishers: Publishers) -> None:
    publishers.rig.while_asleep(lambda: publishers.publish(b'interrupting'))
    assert publishers.rig.selector.woken
    assert publishers.bodies() == [b'interrupting']


def test_a_publication_that_interrupts_the_engine_waits_in_the_engine(
    publishers: Publishers,
) -> None:
    publishers.fill()
    with publishers.rig.lock:
        promise = publishers.publish(b'late')
        batch = [publication_of(b'later'), publication_of(b'latest')]
        assert publishers.admission.publish_batch(batch, None) == len(batch)
    publishers.rig.turn()
    assert not promise.done()
    publishers.confirm(ROOM)
    publishers.rig.turn()
    assert publishers.bodies()[ROOM:] == [b'late', b'later', b'latest']


def test_a_publication_that_interrupts_a_shutdown_ends(publishers: Publishers) -> None:
    with publishers.rig.lock:
        promise = publishers.publish(b'late')
        publishers.rig.engine.stop(publishers.rig.clock.now)
        with pytest.raises(ConnectionDead):
            publishers.publish(b'later')
    publishers.rig.turn()
    assert isinstance(promise.error, ConnectionDead)
