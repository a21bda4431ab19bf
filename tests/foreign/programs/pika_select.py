"""pika's SelectConnection. Callbacks resume the coroutine with the steps."""

from collections import deque

import pika
from pika.adapters.select_connection import IOLoop

from tests.foreign.programs.common import run
from tests.foreign.programs.pika_callbacks import Session


class Calls:
    """A callback; `await` returns the arguments of its next call."""

    def __init__(self):
        self.calls, self.resume = deque(), None

    def __call__(self, *arguments):
        self.calls.append(arguments)
        resume, self.resume = self.resume, None
        if resume:
            resume()

    def __await__(self):
        while not self.calls:
            yield self
        return self.calls.popleft()


class Script:
    """A coroutine that runs in the callbacks of a loop, and stops the loop at its end."""

    def __init__(self, coroutine, loop):
        self.coroutine, self.loop = coroutine, loop

    def go_on(self):
        """Run the coroutine until it awaits a callback that was not called yet."""
        try:
            calls = self.coroutine.send(None)
        except StopIteration:
            self.loop.stop()
        else:
            calls.resume = self.go_on


def main(url):
    loop = IOLoop()
    session = Session(pika.SelectConnection, loop, Calls)
    loop.add_callback(Script(session.run(url), loop).go_on)
    loop.start()


if __name__ == '__main__':
    run(main)
