"""What is called wrongly says so at once, in the caller's thread, and says what would be right.

The errors of single arguments are with the modules that check them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from coolamqp.attaches import Consumer
from coolamqp.clustering import Cluster
from coolamqp.objects import Exchange, Message, NodeDefinition, Queue, QueueBind

# Old programs have no types; nor has who misuses.
CLUSTER: Any = Cluster
CONSUMER: Any = Consumer
QUEUE = Queue('jobs')

MADE: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    'nodes of None': (lambda: CLUSTER(None), TypeError, r'nodes must be .*, not None'),
    'no nodes': (lambda: CLUSTER([]), ValueError, r'at least one node'),
    'no node': (lambda: CLUSTER([5]), TypeError, r'a node (must be|is) a NodeDefinition'),
    'a bound of nothing': (
        lambda: CLUSTER('amqp://a:b@h', max_unconfirmed=0),
        ValueError,
        r'max_unconfirmed must be .* from 1, not 0',
    ),
    'a property that is none': (
        lambda: Message(b'', {'type': 'x'}),
        TypeError,
        r"no property .* 'type'; it is called type_",
    ),
    'a span that is none': (
        lambda: CONSUMER(QUEUE, print, 10, False),
        TypeError,
        r'span must be .*, not 10',
    ),
    'an exchange type that is none': (
        lambda: Exchange('ex', 'directt'),
        ValueError,
        r"no exchange type 'directt'.*direct, fanout, topic, headers",
    ),
    'exchange name in another encoding': (lambda: Exchange(b'\xff'), ValueError, r'only UTF-8'),
    'queue name in another encoding': (lambda: Queue(b'\xff'), ValueError, r'only UTF-8'),
    'consumer tag in another encoding': (
        lambda: Consumer(QUEUE, print, consumer_tag=b'\xff'),
        ValueError,
        r'consumer_tag is .*only UTF-8',
    ),
    'binding key in another encoding': (
        lambda: QueueBind('q', 'ex', b'\xff'),
        ValueError,
        r'routing_key is .*only UTF-8',
    ),
    'a float that no broker reads': (
        lambda: Message(b'', {'headers': {'score': float('nan')}}),
        ValueError,
        r"headers\['score'\] is nan.*finite",
    ),
    'a prefetch that is negative': (
        lambda: Consumer(QUEUE, print, no_ack=False, qos=(None, -1)),
        ValueError,
        r'prefetch count.* from 0.*to 65535, not -1',
    ),
}


@pytest.mark.parametrize(('make', 'error', 'words'), MADE.values(), ids=MADE)
def test_what_makes_no_sense_is_not_made(
    make: Callable[[], Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        make()


# -- arguments that no field table can hold

NESTED = {'a': {'b': [1, {'c': object()}]}}
KEY_PATH = r".*\['a'\]\['b'\]\[1\]\['c'\] is a object, which no field table can hold"
HOLDERS: dict[str, Callable[[Any], Any]] = {
    'exchange': lambda arguments: Exchange('ex', arguments=arguments),
    'queue': lambda arguments: Queue('q', arguments=arguments),
    'queue binding': lambda arguments: Queue('q', arguments_bind=arguments),
    'binding': lambda arguments: QueueBind('q', 'ex', '', arguments),
    'consumer': lambda arguments: Consumer(QUEUE, print, arguments=arguments),
    'message': lambda headers: Message(b'', {'headers': headers}),
}


@pytest.mark.parametrize('hold', HOLDERS.values(), ids=HOLDERS)
def test_arguments_that_no_table_can_hold_are_named_by_their_key_path(
    hold: Callable[[Any], Any],
) -> None:
    with pytest.raises(TypeError, match=KEY_PATH):
        hold(NESTED)
    with pytest.raises(ValueError, match='64 bits'):
        hold({'a': 2**64})
    with pytest.raises(ValueError, match='256 bytes'):
        hold({'x' * 256: 1})


# -- at the wrong time


@pytest.mark.parametrize(
    'use', [lambda cluster: cluster.attache_group.add(Consumer(QUEUE, print)), CLUSTER.shutdown]
)
def test_use_before_start_says_so(use: Callable[[Any], Any]) -> None:
    with pytest.raises(RuntimeError, match=r'not started yet|never started'):
        use(Cluster(NodeDefinition('h', 'u', 'p')))
