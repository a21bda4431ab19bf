"""Tests that are coroutine functions: each is run on a loop of its own, which must end quietly."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine
from inspect import iscoroutinefunction
from typing import Any

import pytest

from coolamqp.objects import NodeDefinition


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine function."""
    if not iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    run_quietly(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


def run_quietly(test: Coroutine[Any, Any, None]) -> None:
    """Run to the end, and fail if asyncio complains, be it of a task or future that is left over.

    Of what is left over it speaks when the last reference is gone, so rubbish is collected.
    """
    complaints: list[dict[str, Any]] = []

    async def run() -> None:
        handler = asyncio.get_running_loop()
        handler.set_exception_handler(lambda _, context: complaints.append(context))
        await test

    asyncio.run(run())
    gc.collect()
    assert complaints == []


@pytest.fixture
def node(broker_url: str) -> NodeDefinition:
    """The node, with the virtual host of this test alone."""
    return NodeDefinition(broker_url)
