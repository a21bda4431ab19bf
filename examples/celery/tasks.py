"""A Celery application on the transport of CoolAMQP.

BROKER_URL=coolamqp://guest:guest@localhost/ celery --app tasks worker
"""

import os

from celery import Celery

import coolamqp.kombu  # noqa: F401 - now Celery knows coolamqp://

app = Celery(
    'tasks',
    broker=os.environ.get('BROKER_URL', 'coolamqp://guest:guest@localhost/'),
    backend='rpc://',
)
app.conf.update(
    broker_transport_options={'confirm_publish': True},  # wait until the broker has the task
    task_acks_late=True,  # acknowledge a task after its work
    worker_prefetch_multiplier=1,
)


@app.task
def add(first: int, second: int) -> int:
    """Add two numbers."""
    return first + second
