"""pika's AsyncioConnection."""

import asyncio

from pika.adapters.asyncio_connection import AsyncioConnection

from tests.foreign.programs.common import run
from tests.foreign.programs.pika_callbacks import Session


class Calls:
    """A callback; `await` returns the arguments of its next call."""

    def __init__(self):
        self.calls = asyncio.Queue()

    def __call__(self, *arguments):
        self.calls.put_nowait(arguments)

    def __await__(self):
        return self.calls.get().__await__()


async def run_session(url):
    await Session(AsyncioConnection, asyncio.get_running_loop(), Calls).run(url)


def main(url):
    asyncio.run(run_session(url))


if __name__ == '__main__':
    run(main)
