"""`coolamqp ping`."""

from __future__ import annotations

import ssl

import pytest

import coolamqp as package
from coolamqp.broker import Broker
from tests.cli.command import Command
from tests.support.certificates import Certificates


def test_it_tells_of_the_broker(coolamqp: Command, broker: Broker) -> None:
    ended = coolamqp('ping', '--json')

    assert ended.status == 0
    record = ended.record
    assert record['node'] == f'amqp://guest@127.0.0.1:{broker.port}'
    assert (record['product'], record['version']) == ('CoolAMQP', package.__version__)
    assert record['tls'] == 'none'
    assert 0 < record['round_trip_ms'] < record['connect_ms']
    assert record['allowed'] == {'declare': True, 'publish': True, 'consume': True}
    assert record['limits'] == {'channel_max': 2047, 'frame_max': 131072, 'heartbeat': 60}
    assert 'publisher_confirms' in record['capabilities']


def test_the_limits_are_the_negotiated_ones(coolamqp: Command, broker: Broker) -> None:
    url = f'{broker.url}?heartbeat=0&channel_max=9'

    assert coolamqp('ping', '--json', '--url', url).record['limits'] == {
        'channel_max': 9, 'frame_max': 131072, 'heartbeat': 0,
    }  # fmt: skip
    shown = coolamqp('ping', '--url', url).out
    assert 'channels      9 at most\n' in shown
    assert 'heartbeat     none\n' in shown


def test_people_get_a_table(coolamqp: Command) -> None:
    names = [line[:13].strip() for line in coolamqp('ping').out.splitlines()]

    assert [name for name in names if name] == [
        'node', 'broker', 'cluster', 'virtual host', 'user', 'TLS', 'connected in', 'round trip',
        'channels', 'frames', 'heartbeat', 'allowed', 'capabilities',
    ]  # fmt: skip


def test_it_tells_what_a_user_may_do(coolamqp: Command, broker: Broker) -> None:
    broker.add_user('reader', 'r', configure='', write='')
    broker.add_user('mute', 'm', write='')
    host = broker.url.rpartition('@')[2]

    reader = coolamqp('ping', '--json', '--url', f'amqp://reader:r@{host}').record
    mute = coolamqp('ping', '--json', '--url', f'amqp://mute:m@{host}').record

    assert reader['allowed'] == {'declare': False, 'publish': None, 'consume': None}
    assert mute['allowed'] == {'declare': True, 'publish': False, 'consume': True}
    assert broker.queues() == []


def test_a_wrong_password_is_reported_without_it(alone: Command, broker: Broker) -> None:
    ended = alone('ping', '--url', f'amqp://guest:secret@127.0.0.1:{broker.port}/')

    assert ended.status == 3
    assert ended.error.endswith('; check the user and the password\n')
    assert 'secret' not in ended.error


def test_it_tells_of_tls(alone: Command, certificates: Certificates) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.server)
    with Broker(tls=context) as broker:
        url = f'{broker.url}?cacertfile={certificates.authority}'
        record = alone('ping', '--json', '--url', url).record

    assert record['tls'] == 'verified'


@pytest.mark.integration
def test_it_reaches_the_broker_of_the_suite(on_suite_broker: Command) -> None:
    record = on_suite_broker('ping', '--json').record

    assert record['product'] in ('RabbitMQ', 'CoolAMQP')
    assert record['virtual_host'].startswith('test-')
    assert set(record['allowed'].values()) == {True}
