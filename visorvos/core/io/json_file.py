"""JSON that is checked against a form."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, TypeAdapter, ValidationError

from visorvos.core.io.paths import is_safe_name
from visorvos.errors import VisorVosError

T = TypeVar("T")
_KINDS = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "dictionary": "an object",
    "array": "a list",
    "list": "a list",
    "boolean": "true or false",
}
"""Pydantic's words for JSON's values, and ours."""


def _safe(name: str) -> str:
    if not is_safe_name(name):
        raise ValueError(f"{name!r} cannot be the name of a file or folder")
    return name


Name = Annotated[str, AfterValidator(_safe)]
"""A name that becomes one level of a path."""


def parse_json(content: bytes, form: TypeAdapter[T], source: object, remedy: str) -> T:
    """Reads JSON of a known form.

    Args:
        content: the bytes.
        form: what they must hold.
        source: name of the file, for the error.
        remedy: what to do if it holds something else.

    Raises:
        VisorVosError: that names the first value that is wrong, and its frame if it is a frame's.
    """
    try:
        return form.validate_json(content)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        words = fault["msg"].removeprefix("Value error, ").replace("Input should", "must").partition(", unable")[0]
        words = re.sub(r"a valid (\w+)", lambda found: _KINDS.get(found[1], found[0]), words)
        if fault["type"] == "json_invalid":
            raise VisorVosError(f"{source} cannot be read: it is not JSON.", remedy) from error
        what = "is missing" if fault["type"] == "missing" else f"{words}, got {str(fault['input'])[:60]}"
        more = f"; and {error.error_count() - 1} more" if error.error_count() > 1 else ""
        raise VisorVosError(f"{source}: {_place(content, fault['loc'])} {what}{more}.", remedy) from error


def _place(content: bytes, path: tuple[int | str, ...]) -> str:
    """Where a value stands: its frame by name, if it is in the list of frames of a file of VISOR."""
    try:
        frame: Any = json.loads(content)["video_annotations"][path[1]]["image"]["name"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return ".".join(str(level)[:80] for level in path if level != "[key]") or "the file"
    return f"frame {frame}, {'.'.join(map(str, path[2:]))}"
