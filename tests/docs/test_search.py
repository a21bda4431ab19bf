"""The search of the site finds the right page, in a browser that reaches this site only."""

from __future__ import annotations

import functools
import json
import queue
import shutil
import subprocess
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 60.0  # seconds

# What people search for, and the page that they need.
SEARCHES = {
    'RPC': '/tutorial/requests/',
    'retry': '/how-to/retry/',
    'back-off': '/how-to/retry/',
    'graceful shutdown': '/how-to/stop/',
    'thread-safe': '/explanation/threads/',
    'publisher confirm': '/how-to/publish/',
    'health check': '/how-to/probes/',
    'requeue': '/how-to/acknowledge/',
    'dead-letter': '/how-to/expire/',
    'duplicates': '/how-to/idempotent-consumers/',
    'prefetch': '/how-to/consume/',
    'asyncio': '/how-to/asyncio/',
    'kubernetes': '/how-to/probes/',
}

# Searches in a frame, one after the other, and posts the addresses of the results, the best first.
SEARCHER = """\
<iframe></iframe>
<script>
  const frame = document.querySelector('iframe')
  const search = words => new Promise(resolve => {
    frame.onload = () => {
      const inside = frame.contentDocument
      const look = () => {
        const links = [...inside.querySelectorAll('.md-search-result__item > a')]
        const meta = inside.querySelector('.md-search-result__meta').textContent
        if (links.length === 0 && !meta.includes('No matching')) return
        observer.disconnect()
        resolve(links.map(link => new URL(link.href).pathname))
      }
      const observer = new MutationObserver(look)
      observer.observe(inside, {subtree: true, childList: true, characterData: true})
      look()
    }
    frame.src = '/?q=' + encodeURIComponent(words)
  })
  const searchAll = async () => {
    const found = {}
    for (const words of SEARCHES) found[words] = await search(words)
    await fetch('/results', {method: 'POST', body: JSON.stringify(found)})
  }
  searchAll()
</script>
""".replace('SEARCHES', json.dumps([*SEARCHES]))


class Handler(SimpleHTTPRequestHandler):
    """Serves the site and the page that searches, and receives its results."""

    def __init__(self, *args: Any, results: queue.Queue[Any], **options: Any) -> None:
        self._results = results
        super().__init__(*args, **options)

    def do_GET(self) -> None:
        """Serve a page."""
        if self.path != '/searcher':
            super().do_GET()
            return
        self.send_response(200)
        self.send_header('Content-Type', 'text/html')
        self.end_headers()
        self.wfile.write(SEARCHER.encode())

    def do_POST(self) -> None:
        """Receive results."""
        self._results.put(json.loads(self.rfile.read(int(self.headers['Content-Length']))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Log nothing."""


@pytest.fixture(scope='module')
def results(site: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Return the paths of the results of each search."""
    chromium = shutil.which('chromium')
    if chromium is None:
        pytest.skip('there is no chromium')
    found: queue.Queue[dict[str, list[str]]] = queue.Queue()
    serve = functools.partial(Handler, directory=site, results=found)
    with ThreadingHTTPServer(('127.0.0.1', 0), serve) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        options = [
            '--headless',
            '--no-sandbox',  # which root cannot have; the browser sees our own pages only
            '--disable-gpu',
            '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
            '--remote-debugging-port=0',  # without it, the browser ends when it has loaded the page
            f'--user-data-dir={tmp_path_factory.mktemp("chromium")}',
        ]
        browser = subprocess.Popen(
            [chromium, *options, f'http://127.0.0.1:{server.server_port}/searcher'],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            return found.get(timeout=PATIENCE)
        finally:
            browser.terminate()
            browser.wait(PATIENCE)
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(('words', 'page'), SEARCHES.items())
def test_the_search_finds_the_page(results: dict[str, list[str]], words: str, page: str) -> None:
    pages = list(dict.fromkeys(results[words]))

    assert page in pages[:3]
