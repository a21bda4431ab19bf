"""Whose a lock is."""

from __future__ import annotations

import threading

from coolamqp.clustering.lock import ownership


def test_a_lock_is_of_the_thread_that_holds_it() -> None:
    lock, elsewhere = threading.RLock(), list[bool]()
    is_mine = ownership(lock)
    assert not is_mine()
    with lock:
        assert is_mine()
        thread = threading.Thread(target=lambda: elsewhere.append(is_mine()))
        thread.start()
        thread.join()
    assert elsewhere == [False]
    assert not is_mine()
