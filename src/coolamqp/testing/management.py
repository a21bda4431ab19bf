"""Virtual hosts on a real RabbitMQ, through the HTTP API of its management plugin."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from typing import Final
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urlsplit, urlunsplit
from urllib.request import ProxyHandler, Request, build_opener
from uuid import uuid4

from coolamqp.testing.target import MANAGEMENT_OPTION, RealBroker, without_login

VHOST_PREFIX: Final = 'coolamqp-test-'
TIMEOUT: Final = 30.0
_EVERYTHING: Final = {'configure': '.*', 'write': '.*', 'read': '.*'}


class ManagementError(Exception):
    """A failed request to the management plugin of RabbitMQ: refused, or without an answer."""


class Management:
    """The HTTP API of a management plugin (https://www.rabbitmq.com/docs/http-api-reference).

    :param broker: the RabbitMQ; its user logs in to the HTTP API, unless the address of the
        management plugin has another user
    :raises ManagementError: the address of the management plugin is not an HTTP address
    """

    def __init__(self, broker: RealBroker) -> None:
        parts = urlsplit(broker.management_url)
        if parts.scheme not in ('http', 'https'):
            raise ManagementError(
                f'{MANAGEMENT_OPTION} is {without_login(broker.management_url)!r}; '
                'it must begin with http:// or https://'
            )
        user = unquote(parts.username) if parts.username else broker.user
        password = unquote(parts.password) if parts.password else broker.password
        self._user = broker.user
        self._authorization = f'Basic {b64encode(f"{user}:{password}".encode()).decode()}'
        netloc = parts.netloc.rpartition('@')[2]
        self._base = urlunsplit((parts.scheme, netloc, parts.path.rstrip('/'), '', ''))
        self._opener = build_opener(ProxyHandler({}))

    def add_vhost(self, name: str) -> None:
        """Add a virtual host in which the user of the broker has all permissions.

        :raises ManagementError: the request failed
        """
        vhost = quote(name, safe='')
        self._request('PUT', f'vhosts/{vhost}', {})
        self._request('PUT', f'permissions/{vhost}/{quote(self._user, safe="")}', _EVERYTHING)

    def delete_vhost(self, name: str) -> None:
        """Delete a virtual host, and close its connections.

        :raises ManagementError: the request failed
        """
        self._request('DELETE', f'vhosts/{quote(name, safe="")}')

    def _request(self, method: str, path: str, content: object = None) -> None:
        url = f'{self._base}/api/{path}'
        request = Request(  # noqa: S310 - the scheme is checked
            url,
            None if content is None else json.dumps(content).encode(),
            {'Authorization': self._authorization, 'Content-Type': 'application/json'},
            method=method,
        )
        try:
            with self._opener.open(request, timeout=TIMEOUT):
                pass
        except HTTPError as error:
            with error:
                reason = f'{error} {error.read().decode("utf-8", "replace")}'.strip()
            raise ManagementError(f'{method} {url}: {reason}') from error
        except (OSError, HTTPException) as error:
            raise ManagementError(f'{method} {url}: {error}') from error


@contextmanager
def temporary_vhost(broker: RealBroker) -> Iterator[str]:
    """Add a virtual host for the time of a `with` block, and yield its address.

    :raises ManagementError: the request to add or to delete it failed
    """
    management = Management(broker)
    name = f'{VHOST_PREFIX}{uuid4().hex[:12]}'
    management.add_vhost(name)
    try:
        yield broker.url_of(name)
    finally:
        management.delete_vhost(name)
