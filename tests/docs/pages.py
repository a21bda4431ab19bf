"""The pages of the documentation, and the Python code that stands in them.

A block that begins with ```python is code. Its title may be the name of a client: the blocks of
each client form a program of their own. Any other title is the name of a file in `examples/`, which
is the same. What a page prints stands in blocks that begin with ```text title="Output".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / 'docs'
EXAMPLES = ROOT / 'examples'
URL = 'amqp://guest:guest@localhost/'  # of the reader's own broker

_FENCED = re.compile(r'^```(.*)\n((?:.*\n)*?)```$', re.MULTILINE)
_TITLE = re.compile(r'\w+ title="(.+)"')
OUTPUT = 'text title="Output"'
OURS = 'CoolAMQP'
# The other clients with their environments, see `tests.support.environments`.
CLIENTS = {'pika': 'pika', 'aio-pika': 'aio_pika', 'Kombu': 'celery', 'AMQPStorm': 'amqpstorm'}


@dataclass(frozen=True)
class Block:
    """A fenced block.

    :ivar line: the line of the page on which its text begins, from 0
    :ivar info: what stands behind the fence
    """

    line: int
    info: str
    text: str

    @property
    def title(self) -> str | None:
        """The name of a file or a client, if the block has one."""
        match = _TITLE.fullmatch(self.info)
        return match[1] if match and self.info != OUTPUT else None


class Page:
    """A page of the documentation, or README.md."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def text(self) -> str:
        """All of it."""
        return self.path.read_text('utf-8')

    @cached_property
    def blocks(self) -> list[Block]:
        """Its fenced blocks, in order."""
        return [
            Block(self.text.count('\n', 0, match.start(2)), match[1], match[2])
            for match in _FENCED.finditer(self.text)
        ]

    @property
    def code(self) -> list[Block]:
        """The blocks that are run, one after the other."""
        return [block for block in self.blocks if block.info == 'python' or block.title == OURS]

    def code_of(self, client: str) -> list[Block]:
        """Give the blocks of another client."""
        return [block for block in self.blocks if block.title == client]

    @property
    def clients(self) -> list[str]:
        """The other clients that the page has code of."""
        return [client for client in CLIENTS if self.code_of(client)]

    @property
    def files(self) -> list[Block]:
        """The blocks that are whole files."""
        named = [block for block in self.blocks if block.title is not None]
        return [block for block in named if block.title not in (OURS, *CLIENTS)]

    @property
    def output(self) -> str:
        """What the code prints, according to the page."""
        return ''.join(block.text for block in self.blocks if block.info == OUTPUT)

    def program(self, url: str, client: str = OURS) -> str:
        """Give its code as one program, in which every line has the number it has in the page."""
        lines: list[str] = []
        for block in self.code if client == OURS else self.code_of(client):
            lines += [''] * (block.line - len(lines))
            lines += block.text.replace(URL, url).splitlines()
        return '\n'.join(lines) + '\n'

    def __str__(self) -> str:
        return str(self.path.relative_to(ROOT))


def all_pages() -> list[Page]:
    """Give README.md and every page of the documentation."""
    return [Page(path) for path in (ROOT / 'README.md', *sorted(DOCS.rglob('*.md')))]
