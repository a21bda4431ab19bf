"""The TLS context of a node, and plain words for errors of TLS.

The one place that turns settings into an `ssl.SSLContext`. Knows nothing of sockets, and never
falls back to plain text.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Final, cast

from coolamqp.exceptions import ConnectionDead, TLSRefused
from coolamqp.objects import NodeDefinition
from coolamqp.objects.tls import TLSSettings

# OpenSSL's numbers, X509_V_ERR_... of its x509_vfy.h.
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_UNKNOWN_AUTHORITY: Final = (2, 18, 19, 20, 21)
_WRONG_NAME: Final = (62, 63, 64)
# The alerts of brokers that want a client certificate: TLS 1.3, and Erlang with TLS 1.2.
_ALERTS_FOR_NO_CERTIFICATE: Final = ('certificate required', 'handshake failure')
# Other alerts that trying again does not mend (RFC 8446, section 6.2).
_LASTING_ALERTS: Final = (
    'access denied', 'handshake failure', 'insufficient security', 'protocol version',
    'unknown ca', 'unrecognized name',
)  # fmt: skip


def make_context(settings: TLSSettings) -> ssl.SSLContext:
    """Make the TLS context for connections to a node. It reads the files each time.

    :raises ValueError: a file cannot be used; the error names it, and shows no content
    """
    if settings.ssl_context is not None:
        return cast('ssl.SSLContext', settings.ssl_context)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # which verifies chain and name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    if settings.verify == 'verify_none' or not settings.checks_name:
        context.check_hostname = False
    if settings.verify == 'verify_none':
        context.verify_mode = ssl.CERT_NONE
    if settings.cacertfile is None:
        context.load_default_certs()
    else:
        _load_authorities(context, settings.cacertfile)
    if settings.certfile is not None:
        _load_certificate(context, settings.certfile, settings)
    return context


def check_contexts(nodes: Iterable[NodeDefinition]) -> None:
    """Check that the contexts of all nodes can be made.

    :raises ValueError: a file cannot be used
    """
    for node in nodes:
        if node.tls is not None:
            make_context(node.tls)


def server_name(node: NodeDefinition) -> str | None:
    """Return the name to send and to expect in the certificate of a node; None for none."""
    if node.tls is None or not node.tls.checks_name:
        return None
    name = node.tls.server_name_indication or node.host
    # A certificate has neither the dot at the end of an absolute name nor the zone of an address.
    return name.rstrip('.').partition('%')[0]


def _load_authorities(context: ssl.SSLContext, path: str) -> None:
    _check_readable(path, 'cacertfile')
    try:
        context.load_verify_locations(path)
    except ssl.SSLError as error:
        raise ValueError(f'cacertfile {path} has no certificate in PEM form') from error


def _load_certificate(context: ssl.SSLContext, path: str, settings: TLSSettings) -> None:
    key_path = settings.keyfile or path
    _check_readable(path, 'certfile')
    _check_readable(key_path, 'keyfile')
    asked = False

    def tell_password() -> str:
        # Without this function OpenSSL asks for the password on the terminal.
        nonlocal asked
        asked = True
        return settings.key_password or ''

    try:
        context.load_cert_chain(path, settings.keyfile, tell_password)
    except ssl.SSLError as error:
        if error.reason == 'KEY_VALUES_MISMATCH':
            what = f'the key in {key_path} is not that of the certificate in {path}'
        elif asked and settings.key_password is None:
            what = f'the key in {key_path} is encrypted; give its password, as key_password'
        elif asked:
            what = f'the key in {key_path} cannot be decrypted; its password is another'
        else:
            what = f'certfile {path} needs a certificate in PEM form, and {key_path} its key'
        # Without its cause, which might show a secret.
        raise ValueError(what) from None


def _check_readable(path: str, name: str) -> None:
    try:
        with Path(path).open('rb'):
            return
    except OSError as error:
        raise ValueError(f'{name} {path} cannot be read: {error.strerror}') from error


# Errors


def failure_of(error: ssl.SSLError, node: NodeDefinition) -> ConnectionDead:
    """Return the error to raise for one of TLS: it says what happened, and what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return TLSRefused(_describe_refusal(error, node))
    reason = (error.reason or '').replace('_', ' ').lower()
    if ' alert ' in reason:
        return _failure_of_alert(reason.partition(' alert ')[2], node)
    if isinstance(error, ssl.SSLEOFError):
        return ConnectionDead('the connection was cut within TLS')
    return ConnectionDead(f'TLS failed: {reason or error}')


def no_tls() -> TLSRefused:
    """Return the error to raise for a peer whose first bytes are not TLS."""
    return TLSRefused(
        'the peer does not speak TLS; is this the port of amqp://, which is 5672 on most brokers?'
    )


def _describe_refusal(error: ssl.SSLCertVerificationError, node: NodeDefinition) -> str:
    code, words = error.verify_code, error.verify_message.rstrip('.')
    if code == _EXPIRED:
        return "the broker's certificate has expired"
    if code == _NOT_YET_VALID:
        return "the broker's certificate is not valid yet"
    if code in _WRONG_NAME:
        return (
            f"the broker's certificate is not for {server_name(node)} ({words}); "
            'give the name that it is for as server_name_indication'
        )
    if code in _UNKNOWN_AUTHORITY:
        return (
            f"the broker's certificate is from an authority that is not trusted ({words}); "
            'give the certificate of the authority as cacertfile'
        )
    return f"the broker's certificate is refused: {words}"


def _failure_of_alert(alert: str, node: NodeDefinition) -> ConnectionDead:
    told = f'the broker has ended TLS with the alert "{alert}"'
    if alert not in _LASTING_ALERTS and 'certificate' not in alert:
        return ConnectionDead(told)
    certfile = node.tls is not None and node.tls.certfile
    if alert in _ALERTS_FOR_NO_CERTIFICATE and not certfile:
        return TLSRefused(f'{told}; it may want a certificate of ours, as certfile')
    return TLSRefused(told)


def hung_up() -> ConnectionDead:
    """Return the error to raise for a peer that ends the connection in the TLS handshake."""
    return ConnectionDead('the peer hung up in the TLS handshake; does the port speak TLS?')
