"""Self-contained web pages: one file, no network access."""

from __future__ import annotations

import base64
from functools import cache

import cv2
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray


def render(template: str, **values: object) -> str:
    """Renders a template of this package; all values are escaped.

    Args:
        template: file name, such as "evaluation.html".
        values: variables of the template.
    """
    return _environment().get_template(template).render(**values)


def data_uri(picture: NDArray[np.uint8], quality: int = 80) -> str:
    """A picture, uint8 (H, W, 3) RGB, as a JPEG data URI."""
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_JPEG_QUALITY, quality))
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg.tobytes()).decode()}"


def object_title(object_id: int, name: str | None) -> str:
    """Id and name of an object. Isolates keep a right-to-left name from reordering the id."""
    return f"{object_id} \u2068{name}\u2069" if name else str(object_id)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("visorvos.core.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = lambda score: f"{100 * score:z.1f}".replace("-", "−")  # noqa: RUF001 - a minus
    environment.filters["signed"] = lambda score: f"{100 * score:+z.1f}".replace("-", "−")  # noqa: RUF001 - a minus
    environment.filters["share"] = lambda share: f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"
    environment.filters["object"] = lambda item: object_title(item.object_id, item.name)
    environment.filters["number"] = lambda count: f"{count:,}"
    return environment
