"""What the programs in Python have in common: their messages, their steps and their time limit."""

import faulthandler
import os
import sys
from urllib.parse import unquote, urlsplit

TIMEOUT = 20  # seconds; then the program prints the stacks of its threads and ends

EXCHANGE, QUEUE, KEY = 'greetings', 'inbox', 'greeting.morning'
NO_QUEUE, NO_KEY = 'nowhere', 'greeting.never'  # there are neither such a queue nor such a binding

BODY = 'Grüße'.encode()
# Longer than the largest frame that a broker and a client agree on.
LARGE_BODY = bytes(range(256)) * 2000
BODIES = (BODY, LARGE_BODY, b'')
NUMBERED = [f'message {number}'.encode() for number in range(5)]
PREFETCH = 2

HEADERS = {
    'text': 'żółw',
    'yes': True,
    'small': -7,
    'large': 2**40,
    'nothing': None,
    'list': [1, 'two', [False]],
    'table': {'inner': {'innermost': 'deep'}},
}
FRACTION = {'fraction': 0.375}  # for clients that encode fractions
PROPERTIES = {
    'content_type': 'text/plain',
    'content_encoding': 'utf-8',
    'delivery_mode': 2,
    'priority': 3,
    'correlation_id': 'correlation 1',
    'reply_to': 'answers',
    'expiration': '600000',
    'message_id': 'message 1',
    'timestamp': 1_700_000_000,
    'type': 'greeting',
    'user_id': 'guest',  # a broker refuses another one than that of the connection
    'app_id': 'foreign',
}
WRONG_PASSWORD = 'wrong'


def same(got, expected):
    """Raise AssertionError, with both values, if they differ."""
    if got != expected:
        raise AssertionError(f'{shown(got)} instead of {shown(expected)}')


def shown(value):
    """Return a value as text, without the middle of a large body."""
    text = repr(value)
    return text if len(text) < 2000 else f'{text[:200]} ... {text[-200:]}'


def raised(error, call, *arguments, **options):
    """Return the exception of this type that a call raises."""
    try:
        call(*arguments, **options)
    except error as found:
        return found
    raise AssertionError(f'{call} did not raise {error.__name__}')


def with_wrong_password(url):
    """Return a URL with a password that is wrong."""
    return url.replace(f':{urlsplit(url).password}@', f':{WRONG_PASSWORD}@')


def address_of(url):
    """Return the parts of a URL for clients that do not take one."""
    parts = urlsplit(url)
    return {
        'host': parts.hostname,
        'port': parts.port,
        'user': parts.username,
        'password': parts.password,
        'vhost': unquote(parts.path[1:]) or '/',
    }


def ok(step):
    """Print that a step, which is a function, is done."""
    print('ok', step.__name__, flush=True)


def do(steps, *arguments):
    """Do all steps in their order."""
    for step in steps:
        step(*arguments)
        ok(step)


async def do_async(steps, *arguments):
    """Do all steps, which are coroutine functions, in their order."""
    for step in steps:
        await step(*arguments)
        ok(step)


def run(main):
    """Call `main` with the URL of the command line."""
    faulthandler.dump_traceback_later(TIMEOUT, exit=True)
    sys.excepthook = _die
    main(sys.argv[1])


def _die(*error):
    """Print an exception, and end the process; the threads of a client that is open do not end."""
    sys.__excepthook__(*error)
    sys.stderr.flush()
    os._exit(1)
