"""Programs in the manner of CoolAMQP 1.x and 2.x run unchanged.

They are kept whole in `1x/` and `2x/`, in the style of their time, and each is run as it was then.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
RUN_TIMEOUT = 60  # seconds
# What Python prints of a warning: where, which and what, and then the line of the program.
WARNING = re.compile(r'^\S+?(\w+\.py):\d+: (\w+Warning): (.*)\n( .*\n)?', re.MULTILINE)

pytestmark = pytest.mark.integration

OUTPUT = {
    '1x/send_and_receive.py': """\
task 0 b'text/plain'
task 1 b'text/plain'
task 2 b'text/plain'
the last None
""",
    '1x/fanout.py': 'Anna read the paper\nBert read the paper\nCarl read the paper\n',
    '1x/topic.py': 'mail.error\nkernel.info\nkernel.disk.full\n',
    '1x/headers.py': 'colour: red\nshape: circle\nNothingMuch\n',
    '1x/anonymous_queue.py': '17 SHOUT\n',
    '1x/streams.py': """\
first: event 0, event 1, event 2, event 3, event 4
3: event 3, event 4
""",
    '1x/frame_tracing.py': """\
to_client: connection.start
to_server: basic.publish to b'nowhere'
""",
    '1x/subclassed_consumer.py': """\
['AMQPBodyFrame', 'AMQPHeaderFrame', 'AMQPMethodFrame', 'hello']
operational 1 1 1
True
""",
    '2x/subclassed_consumer.py': """\
['AMQPBodyFrame', 'AMQPHeaderFrame', 'AMQPMethodFrame', 'hello', 'operational', 'set up']
1 1 1
True
""",
    '2x/opentracing_spans.py': """\
declare 1
bind 1
consum 1
publish 1
drain 1
traces: 1
""",
}
SAME_AS_BEFORE = [
    'send_and_receive.py',
    'fanout.py',
    'topic.py',
    'headers.py',
    'anonymous_queue.py',
    'streams.py',
    'frame_tracing.py',
]
OUTPUT.update({f'2x/{name}': OUTPUT[f'1x/{name}'] for name in SAME_AS_BEFORE})
TX = 'tx is an old name of confirm; say confirm=True'
# What an old program is told, besides: nothing else may be on its standard error.
WARNINGS = {'1x/send_and_receive.py': {'hearbeat is spelt heartbeat', TX}}
# A bool in the place of both `tx` of 1.x and `confirm` of 2.x may be told, too.
POSSIBLE_WARNINGS = {'2x/send_and_receive.py': {TX}, '2x/topic.py': {TX}}


def test_every_program_is_run() -> None:
    assert {str(path.relative_to(HERE)) for path in HERE.glob('?x/*.py')} == set(OUTPUT)


@pytest.mark.parametrize('name', sorted(OUTPUT))
def test_program(name: str, broker_url: str) -> None:
    done = subprocess.run(
        [sys.executable, name, broker_url],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT,
        check=False,
    )

    warnings = WARNING.findall(done.stderr)
    assert WARNING.sub('', done.stderr) == ''
    assert done.returncode == 0
    assert done.stdout == OUTPUT[name]
    told, expected = {words for _, _, words, _ in warnings}, WARNINGS.get(name, set())
    assert expected <= told <= expected | POSSIBLE_WARNINGS.get(name, set())
    assert {kind for _, kind, _, _ in warnings} <= {'DeprecationWarning'}
    assert {file for file, _, _, _ in warnings} <= {Path(name).name}
