"""The embedded broker as a broker under test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from coolamqp.broker import Broker
from tests.behaviour.brokers import EMBEDDED_VERSION, PASSWORD, USER, Version


class EmbeddedUnderTest:
    """An embedded broker; with a folder it keeps its data there."""

    def __init__(self, broker: Broker, folder: Path | None = None) -> None:
        self.kind = 'embedded' if folder is None else 'embedded-folder'
        self._broker = broker

    @property
    def version(self) -> Version:
        return EMBEDDED_VERSION

    def url(self, vhost: str = '/', user: str = USER, password: str = PASSWORD) -> str:
        who = f'{quote(user, safe="")}:{quote(password, safe="")}'
        return f'amqp://{who}@{self._broker.host}:{self._broker.port}/{quote(vhost, safe="")}'

    def add_vhost(self, *names: str) -> None:
        for name in names:
            self._broker.add_vhost(name)

    def delete_vhost(self, *names: str) -> None:
        for name in names:
            self._broker.delete_vhost(name)

    def add_user(
        self,
        name: str,
        password: str,
        vhost: str = '',
        configure: str = '.*',
        write: str = '.*',
        read: str = '.*',
    ) -> None:
        self._broker.add_user(
            name, password, vhost or None, configure=configure, write=write, read=read
        )

    def set_policy(
        self,
        vhost: str,
        name: str,
        pattern: str,
        definition: Mapping[str, Any],
        apply_to: str = 'queues',
        priority: int = 0,
    ) -> None:
        self._broker.policy(
            pattern, vhost=vhost, name=name, apply_to=apply_to, priority=priority, **definition
        )

    def clear_policy(self, vhost: str, name: str) -> None:
        self._broker.clear_policy(name, vhost)

    def restart(self) -> None:
        self._broker.restart()

    def close_all_connections(self) -> None:
        self._broker.close_connections('on order')

    def set_memory_alarm(self, on: bool) -> None:
        (self._broker.block if on else self._broker.unblock)()
