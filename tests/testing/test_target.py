"""Where the tests run: on embedded brokers, or on a RabbitMQ that the user names."""

from __future__ import annotations

import pytest

from coolamqp.testing.target import RealBroker, real_broker, without_login


class Options:
    """Stands for the configuration of pytest."""

    def __init__(self, **options: str) -> None:
        self._options = options

    def getoption(self, name: str) -> str:
        return self._options.get(name.removeprefix('--').replace('-', '_'), '')


def choose(**options: str) -> RealBroker | None:
    return real_broker(Options(**options))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('AMQP_TEST_URL', 'AMQP_TEST_MANAGEMENT_URL'):
        monkeypatch.delenv(name, raising=False)


def test_without_options_the_brokers_are_embedded() -> None:
    assert choose() is None


def test_options_name_a_rabbitmq() -> None:
    found = choose(amqp_url='amqp://rabbit/', amqp_management_url='http://rabbit:15672')

    assert found == RealBroker('amqp://rabbit/', 'http://rabbit:15672')


def test_so_does_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('AMQP_TEST_URL', 'amqp://rabbit/')
    monkeypatch.setenv('AMQP_TEST_MANAGEMENT_URL', 'http://rabbit:15672')

    assert choose() == RealBroker('amqp://rabbit/', 'http://rabbit:15672')
    assert choose(amqp_url='amqp://other/') == RealBroker('amqp://other/', 'http://rabbit:15672')


def test_a_management_plugin_without_a_broker_is_an_error() -> None:
    with pytest.raises(pytest.UsageError, match='--amqp-management-url needs --amqp-url'):
        choose(amqp_management_url='http://rabbit:15672')


def test_a_virtual_host_takes_the_place_of_that_in_the_address() -> None:
    broker = RealBroker('amqps://ada:s%2Fx@rabbit:5671/old?heartbeat=5')

    assert broker.url_of('a/b') == 'amqps://ada:s%2Fx@rabbit:5671/a%2Fb?heartbeat=5'


def test_the_login_is_that_of_the_address() -> None:
    broker = RealBroker('amqp://ada:s%2Fx@rabbit/')

    assert (broker.user, broker.password) == ('ada', 's/x')


def test_the_default_login_is_guest() -> None:
    broker = RealBroker('amqp://rabbit/')

    assert (broker.user, broker.password) == ('guest', 'guest')


def test_the_text_of_a_broker_has_no_password() -> None:
    assert str(RealBroker('amqp://ada:secret@rabbit:5673/x')) == 'amqp://rabbit:5673/x'
    assert without_login('http://rabbit') == 'http://rabbit'
