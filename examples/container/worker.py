"""A worker for a container: it answers health probes over HTTP.

AMQP_URL=amqp://guest:guest@localhost/ python worker.py
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from coolamqp.clustering import Cluster
from coolamqp.objects import Queue, ReceivedMessage

JOBS = Queue('jobs', durable=True)


@contextmanager
def answered_probes(cluster: Cluster, port: int) -> Iterator[int]:
    """Answer `/alive` always with 200, and `/ready` with 200 or 503; yield the port."""

    class Probes(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            health = cluster.health()
            ready = self.path != '/ready' or bool(health)
            self.send_response(200 if ready else 503)
            self.end_headers()
            self.wfile.write(str(health).encode())

        def log_message(self, *_: object) -> None:
            """Keep the probes out of the log."""

    with ThreadingHTTPServer(('', port), Probes) as server:
        threading.Thread(target=server.serve_forever).start()
        yield server.server_port
        server.shutdown()


def on_message(message: ReceivedMessage) -> None:
    """Do a job."""
    print(message.text(), flush=True)
    message.ack()


def main() -> None:
    """Work until SIGTERM. Then finish the current job."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())

    url = os.environ.get('AMQP_URL', 'amqp://guest:guest@localhost/')
    cluster = Cluster(url, name='worker')
    with answered_probes(cluster, int(os.environ.get('PORT', '8080'))) as port:
        cluster.start(wait=False)
        cluster.consume(JOBS, on_message, no_ack=False, prefetch=10, on_error='reject')
        print(f'answering probes on port {port}', flush=True)
        stop.wait()
        cluster.shutdown(timeout=60)


if __name__ == '__main__':
    main()
