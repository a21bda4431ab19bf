"""A worker for systemd: it says when it is ready, what its state is, and when it stops.

AMQP_URL=amqp://guest:guest@localhost/ python worker.py
"""

import os
import signal
import socket
import threading

from coolamqp.clustering import Cluster
from coolamqp.objects import Queue, ReceivedMessage

JOBS = Queue('jobs', durable=True)
STATUS_INTERVAL = 30  # seconds


def notify(state: str) -> None:
    """Send a state to systemd, see sd_notify(3); do nothing without systemd."""
    address = os.environ.get('NOTIFY_SOCKET')
    if address:
        if address.startswith('@'):  # the abstract namespace
            address = '\0' + address[1:]
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifications:
            notifications.sendto(state.encode(), address)


def on_message(message: ReceivedMessage) -> None:
    """Do a job."""
    print(message.text(), flush=True)
    message.ack()


def main() -> None:
    """Work until systemd sends SIGTERM. Then finish the current job."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())

    url = os.environ.get('AMQP_URL', 'amqp://guest:guest@localhost/')
    cluster = Cluster(url, name='worker')
    cluster.start(timeout=60)
    _, consuming = cluster.consume(JOBS, on_message, no_ack=False, prefetch=10, on_error='reject')
    consuming.result(timeout=10)
    notify('READY=1')
    while not stop.wait(STATUS_INTERVAL):
        notify(f'STATUS={cluster.health()}')  # `systemctl status` shows it
    notify('STOPPING=1')
    cluster.shutdown(timeout=60)


if __name__ == '__main__':
    main()
