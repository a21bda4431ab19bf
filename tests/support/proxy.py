"""A TCP proxy that simulates faults of the network: stalls, resets, losses, delays and splits.

It has one listening port and one thread with an asyncio loop. It must not know the protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from functools import partial
from typing import TYPE_CHECKING, Self

from tests.support.ports import HOST, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

CHUNK = 65536
TIMEOUT = 10.0  # seconds for one call of the proxy
PIECE_GAP = 0.001  # seconds; without it the kernel would join the pieces

_End = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class FaultProxy:
    """A proxy on `host:port` for the server at `target_host:target_port`.

    It is a context manager. Any thread may call its methods, which return when they are done. They
    also apply to later connections, except cut(), strand() and drop().
    """

    def __init__(self, target_host: str, target_port: int) -> None:
        self.host = HOST
        # Not port 0: refuse() and accept() close and open the same port.
        self.port = free_port()
        self.accepted = 0  # the number of all connections so far
        self._target = (target_host, target_port)
        self._links: set[_Link] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._delay = 0.0
        self._split = CHUNK
        self._driver: socket.socket | None = None
        self._loop = asyncio.new_event_loop()
        self._open = asyncio.Event()
        self._open.set()
        self._thread = threading.Thread(target=self._loop.run_forever, name='FaultProxy')

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self.accept()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def connected(self) -> int:
        """The number of current connections, including dropped ones."""
        return len(self._links)

    def pause(self) -> None:
        """Hold all bytes back, in both directions, until resume(). No bytes are lost."""
        self._call(self._open.clear)

    def resume(self) -> None:
        """Pass the held bytes and all later ones on."""
        self._call(self._open.set)

    def cut(self) -> None:
        """Reset all current connections on both sides; bytes in the proxy are lost."""
        self._run(self._end_links())

    def strand(self) -> None:
        """Reset the clients' side of all current connections; the server's side stays open.

        The server cannot know that its clients are gone. unstrand() closes its side.
        """

        def strand() -> None:
            for link in self._links:
                link.strand()

        self._call(strand)

    def unstrand(self) -> None:
        """Close the server's side of the connections that strand() has left open."""

        def unstrand() -> None:
            for link in self._links:
                link.unstrand()

        self._call(unstrand)

    def drop(self) -> None:
        """Discard all further bytes of the current connections, and also their end."""

        def swallow() -> None:
            for link in self._links:
                link.dropped = True

        self._call(swallow)

    def refuse(self) -> None:
        """Refuse new connections; current ones stay."""
        self._run(self._stop_listening())

    def accept(self) -> None:
        """Accept new connections again."""
        self._run(self._listen())

    def delay(self, seconds: float) -> None:
        """Delay each piece in both directions; 0 ends the delay."""
        self._delay = seconds

    def split(self, size: int = CHUNK) -> None:
        """Pass bytes on in pieces of at most `size` bytes, with a millisecond between them."""
        self._split = size

    def close(self) -> None:
        """End all connections, the thread and the loop. A second call does nothing."""
        if self._loop.is_closed():
            return
        self._run(self._stop_listening())
        self._run(self._end_links())
        self._run(self._end_connecting())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(TIMEOUT)
        self._loop.close()

    # -- private

    def _run(self, coroutine: Coroutine[object, object, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(TIMEOUT)

    def _call(self, function: Callable[[], object]) -> None:
        async def call() -> None:
            function()

        self._run(call())

    async def _listen(self) -> None:
        if self._driver is None:
            self._driver = socket.create_server((self.host, self.port))
            self._driver.setblocking(False)
            self._loop.add_reader(self._driver, self._accept, self._driver)

    def _accept(self, listener: socket.socket) -> None:
        """Accept a connection; asyncio.Server would leave one open that comes during its close."""
        client, _ = listener.accept()
        client.setblocking(False)
        self.accepted += 1
        task = asyncio.ensure_future(self._serve(client))
        # This also closes the socket of a task that is cancelled before its first step.
        task.add_done_callback(partial(_close, client))

    async def _stop_listening(self) -> None:
        if self._driver is not None:
            self._loop.remove_reader(self._driver)
            self._driver.close()
            self._driver = None

    async def _end_links(self) -> None:
        links = list(self._links)
        for link in links:
            link.reset()
        if links:
            await asyncio.wait([link.task for link in links])

    async def _end_connecting(self) -> None:
        connecting = asyncio.all_tasks() - {asyncio.current_task()}
        for task in connecting:
            task.cancel()
        if connecting:
            await asyncio.wait(connecting)
        for writer in self._writers:  # also of tasks that were cancelled before their first step
            _reset(writer)
        for _ in range(3):  # The loop closes aborted transports in its next iterations.
            await asyncio.sleep(0)

    async def _serve(self, client: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=client)
        self._writers.add(writer)
        try:
            target = await asyncio.open_connection(*self._target)
        except (OSError, asyncio.CancelledError):
            _reset(writer)
            return
        self._writers.add(target[1])
        link = _Link(self, (reader, writer), target)
        self._links.add(link)
        await link.task
        self._links.discard(link)
        self._writers -= {writer, target[1]}

    async def pass_on(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        """Write received bytes, with the current delay, pause and split."""
        await asyncio.sleep(self._delay)
        for start in range(0, len(data), self._split):
            if start:
                await asyncio.sleep(PIECE_GAP)
            await self._open.wait()
            writer.write(data[start : start + self._split])
            await writer.drain()


class _Link:
    """A connection from a client, together with its connection to the target."""

    def __init__(self, proxy: FaultProxy, client: _End, target: _End) -> None:
        self.dropped = False
        self._stranded = False
        self._proxy = proxy
        self._ends = (client, target)
        self.task = asyncio.ensure_future(self._run())

    def reset(self) -> None:
        """End both connections with RST instead of FIN."""
        for _, writer in self._ends:
            _reset(writer)
        self.task.cancel()

    def strand(self) -> None:
        """End the connection of the client alone."""
        self._stranded = True
        _reset(self._ends[0][1])

    def unstrand(self) -> None:
        """End the connection to the target, if that of the client has ended before it."""
        if self._stranded:
            self._ends[1][1].close()

    async def _run(self) -> None:
        (client_reader, client_writer), (target_reader, target_writer) = self._ends
        pumps = [
            asyncio.ensure_future(self._pump(client_reader, target_writer)),
            asyncio.ensure_future(self._pump(target_reader, client_writer)),
        ]
        try:
            await asyncio.wait(pumps)
        except asyncio.CancelledError:
            for pump in pumps:
                pump.cancel()
            await asyncio.wait(pumps)
        for writer in (client_writer, target_writer):
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(CHUNK):
                if not (self.dropped or self._stranded):
                    await self._proxy.pass_on(data, writer)
        if not (self.dropped or self._stranded):
            writer.close()


def _close(client: socket.socket, _task: asyncio.Task[None]) -> None:
    client.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info('socket')
    with contextlib.suppress(OSError):  # The socket may be closed already.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    writer.transport.abort()
