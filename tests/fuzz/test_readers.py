"""Readers of JSON, masks and config files on input from hypothesis: they give a result or a VisorVosError."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.builders import write_labels
from tests.visor_builders import box, entity, frame
from visorvos.cli.options import resolve
from visorvos.core.datasets.davis.object_names import read_mapping
from visorvos.core.datasets.visor.annotations import read_annotations
from visorvos.core.datasets.visor.submission import INFO, read_submission
from visorvos.core.io.masks import read_mask
from visorvos.errors import VisorVosError
from visorvos.settings.download_weights import DownloadWeightsSettings
from visorvos.settings.evaluate import EvaluateSettings
from visorvos.settings.predict import PredictSettings
from visorvos.settings.prepare import PrepareSettings

relaxed = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from([-1, 1e308, "..", "a/b"])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
VIDEO = {"video_annotations": [frame("P01_01", "seq_1", n, entity("cup", box(1, 1, 5, 5))) for n in (1, 2)]}
SUBMISSION = {
    "info": INFO,
    "video_annotations": [frame("P01_01", "seq_1", n, entity("cup", box(1, 1, 5, 5))) for n in (1, 2)],
}
MAPPING = {"P01_01_seq_1": {"1": "cup", "2": "knife"}}


@st.composite
def altered(draw: st.DrawFn, good: object) -> Any:
    """A valid value with some parts replaced, removed or repeated."""
    value = json.loads(json.dumps(good))
    for _ in range(draw(st.integers(1, 3))):
        target = value
        while True:
            keys = list(target) if isinstance(target, dict) else list(range(len(target)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(target[key], (dict, list)) and target[key] and draw(st.booleans()):
                target = target[key]
                continue
            how = draw(st.sampled_from(["replace", "remove", "repeat"]))
            if how == "replace":
                target[key] = draw(VALUES)
            elif how == "remove":
                del target[key]
            elif isinstance(target, list):
                target.append(target[key])
            break
    return value


def as_json(good: object) -> st.SearchStrategy[bytes]:
    """JSON that is almost valid, cut off, or arbitrary."""
    whole = altered(good).map(lambda value: json.dumps(value).encode())
    cut = st.tuples(whole, st.integers(0, 400)).map(lambda pair: pair[0][: pair[1]])
    return st.one_of(whole, cut, VALUES.map(lambda value: json.dumps(value).encode()), st.binary(max_size=60))


def ends_well(read: Callable[[], object], culprit: str) -> object:
    """The result, or None if the reader raised a short VisorVosError that names the culprit."""
    try:
        return read()
    except VisorVosError as error:
        raised = error
    assert culprit in raised.message
    assert len(raised.message) < 3000
    assert raised.remedy
    return None


@relaxed
@given(as_json(VIDEO), st.booleans())
def test_annotations(content: bytes, dense: bool) -> None:
    frames: Any = ends_well(lambda: read_annotations(content, "some.json", dense), "some.json")
    for entry in frames or ():
        assert "/" not in entry.sequence(dense) + entry.image.stem
        for polygon in (polygon for shown in entry.annotations for polygon in shown.polygons):
            assert polygon.dtype == np.int32
            assert np.abs(polygon).max(initial=0) <= 20_000


@relaxed
@given(as_json(SUBMISSION))
def test_submissions(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "val.json"
    path.write_bytes(content)
    read: Any = ends_well(lambda: read_submission(path), str(path))
    assert read is None or not any("/" in sequence for sequence in read.frames)


@relaxed
@given(as_json(MAPPING))
def test_mappings(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "names.json"
    path.write_bytes(content)
    names: Any = ends_well(lambda: read_mapping(path), str(path))
    for by_id in (names or {}).values():
        assert all(type(index) is int and type(name) is str for index, name in by_id.items())


def seed(kind: str) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray((np.arange(48, dtype=np.uint8) % 5).reshape(6, 8))
    image.convert({"WEBP": "RGB"}.get(kind, "L")).save(buffer, format=kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["palette", "PNG", "BMP", "WEBP"])
def test_masks(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "mask.png"
    if kind == "palette":
        whole = write_labels(path, (np.arange(48, dtype=np.uint8) % 5).reshape(6, 8)).read_bytes()
    else:
        whole = seed(kind)

    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), max_size=6), st.integers(1, 10**5))
    def damaged(changes: list[tuple[int, int]], length: int) -> None:
        content = bytearray(whole)
        for place, value in changes:
            content[place] = value
        path.write_bytes(content[:length])
        mask: Any = ends_well(lambda: read_mask(path), str(path))
        assert mask is None or (mask.labels.dtype == np.uint8 and mask.labels.ndim == 2)

    damaged()


@pytest.mark.parametrize("path", sorted((Path(__file__).parent / "found").iterdir()), ids=lambda path: path.name)
def test_what_the_fuzzer_found(path: Path) -> None:
    """Small files that took seconds and gigabytes: GIFs, which are no longer opened as masks."""
    assert ends_well(lambda: read_mask(path), str(path)) is None


NAMES = sorted(PredictSettings.model_fields | PrepareSettings.model_fields | EvaluateSettings.model_fields)
OPTIONS = st.dictionaries(st.one_of(st.sampled_from([*NAMES, "evry"]), st.text(max_size=5)), VALUES, max_size=4)
TEXTS = st.one_of(
    OPTIONS.map(lambda value: yaml.safe_dump(value).encode()),
    st.text(alphabet="ab:-[]{}&*!|>'\"#%@, \n\t1.~", max_size=60).map(str.encode),
    st.binary(max_size=60),
)


@relaxed
@given(TEXTS, st.sampled_from([PredictSettings, PrepareSettings, EvaluateSettings, DownloadWeightsSettings]))
def test_config_files(tmp_path: Path, content: bytes, model: Any) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    # A missing option is reported without the file: it could be given on the command line.
    read = ends_well(lambda: resolve(model, {}, path), "")
    assert read is None or type(read) is model
