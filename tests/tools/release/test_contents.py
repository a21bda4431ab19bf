from __future__ import annotations

import pytest

from tools.release.contents import faults

INFORMATION = 'coolamqp-3.0.0.dist-info'
PURE = [
    'coolamqp/__init__.py',
    'coolamqp/framing/hot.py',
    'coolamqp/testing/plugin.py',
    'coolamqp/py.typed',
    f'{INFORMATION}/METADATA',
    f'{INFORMATION}/RECORD',
    f'{INFORMATION}/entry_points.txt',
    f'{INFORMATION}/licenses/LICENSE',
]
EXTENSIONS = ['coolamqp__mypyc.cpython-311.so', 'coolamqp/framing/hot.cpython-311.so']


def test_a_wheel_as_it_should_be_has_no_faults() -> None:
    assert faults(PURE, '3.0.0', compiled=False) == []
    assert faults([*PURE, *EXTENSIONS], '3.0.0', compiled=True) == []


@pytest.mark.parametrize(
    'path',
    [
        'tests/test_hot.py',
        'tests/__init__.py',
        'coolamqp/tests/test_hot.py',
        'coolamqp/framing/conftest.py',
        'coolamqp/framing/hot.c',
        'coolamqp/framing/__pycache__/hot.cpython-311.pyc',
        'setup.py',
        'other-1.0.dist-info/METADATA',
    ],
)
def test_a_wheel_with_anything_else_is_refused(path: str) -> None:
    assert faults([*PURE, path], '3.0.0', compiled=False) == [
        f'{path} does not belong into a wheel'
    ]


@pytest.mark.parametrize(
    'path',
    [
        'coolamqp/__init__.py',
        'coolamqp/py.typed',
        f'{INFORMATION}/METADATA',
        f'{INFORMATION}/entry_points.txt',
        f'{INFORMATION}/licenses/LICENSE',
    ],
)
def test_a_wheel_without_what_it_needs_is_refused(path: str) -> None:
    assert faults(set(PURE) - {path}, '3.0.0', compiled=False) == [f'{path} is missing']


def test_a_compiled_wheel_is_compiled_and_a_pure_one_is_not() -> None:
    assert faults(PURE, '3.0.0', compiled=True) == ['nothing is compiled']
    assert faults([*PURE, *EXTENSIONS], '3.0.0', compiled=False) == [
        f'{path} is compiled' for path in EXTENSIONS
    ]


def test_a_wheel_of_another_version_is_refused() -> None:
    assert 'coolamqp-3.0.1.dist-info/METADATA is missing' in faults(PURE, '3.0.1', compiled=False)
