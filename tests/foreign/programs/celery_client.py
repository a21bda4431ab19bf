"""A client of a Celery worker, which runs in another process."""

from celery import group

from tests.foreign.programs.celery_tasks import add, app, echo, fail, reject_once, retry_twice
from tests.foreign.programs.common import do, raised, run, same

TIMEOUT = 10
MEMBERS = 30


def main(url):
    app.conf.broker_url = url
    do(STEPS)


def call():
    same(add.delay(2, 3).get(TIMEOUT), 5)


def large_call():
    text = 'Grüße ' * 50_000
    same(echo.delay(text).get(TIMEOUT), text)


def failure():
    same(raised(ValueError, fail.delay().get, TIMEOUT).args, ('as it should',))


def countdown():
    same(add.apply_async((2, 3), countdown=0.2).get(TIMEOUT), 5)


def retry():
    same(retry_twice.delay().get(TIMEOUT), 2)


def reject():
    same(reject_once.delay().get(TIMEOUT), 'redelivered')


def group_of_tasks():
    """Join the results of many tasks. A chord needs a backend that keeps results."""
    results = group(add.s(number, number) for number in range(MEMBERS)).delay()
    same(results.get(TIMEOUT), [2 * number for number in range(MEMBERS)])


def ping():
    (answer,) = app.control.ping(timeout=TIMEOUT, limit=1)
    same(list(answer.values()), [{'ok': 'pong'}])


def events():
    """Receive the events of a task. The receiver wakes the worker, which sends a heartbeat."""
    received = []

    def on_heartbeat(event):
        if not received:
            add.delay(1, 1).forget()
        received.append(event['type'])

    def on_success(event):
        received.append(event['type'])
        receiver.should_stop = True

    handlers = {'worker-heartbeat': on_heartbeat, 'task-succeeded': on_success}
    app.control.enable_events()
    with app.connection_for_read() as connection:
        receiver = app.events.Receiver(connection, handlers)
        receiver.capture(timeout=TIMEOUT)
    same(received[0], 'worker-heartbeat')
    same('task-succeeded' in received, True)


STEPS = (
    call,
    large_call,
    failure,
    countdown,
    retry,
    reject,
    group_of_tasks,
    ping,
    events,
)

if __name__ == '__main__':
    run(main)
