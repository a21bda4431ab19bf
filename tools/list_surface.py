"""List the public surface: all names that programs may use, one in each line.

    python -m tools.list_surface

Writes tests/public/surface.txt, which is the same on every version of Python. A change of this file
is a change of the public API, so review the difference.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final

FILE: Final = Path(__file__).parent.parent / 'tests' / 'public' / 'surface.txt'

# The modules from which programs import. If a module has an `__all__`, this lists its public names.
MODULES: Final = (
    'coolamqp',
    'coolamqp.aio',
    'coolamqp.aio.events',
    'coolamqp.argumentify',
    'coolamqp.attaches',
    'coolamqp.broker',
    'coolamqp.clustering',
    'coolamqp.clustering.events',
    'coolamqp.exceptions',
    'coolamqp.framing.definitions',
    'coolamqp.objects',
    'coolamqp.telemetry.instrumentor',
    'coolamqp.telemetry.opentelemetry_metrics',
    'coolamqp.telemetry.prometheus',
    'coolamqp.tracing',
)
# Classes of objects that programs receive and do not make.
GIVEN: Final = {
    'coolamqp.aio.future': ('ClusterFuture',),
    'coolamqp.aio.messages': ('MessageIterator',),
    'coolamqp.aio.transaction': ('Transaction',),
    'coolamqp.api.reporter': ('Fault',),
    'coolamqp.broker.recorder': ('Chunk', 'ConnectionRecord'),
    'coolamqp.clustering.future': ('ClusterFuture',),
    'coolamqp.clustering.messages': ('MessageIterator',),
    'coolamqp.clustering.transaction': ('Transaction',),
    'coolamqp.framing.method': ('Method',),
    'coolamqp.supervisor.stats': ('Health', 'Stats'),
    'coolamqp.uplink.tuning': ('Limits',),
}
# The public names of modules that also have others.
NAMES: Final = {
    'coolamqp': ('__version__',),
    'coolamqp.attaches.channeler': ('ST_OFFLINE', 'ST_ONLINE', 'ST_SYNCING'),
    'coolamqp.framing.field_table': ('deframe_table', 'enframe_table', 'plain_table'),
    'coolamqp.framing.frames': (
        'AMQPBodyFrame',
        'AMQPFrame',
        'AMQPHeaderFrame',
        'AMQPHeartbeatFrame',
        'AMQPMethodFrame',
    ),
}


@dataclass(frozen=True, order=True)
class Symbol:
    """A public name.

    :ivar path: its full name, such as `coolamqp.clustering.Cluster.publish`
    :ivar text: its line in the list
    """

    path: str
    text: str

    @property
    def is_attribute(self) -> bool:
        """Whether it is an attribute, which the docstring of its class describes."""
        return self.text.endswith('[attribute]')

    @property
    def is_constant(self) -> bool:
        """Whether it is a constant of a module, which has no docstring."""
        return ': ' in self.text.partition('(')[0]

    @property
    def has_docstring(self) -> bool:
        """Whether it has its own docstring; that of a class describes `__init__`, too."""
        return not (self.is_attribute or self.is_constant or self.path.endswith('.__init__'))

    def find(self) -> Any:
        """Return the object with this name. It does not find attributes of instances."""
        parts = self.path.split('.')
        for count in range(len(parts) - 1, 0, -1):
            try:
                found: Any = import_module('.'.join(parts[:count]))
            except ModuleNotFoundError:
                continue
            for part in parts[count:]:
                found = inspect.getattr_static(found, part)
            return found
        return import_module(self.path)


def surface() -> list[Symbol]:
    """Return all public names, sorted."""
    found = {
        f'{module_name}.{name}': getattr(import_module(module_name), name)
        for module_name in sorted({*MODULES, *NAMES, *GIVEN})
        for name in public_names(import_module(module_name))
    }
    homes = {value: path for path, value in sorted(found.items()) if inspect.isclass(value)}
    return sorted(
        symbol for path, value in found.items() for symbol in describe(path, value, homes)
    )


def public_names(module: ModuleType) -> tuple[str, ...]:
    """Return the public names of a module."""
    declared = module.__dict__.get('__all__', ())
    return NAMES.get(module.__name__) or GIVEN.get(module.__name__) or tuple(declared)


def describe(path: str, value: Any, homes: dict[type, str]) -> Iterator[Symbol]:
    """Yield a name and, for a class, its members.

    :param homes: all public classes, each with the path under which the list has its members
    """
    if inspect.isclass(value):
        bases = ', '.join(base.__name__ for base in value.__bases__ if base is not object)
        yield Symbol(path, f'class {path}({bases})' if bases else f'class {path}')
        if homes[value] == path:
            yield from members(path, value, homes)
    elif inspect.isfunction(value):
        yield Symbol(path, path + signature(value))
    else:
        kind = type(value).__name__ if type(value).__module__ == 'builtins' else 'alias'
        yield Symbol(path, f'{path}: {kind}')


def members(path: str, cls: type, homes: dict[type, str]) -> Iterator[Symbol]:
    """Yield the members of a class, without those that it inherits from a public class."""
    bases = [base for base in cls.__mro__ if base.__module__.startswith('coolamqp')]
    own = [base for base in bases if base is cls or base not in homes]
    inherited = {name for base in bases if base not in own for name in vars(base)}
    names = {name for base in own for name in (*vars(base), *attributes(base))}
    for name in names - (inherited - {'__init__'}):
        if is_public(cls, name):
            member = f'{path}.{name}'
            yield Symbol(member, member_text(member, inspect.getattr_static(cls, name, None)))


def is_public(cls: type, name: str) -> bool:
    """Whether a member is public. The constructor of a dataclass shows its fields."""
    if is_dataclass(cls) and name in {field.name for field in fields(cls)}:
        return False
    if name == '__init__':
        return cls.__name__ not in GIVEN.get(cls.__module__, ()) and bool(
            getattr(inspect.getattr_static(cls, name), '__module__', '').startswith('coolamqp')
        )
    return not (name.startswith('_') or hasattr(Exception, name))


def member_text(path: str, value: Any) -> str:
    """Return the line for a member."""
    if isinstance(value, (staticmethod, classmethod)):
        return f'{path}{signature(value.__func__)} [{type(value).__name__}]'
    if inspect.isfunction(value):
        return f'{path}{signature(value)}'
    if isinstance(value, property):
        return f'{path} [property]'
    return f'{path} [attribute]'


def attributes(cls: type) -> set[str]:
    """Return the annotated names of a class, and the attributes that its `__init__` sets."""
    if '__init__' not in vars(cls) or is_dataclass(cls):
        return set()
    declared = set(inspect.get_annotations(cls))
    source = textwrap.dedent(inspect.getsource(inspect.unwrap(vars(cls)['__init__'])))
    return declared | {
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        if isinstance(node.value, ast.Name) and node.value.id == 'self'
    }


def signature(function: Any) -> str:
    """Return a signature with the annotations of the source."""
    given = inspect.signature(function)
    parameters = list(given.parameters.values())
    written: list[str] = []
    for index, parameter in enumerate(parameters):
        before = parameters[index - 1].kind if index else None
        if parameter.kind is parameter.KEYWORD_ONLY and before not in (
            parameter.KEYWORD_ONLY,
            parameter.VAR_POSITIONAL,
        ):
            written.append('*')
        written.append(parameter_text(parameter))
    return f'({", ".join(written)}){annotation(given.return_annotation, " -> ")}'


def parameter_text(parameter: inspect.Parameter) -> str:
    """Return the text of one parameter."""
    stars = '*' * (parameter.kind is parameter.VAR_POSITIONAL)
    stars += '**' * (parameter.kind is parameter.VAR_KEYWORD)
    text = stars + parameter.name + annotation(parameter.annotation, ': ')
    if parameter.default is parameter.empty:
        return text
    return f'{text} = {parameter.default!r}'


def annotation(value: Any, sign: str) -> str:
    """Return an annotation after its sign; an empty text if there is none."""
    return '' if value is inspect.Signature.empty else f'{sign}{value}'


def page() -> str:
    """Return the whole list."""
    return ''.join(f'{symbol.text}\n' for symbol in surface())


if __name__ == '__main__':
    FILE.write_text(page(), 'utf-8')
