"""Where a broker is, and who we are to it."""

from __future__ import annotations

import warnings
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from coolamqp.framing.text import Text, short_bytes, text_bytes

DEFAULT_PORT: Final = 5672
HEARTBEAT_MAX: Final = 0xFFFF  # connection.tune has 16 bits for it
_FIELDS: Final = ('host', 'user', 'password', 'virtual_host', 'port', 'heartbeat')


class NodeDefinition:
    """One broker: its address, and the login to use there.

    Given by keywords, by position as `(host, user, password[, virtual_host])`, or as one string
    `amqp://user:password@host[:port]/virtual_host`, parts of which keywords then override.

    :param port: TCP port, 5672 unless told otherwise
    :param heartbeat: whole seconds; 0 turns heartbeats off, None takes what the broker proposes
    :raises ValueError: anything that makes no sense; the message never shows the password

    >>> NodeDefinition('amqp://user:secret@rabbit.example/jobs').virtual_host
    'jobs'
    """

    host: str
    user: str
    password: str
    virtual_host: str
    port: int
    heartbeat: int | None

    def __init__(self, *args: Text, **kwargs: Any) -> None:
        values: dict[str, Any] = {'virtual_host': '/', 'port': DEFAULT_PORT, 'heartbeat': None}
        values.update(_positional(args))
        values.update(_keywords(kwargs))
        for name in ('host', 'user', 'password'):
            if values.get(name) is None:
                raise ValueError(f'a node needs a {name}; give {name}= or a connection string')
        self.host = _text(values['host'], 'host')
        self.user = _text(values['user'], 'user')
        self.password = _text(values['password'], 'password')
        self.virtual_host = _text(values['virtual_host'], 'virtual_host')
        short_bytes(self.virtual_host, 'virtual_host')
        self.port = _number(values['port'], 'port', 1, 0xFFFF)
        heartbeat = values['heartbeat']
        self.heartbeat = (
            None if heartbeat is None else _number(heartbeat, 'heartbeat', 0, HEARTBEAT_MAX)
        )
        if not self.host:
            raise ValueError('a node needs a host; it is empty')

    def _key(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in _FIELDS)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NodeDefinition):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __str__(self) -> str:
        host = f'[{self.host}]' if ':' in self.host else self.host
        path = '' if self.virtual_host == '/' else f'/{self.virtual_host}'
        return f'amqp://{self.user}@{host}:{self.port}{path}'

    def __repr__(self) -> str:
        return f'<NodeDefinition {self}>'


def _positional(args: tuple[Text, ...]) -> dict[str, Any]:
    if not args:
        return {}
    if len(args) == 1:
        return _connection_string(_text(args[0], 'connection string'))
    if len(args) in (3, 4):
        return dict(zip(('host', 'user', 'password', 'virtual_host'), args, strict=False))
    raise ValueError(
        'a node is given as (host, user, password), (host, user, password, virtual_host) '
        f'or one connection string, not by {len(args)} values'
    )


def _keywords(kwargs: dict[str, Any]) -> dict[str, Any]:
    if 'hearbeat' in kwargs:
        warnings.warn('hearbeat is spelt heartbeat', DeprecationWarning, stacklevel=3)
        kwargs['heartbeat'] = kwargs.pop('hearbeat')
    unknown = [name for name in kwargs if name not in _FIELDS]
    if unknown:
        raise ValueError(f'a node has no {unknown[0]!r}; it has {", ".join(_FIELDS)}')
    return kwargs


def _connection_string(text: str) -> dict[str, Any]:
    try:
        parts = urlsplit(text)
    except ValueError:  # its message may hold the password
        raise ValueError('the host in a connection string is not one') from None
    if parts.scheme != 'amqp' or not parts.hostname:
        raise ValueError(
            'a connection string looks like amqp://user:password@host:port/virtual_host'
        )
    if parts.query or parts.fragment:
        raise ValueError('a connection string takes no parameters behind "?" or "#" here')
    try:
        port = parts.port
    except ValueError:
        raise ValueError('the port in a connection string must be from 1 to 65535') from None
    values: dict[str, Any] = {'host': parts.hostname}
    if parts.username is not None:
        values['user'] = unquote(parts.username)
    if parts.password is not None:
        values['password'] = unquote(parts.password)
    if port is not None:
        values['port'] = port
    if len(parts.path) > 1:
        values['virtual_host'] = unquote(parts.path[1:])
    return values


def _text(value: Any, name: str) -> str:
    try:
        return text_bytes(value, name).decode('utf-8')
    except (TypeError, ValueError):  # their messages may hold the password
        raise ValueError(f'{name} must be text in UTF-8') from None


def _number(value: Any, name: str, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f'{name} must be a whole number from {low} to {high}, not {value!r}')
    return value
