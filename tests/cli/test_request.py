"""`coolamqp request` and `coolamqp reply`."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from coolamqp.broker import Broker
from coolamqp.clustering import Cluster
from coolamqp.objects import Queue
from tests.cli.command import Command


@pytest.fixture(autouse=True)
def queue(broker: Broker) -> None:
    with Cluster(broker.url) as cluster:
        cluster.declare(Queue('sums', durable=True)).result(10)


def wait_for_replier(broker: Broker) -> None:
    broker.wait_until(lambda: bool(broker.queue('sums').consumers), 30)


def test_a_request_gets_its_reply(coolamqp: Command, broker: Broker) -> None:
    with coolamqp.start('reply', 'sums', '--exec', 'tr a-z A-Z', '-n', '2') as process:
        wait_for_replier(broker)
        ended = coolamqp('request', 'sums', 'hello')
        assert (ended.status, ended.out) == (0, 'HELLO\n')
        record = coolamqp('request', 'sums', '--json', given=b'from stdin').record
        assert record['body'] == 'FROM STDIN'
        out, error = process.communicate(timeout=60)

    assert (process.returncode, out) == (0, b'replied to 2 requests\n')
    assert error == b'replying to requests in sums; Ctrl-C ends this\n'


def test_the_command_knows_the_request(coolamqp: Command, broker: Broker) -> None:
    shell = 'echo "$AMQP_ROUTING_KEY $AMQP_TYPE $AMQP_CONTENT_TYPE [$AMQP_EXCHANGE]"'
    with coolamqp.start('reply', 'sums', '--exec', shell, '-n', '1') as process:
        wait_for_replier(broker)
        ended = coolamqp(
            'request', 'sums', 'x', '-F', 'raw', '-p', 'type=add', '-p', 'content_type=text/plain'
        )
        process.communicate(timeout=60)

    assert ended.out == 'sums add text/plain []\n'


def test_the_text_of_a_request_is_no_command(
    coolamqp: Command, broker: Broker, tmp_path: Path
) -> None:
    with coolamqp.start('reply', 'sums', '--exec', 'cat; echo "$AMQP_TYPE"', '-n', '1') as process:
        wait_for_replier(broker)
        harm = f'$(touch {tmp_path}/harm); touch {tmp_path}/harm'
        coolamqp('request', 'sums', harm, '-p', f'type={harm}')
        process.communicate(timeout=60)

    assert not (tmp_path / 'harm').exists()


def test_a_failing_command_rejects_the_request(coolamqp: Command, broker: Broker) -> None:
    with coolamqp.start('reply', 'sums', '--exec', 'exit 3', '--json') as process:
        wait_for_replier(broker)
        assert coolamqp('request', 'sums', 'x', '--timeout', '0.5').status == 4
        broker.wait_until(lambda: broker.queue('sums').is_empty)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)

    assert (process.returncode, out) == (0, b'{"replied": 0, "failed": 1}\n')


def test_a_signal_lets_the_command_finish(
    coolamqp: Command, broker: Broker, tmp_path: Path
) -> None:
    begun, go = tmp_path / 'begun', tmp_path / 'go'
    os.mkfifo(begun)
    os.mkfifo(go)
    shell = f'echo > {begun}; cat {go}'
    with coolamqp.start('reply', 'sums', '--exec', shell) as process:
        wait_for_replier(broker)
        with coolamqp.start('request', 'sums', 'x') as request:
            assert begun.read_text() == '\n'
            process.send_signal(signal.SIGINT)
            go.write_text('done')
            assert request.communicate(timeout=60)[0] == b'done\n'
        process.communicate(timeout=60)

    assert process.returncode == 0
    assert broker.queue('sums').is_empty


def test_a_request_to_no_queue_fails_at_once(coolamqp: Command) -> None:
    ended = coolamqp('request', 'nowhere', 'x')

    assert ended.status == 1
    assert 'NO_ROUTE' in ended.error


def test_a_request_without_a_reply_times_out(coolamqp: Command) -> None:
    ended = coolamqp('request', 'sums', 'x', '--timeout', '0.5')

    assert ended.status == 4
    assert ended.error.startswith('coolamqp: no reply from sums in 0.5 s')


@pytest.mark.integration
def test_on_the_broker_of_the_suite(on_suite_broker: Command) -> None:
    on_suite_broker('declare', 'queue', 'q')
    with on_suite_broker.start('reply', 'q', '--exec', 'rev', '-n', '1') as process:
        assert on_suite_broker('request', 'q', 'abc').out.startswith('cba')
        process.communicate(timeout=60)
