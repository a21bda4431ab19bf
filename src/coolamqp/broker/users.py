"""Users and their permissions: https://www.rabbitmq.com/docs/access-control."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from coolamqp.broker.errors import Refusal, resource, shown
from coolamqp.reply_codes import ACCESS_REFUSED, NOT_ALLOWED

Access: TypeAlias = Literal['configure', 'write', 'read']
EVERYTHING: Final = '.*'
_NOTHING: Final = '^$'
# The name of the default exchange in permissions.
_DEFAULT_EXCHANGE: Final = 'amq.default'


@dataclass(frozen=True)
class Permissions:
    """The permissions of a user in a virtual host: regular expressions for names of resources."""

    configure: str = EVERYTHING
    write: str = EVERYTHING
    read: str = EVERYTHING

    def __post_init__(self) -> None:
        for pattern in (self.configure, self.write, self.read):
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f'the pattern {pattern!r} is invalid: {error}') from None

    def allow(self, access: Access, name: bytes) -> bool:
        """Whether the permissions allow an access to a name."""
        pattern = getattr(self, access) or _NOTHING
        text = shown(name) or _DEFAULT_EXCHANGE
        return re.search(pattern, text) is not None


@dataclass
class User:
    """A user.

    :ivar permissions: by virtual host
    """

    name: str
    password: str = field(repr=False)
    permissions: dict[str, Permissions] = field(default_factory=dict)

    def check(self, access: Access, vhost: str, kind: str, name: bytes) -> None:
        """Check that the user may configure, write or read an exchange or a queue.

        :raises Refusal: the user does not have the permission
        """
        permissions = self.permissions.get(vhost)
        if permissions is None or not permissions.allow(access, name):
            shown = resource(kind, name or _DEFAULT_EXCHANGE.encode(), vhost)
            raise Refusal(
                ACCESS_REFUSED, f"{access} access to {shown} refused for user '{self.name}'"
            )


class Users:
    """The users of a broker."""

    def __init__(self) -> None:
        self._users: dict[str, User] = {}

    def add(self, name: str, password: str) -> User:
        """Add a user, or set the password of one."""
        user = self._users.get(name)
        if user is None:
            user = self._users[name] = User(name, password)
        user.password = password
        return user

    def remove(self, name: str) -> None:
        """Remove a user.

        :raises KeyError: there is none of this name
        """
        del self._users[name]

    def find(self, name: str) -> User:
        """Return a user.

        :raises KeyError: there is none of this name
        """
        return self._users[name]

    def get(self, name: str) -> User | None:
        """Return a user; None if there is none of this name."""
        return self._users.get(name)

    def log_in(self, name: str, password: str) -> User | None:
        """Return the user with this name and password; None if name or password is wrong."""
        user = self._users.get(name)
        if user is None or not hmac.compare_digest(user.password.encode(), password.encode()):
            return None
        return user

    def check_vhost(self, user: User, vhost: str, exists: bool) -> None:
        """Check that a user may use a virtual host.

        :raises Refusal: it does not exist, or the user has no permissions in it
        """
        if not exists:
            raise Refusal(NOT_ALLOWED, f'vhost {vhost} not found')
        if vhost not in user.permissions:
            raise Refusal(NOT_ALLOWED, f"access to vhost '{vhost}' refused for user '{user.name}'")
