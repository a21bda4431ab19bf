"""A worker: takes jobs from the queue "jobs", and survives whatever happens to the broker.

python examples/worker.py [AMQP_URL]
"""

import logging
import signal
import sys
import threading

from coolamqp.clustering import Cluster
from coolamqp.objects import Message, NodeDefinition, Queue, ReceivedMessage

URL = sys.argv[1] if len(sys.argv) > 1 else 'amqp://guest:guest@localhost/'

JOBS = Queue(
    'jobs',
    durable=True,
    arguments={'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'jobs.failed'},
)
FAILED = Queue('jobs.failed', durable=True)
RESULTS = Queue('results', durable=True)


def main() -> None:
    """Work until somebody sends SIGINT (Ctrl-C) or SIGTERM."""
    logging.basicConfig(level=logging.INFO, format='%(levelname)s %(message)s')
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())

    with Cluster(NodeDefinition(URL), name='worker') as cluster:
        for queue in (FAILED, RESULTS):
            cluster.declare(queue, persistent=True).result(timeout=10)

        def on_message(message: ReceivedMessage) -> None:
            result = Message(b'%d' % (int(message.text()) ** 2), delivery_mode=2)
            cluster.publish(result, routing_key='results', confirm=True).result()
            message.ack()

        _, consuming = cluster.consume(
            JOBS, on_message, no_ack=False, prefetch=10, on_error='reject'
        )
        consuming.result(timeout=10)
        print('at work; Ctrl-C ends this', flush=True)
        stop.wait()


if __name__ == '__main__':
    main()
