"""The tasks of the Celery worker, and its client, on the transport of CoolAMQP."""

import coolamqp.kombu  # noqa: F401 - it makes its connection strings known
from tests.foreign.programs.celery_client import main
from tests.foreign.programs.celery_tasks import app
from tests.foreign.programs.common import run

__all__ = ['app']

if __name__ == '__main__':
    run(main)
