"""Print the messages of the topic exchange "news" whose routing keys match a pattern.

    python examples/follow.py 'sport.#' [AMQP_URL]

Several of these programs can run at once. Each has its own queue, which ends with the program.
"""

import sys
import threading

from coolamqp.argumentify import toutf8
from coolamqp.clustering import Cluster
from coolamqp.objects import Exchange, NodeDefinition, Queue, ReceivedMessage

pattern = sys.argv[1] if len(sys.argv) > 1 else '#'
url = sys.argv[2] if len(sys.argv) > 2 else 'amqp://guest:guest@localhost/'  # noqa: PLR2004


def show(message: ReceivedMessage) -> None:
    """Print a message. The Cluster calls this on a dispatcher thread, in the order of the queue."""
    print(f'{toutf8(message.routing_key)}: {message.body.decode()}', flush=True)


# The queue has no name, so the broker chooses one. CoolAMQP declares and binds the queue again
# after each reconnect.
queue = Queue(exchange=Exchange('news', b'topic'), routing_key=pattern)

with Cluster(NodeDefinition(url), name='follow') as cluster:
    _, consuming = cluster.consume(queue, show)
    consuming.result(timeout=10)
    print(f'following {pattern}; Ctrl-C ends this', flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print()
