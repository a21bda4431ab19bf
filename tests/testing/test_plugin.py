"""The plugin as pytest finds it: loading, options, and the report of a failing test."""

from __future__ import annotations

import subprocess
import sys

import pytest

LIGHT = {
    'coolamqp',
    'coolamqp.compilation',
    'coolamqp.names',
    'coolamqp.testing',
    'coolamqp.testing.fixtures',
    'coolamqp.testing.plugin',
    'coolamqp.testing.target',
}
SECTION = '*--- What the AMQP broker saw ---*'


def test_loading_it_imports_nothing_that_takes_time() -> None:
    program = 'import sys, coolamqp.testing.plugin; print(*sys.modules)'
    ended = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, check=True, text=True
    )

    loaded = {name for name in ended.stdout.split() if name.startswith('coolamqp')}

    assert loaded <= LIGHT


def test_pytest_finds_it_by_itself(plain_pytester: pytest.Pytester) -> None:
    result = plain_pytester.runpytest_subprocess('--help')

    result.stdout.fnmatch_lines(['tests with an AMQP broker:', '*--amqp-url=URL*'])


def test_pytest_describes_its_fixtures_and_its_marker(plain_pytester: pytest.Pytester) -> None:
    fixtures = plain_pytester.runpytest_subprocess('--fixtures').stdout
    for name in ('amqp_broker', 'amqp_url', 'amqp_cluster', 'aio_amqp_cluster'):
        fixtures.fnmatch_lines([f'{name} *', '    A*.'])

    markers = plain_pytester.runpytest_subprocess('--markers').stdout
    markers.fnmatch_lines(['@pytest.mark.amqp_broker([*][*]options): *'])


def test_nothing_is_said_to_those_who_do_not_use_it(plain_pytester: pytest.Pytester) -> None:
    plain_pytester.makepyfile('def test_sum() -> None:\n    assert 1 + 1 == 3\n')

    result = plain_pytester.runpytest_subprocess('-v')

    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line('amqp: *')
    result.stdout.no_fnmatch_line('*AMQP*')


def test_the_marker_passes_strict_markers(plain_pytester: pytest.Pytester) -> None:
    plain_pytester.makepyfile(
        """
        import pytest

        @pytest.mark.amqp_broker(heartbeat=1)
        def test_it(amqp_broker):
            pass
        """
    )

    plain_pytester.runpytest_subprocess('--strict-markers').assert_outcomes(passed=1)


def test_a_management_plugin_without_a_broker_is_a_usage_error(
    plain_pytester: pytest.Pytester,
) -> None:
    result = plain_pytester.runpytest_subprocess('--amqp-management-url=http://localhost:15672')

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(['*--amqp-management-url needs --amqp-url*'])


@pytest.mark.parametrize('options', [(), ('--numprocesses=2',)], ids=['alone', 'with xdist'])
def test_a_failing_test_shows_what_the_broker_saw(
    plain_pytester: pytest.Pytester, options: tuple[str, ...]
) -> None:
    plain_pytester.makepyfile(
        """
        import pytest
        from coolamqp.objects import Queue

        @pytest.fixture
        def broken_service(amqp_cluster):
            amqp_cluster.declare(Queue('in_a_fixture')).result(10)
            raise ValueError

        def test_call(amqp_cluster):
            amqp_cluster.declare(Queue('in_a_test')).result(10)
            assert False

        def test_setup(broken_service):
            pass

        def test_passes(amqp_cluster):
            amqp_cluster.declare(Queue('in_a_good_test')).result(10)

        def test_without_a_broker():
            assert False
        """
    )

    result = plain_pytester.runpytest_subprocess(*options)

    result.assert_outcomes(failed=2, errors=1, passed=1)
    text = result.stdout.str()
    assert text.count('What the AMQP broker saw') == 2
    result.stdout.fnmatch_lines_random(
        [
            SECTION,
            'embedded broker at 127.0.0.1:*',
            "  queue 'in_a_test' (classic): 0 ready, 0 unacked, 0 consumers",
            "  queue 'in_a_fixture' (classic): 0 ready, 0 unacked, 0 consumers",
            "  * s  amqp_cluster -> channel 1 queue.declare queue='in_a_test'",
        ]
    )
    assert 'in_a_good_test' not in text


def test_a_test_may_stop_its_broker(plain_pytester: pytest.Pytester) -> None:
    plain_pytester.makepyfile(
        """
        def test_it(amqp_broker):
            amqp_broker.stop()
            assert False
        """
    )

    result = plain_pytester.runpytest_subprocess()

    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line(SECTION)


def test_a_timeout_is_reported_at_the_line_of_the_test(plain_pytester: pytest.Pytester) -> None:
    plain_pytester.makepyfile(
        """
        def test_it(amqp_broker):
            amqp_broker.wait_for_message(routing_key='invoices', timeout=0)
        """
    )

    result = plain_pytester.runpytest_subprocess()

    result.stdout.fnmatch_lines(
        [
            '>       amqp_broker.wait_for_message(*',
            "E       TimeoutError: no message with routing key 'invoices' in 0 s; nothing was *",
            'test_a_timeout*.py:2: TimeoutError',
        ]
    )
