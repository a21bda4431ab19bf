"""The brokers of a test run: embedded brokers, or the RabbitMQ that the command line names."""

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
    """The RabbitMQ on which the tests run.

    :ivar url: its address, as amqp:// or amqps://
    :ivar management_url: the address of its management plugin; empty if the run has none
    """

    url: str
    management_url: str = ''

    @property
    def user(self) -> str:
        """The user in the address; by default `guest`."""
        return unquote(urlsplit(self.url).username or _DEFAULT_USER)

    @property
    def password(self) -> str:
        """The password in the address; by default `guest`."""
        return unquote(urlsplit(self.url).password or _DEFAULT_USER)

    def url_of(self, vhost: str) -> str:
        """Return the address of a virtual host."""
        return urlunsplit(urlsplit(self.url)._replace(path=f'/{quote(vhost, safe="")}'))

    def __str__(self) -> str:
        return without_login(self.url)


def real_broker(config: pytest.Config) -> RealBroker | None:
    """Return the RabbitMQ on which the tests run; None for embedded brokers.

    :raises UsageError: the run has the address of a management plugin, but not of a RabbitMQ
    """
    url = config.getoption(URL_OPTION) or os.environ.get(URL_VARIABLE, '')
    management = config.getoption(MANAGEMENT_OPTION) or os.environ.get(MANAGEMENT_VARIABLE, '')
    if url:
        return RealBroker(url, management)
    if management:
        raise pytest.UsageError(
            f'{MANAGEMENT_OPTION} needs {URL_OPTION} too, the amqp:// address of the same RabbitMQ'
        )
    return None


def without_login(url: str) -> str:
    """Return an address without user and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition('@')[2]))
