"""Ask the worker in this container whether it is ready. The exit status is 0 if it is, 1 if not."""

import os
import sys
from http.client import HTTPConnection

worker = HTTPConnection('127.0.0.1', int(os.environ.get('PORT', '8080')), timeout=5)
try:
    worker.request('GET', '/ready')
    answer = worker.getresponse()
    print(answer.read().decode())
except OSError as error:
    sys.exit(f'the worker does not answer: {error}')
sys.exit(0 if answer.status == 200 else 1)  # noqa: PLR2004 - OK
