"""The site has every public name and no private one, and two clicks reach each of its pages."""

from __future__ import annotations

import re
import zlib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag, urljoin

import pytest

import coolamqp
from tests.docs.pages import DOCS, all_pages
from tools import list_surface

# Classes that programs never see, although signatures in the code name them.
PRIVATE = {'BasicContentPropertyList', 'Inbox', 'Patron', 'Promise', 'Source'}
SELDOM = ('span', 'dont_trace', 'tx')  # few programs pass these


class Text(HTMLParser):
    """Collects the words, the links and the rows of tables of a page."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.tables: list[list[str]] = []
        self._first_cell = False
        self.feed(page.read_text('utf-8'))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect a link, or begin a table or a row."""
        if tag == 'a':
            self.links.append(dict(attrs).get('href') or '')
        elif tag == 'table':
            self.tables.append([])
        elif tag == 'tr':
            self._first_cell = True

    def handle_endtag(self, tag: str) -> None:
        """End the first cell of a row."""
        if tag == 'td':
            self._first_cell = False

    def handle_data(self, data: str) -> None:
        """Collect words, and those of a first cell as the name of its row."""
        self.words += re.findall(r'\w+', data)
        if self._first_cell and self.tables and data.strip():
            self.tables[-1].append(data.strip())


def test_every_public_class_function_and_property_stands_in_the_reference(site: Path) -> None:
    told = inventory(site / 'objects.inv')
    wanted = {symbol.path for symbol in list_surface.surface() if symbol.has_docstring}

    assert sorted(wanted - told) == []


@pytest.mark.skipif(coolamqp.compiled, reason='signatures are read from the pure Python')
def test_every_public_constant_stands_in_the_reference() -> None:
    pages = ' '.join(page.text for page in all_pages() if page.path.parent.name == 'reference')
    constants = [symbol.path for symbol in list_surface.surface() if symbol.is_constant]

    assert [path for path in constants if f'{path.rpartition(".")[2]}`' not in pages] == []


def test_no_private_class_stands_in_the_reference(site: Path) -> None:
    pages = {page: Text(page) for page in (site / 'reference').rglob('index.html')}

    assert len(pages) > 10
    assert {page.parent.name: PRIVATE & {*text.words} for page, text in pages.items()} == {
        page.parent.name: set() for page in pages
    }


@pytest.mark.parametrize('name', ['clustering', 'aio', 'attaches'])
def test_parameters_that_few_programs_pass_are_the_last_of_their_tables(
    site: Path, name: str
) -> None:
    tables = Text(site / 'reference' / name / 'index.html').tables
    found = [table for table in tables if not {*SELDOM}.isdisjoint(table)]

    assert found
    for table in found:
        seldom = [row for row in SELDOM if row in table]
        assert [row for row in table if row in seldom] == seldom
        assert [row for row in table if re.fullmatch(r'\w+', row)][-len(seldom) :] == seldom


def test_all_parts_of_a_received_message_stand_in_the_reference(site: Path) -> None:
    page = site / 'reference' / 'objects' / 'index.html'
    parts = {'body', 'delivery_tag', 'acked'}
    entries = {
        path.rpartition('.')[2]
        for path in inventory(site / 'objects.inv')
        if path.startswith('coolamqp.objects.ReceivedMessage.')
    }

    assert any(parts <= {*table} for table in Text(page).tables)
    assert entries >= {
        *('properties', 'headers', 'exchange_name', 'routing_key', 'redelivered', 'consumer_tag'),
        *('attempt', 'text', 'json', 'ack', 'nack', 'reject', 'retry', 'reply'),
    }


def test_two_clicks_reach_every_page(site: Path) -> None:
    first = {'index.html'}
    second = first.union(*(clicks(site, page) for page in first))
    third = second.union(*(clicks(site, page) for page in second))
    pages = {address_of(path) for path in DOCS.rglob('*.md')}

    assert sorted(pages - third) == []


def clicks(site: Path, page: str) -> set[str]:
    """Return the pages that a page of the site links to."""
    found = set()
    for link in Text(site / page).links:
        path = urldefrag(urljoin(f'http://site/{page}', link)).url.removeprefix('http://site/')
        name = f'{path}index.html' if path.endswith('/') or not path else path
        if name.endswith('.html') and (site / name).exists():
            found.add(name)
    return found


def address_of(source: Path) -> str:
    """Return the page of the site that a page of the documentation becomes."""
    path = source.relative_to(DOCS)
    folder = path.parent if path.stem == 'index' else path.with_suffix('')
    return str(folder / 'index.html')


def inventory(path: Path) -> set[str]:
    """Give the names that a Sphinx inventory lists, as mkdocstrings writes one."""
    _, _, lines = path.read_bytes().partition(b'zlib.\n')
    return {line.split(' ')[0] for line in zlib.decompress(lines).decode().splitlines()}
