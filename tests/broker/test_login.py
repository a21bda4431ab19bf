"""The login."""

from __future__ import annotations

import pytest

from coolamqp.broker.login import (
    AMQPLAIN,
    ANONYMOUS,
    EXTERNAL,
    PLAIN,
    MalformedLogin,
    log_in,
    mechanisms,
)
from coolamqp.broker.users import Users
from coolamqp.framing.field_table import encode_table


@pytest.fixture
def users() -> Users:
    users = Users()
    users.add('lea', 's\N{LATIN SMALL LETTER E WITH ACUTE}cret')
    return users


def table(**fields: str | int) -> bytes:
    """Return a table without its length, as AMQPLAIN sends it."""
    return encode_table(fields)[4:]


@pytest.mark.parametrize(
    ('mechanism', 'response', 'name'),
    [
        (PLAIN, '\0lea\0sécret'.encode(), 'lea'),
        (PLAIN, b'\0lea\0wrong', None),
        (PLAIN, b'\0stranger\0wrong', None),
        (PLAIN, b'\0\xff\0\xff', None),
        (AMQPLAIN, table(LOGIN='lea', PASSWORD='sécret'), 'lea'),
        (AMQPLAIN, table(LOGIN='lea'), None),
        (AMQPLAIN, table(LOGIN=5, PASSWORD=6), None),
        (ANONYMOUS, b'', None),
    ],
)
def test_a_response(users: Users, mechanism: str, response: bytes, name: str | None) -> None:
    user = log_in(users, mechanism, response, None)

    assert (user and user.name) == name


@pytest.mark.parametrize(
    ('mechanism', 'response'),
    [
        (PLAIN, b'\0lea'),
        (PLAIN, b'root\0lea\0secret'),
        (PLAIN, b''),
        (AMQPLAIN, b'no table'),
        (EXTERNAL, b''),
        ('SCRAM', b'\0lea\0secret'),
    ],
)
def test_a_malformed_login(users: Users, mechanism: str, response: bytes) -> None:
    with pytest.raises(MalformedLogin):
        log_in(users, mechanism, response, None)


def test_anonymous_is_the_user_guest(users: Users) -> None:
    guest = users.add('guest', 'secret')

    assert log_in(users, ANONYMOUS, b'', None) is guest


def test_a_certificate_logs_in_the_user_that_it_names(users: Users) -> None:
    assert log_in(users, EXTERNAL, b'', 'lea') is users.find('lea')
    assert log_in(users, EXTERNAL, b'', 'stranger') is None


def test_external_is_offered_only_for_a_certificate() -> None:
    assert EXTERNAL not in mechanisms(None)
    assert EXTERNAL in mechanisms('lea')
