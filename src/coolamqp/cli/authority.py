"""The certificate authority of the user, which signs the certificates of `coolamqp broker --tls`.

It is in the configuration folder, so that clients have to trust it only once. Each start of a
broker makes a new certificate.
"""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Final

from coolamqp.cli.config import config_file, write_private

if TYPE_CHECKING:
    import trustme

CERTIFICATE, KEY = 'ca.pem', 'ca-key.pem'
# The names under which clients on the same machine reach a broker.
LOCAL: Final = ('localhost', '127.0.0.1', '::1')
EVERYWHERE: Final = ('', '0.0.0.0', '::')  # noqa: S104 - hosts that stand for all addresses


def authority_file() -> Path:
    """Return the path of the certificate that clients have to trust. It may not exist yet."""
    return config_file(CERTIFICATE)


def use_own_certificate(context: ssl.SSLContext, host: str) -> None:
    """Make a certificate for a server on this machine, signed by the authority of the user.

    :param context: gets the certificate
    :param host: the name or the address that the server listens on
    """
    name = socket.gethostname() if host in EVERYWHERE else host
    _authority().issue_cert(*dict.fromkeys((*LOCAL, name))).configure_cert(context)


def _authority() -> trustme.CA:
    """Return the authority of the user; make it if there is none."""
    import trustme  # noqa: PLC0415 - it is slow to import

    certificate, key = authority_file(), config_file(KEY)
    if certificate.exists() and key.exists():
        return trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())
    made = trustme.CA(organization_name='coolamqp broker')
    write_private(key, made.private_key_pem.bytes())
    write_private(certificate, made.cert_pem.bytes())
    return made
