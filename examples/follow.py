"""Print what is published to the topic exchange "news" with a routing key of a pattern.

    python examples/follow.py 'sport.#' [AMQP_URL]

As many of these as you like may run at once; each has a queue of its own, which ends with it.
"""

import sys
import threading

from coolamqp.argumentify import toutf8
from coolamqp.clustering import Cluster
from coolamqp.objects import Exchange, NodeDefinition, Queue, ReceivedMessage

pattern = sys.argv[1] if len(sys.argv) > 1 else '#'
url = sys.argv[2] if len(sys.argv) > 2 else 'amqp://guest:guest@localhost/'  # noqa: PLR2004


def show(message: ReceivedMessage) -> None:
    """Print a message; called on a thread of the Cluster, in the order of the queue."""
    print(f'{toutf8(message.routing_key)}: {message.body.decode()}', flush=True)


# Without a name, the broker chooses one. The queue is declared and bound again at each reconnect.
queue = Queue(exchange=Exchange('news', b'topic'), routing_key=pattern)

with Cluster(NodeDefinition(url), name='follow') as cluster:
    _, consuming = cluster.consume(queue, show)
    consuming.result(timeout=10)
    print(f'following {pattern}; Ctrl-C ends this', flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print()
