"""Nodes: the address of a broker, the login there, and the limits to ask for.

A node is a value. It checks its arguments before anything connects, and knows nothing of sockets.
`connection_string` parses connection strings.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any, Final, Self, TypeAlias
from urllib.parse import quote

from coolamqp.framing.text import Text, short_bytes
from coolamqp.objects.checks import checked_number, checked_seconds, checked_text
from coolamqp.objects.connection_string import (
    CHANNEL_MAX,
    CONNECTION_TIMEOUT_MAX,
    HEARTBEAT_MAX,
    PORT_MAX,
    PORTS,
    check_host,
    parse_connection_string,
)
from coolamqp.objects.tls import TLS_KEYWORDS, TLSSettings, tls_settings

# The SASL mechanisms of `coolamqp.uplink.login`.
MECHANISMS: Final = ('PLAIN', 'AMQPLAIN', 'EXTERNAL')
BY_PASSWORD: Final = ('PLAIN', 'AMQPLAIN')
BY_CERTIFICATE: Final = ('EXTERNAL',)
# User and password that every RabbitMQ has at first, and accepts from its own machine only
# (https://www.rabbitmq.com/docs/access-control#default-state).
GUEST: Final = ('guest', 'guest')

_LIMITS: Final = ('heartbeat', 'channel_max', 'connection_timeout')
_LOGIN: Final = ('user', 'password', 'auth_mechanism')
_FIELDS: Final = ('host', 'port', 'virtual_host', 'tls', *_LOGIN, *_LIMITS)
_KEYWORDS: Final = (*_FIELDS, *TLS_KEYWORDS)


class NodeDefinition:
    """One broker: its address, and the login to use there.

    Pass keywords, or `(host, user, password[, virtual_host])` by position, or one connection string
    `amqp://user:password@host[:port]/virtual_host[?parameter=value&...]`, whose parts keywords
    override. `amqps://` is the same over TLS. For a string with several hosts see `several`.

    :param host: name or address
    :param user: of the login; without user and password, both are 'guest'
    :param password: of the login
    :param virtual_host: by default '/'
    :param port: TCP port; by default 5672, or 5671 with TLS
    :param heartbeat: interval in whole seconds; 0 turns heartbeats off, None accepts the broker's
        proposal
    :param connection_timeout: time for the connection to open, TLS included, in seconds; None for
        10. In a connection string it is in milliseconds, as RabbitMQ has it.
    :param channel_max: maximum number of channels; None or 0 for as many as the broker allows
    :param auth_mechanism: `PLAIN`, `AMQPLAIN` or `EXTERNAL`, or several of them in the order of
        preference. By default `EXTERNAL` if there is a certificate and no password, else `PLAIN`,
        then `AMQPLAIN`. User and password may be absent for `EXTERNAL`.
    :param tls: whether to use TLS; by default with `amqps://`, or with any of the following if
        there is no connection string
    :param cacertfile, certfile, keyfile, key_password, verify, server_name_indication, ssl_context:
        see `coolamqp.objects.tls.TLSSettings`; the attribute `tls` holds them, or None
    :raises ValueError: an argument is missing or wrong; the message never shows a password

    >>> NodeDefinition('amqp://user:secret@rabbit.example/jobs').virtual_host
    'jobs'
    """

    host: str
    user: str
    password: str
    virtual_host: str
    port: int
    heartbeat: int | None
    connection_timeout: float | None
    channel_max: int | None
    auth_mechanism: tuple[str, ...]
    tls: TLSSettings | None

    def __init__(self, *args: Text, **kwargs: Any) -> None:
        values = _positional(args) | _keywords(kwargs)
        self.host = check_host(checked_text(_needed(values.get('host'), 'host'), 'host'))
        if not self.host:
            raise ValueError('a node needs a host; it is empty')
        self.tls = tls_settings(values)
        default_port = PORTS['amqps' if self.tls else 'amqp']
        self.port = checked_number(values.get('port', default_port), 'port', 1, PORT_MAX)
        self.virtual_host = checked_text(values.get('virtual_host', '/'), 'virtual_host')
        short_bytes(self.virtual_host, 'virtual_host')
        self._take_limits(**{name: values.get(name) for name in _LIMITS})
        self.auth_mechanism = _mechanisms(values)
        self._take_login(values)

    def _take_limits(self, heartbeat: Any, channel_max: Any, connection_timeout: Any) -> None:
        self.heartbeat = self.channel_max = self.connection_timeout = None
        if heartbeat is not None:
            self.heartbeat = checked_number(heartbeat, 'heartbeat', 0, HEARTBEAT_MAX)
        if channel_max is not None:
            self.channel_max = checked_number(channel_max, 'channel_max', 0, CHANNEL_MAX)
        if connection_timeout is not None:
            self.connection_timeout = checked_seconds(
                connection_timeout, 'connection_timeout', CONNECTION_TIMEOUT_MAX
            )

    def _take_login(self, values: dict[str, Any]) -> None:
        user, password = values.get('user'), values.get('password')
        if self.auth_mechanism == BY_CERTIFICATE:
            user, password = ['' if each is None else each for each in (user, password)]
        elif user is None and password is None:
            user, password = GUEST
        self.user = checked_text(_needed(user, 'user'), 'user')
        self.password = checked_text(_needed(password, 'password'), 'password')

    @classmethod
    def several(cls, text: Text, **keywords: Any) -> list[Self]:
        """Return a node for each host in a connection string; the rest is the same for all.

        :raises ValueError: as for a single node

        >>> NodeDefinition.several('amqp://user:secret@one,two:5673/jobs')
        [<NodeDefinition amqp://user@one:5672/jobs>, <NodeDefinition amqp://user@two:5673/jobs>]
        """
        found = parse_connection_string(checked_text(text, 'connection string'))
        for name in ('host', 'port'):
            if name in keywords and len(found) > 1:
                raise ValueError(
                    f'{name}= would be the same for all hosts of the string; leave it out'
                )
        return [cls(**(values | keywords)) for values in found]

    def _key(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in _FIELDS)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NodeDefinition):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __str__(self) -> str:
        scheme = 'amqps' if self.tls else 'amqp'
        user = f'{quote(self.user, safe="")}@' if self.user else ''
        host = f'[{self.host}]' if ':' in self.host else self.host
        path = '' if self.virtual_host == '/' else f'/{quote(self.virtual_host, safe="")}'
        return f'{scheme}://{user}{host}:{self.port}{path}'

    def __repr__(self) -> str:
        return f'<NodeDefinition {self}>'


Nodes: TypeAlias = NodeDefinition | Text | Iterable[NodeDefinition | Text]


def nodes_of(nodes: Nodes) -> list[NodeDefinition]:
    """Return the nodes that a program has passed, in their order.

    :param nodes: a node, a connection string, which may have several hosts, or several of either
    :raises ValueError: there is no node
    :raises TypeError: something is neither
    """
    found: list[NodeDefinition] = []
    for node in _given_nodes(nodes):
        if isinstance(node, NodeDefinition):
            found.append(node)
        elif isinstance(node, (str, bytes)):
            found += NodeDefinition.several(node)
        else:
            kind = type(node).__name__
            raise TypeError(f'a node must be a NodeDefinition or a connection string, not {kind}')
    if not found:
        raise ValueError('a Cluster needs at least one node')
    return found


def _given_nodes(nodes: Any) -> list[Any]:
    if isinstance(nodes, (NodeDefinition, str, bytes)):
        return [nodes]
    if not isinstance(nodes, Iterable):
        raise TypeError(
            f'nodes must be a NodeDefinition, a connection string or a list of them, not {nodes!r}'
        )
    return list(nodes)


# Arguments


def _positional(args: tuple[Text, ...]) -> dict[str, Any]:
    if not args:
        return {}
    if len(args) == 1:
        found = parse_connection_string(checked_text(args[0], 'connection string'))
        if len(found) > 1:
            raise ValueError(
                f'a node is one broker, and the string has {len(found)} hosts; '
                'make them with NodeDefinition.several, or give a Cluster the string itself'
            )
        return found[0]
    if len(args) in (3, 4):
        return dict(zip(('host', 'user', 'password', 'virtual_host'), args, strict=False))
    raise ValueError(
        'a node is made by (host, user, password), (host, user, password, virtual_host) '
        f'or one connection string, not by {len(args)} values'
    )


def _keywords(kwargs: dict[str, Any]) -> dict[str, Any]:
    if 'hearbeat' in kwargs:
        warnings.warn('hearbeat is spelt heartbeat', DeprecationWarning, stacklevel=3)
        kwargs['heartbeat'] = kwargs.pop('hearbeat')
    for name in [name for name in kwargs if name not in _KEYWORDS]:
        del kwargs[name]
        # Not an error: CoolAMQP 2.x ignored it without a word.
        warnings.warn(
            f'a node has no argument {name!r}, and ignores it; the nearest one is '
            f'{_nearest_keyword(name)}, of {", ".join(_KEYWORDS)}',
            UserWarning,
            stacklevel=3,
        )
    return kwargs


def _nearest_keyword(name: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - few need it

    lengthened = [keyword for keyword in _KEYWORDS if _is_shortened(name, keyword)]
    return get_close_matches(name, lengthened or _KEYWORDS, 1, cutoff=0.0)[0]


def _is_shortened(name: str, keyword: str) -> bool:
    """Whether a keyword lacks some letters in `name`, as `virtual_host` does in `vhost`."""
    letters = iter(keyword)
    return all(letter in letters for letter in name)


def _mechanisms(values: dict[str, Any]) -> tuple[str, ...]:
    given = values.get('auth_mechanism')
    if given is None:
        by_certificate = values.get('certfile') is not None and values.get('password') is None
        return BY_CERTIFICATE if by_certificate else BY_PASSWORD
    names = given if isinstance(given, (list, tuple)) else [given]
    found = tuple(dict.fromkeys(checked_text(name, 'auth_mechanism').upper() for name in names))
    unknown = [name for name in found if name not in MECHANISMS]
    if unknown or not found:
        what = repr(unknown[0]) if unknown else 'nothing'
        raise ValueError(f'auth_mechanism must be among {", ".join(MECHANISMS)}, not {what}')
    return found


def _needed(value: Any, name: str) -> Any:
    if value is None:
        raise ValueError(f'a node needs a {name}; give {name}= or a connection string')
    return value
