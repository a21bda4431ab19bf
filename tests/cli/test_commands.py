"""The list of commands, exit statuses, and what happens to errors and interruptions."""

from __future__ import annotations

import json
import os
import re

import pytest

from coolamqp.cli.commands import FILES
from tests.cli.command import Command


@pytest.mark.parametrize('name', FILES)
def test_each_command_says_what_it_does(alone: Command, name: str) -> None:
    ended = alone(name, '--help')

    assert ended.status == 0
    assert ended.out.startswith(f'Usage: coolamqp {name}')


def test_all_commands_are_listed(alone: Command) -> None:
    listed = re.findall(r'^  ([a-z]+)  ', alone('--help').out, re.MULTILINE)

    assert listed == list(FILES)


def test_no_command_is_an_error_with_help(alone: Command) -> None:
    ended = alone()

    assert ended.status == 2
    assert ended.error.startswith('Usage: coolamqp')


@pytest.mark.parametrize(
    ('arguments', 'sentence'),
    [
        (['pong'], "no such command 'pong'"),
        (['ping', '--fast'], "no such option '--fast'"),
        (['ping', '--timeout', '-1'], "invalid value for '--timeout'"),
        (['ping', '--url', 'http://localhost/'], 'a connection string looks like amqp://'),
    ],
)
def test_wrong_usage_is_one_sentence(alone: Command, arguments: list[str], sentence: str) -> None:
    ended = alone(*arguments)

    assert ended.status == 2
    assert ended.error.startswith(f'coolamqp: {sentence}')
    assert ended.error.endswith('--help\n')
    assert ended.error.count('\n') == 1
    assert ended.out == ''


def test_no_password_is_shown(alone: Command) -> None:
    ended = alone('ping', 'amqps://ann:secret@rabbit/')

    assert ended.status == 2
    assert '(amqps://ann:***@rabbit/)' in ended.error


def test_an_error_is_json_for_machines(alone: Command) -> None:
    ended = alone('ping', '--json', '--timeout', '0.5', '--url', 'amqp://localhost:1/')

    assert ended.status == 3
    assert ended.out == ''
    error = json.loads(ended.error)
    assert error['status'] == 3
    assert 'Connection refused' in error['error']


def test_shells_can_complete(alone: Command) -> None:
    ended = alone(_COOLAMQP_COMPLETE='bash_complete', COMP_WORDS='coolamqp pi', COMP_CWORD='1')

    assert ended.out == 'plain,ping\n'
    source = alone(_COOLAMQP_COMPLETE='bash_source')
    assert 'complete -o nosort -F _coolamqp_completion coolamqp' in source.out


def test_shells_complete_the_names_of_contexts(alone: Command) -> None:
    for name in ('staging', 'stable', 'local'):
        alone('context', 'add', name, 'amqp://rabbit/')
    for words in ('ping --context st', 'context use st'):
        ended = alone(
            _COOLAMQP_COMPLETE='bash_complete',
            COMP_WORDS=f'coolamqp {words}',
            COMP_CWORD=str(len(words.split())),
        )

        assert ended.out == 'plain,stable\nplain,staging\n'


def test_a_pipe_whose_reader_is_gone_ends_it_quietly(alone: Command) -> None:
    alone('context', 'add', 'a', 'amqp://rabbit/')
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, 'wb') as pipe:
        process = alone.start_into(pipe, 'context', 'list')
    _, error = process.communicate(timeout=60)

    assert process.returncode == 141
    assert error == b''
