"""No password is ever seen: not in logs, reprs, exceptions, nor in what a frame tracer is shown."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from coolamqp.clustering import Cluster
from coolamqp.exceptions import ConnectionDead
from coolamqp.objects import Message, NodeDefinition, Queue
from coolamqp.tracing import HoldingFrameTracer, LoggingFrameTracer
from tests.conftest import NodeArguments
from tests.integration.support import PATIENCE, Collector, confirmed, consume
from tests.support.rabbitmq import RabbitMQNode

PASSWORD = 'correct-horse-battery'
WRONG = 'staple-of-a-wrong-horse'

BAD_STRINGS = [
    f'http://user:{PASSWORD}@host/',
    f'amqp//user:{PASSWORD}@host/',
    f'amqp://user:{PASSWORD}@host:port/',
    f'amqp://user:{PASSWORD}@host:99999/',
    f'amqp://user:{PASSWORD}@[::1/',
    f'amqp://user:{PASSWORD}@/',
    f'amqp://user:{PASSWORD}@host/{"v" * 256}',
    f'amqp://user:{PASSWORD}\udcff@host/',
    PASSWORD,
]


def everything_about(error: BaseException) -> str:
    """Give all that may be shown of an exception: with its causes, and its arguments."""
    told = ''.join(traceback.format_exception(error))
    return f'{told} {error} {error!r} {error.args!r}'


@pytest.mark.parametrize('text', BAD_STRINGS)
@pytest.mark.parametrize('form', [str, lambda text: text.encode('utf-8', 'surrogatepass')])
def test_a_bad_connection_string_does_not_show_its_password(text: str, form: Any) -> None:
    with pytest.raises(ValueError) as caught:
        NodeDefinition(form(text))
    shown = str(caught.value) + repr(caught.value) + repr(caught.value.args)
    assert PASSWORD not in shown
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    'keywords', [{'port': 0}, {'heartbeat': -1}, {'vhost': 'v'}, {'host': ''}, {'user': 5}]
)
def test_a_bad_node_does_not_show_its_password(keywords: dict[str, Any]) -> None:
    good = {'host': 'h', 'user': 'u', 'password': PASSWORD}
    with pytest.raises(ValueError) as caught:
        NodeDefinition(**{**good, **keywords})
    assert PASSWORD not in str(caught.value) + repr(caught.value)


@dataclass
class Login:
    """A user of its own, so that its password stands nowhere by chance."""

    arguments: dict[str, Any]

    def node(self, **changed: Any) -> NodeDefinition:
        return NodeDefinition(**{**self.arguments, **changed})


@pytest.fixture
def login(rabbitmq: RabbitMQNode, node_arguments: NodeArguments) -> Iterator[Login]:
    vhost = node_arguments['virtual_host']
    user = f'secret-{vhost}'
    rabbitmq.ctl('add_user', user, PASSWORD)
    rabbitmq.ctl('set_permissions', '-p', vhost, user, '.*', '.*', '.*')
    yield Login({**node_arguments, 'user': user, 'password': PASSWORD})
    rabbitmq.ctl('delete_user', user)


@pytest.mark.integration
def test_a_whole_session_does_not_show_its_password(
    login: Login, rabbitmq: RabbitMQNode, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    holding = HoldingFrameTracer()
    seen: list[Any] = []
    collector = Collector()

    for tracer in (holding, LoggingFrameTracer(log_level=logging.DEBUG)):
        cluster = Cluster(login.node(), log_frames=tracer, name='secretive')
        cluster.start()
        consume(cluster, Queue('secrets', auto_delete=True), collector)
        confirmed(cluster, b'hello', 'secrets').result(PATIENCE)
        collector.wait_for(1)
        seen += [collector.messages, cluster, cluster.properties, vars(cluster)]
        refused = cluster.publish(Message(b''), 'missing', confirm=True)
        seen.append(refused.exception(PATIENCE))
        rabbitmq.close_all_connections()
        confirmed(cluster, b'after a reconnect', 'secrets').result(PATIENCE)
        cluster.shutdown()
    seen += [login.node(), str(login.node()), {'node': login.node()}]
    for direction, timestamp, frame in holding.frames:
        seen += [direction, timestamp, frame, str(frame)]

    assert 'connection' in caplog.text
    assert 'ConnectionStartOk' in caplog.text
    assert PASSWORD not in caplog.text
    assert PASSWORD not in repr(seen)
    assert PASSWORD not in rabbitmq.log(200)


@pytest.mark.integration
def test_a_refused_login_does_not_show_its_password(
    login: Login, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    holding = HoldingFrameTracer()
    cluster = Cluster(login.node(password=WRONG), log_frames=holding)

    with pytest.raises(ConnectionDead, match='ACCESS_REFUSED') as caught:
        cluster.start(timeout=PATIENCE)

    told = everything_about(caught.value)
    frames = ' '.join(f'{frame} {frame!r}' for _, _, frame in holding.frames)
    assert 'ConnectionStartOk' in frames
    for shown in (told, frames, repr(cluster), caplog.text):
        assert WRONG not in shown
