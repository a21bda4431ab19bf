"""The tests in `examples/testing`, which the documentation shows: they pass, and they can fail."""

from __future__ import annotations

import shutil

import pytest

from tests.docs.pages import EXAMPLES
from tests.support.ports import HOST

FOLDER = EXAMPLES / 'testing'
FAULTS = (
    'drop_connections', 'freeze', 'thaw', 'refuse', 'block', 'nack_next', 'cancel_consumers',
    'lose_next_confirm', 'slow', 'restart', 'close_channels',
)  # fmt: skip
COUNT = 15


@pytest.fixture
def suite(plain_pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A copy of the examples."""
    shutil.copytree(FOLDER, plain_pytester.path, dirs_exist_ok=True)
    plain_pytester.makeini('[pytest]\nasyncio_default_fixture_loop_scope = function')
    monkeypatch.setenv('PYTEST_ADDOPTS', '-p no:anyio -p no:cacheprovider')
    return plain_pytester


def test_they_pass(suite: pytest.Pytester) -> None:
    result = suite.runpytest_subprocess('-W', 'error', '--strict-markers')

    result.assert_outcomes(passed=COUNT)


@pytest.mark.integration
def test_one_that_needs_no_faults_passes_on_a_rabbitmq(
    suite: pytest.Pytester, broker_url: str
) -> None:
    result = suite.runpytest_subprocess('-rs', f'--amqp-url={broker_url}')

    result.assert_outcomes(passed=1, skipped=COUNT - 1)
    result.stdout.fnmatch_lines([f'*amqp_broker needs an embedded broker*is amqp://{HOST}:*'])


@pytest.mark.parametrize(
    ('right', 'wrong', 'example'),
    [
        ("if order['id'] not in self.billed:", 'if True:', 'lose_next_confirm'),
        ('json.dumps(order).encode(), delivery_mode=2', 'json.dumps(order).encode()', 'restart'),
        ('except TimeoutError:', 'except ValueError:', 'freeze'),
    ],
)
def test_they_fail_if_the_service_is_wrong(
    suite: pytest.Pytester, right: str, wrong: str, example: str
) -> None:
    service = suite.path / 'billing.py'
    text = service.read_text('utf-8')
    assert right in text
    service.write_text(text.replace(right, wrong), 'utf-8')

    result = suite.runpytest_subprocess(f'test_{example}.py')

    assert result.parseoutcomes().get('failed') == 1


@pytest.mark.parametrize('fault', FAULTS)
def test_each_fault_has_an_example(fault: str) -> None:
    examples = [path.read_text('utf-8') for path in FOLDER.glob('test_*.py')]

    assert any(f'amqp_broker.{fault}(' in text for text in examples)
