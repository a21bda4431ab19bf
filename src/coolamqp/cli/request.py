"""The commands `coolamqp request` and `coolamqp reply`: RPC from a terminal."""

from __future__ import annotations

import os
import subprocess
import sys

import click

from coolamqp.cli.deliveries import Deliveries
from coolamqp.cli.errors import ExitStatus, Failure
from coolamqp.cli.formats import Writer, format_option
from coolamqp.cli.options import broker_options
from coolamqp.cli.output import counted
from coolamqp.cli.publish import message_options, properties_of
from coolamqp.cli.session import Session
from coolamqp.cli.stop import Stop
from coolamqp.objects import Message, ReceivedMessage
from coolamqp.objects.message import flat_body

PREFETCH = 10


@click.command('request')
@click.argument('queue')
@click.argument('body', required=False)
@message_options
@format_option
@broker_options
def request_command(
    session: Session,
    queue: str,
    body: str | None,
    headers: tuple[str, ...],
    properties: tuple[str, ...],
    transient: bool,
    form: str,
) -> None:
    """Send the request BODY to QUEUE, and write the reply. Without BODY, stdin is the request.

    The reply must come within --timeout.
    """
    writer = Writer('json' if session.output.as_json else form)
    given = sys.stdin.buffer.read() if body is None else body.encode()
    message = Message(given, properties_of(headers, properties, transient=transient))
    with session.cluster() as cluster:
        try:
            reply = cluster.call(message, queue, session.timeout).result()
        except TimeoutError as error:
            raise Failure(
                f'no reply from {queue} in {session.timeout:g} s; see whether somebody consumes it '
                f'(coolamqp info queue {queue}), or give a longer --timeout',
                ExitStatus.NOTHING,
            ) from error
    writer.write(reply)


@click.command('reply')
@click.argument('queue')
@click.option('--exec', 'program', required=True, metavar='COMMAND', help='For a shell.')
@click.option('-n', '--count', type=click.IntRange(min=1), help='End after so many requests.')
@broker_options
def reply_command(session: Session, queue: str, program: str, count: int | None) -> int:
    """Run COMMAND for each request in QUEUE, and reply with what it prints.

    Its stdin is the body. The variables AMQP_EXCHANGE, AMQP_ROUTING_KEY, AMQP_TYPE and
    AMQP_CONTENT_TYPE are about the request. A request whose COMMAND fails is rejected, and gets no
    reply. Ctrl-C ends this after the COMMAND that runs.
    """
    replied = failed = 0
    with session.cluster() as cluster, Stop() as stop:
        deliveries = Deliveries(session, cluster, queue, stop, prefetch=PREFETCH)
        session.output.note(f'replying to requests in {queue}; Ctrl-C ends this')
        for message in deliveries.until(count=count):
            answer = _run(program, message)
            if answer.returncode:
                failed += 1
                session.output.note(f'the command failed with status {answer.returncode}')
                message.reject()
                continue
            if message.properties.reply_to:
                session.wait(message.reply(answer.stdout))
            message.ack()
            replied += 1
    text = f'replied to {counted(replied, "request")}' + (f'; {failed} failed' if failed else '')
    session.output.result({'replied': replied, 'failed': failed}, text)
    return ExitStatus.DONE


def _run(program: str, message: ReceivedMessage) -> subprocess.CompletedProcess[bytes]:
    """Run a command for a request. It does not get the signals for this process."""
    values = {
        'AMQP_EXCHANGE': message.exchange_name,
        'AMQP_ROUTING_KEY': message.routing_key,
        'AMQP_TYPE': message.properties.type_ or b'',
        'AMQP_CONTENT_TYPE': message.properties.content_type or b'',
    }
    about = {name: value.decode('utf-8', 'replace') for name, value in values.items()}
    return subprocess.run(  # noqa: S602 - the user gives it for a shell; the message is not in it
        program,
        shell=True,
        input=bytes(flat_body(message.body)),
        stdout=subprocess.PIPE,
        env={**os.environ, **about},
        start_new_session=True,
        check=False,
    )
