"""Connection strings: `amqp://` and `amqps://`, with one host or several.

Follows RabbitMQ's URI specification (https://www.rabbitmq.com/docs/uri-spec) and its page of query
parameters (https://www.rabbitmq.com/docs/uri-query-parameters). Returns the keywords of a node, in
their units, and only those in the string. No error shows a part that may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv6Address
from typing import Any, Final
from unicodedata import normalize
from urllib.parse import unquote

SHAPE: Final = 'amqp://user:password@host:port/virtual_host'
PORTS: Final = {'amqp': 5672, 'amqps': 5671}
HEARTBEAT_MAX: Final = 0xFFFF  # seconds; connection.tune has 16 bits for them
PORT_MAX: Final = 0xFFFF
CHANNEL_MAX: Final = 0xFFFF  # connection.tune has 16 bits for it
CONNECTION_TIMEOUT_MAX: Final = 3600  # seconds; a program with more means milliseconds

# RFC 3986, appendix B; scheme and authority must be there.
_STRING: Final = re.compile(
    r'(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*)://(?P<authority>[^/?#]*)'
    r'(?:/(?P<path>[^?#]*))?(?:\?(?P<query>[^#]*))?(?P<fragment>#.*)?',
    re.DOTALL,
)
_HOST: Final = re.compile(r'(?P<host>\[[^\[\]@]*\]|[^\[\]:@]*)(?::(?P<port>.*))?', re.DOTALL)
_NO_HOST: Final = re.compile(r'[\s\x00-\x1f/?#@\[\],%]')
_NO_ESCAPE: Final = re.compile(r'%(?![0-9a-fA-F]{2})')
# Which names of unknown parameters an error may show; any other may be half a password.
_NAME: Final = re.compile(r'[a-z_]{1,40}')


def parse_connection_string(text: str) -> list[dict[str, Any]]:
    """Return the keywords of each node in a connection string.

    :raises ValueError: the text is no connection string
    """
    parts = _STRING.fullmatch(text)
    scheme = '' if parts is None else parts['scheme'].lower()
    if parts is None or scheme not in PORTS:
        raise ValueError(f'a connection string looks like {SHAPE}, or begins with amqps://')
    if parts['fragment'] is not None:
        raise ValueError('a connection string has no fragment; a "#" in it is written %23')
    login, _, hosts = parts['authority'].rpartition('@')
    shared: dict[str, Any] = {'tls': scheme == 'amqps'}
    if '@' in parts['authority']:
        shared.update(_login(login))
    if parts['path']:
        shared['virtual_host'] = _virtual_host(parts['path'])
    if parts['query'] is not None:
        shared.update(_parameters(parts['query']))
    return [shared | _host_and_port(host) for host in hosts.split(',')]


def check_host(host: str) -> str:
    """Return a host without the brackets of an IPv6 address.

    :raises ValueError: the text is neither a name nor an address
    """
    bracketed = host.startswith('[') and host.endswith(']')
    bare = host[1:-1] if bracketed else host
    if bracketed or ':' in bare:
        try:
            IPv6Address(bare)
        except ValueError:
            raise ValueError('the host in brackets, or with colons, is no IPv6 address') from None
    elif _NO_HOST.search(normalize('NFKC', bare)):
        raise ValueError('the host is neither a name nor an IP address')
    return bare


def _login(text: str) -> dict[str, Any]:
    user, colon, password = text.partition(':')
    values = {'user': _decoded(_literal_percent(user), 'user')}
    if colon:
        values['password'] = _decoded(_literal_percent(password), 'password')
    return values


def _literal_percent(text: str) -> str:
    """Escape each "%" that begins no escape; some programs do not escape it."""
    return _NO_ESCAPE.sub('%25', text)


def _host_and_port(text: str) -> dict[str, Any]:
    parts = _HOST.fullmatch(text)
    if parts is None:
        raise ValueError('the host in a connection string is neither a name nor an IP address')
    values: dict[str, Any] = {}
    if parts['host']:  # "a zero-length host is treated as absent"
        values['host'] = check_host(_decoded(parts['host'], 'host'))
    if parts['port']:  # after a colon, it may be empty (RFC 3986, section 3.2.3)
        values['port'] = _port(parts['port'])
    return values


def _port(text: str) -> int:
    # The error does not show it: it may be the beginning of a password with a slash.
    if not re.fullmatch('[0-9]{1,5}', text) or not 0 < int(text) <= PORT_MAX:
        hint = '; an IPv6 address stands in brackets' if ':' in text else ''
        raise ValueError(f'the port in a connection string must be from 1 to {PORT_MAX}{hint}')
    return int(text)


def _virtual_host(path: str) -> str:
    if (
        path == '/'
    ):  # of amqp://host//, as programs for other clients write the default virtual host
        return path
    if '/' in path:
        raise ValueError('a virtual host is one segment of the path; a "/" in it is written %2F')
    return _decoded(path, 'virtual host')


def _decoded(text: str, name: str) -> str:
    if _NO_ESCAPE.search(text):
        raise ValueError(f'the {name} has a "%" without two hexadecimal digits; "%" is written %25')
    try:
        return unquote(text, errors='strict')
    except UnicodeDecodeError:
        raise ValueError(f'the {name} must be percent-encoded UTF-8') from None


# Query parameters


def _parameters(query: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for parameter in filter(None, query.split('&')):
        name, _, text = parameter.partition('=')
        if name not in _PARAMETERS:
            shown = repr(name) if _NAME.fullmatch(name) else 'such parameter'
            raise ValueError(f'a connection string has no {shown}; it has {", ".join(_PARAMETERS)}')
        keyword, read = _PARAMETERS[name]
        value = read(name, _decoded(text, f'parameter {name}'))
        if name == 'auth_mechanism':
            values.setdefault(keyword, []).append(value)
        elif keyword in values:
            raise ValueError(f'the parameter {name} occurs twice; only auth_mechanism may')
        else:
            values[keyword] = value
    return values


def _read_text(name: str, text: str) -> str:
    if not text:
        raise ValueError(f'the parameter {name} is empty; leave it out')
    return text


def _whole(highest: int, unit: str, lowest: int = 0) -> Callable[[str, str], int]:
    def read(name: str, text: str) -> int:
        if not re.fullmatch('[0-9]{1,9}', text) or not lowest <= int(text) <= highest:
            raise ValueError(
                f'the parameter {name} must be a whole number{unit} '
                f'from {lowest} to {highest}, not {text!r}'
            )
        return int(text)

    return read


def _read_milliseconds(name: str, text: str) -> float:
    read = _whole(CONNECTION_TIMEOUT_MAX * 1000, ' of milliseconds', lowest=1)
    return read(name, text) / 1000


# The keyword of a node for each parameter, and the function that reads its text.
_PARAMETERS: Final[dict[str, tuple[str, Callable[[str, str], Any]]]] = {
    'heartbeat': ('heartbeat', _whole(HEARTBEAT_MAX, ' of seconds')),
    'connection_timeout': ('connection_timeout', _read_milliseconds),
    'channel_max': ('channel_max', _whole(CHANNEL_MAX, '')),
    'auth_mechanism': ('auth_mechanism', _read_text),
    'cacertfile': ('cacertfile', _read_text),
    'certfile': ('certfile', _read_text),
    'keyfile': ('keyfile', _read_text),
    'password': ('key_password', _read_text),
    'verify': ('verify', _read_text),
    'server_name_indication': ('server_name_indication', _read_text),
}
