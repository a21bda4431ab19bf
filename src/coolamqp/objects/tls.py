"""The TLS settings of a node, as values: files, names, and what to check.

Checks which settings go together. Reads no file and makes no context: `coolamqp.net.tls` does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from coolamqp.objects.checks import checked_text

VERIFY: Final = ('verify_peer', 'verify_none')
# The word of Erlang's ssl application for a client that sends and checks no server name.
NO_NAME: Final = 'disable'

_TEXTS: Final = (
    'cacertfile', 'certfile', 'keyfile', 'key_password', 'verify', 'server_name_indication',
)  # fmt: skip
TLS_KEYWORDS: Final = (*_TEXTS, 'ssl_context')


@dataclass(frozen=True)
class TLSSettings:
    """The TLS of one node, by RabbitMQ's names (https://www.rabbitmq.com/docs/uri-query-parameters).

    :ivar cacertfile: PEM file of the authorities to trust; None for those of the system
    :ivar certfile: PEM file of the client's certificate, with its chain; None for none
    :ivar keyfile: PEM file of its key; None if the key is in `certfile`
    :ivar key_password: password of the key; `password` in a connection string
    :ivar verify: `verify_peer`, or `verify_none` to accept any certificate
    :ivar server_name_indication: name to send and to expect in the broker's certificate; None for
        the host of the node, `disable` to send none and expect none
    :ivar ssl_context: an `ssl.SSLContext` to use as it is, in place of all but the name
    :raises ValueError: settings that do not go together
    """

    cacertfile: str | None = None
    certfile: str | None = None
    keyfile: str | None = None
    key_password: str | None = field(default=None, repr=False)
    verify: str = 'verify_peer'
    server_name_indication: str | None = None
    ssl_context: Any = None

    def __post_init__(self) -> None:
        if self.verify not in VERIFY:
            raise ValueError(f'verify must be {" or ".join(VERIFY)}, not {self.verify!r}')
        if self.keyfile is not None and self.certfile is None:
            raise ValueError('keyfile is the key of a certificate; give certfile as well')
        if self.key_password is not None and self.certfile is None:
            raise ValueError(
                'key_password needs certfile, and keyfile if the key is in a file of its own'
            )
        if self.ssl_context is not None:
            self._check_context()

    def _check_context(self) -> None:
        if not hasattr(self.ssl_context, 'wrap_bio'):
            kind = type(self.ssl_context).__name__
            raise ValueError(f'ssl_context must be an ssl.SSLContext, not {kind}')
        settled = {
            'cacertfile': self.cacertfile,
            'certfile': self.certfile,
            'verify': self.verify != 'verify_peer',
            'server_name_indication': self.server_name_indication == NO_NAME,
        }
        for name, given in settled.items():
            if given:
                raise ValueError(f'ssl_context decides {name} already; leave {name} out')

    @property
    def checks_name(self) -> bool:
        """Whether a name is sent, and expected in the broker's certificate."""
        return self.server_name_indication != NO_NAME


def tls_settings(values: dict[str, Any]) -> TLSSettings | None:
    """Return the TLS settings in the keywords of a node; None for no TLS.

    :raises ValueError: settings that make no sense
    """
    given = {name: values[name] for name in TLS_KEYWORDS if values.get(name) is not None}
    wanted = values.get('tls')
    if wanted is not None and not isinstance(wanted, bool):
        raise ValueError(f'tls must be True or False, not {wanted!r}')
    if wanted is False and given:
        name = next(iter(given))
        raise ValueError(f'{name} is for TLS; say amqps:// or tls=True, or leave it out')
    for name in _TEXTS:
        if name in given:
            given[name] = _text_or_path(given[name], name)
    return TLSSettings(**given) if wanted or given else None


def _text_or_path(value: Any, name: str) -> str:
    text = checked_text(value.__fspath__() if hasattr(value, '__fspath__') else value, name)
    if not text:
        raise ValueError(f'{name} is empty; leave it out')
    return text
