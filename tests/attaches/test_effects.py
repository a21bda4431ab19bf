"""Effects: what the engine wants carried out, until the driver takes it."""

from __future__ import annotations

from logging import WARNING
from typing import Any

import pytest

from coolamqp.attaches.effects import Effects
from coolamqp.attaches.events import ClusterStopped
from coolamqp.attaches.mailbox import Hook, Mailbox
from coolamqp.log_events import LogEvent
from tests.support.ending import Ending


def test_promises_end_with_their_values_or_errors() -> None:
    effects, error = Effects(), OSError('lost')
    plain, valued, failed = (Ending() for _ in range(3))
    effects.succeed(plain)
    effects.succeed(valued, 'value')
    effects.fail(failed, error)
    assert effects.confirmed == [plain]
    ends = [(each.promise, each.value, each.error) for each in effects.completions]
    assert ends == [(valued, 'value', None), (failed, None, error)]


def test_nobody_waits_for_none() -> None:
    effects = Effects()
    effects.succeed(None, 'value')
    effects.fail(None, OSError('lost'))
    assert not effects


def fill(effects: Effects) -> None:
    """Collect one of each kind."""
    effects.succeed(Ending())
    effects.succeed(Ending(), 'value')
    effects.call(Mailbox(), print, 'hello')
    effects.report(ClusterStopped())
    effects.log(LogEvent.FRAME, 'something')


def sizes(effects: Effects) -> list[int]:
    kinds: list[list[Any]] = [
        effects.confirmed, effects.completions, effects.callbacks, effects.reports,
    ]  # fmt: skip
    return [len(kind) for kind in kinds]


def test_what_is_taken_is_collected_anew() -> None:
    effects = Effects()
    fill(effects)
    taken = effects.take()
    assert sizes(taken) == [1, 1, 1, 2]
    assert not effects
    fill(effects)
    assert sizes(taken) == [1, 1, 1, 2]


def test_a_hook_keeps_its_arguments_and_its_mailbox() -> None:
    effects, mailbox = Effects(), Mailbox()
    effects.call(mailbox, print, 'hello')
    ((where, hook),) = effects.callbacks
    assert where is mailbox
    assert isinstance(hook, Hook)
    assert (hook.function, hook.arguments) == (print, ('hello',))


def test_a_log_record_is_a_warning_unless_it_says_otherwise() -> None:
    effects = Effects()
    effects.log(LogEvent.FRAME, 'something')
    (record,) = effects.reports
    assert getattr(record, 'level', None) == WARNING


@pytest.mark.parametrize(
    'collect',
    [
        lambda effects: effects.succeed(Ending()),
        lambda effects: effects.fail(Ending(), OSError()),
        lambda effects: effects.call(Mailbox(), print),
        lambda effects: effects.log(LogEvent.FRAME, 'something'),
    ],
)
def test_any_effect_is_something_to_carry_out(collect: Any) -> None:
    effects = Effects()
    assert not effects
    collect(effects)
    assert effects
