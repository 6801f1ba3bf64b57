"""Fuzzes the readers of checkpoints and masks with atheris, a coverage-guided fuzzer.

Run manually for a limited time (``pip install atheris`` first)::

    python -m tests.fuzz.readers checkpoint --seconds 600
    python -m tests.fuzz.readers mask --seconds 600

Every input must give weights, a mask or a VisorVosError. Any other exception, a crash of the interpreter, more than a
minute or more than 4 GB ends the run, and the input is written to ``crash-*`` in the current folder.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["PIL", "zipfile"]):
    import zipfile

    import PIL.Image
    import PIL.PngImagePlugin

import numpy as np
import torch
from safetensors.torch import save
from torch._weights_only_unpickler import Unpickler

with atheris.instrument_imports(include=["visorvos"]):
    from visorvos.core.io.masks import read_mask
    from visorvos.core.io.palettes import DAVIS_PALETTE
    from visorvos.core.weights.checkpoints import read_checkpoint
    from visorvos.errors import VisorVosError

Unpickler.load = atheris.instrument_func(Unpickler.load)

TENSORS = {"module.Encoder_Q.conv1.weight": torch.ones(2, 3), "module.Decoder.pred2.bias": torch.zeros(2)}


def saved(zipped: bool) -> bytes:
    buffer = io.BytesIO()
    torch.save(TENSORS, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def in_zip(pickle: bytes) -> bytes:
    """A pickle in an otherwise valid checkpoint. Without it, the checksums of the zip reject most changes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved(zipped=True))) as whole, zipfile.ZipFile(buffer, "w") as archive:
        for name in whole.namelist():
            archive.writestr(name, pickle if name.endswith("data.pkl") else whole.read(name))
    return buffer.getvalue()


def with_header(header: bytes) -> bytes:
    """A safetensors header with its correct length."""
    return len(header).to_bytes(8, "little") + header + bytes(64)


FORMS: Sequence[tuple[str, Callable[[bytes], bytes]]] = (
    ("a.pth", bytes),
    ("a.pth", in_zip),
    ("a.safetensors", bytes),
    ("a.safetensors", with_header),
)
"""The first byte of an input selects the form of the rest."""


def checkpoint_seeds() -> list[bytes]:
    with zipfile.ZipFile(io.BytesIO(saved(zipped=True))) as whole:
        pickle = whole.read(next(name for name in whole.namelist() if name.endswith("data.pkl")))
    tensor = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
    header = json.dumps({"query_encoder.stem.weight": tensor, "__metadata__": {"backbone": "resnet18"}}).encode()
    return [
        b"\0" + saved(zipped=True),
        b"\0" + saved(zipped=False),
        b"\1" + pickle,
        b"\2" + save(TENSORS),
        b"\3" + header,
    ]


def mask_seeds() -> list[bytes]:
    labels = (np.arange(48, dtype=np.uint8) % 5).reshape(6, 8)
    seeds = []
    for mode, kind in (
        ("P", "PNG"),
        ("L", "PNG"),
        ("1", "PNG"),
        ("P", "BMP"),
        ("P", "GIF"),
        ("L", "TIFF"),
        ("RGB", "WEBP"),
    ):
        image = PIL.Image.fromarray(labels)
        if mode == "P":
            image.putpalette(DAVIS_PALETTE)
        else:
            image = image.convert(mode)
        buffer = io.BytesIO()
        image.save(buffer, format=kind)
        seeds.append(buffer.getvalue())
    return seeds


def read_checkpoint(data: bytes, folder: Path) -> None:
    name, form = FORMS[data[0] % len(FORMS)] if data else FORMS[0]
    path = folder / name
    path.write_bytes(form(data[1:]))
    outcome(read_checkpoint, path)


def read_one_mask(data: bytes, folder: Path) -> None:
    path = folder / "mask.png"
    path.write_bytes(data)
    mask = outcome(read_mask, path)
    if mask is not None:
        assert mask.labels.dtype == np.uint8
        assert mask.labels.ndim == 2
        assert mask.palette is None or len(mask.palette) == 768


def outcome(read: Callable[[Path], Any], path: Path) -> Any:
    """The result, or None if the reader raised an error of one line that names the file."""
    try:
        return read(path)
    except VisorVosError as error:
        message = error.message
    assert str(path) in message
    assert "\n" not in message
    return None


TARGETS = {"checkpoint": (read_checkpoint, checkpoint_seeds), "mask": (read_one_mask, mask_seeds)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=600)
    arguments = parser.parse_args()
    read, seeds = TARGETS[arguments.target]
    with tempfile.TemporaryDirectory() as name:
        folder, corpus = Path(name), Path(name, "corpus")
        corpus.mkdir()
        for number, seed in enumerate(seeds()):
            (corpus / str(number)).write_bytes(seed)
        limits = [f"-max_total_time={arguments.seconds}", "-timeout=60", "-rss_limit_mb=4096", "-max_len=8192"]
        atheris.Setup([sys.argv[0], *limits, str(corpus)], lambda data: read(data, folder))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
