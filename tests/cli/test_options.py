"""Options that commands share."""

from __future__ import annotations

from typing import Any

import click
import pytest

from coolamqp.broker import Broker
from coolamqp.cli.options import table_of
from tests.cli.command import Command


@pytest.mark.parametrize(
    ('assignment', 'table'),
    [
        ('x-max-length=5', {'x-max-length': 5}),
        ('x-queue-type=quorum', {'x-queue-type': 'quorum'}),
        ('tenant="12"', {'tenant': '12'}),
        ('on=true', {'on': True}),
        ('equation=a=b', {'equation': 'a=b'}),
        ('empty=', {'empty': ''}),
        ('list=[1, "a"]', {'list': [1, 'a']}),
        ('number=NaN', {'number': 'NaN'}),
    ],
)
def test_values_that_are_json_have_its_type(assignment: str, table: dict[str, Any]) -> None:
    assert table_of([assignment]) == table


@pytest.mark.parametrize('assignment', ['', 'name', '=value'])
def test_an_assignment_has_a_name_and_a_value(assignment: str) -> None:
    with pytest.raises(click.BadParameter, match='NAME=VALUE'):
        table_of([assignment])


def test_verbose_shows_the_log(coolamqp: Command, broker: Broker) -> None:
    assert coolamqp('ping').error == ''
    assert 'connected to' in coolamqp('ping', '--verbose').error
