"""The example for a container: the worker and its health check as processes.

No test builds the image: that needs Docker. The tests parse the Dockerfile and the compose file.
"""

from __future__ import annotations

import re
import signal
from io import BytesIO
from typing import Any

import pytest
import yaml
from dockerfile_parse import DockerfileParser

from coolamqp.broker import Broker
from coolamqp.clustering import Cluster
from coolamqp.objects import Message
from tests.docs.pages import EXAMPLES
from tests.examples.processes import PATIENCE, started, stop, wait_for_line

FOLDER = EXAMPLES / 'container'


def health_check(port: str) -> tuple[int, str]:
    """Run the command of HEALTHCHECK, and give its status and its output."""
    with started(FOLDER, 'healthcheck.py', PORT=port) as process:
        output, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, output + errors


def test_the_container_is_healthy_while_the_worker_can_work(broker: Broker) -> None:
    with (
        Cluster(broker.url) as cluster,
        started(FOLDER, 'worker.py', AMQP_URL=broker.url, PORT='0') as worker,
    ):
        port = wait_for_line(worker.stdout, r'on port (\d+)')[1]
        broker.wait_until(lambda: broker.queue('jobs').consumers, timeout=PATIENCE)
        cluster.publish(Message(b'a job'), routing_key='jobs', confirm=True).result(PATIENCE)
        wait_for_line(worker.stdout, 'a job')
        assert health_check(port) == (0, 'the Cluster is healthy\n')
        stop(worker, signal.SIGTERM)

    assert broker.queue('jobs').is_empty
    status, output = health_check(port)
    assert status == 1
    assert 'the worker does not answer' in output


def test_the_container_is_unhealthy_without_a_broker() -> None:
    nowhere = 'amqp://guest:guest@127.0.0.1:1/'
    with started(FOLDER, 'worker.py', AMQP_URL=nowhere, PORT='0') as worker:
        port = wait_for_line(worker.stdout, r'on port (\d+)')[1]
        status, output = health_check(port)
        assert status == 1
        assert 'there is no connection to a broker' in output
        stop(worker, signal.SIGTERM)


@pytest.fixture(scope='module')
def instructions() -> dict[str, str]:
    """The instructions of the Dockerfile; of several, the last one."""
    text = BytesIO((FOLDER / 'Dockerfile').read_bytes())
    parser = DockerfileParser(fileobj=text)
    return {each['instruction']: each['value'] for each in parser.structure}


def test_the_dockerfile_names_files_that_exist(instructions: dict[str, str]) -> None:
    assert instructions['CMD'] == '["python", "worker.py"]'
    assert instructions['HEALTHCHECK'].endswith('CMD ["python", "healthcheck.py"]')
    *files, _target = instructions['COPY'].split()
    assert files == ['worker.py', 'healthcheck.py']
    assert all((FOLDER / name).exists() for name in files)


def test_docker_waits_longer_than_the_worker_takes() -> None:
    compose: dict[str, Any] = yaml.safe_load((FOLDER / 'compose.yaml').read_text('utf-8'))
    program = (FOLDER / 'worker.py').read_text('utf-8')
    (timeout,) = re.findall(r'cluster\.shutdown\(timeout=(\d+)\)', program)

    grace = compose['services']['worker']['stop_grace_period']
    assert int(grace.removesuffix('s')) > int(timeout)
