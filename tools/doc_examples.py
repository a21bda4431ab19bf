"""Has the examples in docstrings shown as code in the documentation.

An extension for griffe, which mkdocstrings reads docstrings with: in the field-list style it takes
lines that begin with `>>>` for text, and Markdown would take them for quotations.
"""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

# An example goes on to the next empty line.
_EXAMPLE = re.compile(r'^>>> .*(?:\n(?!\s*$).*)*', re.MULTILINE)


class Examples(Extension):
    """Puts a fence around each example."""

    def on_instance(self, *, obj: Object, **kwargs: Any) -> None:
        """Look at the docstring of something that was read."""
        if obj.docstring is not None:
            obj.docstring.value = _EXAMPLE.sub(fenced, obj.docstring.value)


def fenced(example: re.Match[str]) -> str:
    """Put a fence around an example, without the marks for doctest."""
    return f'```pycon\n{re.sub(r"  # doctest:.*", "", example[0])}\n```'
