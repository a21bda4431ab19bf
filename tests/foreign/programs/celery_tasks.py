"""The tasks of the Celery worker, whose results come back over `rpc://`."""

from celery import Celery
from celery.exceptions import Reject

app = Celery('foreign', backend='rpc://')
app.conf.update(
    result_expires=60,
    broker_connection_retry_on_startup=False,
    task_acks_late=True,
)


@app.task
def add(first, second):
    return first + second


@app.task
def fail():
    raise ValueError('as it should')


@app.task(bind=True)
def retry_twice(self):
    """Retry the task with a delay until it runs for the third time."""
    if self.request.retries < 2:
        raise self.retry(countdown=0.1)
    return self.request.retries


@app.task(bind=True)
def reject_once(self):
    """Reject the message of the task, with requeue, until it is redelivered."""
    if not self.request.delivery_info['redelivered']:
        raise Reject('the first time', requeue=True)
    return 'redelivered'


@app.task
def echo(value):
    return value
