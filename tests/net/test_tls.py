"""The context for TLS: what it checks, and what is said of files that cannot be used."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from coolamqp.clustering import Cluster
from coolamqp.net.tls import make_context, server_name
from coolamqp.objects import NodeDefinition
from coolamqp.objects.tls import TLSSettings
from tests.support.certificates import KEY_PASSWORD, Certificates


def test_everything_is_checked_by_default() -> None:
    context = make_context(TLSSettings())
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.cert_store_stats() == ssl.create_default_context().cert_store_stats()


def test_only_the_given_authority_is_trusted(certificates: Certificates) -> None:
    context = make_context(TLSSettings(certificates.authority))
    assert context.cert_store_stats()['x509_ca'] == 1


@pytest.mark.parametrize(
    ('options', 'mode', 'name_checked'),
    [
        ({'verify': 'verify_none'}, ssl.CERT_NONE, False),
        ({'server_name_indication': 'disable'}, ssl.CERT_REQUIRED, False),
        ({'server_name_indication': 'other'}, ssl.CERT_REQUIRED, True),
    ],
)
def test_checks_are_off_only_if_that_is_said(
    options: dict[str, Any], mode: ssl.VerifyMode, name_checked: bool
) -> None:
    context = make_context(TLSSettings(**options))
    assert (context.verify_mode, context.check_hostname) == (mode, name_checked)


def test_a_context_of_the_program_is_taken_as_it_is() -> None:
    context = ssl.create_default_context()
    assert make_context(TLSSettings(ssl_context=context)) is context


@pytest.mark.parametrize(
    ('host', 'options', 'expected'),
    [
        ('rabbit.example', {}, 'rabbit.example'),
        ('rabbit.example.', {}, 'rabbit.example'),
        ('fe80::1%eth0', {}, 'fe80::1'),
        ('10.0.0.1', {'server_name_indication': 'rabbit.example'}, 'rabbit.example'),
        ('rabbit.example', {'server_name_indication': 'disable'}, None),
        ('rabbit.example', {'tls': False}, None),
    ],
)
def test_the_name_to_expect(host: str, options: dict[str, Any], expected: str | None) -> None:
    node = NodeDefinition(host, 'u', 'p', **{'tls': True, **options})
    assert server_name(node) == expected


def test_a_certificate_with_an_encrypted_key(certificates: Certificates) -> None:
    make_context(TLSSettings(None, certificates.client, certificates.client_key, KEY_PASSWORD))


@pytest.mark.parametrize(
    ('files', 'words'),
    [
        ({'cacertfile': '/nowhere/ca.pem'}, 'cacertfile /nowhere/ca.pem cannot be read: No such'),
        ({'cacertfile': '{empty}'}, 'cacertfile .*empty.pem has no certificate'),
        ({'certfile': '/nowhere/c.pem'}, 'certfile /nowhere/c.pem cannot be read: No such'),
        ({'certfile': '/'}, 'certfile / cannot be read: Is a directory'),
        ({'certfile': '{empty}'}, 'certfile .*empty.pem needs a certificate in PEM form'),
        ({'certfile': '{authority}'}, 'authority.pem its key'),
        ({'certfile': '{client}', 'keyfile': '/nowhere/k.pem'}, 'keyfile /nowhere/k.pem cannot'),
        ({'certfile': '{client}', 'keyfile': '{server}'}, 'server.pem is not that of the cert'),
        ({'certfile': '{client}', 'keyfile': '{client_key}'}, 'is encrypted; .*key_password'),
        (
            {'certfile': '{client}', 'keyfile': '{client_key}', 'key_password': 'secret'},
            'its password is another',
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_named_at_once(
    certificates: Certificates, tmp_path: Path, files: dict[str, str], words: str
) -> None:
    empty = tmp_path / 'empty.pem'
    empty.write_text('secret, and no certificate')
    names = {**vars(certificates), 'empty': empty}
    options: dict[str, Any] = {name: value.format(**names) for name, value in files.items()}

    with pytest.raises(ValueError, match=words) as raised:
        Cluster(NodeDefinition('localhost', 'u', 'secret', **options))

    assert 'secret' not in str(raised.value)
