"""Virtual hosts on a real RabbitMQ, through the HTTP API of its management plugin."""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from coolamqp.testing.management import (
    VHOST_PREFIX,
    Management,
    ManagementError,
    temporary_vhost,
)
from coolamqp.testing.target import RealBroker
from tests.support.ports import HOST, free_port


class Plugin(HTTPServer):
    """Stands for the management plugin.

    :ivar requests: method, path, and the content as JSON
    :ivar logins: the login of each request
    :ivar status: the status of its answers
    """

    def __init__(self) -> None:
        super().__init__((HOST, 0), Handler)
        self.requests: list[tuple[str, str, object]] = []
        self.logins: list[str | None] = []
        self.status = 204

    @property
    def url(self) -> str:
        return f'http://{HOST}:{self.server_port}'


class Handler(BaseHTTPRequestHandler):
    """Answers a request."""

    server: Plugin

    def do_PUT(self) -> None:
        length = int(self.headers['Content-Length'])
        self.answer(json.loads(self.rfile.read(length)))

    def do_DELETE(self) -> None:
        self.answer(None)

    def answer(self, content: object) -> None:
        self.server.requests.append((self.command, self.path, content))
        self.server.logins.append(self.headers['Authorization'])
        self.send_response(self.server.status)
        self.end_headers()
        if self.server.status >= 400:
            self.wfile.write(b'{"error":"not_authorised"}')

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name above
        """Keep quiet."""


@pytest.fixture
def plugin() -> Iterator[Plugin]:
    with Plugin() as plugin:
        thread = threading.Thread(target=plugin.serve_forever)
        thread.start()
        yield plugin
        plugin.shutdown()
        thread.join()


def login(user: str, password: str) -> str:
    return f'Basic {b64encode(f"{user}:{password}".encode()).decode()}'


def test_a_virtual_host_is_made_with_all_permissions_and_deleted_at_the_end(
    plugin: Plugin,
) -> None:
    broker = RealBroker('amqp://ada:secret@rabbit/old', plugin.url)

    with temporary_vhost(broker) as url:
        name = url.removeprefix('amqp://ada:secret@rabbit/')
        assert name.startswith(VHOST_PREFIX)
        assert plugin.requests == [
            ('PUT', f'/api/vhosts/{name}', {}),
            (
                'PUT',
                f'/api/permissions/{name}/ada',
                {'configure': '.*', 'write': '.*', 'read': '.*'},
            ),
        ]
        plugin.requests.clear()

    assert plugin.requests == [('DELETE', f'/api/vhosts/{name}', None)]
    assert set(plugin.logins) == {login('ada', 'secret')}


def test_it_is_deleted_after_an_error_too(plugin: Plugin) -> None:
    with pytest.raises(ZeroDivisionError), temporary_vhost(RealBroker('amqp://r/', plugin.url)):
        raise ZeroDivisionError

    assert plugin.requests[-1][0] == 'DELETE'


def test_each_virtual_host_has_another_name(plugin: Plugin) -> None:
    broker = RealBroker('amqp://rabbit/', plugin.url)

    with temporary_vhost(broker) as one, temporary_vhost(broker) as two:
        assert one != two


def test_names_are_quoted(plugin: Plugin) -> None:
    Management(RealBroker('amqp://a%2Fda:x@rabbit/', plugin.url)).add_vhost('x/y')

    paths = [path for _, path, _ in plugin.requests]
    assert paths == ['/api/vhosts/x%2Fy', '/api/permissions/x%2Fy/a%2Fda']


def test_the_management_plugin_may_have_a_login_and_a_path_of_its_own(plugin: Plugin) -> None:
    url = f'http://admin:top%2Fsecret@{HOST}:{plugin.server_port}/rabbit/'

    Management(RealBroker('amqp://ada:x@rabbit/', url)).delete_vhost('v')

    assert plugin.requests == [('DELETE', '/rabbit/api/vhosts/v', None)]
    assert plugin.logins == [login('admin', 'top/secret')]


def test_a_refused_request_is_an_error_that_says_why(plugin: Plugin) -> None:
    plugin.status = 401
    url = plugin.url.replace('//', '//ada:secret@')

    with pytest.raises(ManagementError) as caught:
        Management(RealBroker('amqp://rabbit/', url)).add_vhost('v')

    assert str(caught.value).startswith(f'PUT {plugin.url}/api/vhosts/v: HTTP Error 401')
    assert 'not_authorised' in str(caught.value)


def test_a_plugin_that_is_not_there_is_an_error() -> None:
    broker = RealBroker('amqp://rabbit/', f'http://{HOST}:{free_port()}')

    with pytest.raises(ManagementError, match='refused'):
        Management(broker).delete_vhost('v')


@pytest.mark.parametrize('url', ['rabbit:15672', 'amqp://ada:secret@rabbit', 'file:///etc/passwd'])
def test_an_address_of_another_kind_is_an_error(url: str) -> None:
    with pytest.raises(ManagementError, match='must begin with http://') as caught:
        Management(RealBroker('amqp://rabbit/', url))

    assert 'secret' not in str(caught.value)
