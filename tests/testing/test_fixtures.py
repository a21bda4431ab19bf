"""The fixtures, in the suites of users: alone, with xdist, with asyncio, and on a real RabbitMQ."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.ports import HOST, free_port
from tests.support.rabbitmq import RabbitMQNode

# All of these tests use the same names. None of them may see what another one has left.
INDEPENDENT_TESTS = """
    import pytest
    from coolamqp.objects import Message, Queue

    @pytest.mark.parametrize('number', range(6))
    def test_it(amqp_cluster, number):
        amqp_cluster.declare(Queue('jobs', durable=True)).result(10)
        for body in (b'one', b'two'):
            amqp_cluster.publish(Message(body), routing_key='jobs', confirm=True).result(10)
        assert amqp_cluster.get(Queue('jobs', durable=True)).result(10).body == b'one'
"""


@pytest.mark.parametrize('options', [(), ('--numprocesses=2',)], ids=['alone', 'with xdist'])
def test_each_test_has_a_broker_of_its_own(
    plain_pytester: pytest.Pytester, options: tuple[str, ...]
) -> None:
    plain_pytester.makepyfile(INDEPENDENT_TESTS)

    plain_pytester.runpytest_subprocess(*options).assert_outcomes(passed=6)


def test_all_fixtures_of_a_test_have_the_same_broker(plain_pytester: pytest.Pytester) -> None:
    plain_pytester.makepyfile(
        """
        import asyncio

        def test_them(aio_amqp_cluster, amqp_cluster, amqp_url, amqp_broker):
            async def use():
                async with aio_amqp_cluster:
                    return await asyncio.to_thread(lambda: amqp_broker.connections)

            assert amqp_url == amqp_broker.url
            names = {connection.name for connection in asyncio.run(use())}
            assert names == {'amqp_cluster', 'aio_amqp_cluster'}
        """
    )

    plain_pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_a_cluster_is_connected_and_shut_down_at_the_end(plain_pytester: pytest.Pytester) -> None:
    plain_pytester.makepyfile(
        """
        used = []

        def test_it_is_connected(amqp_cluster):
            used.append(amqp_cluster)
            assert amqp_cluster.connected

        def test_it_was_shut_down():
            assert used[0].is_shutdown()

        def test_a_test_may_shut_it_down(amqp_cluster):
            amqp_cluster.shutdown()
        """
    )

    plain_pytester.runpytest_subprocess('-W', 'error').assert_outcomes(passed=3)


def test_faults_end_before_the_services_of_a_test_do(plain_pytester: pytest.Pytester) -> None:
    plain_pytester.makepyfile(
        """
        import pytest
        from coolamqp.objects import Message

        @pytest.fixture
        def service(amqp_cluster):
            yield
            amqp_cluster.publish(Message(b'bye'), routing_key='log', confirm=True).result(10)

        @pytest.mark.parametrize('fault', ['freeze', 'refuse', 'block'])
        def test_it(service, amqp_broker, fault):
            getattr(amqp_broker, fault)()
            if fault == 'refuse':
                amqp_broker.drop_connections()
        """
    )

    plain_pytester.runpytest_subprocess().assert_outcomes(passed=3)


def test_the_nearest_marker_has_the_options_of_the_broker(plain_pytester: pytest.Pytester) -> None:
    plain_pytester.makepyfile(
        """
        import pytest

        pytestmark = pytest.mark.amqp_broker(users={'ada': 'one'}, port=0)

        def test_module(amqp_url):
            assert '//ada:one@' in amqp_url

        @pytest.mark.amqp_broker(users={'bob': 'two'})
        def test_function(amqp_url):
            assert '//bob:two@' in amqp_url

        @pytest.mark.amqp_broker(no_such_option=1)
        def test_wrong(amqp_url):
            pass
        """
    )

    result = plain_pytester.runpytest_subprocess()

    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(['E*TypeError: *no_such_option*'])


class TestAsyncio:
    """Coroutine functions need a plugin that runs them; the fixture goes with any of them."""

    BODY = """
            async with aio_amqp_cluster as cluster:
                await cluster.declare(Queue('jobs'))
                await cluster.publish(Message(b'one'), routing_key='jobs', confirm=True)
                message = await asyncio.to_thread(amqp_broker.wait_for_message)
                assert message.body == b'one'
    """

    def run(self, pytester: pytest.Pytester, head: str) -> None:
        body = self.BODY.replace('\n    ', '\n').lstrip('\n')
        pytester.makepyfile(
            'import asyncio\nimport pytest\nfrom coolamqp.objects import Message, Queue\n\n'
            f'{head}\n'
            'async def test_it(aio_amqp_cluster, amqp_broker):\n'
            f'{body}'
        )
        pytester.runpytest_subprocess('-W', 'error').assert_outcomes(passed=1)

    def test_with_pytest_asyncio(
        self, plain_pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv('PYTEST_ADDOPTS', '-p no:anyio')
        plain_pytester.makeini('[pytest]\nasyncio_default_fixture_loop_scope = function')
        self.run(plain_pytester, '@pytest.mark.asyncio')

    def test_with_anyio(
        self, plain_pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv('PYTEST_ADDOPTS', '-p no:asyncio')
        head = "@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n\n@pytest.mark.anyio"
        self.run(plain_pytester, head)

    def test_without_any_plugin(self, plain_pytester: pytest.Pytester) -> None:
        head = (
            'def in_a_loop(test):\n'
            '    def run(aio_amqp_cluster, amqp_broker):\n'
            '        asyncio.run(test(aio_amqp_cluster, amqp_broker))\n'
            '    return run\n\n'
            '@in_a_loop'
        )
        self.run(plain_pytester, head)


USES_OF_A_BROKER = """
    from coolamqp.objects import Message, Queue

    def test_cluster(amqp_cluster):
        amqp_cluster.declare(Queue('jobs', durable=True)).result(10)
        assert amqp_cluster.properties.properties['product'] == 'RabbitMQ'

    def test_questions_and_faults(amqp_cluster, amqp_broker):
        amqp_broker.drop_connections()
