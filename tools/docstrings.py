"""An extension for griffe, which reads the docstrings for the documentation.

It moves examples in front of the fields of a docstring, because griffe regards all text after the
fields as a part of the last field. It puts examples into code blocks, because Markdown regards
lines that begin with `>>>` as quotations. It adds types of attributes that griffe does not find. It
adds the constructors of methods of AMQP, because griffe does not know that `@method` makes
dataclasses.
"""

from __future__ import annotations

import re
from typing import Any

from griffe import (
    Attribute,
    Class,
    Docstring,
    Expr,
    ExprCall,
    ExprName,
    ExprSubscript,
    Extension,
    Function,
    Object,
)

# An example ends at the next empty line.
_EXAMPLE = re.compile(r'^>>> .*(?:\n(?!\s*$).*)*', re.MULTILINE)
_FIELDS = re.compile(r'^:', re.MULTILINE)
_MARK = re.compile(r'  # doctest:.*')
# Internal and old names of classes, and the names that programs use in their place.
_PUBLIC = {'Promise': 'ClusterFuture', 'BasicContentPropertyList': 'MessageProperties'}


class Docstrings(Extension):
    """The extension."""

    def on_instance(self, *, obj: Object, **kwargs: Any) -> None:
        """Change the docstring of an object; remove that of a module, which is for contributors."""
        if obj.is_module:
            obj.docstring = None
        elif obj.docstring is not None:
            obj.docstring.value = with_examples_first(obj.docstring.value)

    def on_function_instance(self, *, func: Function, **kwargs: Any) -> None:
        """Replace internal and old names of classes in a signature."""
        for annotation in (func.returns, *(each.annotation for each in func.parameters)):
            make_public(annotation)

    def on_attribute_instance(self, *, attr: Attribute, **kwargs: Any) -> None:
        """Replace internal and old names of classes in the type of an attribute."""
        make_public(attr.annotation)

    def on_class_members(self, *, cls: Class, **kwargs: Any) -> None:
        """Add the types of attributes, and the constructor of a method of AMQP."""
        for attribute in cls.attributes.values():
            if attribute.annotation is None:
                attribute.annotation = type_of(attribute.value)
        if [str(base) for base in cls.bases] == ['Method'] and cls.docstring is not None:
            code = f'```python\n{constructor(cls)}\n```'
            cls.docstring = Docstring(f'{cls.docstring.value}\n\n{code}\n', parent=cls)


def make_public(annotation: str | Expr | None) -> None:
    """Replace internal and old names of classes in an annotation."""
    parts = annotation.iterate(flat=True) if isinstance(annotation, Expr) else ()
    for part in parts:
        if isinstance(part, ExprName) and part.name in _PUBLIC:
            part.name = _PUBLIC[part.name]
            part.parent = None  # with it, mkdocstrings shows the name of the definition


def type_of(value: str | Expr | None) -> str | Expr | None:
    """Return the type of a value: of an argument of the constructor, or of a property."""
    match value:
        case ExprName(name=name, parent=Function(name='__init__') as constructor):
            known = {each.name: each.annotation for each in constructor.parameters}
            return known.get(name)
        case ExprCall(function=ExprSubscript(left=ExprName(name='_Property'), slice=inner)):
            return str(inner).strip("'") if isinstance(inner, str) else inner
        case _:
            return None


def with_examples_first(docstring: str) -> str:
    """Return a docstring with its examples in code blocks in front of its fields."""
    examples = [f'```pycon\n{_MARK.sub("", each)}\n```\n\n' for each in _EXAMPLE.findall(docstring)]
    rest = _EXAMPLE.sub('', docstring).rstrip() + '\n'
    fields = _FIELDS.search(rest)
    if not examples or fields is None:
        return rest + '\n' + ''.join(examples)
    return rest[: fields.start()] + ''.join(examples) + rest[fields.start() :]


def constructor(cls: Class) -> str:
    """Return the constructor call of a method of AMQP, with all fields in order."""
    fields = [
        f'{name}: {member.annotation}'
        for name, member in cls.members.items()
        if isinstance(member, Attribute)
    ]
    return f'{cls.name}({", ".join(fields)})'
