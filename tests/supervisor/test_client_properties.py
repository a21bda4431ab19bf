"""What the client says of itself to the broker."""

from __future__ import annotations

from typing import Any

import pytest

import coolamqp
from coolamqp.framing.field_table import Arguments, deframe_table, encode_table, plain_table
from coolamqp.supervisor.client_properties import client_properties


def told(properties: Arguments) -> dict[str, Any]:
    """Return what the broker reads."""
    return plain_table(deframe_table(encode_table(properties), 0)[0])


def test_an_operator_sees_the_client_its_version_and_the_name_of_the_connection() -> None:
    properties = told(client_properties('billing', None))
    assert properties['product'] == 'CoolAMQP'
    assert properties['version'] == coolamqp.__version__
    assert properties['connection_name'] == 'billing'
    assert properties['capabilities']['consumer_cancel_notify'] is True


def test_properties_of_the_program_stand_over_ours() -> None:
    typed = [(b'product', (b'Shop', 'S')), (b'site', (5, 'I'))]
    for given in ({'product': 'Shop', 'site': 5}, typed):
        properties = told(client_properties('billing', given))
        assert (properties['product'], properties['site']) == ('Shop', 5)
        assert properties['version'] == coolamqp.__version__


def test_properties_that_no_table_can_hold_are_refused() -> None:
    with pytest.raises(TypeError):
        client_properties('billing', {'site': object()})