"""


@pytest.mark.integration
class TestOnARabbitMQ:
    def test_an_option_runs_the_same_tests_on_it(
        self, plain_pytester: pytest.Pytester, broker_url: str
    ) -> None:
        plain_pytester.makepyfile(USES_OF_A_BROKER)

        result = plain_pytester.runpytest_subprocess('-rs', f'--amqp-url={broker_url}')

        result.assert_outcomes(passed=1, skipped=1)
        result.stdout.fnmatch_lines(
            [
                f'amqp: amqp://{HOST}:*, one virtual host for all',
                f'*amqp_broker needs an embedded broker, but --amqp-url is amqp://{HOST}:*',
            ]
        )
        result.stdout.no_fnmatch_line('amqp: *guest*')

    def test_so_does_the_environment(
        self,
        plain_pytester: pytest.Pytester,
        broker_url: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv('AMQP_TEST_URL', broker_url)
        plain_pytester.makepyfile(USES_OF_A_BROKER)

        plain_pytester.runpytest_subprocess().assert_outcomes(passed=1, skipped=1)

    def test_its_management_plugin_makes_a_virtual_host_for_each_test(
        self, plain_pytester: pytest.Pytester, managed_rabbitmq: tuple[RabbitMQNode, str]
    ) -> None:
        node, management_url = managed_rabbitmq
        plain_pytester.makepyfile(INDEPENDENT_TESTS)

        result = plain_pytester.runpytest_subprocess(
            f'--amqp-url={node.url()}',
            f'--amqp-management-url={management_url}',
            '--numprocesses=2',
        )

        result.assert_outcomes(passed=6)
        assert node.eval('length(rabbit_vhost:list_names())') == '1'


@pytest.fixture(scope='module')
def managed_rabbitmq() -> Iterator[tuple[RabbitMQNode, str]]:
    """A node with the management plugin, and the address of the latter."""
    port = free_port()
    config = {'management.tcp.ip': HOST, 'management.tcp.port': str(port)}
    with RabbitMQNode(name='managed', plugins=['rabbitmq_management'], config=config) as node:
        yield node, f'http://{HOST}:{port}'
