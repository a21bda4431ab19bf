"""Take screenshots of the main pages of the site: light, dark and narrow.

    python -m tools.take_screenshots [PAGE ...]

Reads site/, which `make docs` builds, and writes .screenshots/. Chromium reaches this site only,
so a picture also shows what a page lacks without the network.
"""

from __future__ import annotations

import functools
import itertools
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent
SITE: Final = ROOT / 'site'
FOLDER: Final = ROOT / '.screenshots'
TIMEOUT: Final = 60.0  # seconds for a picture

PAGES: Final = (
    '',
    'which-client/',
    'faq/',
    'tutorial/worker/',
    'how-to/',
    'how-to/publish/',
    'how-to/consume/',
    'how-to/asyncio/',
    'reference/clustering/',
    'reference/objects/',
    'explanation/architecture/',
    'explanation/performance/',
    'explanation/reconnect/',
    'explanation/states/',
)


@dataclass(frozen=True)
class Look:
    """How a browser shows a page.

    :ivar width: in pixels
    :ivar height: in pixels
    :ivar scheme: Chromium's number of the preferred colour scheme
    """

    name: str
    width: int
    height: int
    scheme: int


DARK, LIGHT = 0, 1
LOOKS: Final = (
    Look('light', 1280, 2400, LIGHT),
    Look('dark', 1280, 2400, DARK),
    Look('narrow', 500, 2400, LIGHT),  # Chromium has no narrower window
)


class Files(SimpleHTTPRequestHandler):
    """Serves the site, without a log."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Log nothing."""


def main() -> None:
    """Take all pictures, or those of the named pages."""
    if not (SITE / 'index.html').exists():
        sys.exit('There is no site: run `make docs` first')
    chromium = shutil.which('chromium')
    if chromium is None:
        sys.exit('There is no chromium: install the package `chromium`')
    FOLDER.mkdir(exist_ok=True)
    serve = functools.partial(Files, directory=SITE)
    with ThreadingHTTPServer(('127.0.0.1', 0), serve) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            for page, look in itertools.product(sys.argv[1:] or PAGES, LOOKS):
                picture = FOLDER / f'{page.strip("/").replace("/", "-") or "index"}-{look.name}.png'
                take(chromium, f'http://127.0.0.1:{server.server_port}/{page}', look, picture)
                print(picture.relative_to(ROOT))
        finally:
            server.shutdown()


def take(chromium: str, url: str, look: Look, picture: Path) -> None:
    """Write the picture of a page."""
    picture.unlink(missing_ok=True)
    options = [
        '--headless',
        '--no-sandbox',  # which root cannot have; the browser sees our own pages only
        '--disable-gpu',
        '--hide-scrollbars',
        '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
        f'--blink-settings=preferredColorScheme={look.scheme}',
        f'--window-size={look.width},{look.height}',
        '--virtual-time-budget=5000',  # milliseconds of the page's clock, for its scripts
        f'--screenshot={picture}',
    ]
    ended = subprocess.run(
        [chromium, *options, url], capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    if not picture.exists():
        sys.exit(f'{ended.stderr}\nchromium took no picture of {url}')


if __name__ == '__main__':
    main()
