"""Where the tests run: on embedded brokers, or on a RabbitMQ that the user names."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import pytest

URL_OPTION: Final = '--amqp-url'
URL_VARIABLE: Final = 'AMQP_TEST_URL'
MANAGEMENT_OPTION: Final = '--amqp-management-url'
MANAGEMENT_VARIABLE: Final = 'AMQP_TEST_MANAGEMENT_URL'
_DEFAULT_USER: Final = 'guest'


@dataclass(frozen=True)
class RealBroker:
    """A RabbitMQ that is to run the tests.

    :ivar url: its address, as amqp:// or amqps://
    :ivar management_url: the address of its management plugin; empty if the user names none
    """

    url: str
    management_url: str = ''

    @property
    def user(self) -> str:
        """The user of the address."""
        return unquote(urlsplit(self.url).username or _DEFAULT_USER)

    @property
    def password(self) -> str:
        """The password of the address."""
        return unquote(urlsplit(self.url).password or _DEFAULT_USER)

    def url_of(self, vhost: str) -> str:
        """Return the address of a virtual host."""
        return urlunsplit(urlsplit(self.url)._replace(path=f'/{quote(vhost, safe="")}'))

    def __str__(self) -> str:
        return without_login(self.url)


def real_broker(config: pytest.Config) -> RealBroker | None:
    """Return the RabbitMQ that is to run the tests; None for embedded brokers.

    :raises UsageError: there is a management plugin, but no RabbitMQ
    """
    url = config.getoption(URL_OPTION) or os.environ.get(URL_VARIABLE, '')
    management = config.getoption(MANAGEMENT_OPTION) or os.environ.get(MANAGEMENT_VARIABLE, '')
    if url:
        return RealBroker(url, management)
    if management:
        raise pytest.UsageError(
            f'{MANAGEMENT_OPTION} needs {URL_OPTION}, the address of the broker itself'
        )
    return None


def without_login(url: str) -> str:
    """Return an address without user and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition('@')[2]))
