"""Certificates for tests: from a trusted and from an untrusted authority.

Each run makes new ones in a folder. None of them is secret.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

KEY_PASSWORD = 'of the key'
CLIENT = 'tester'  # the common name of the client, which is its user name for RabbitMQ


class Certificates:
    """PEM files, each with a certificate and its key.

    :ivar authority: the authority that has signed `server`, `expired`, `elsewhere` and `client`
    :ivar stranger: an untrusted authority, which has signed `impostor`
    :ivar client_key: only the key of `client`, encrypted with KEY_PASSWORD
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        authority, stranger = trustme.CA(), trustme.CA()
        self.authority = self._write('authority', authority.cert_pem)
        self.stranger = self._write('stranger', stranger.cert_pem)
        self.server = self._issue('server', authority, 'localhost', '127.0.0.1')
        self.elsewhere = self._issue('elsewhere', authority, 'elsewhere.example')
        self.expired = self._issue(
            'expired',
            authority,
            'localhost',
            not_before=dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
            not_after=dt.datetime(2020, 2, 1, tzinfo=dt.UTC),
        )
        self.client = self._issue('client', authority, 'client.example', common_name=CLIENT)
        self.impostor = self._issue('impostor', stranger, 'client.example', common_name=CLIENT)
        self.client_key = str(folder / 'client_key.pem')
        self._encrypt_key(self.client, self.client_key)

    def _write(self, name: str, blob: trustme.Blob) -> str:
        path = str(self._folder / f'{name}.pem')
        blob.write_to_path(path)
        return path

    def _issue(
        self,
        name: str,
        authority: trustme.CA,
        *identities: str,
        common_name: str | None = None,
        not_before: dt.datetime | None = None,
        not_after: dt.datetime | None = None,
    ) -> str:
        issued = authority.issue_cert(
            *identities, common_name=common_name, not_before=not_before, not_after=not_after
        )
        return self._write(name, issued.private_key_and_cert_chain_pem)

    @staticmethod
    def _encrypt_key(source: str, target: str) -> None:
        key = load_pem_private_key(Path(source).read_bytes(), None)
        encryption = BestAvailableEncryption(KEY_PASSWORD.encode())
        text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
        Path(target).write_bytes(text)
