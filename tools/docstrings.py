"""Has docstrings shown in the documentation as they are meant.

An extension for griffe, which mkdocstrings reads docstrings with. In the field-list style it takes
what follows the fields for a part of the last one, and lines that begin with `>>>` for text, which
Markdown would take for quotations. And it cannot know that `@method` makes a dataclass.
"""

from __future__ import annotations

import re
from typing import Any

from griffe import Attribute, Class, Docstring, Extension, Object

# An example goes on to the next empty line.
_EXAMPLE = re.compile(r'^>>> .*(?:\n(?!\s*$).*)*', re.MULTILINE)
_FIELDS = re.compile(r'^:', re.MULTILINE)
_MARK = re.compile(r'  # doctest:.*')


class Docstrings(Extension):
    """Puts a docstring into the form in which it is shown."""

    def on_instance(self, *, obj: Object, **kwargs: Any) -> None:
        """Look at something that was read; what a module says of itself is for its readers."""
        if obj.is_module:
            obj.docstring = None
        elif obj.docstring is not None:
            obj.docstring.value = with_examples_first(obj.docstring.value)

    def on_class_members(self, *, cls: Class, **kwargs: Any) -> None:
        """Add to what a method of the protocol says how one is made."""
        if [str(base) for base in cls.bases] == ['Method'] and cls.docstring is not None:
            code = f'```python\n{constructor(cls)}\n```'
            cls.docstring = Docstring(f'{cls.docstring.value}\n\n{code}\n', parent=cls)


def with_examples_first(docstring: str) -> str:
    """Give a docstring with its examples before its fields, each with a fence around it."""
    examples = [f'```pycon\n{_MARK.sub("", each)}\n```\n\n' for each in _EXAMPLE.findall(docstring)]
    rest = _EXAMPLE.sub('', docstring).rstrip() + '\n'
    fields = _FIELDS.search(rest)
    if not examples or fields is None:
        return rest + '\n' + ''.join(examples)
    return rest[: fields.start()] + ''.join(examples) + rest[fields.start() :]


def constructor(cls: Class) -> str:
    """Write how a method of the protocol is made: with its fields, in their order."""
    fields = [
        f'{name}: {member.annotation}'
        for name, member in cls.members.items()
        if isinstance(member, Attribute)
    ]
    return f'{cls.name}({", ".join(fields)})'
