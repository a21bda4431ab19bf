"""The example for Celery: a worker, and a program that calls its task."""

from __future__ import annotations

import signal

from coolamqp.broker import Broker
from tests.docs.pages import EXAMPLES
from tests.examples.processes import started, stop, wait_for_line

FOLDER = EXAMPLES / 'celery'
CALL = 'import tasks; print("sum", tasks.add.delay(2, 3).get(timeout=20))'
# Celery itself warns of this and that.
WARN = ('-W', 'default')


def test_a_worker_adds(broker: Broker) -> None:
    url = broker.url.replace('amqp', 'coolamqp', 1)
    command = (
        *WARN,
        '-m',
        'celery',
        '--app',
        'tasks',
        'worker',
        '--pool',
        'solo',
        '--loglevel',
        'INFO',
    )
    with (
        started(FOLDER, *command, BROKER_URL=url) as worker,
        started(FOLDER, *WARN, '-c', CALL, BROKER_URL=url) as caller,
    ):
        assert wait_for_line(caller.stdout, r'sum (\d)')[1] == '5'
        stop(worker, signal.SIGTERM)
