"""Users and their permissions."""

from __future__ import annotations

import pytest

from coolamqp.broker.errors import Refusal
from coolamqp.broker.users import Permissions, Users


def test_a_user_logs_in_with_the_password_that_was_set_last() -> None:
    users = Users()
    lea = users.add('lea', 'old')
    lea.permissions['/'] = Permissions()
    users.add('lea', 'new')

    assert users.log_in('lea', 'old') is None
    assert users.log_in('lea', 'new') is lea
    assert users.log_in('max', 'new') is None
    assert '/' in lea.permissions
    assert 'new' not in repr(lea)

    users.remove('lea')
    assert users.log_in('lea', 'new') is None
    with pytest.raises(KeyError):
        users.find('lea')


def test_permissions_are_patterns_for_names() -> None:
    permissions = Permissions(configure='^mine', write='', read='amq.default')

    assert permissions.allow('configure', b'mine-too')
    assert not permissions.allow('configure', b'not-mine')
    assert not permissions.allow('write', b'anything')
    assert permissions.allow('read', b'')
    with pytest.raises(ValueError, match='invalid'):
        Permissions(read='(')


def test_without_permissions_in_a_virtual_host_nothing_is_allowed() -> None:
    users = Users()
    lea = users.add('lea', 'secret')

    with pytest.raises(Refusal, match="access to vhost 'v' refused for user 'lea'"):
        users.check_vhost(lea, 'v', exists=True)
    with pytest.raises(Refusal, match='read access to queue'):
        lea.check('read', 'v', 'queue', b'q')

    lea.permissions['v'] = Permissions()
    users.check_vhost(lea, 'v', exists=True)
    lea.check('read', 'v', 'queue', b'q')
    with pytest.raises(Refusal, match='vhost v not found'):
        users.check_vhost(lea, 'v', exists=False)
