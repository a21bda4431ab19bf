"""Has the examples in docstrings shown as code in the documentation.

An extension for griffe, which mkdocstrings reads docstrings with. In the field-list style it takes
what follows the fields for a part of the last one, and lines that begin with `>>>` for text, which
Markdown would take for quotations.
"""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

# An example goes on to the next empty line.
_EXAMPLE = re.compile(r'^>>> .*(?:\n(?!\s*$).*)*', re.MULTILINE)
_FIELDS = re.compile(r'^:', re.MULTILINE)
_MARK = re.compile(r'  # doctest:.*')


class Examples(Extension):
    """Puts the examples of a docstring before its fields, each with a fence around it."""

    def on_instance(self, *, obj: Object, **kwargs: Any) -> None:
        """Look at the docstring of something that was read."""
        if obj.docstring is not None:
            obj.docstring.value = with_examples_first(obj.docstring.value)


def with_examples_first(docstring: str) -> str:
    """Give a docstring in the order and the form in which it is shown."""
    examples = [f'```pycon\n{_MARK.sub("", each)}\n```\n\n' for each in _EXAMPLE.findall(docstring)]
    rest = _EXAMPLE.sub('', docstring).rstrip() + '\n'
    fields = _FIELDS.search(rest)
    if not examples or fields is None:
        return rest + '\n' + ''.join(examples)
    return rest[: fields.start()] + ''.join(examples) + rest[fields.start() :]
