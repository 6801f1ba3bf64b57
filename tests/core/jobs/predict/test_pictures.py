"""Pictures of a predicted clip as the options ask for them."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.builders import draw_clip, write_frames, write_labels
from tests.conftest import Run
from visorvos.core.io.frames import open_frames
from visorvos.core.io.video import write_video
from visorvos.core.report.colors import bright_palette

FRAMES, MASKS = draw_clip(3, 120, 200, seed=3)


@pytest.fixture
def clip(tmp_path: Path) -> list[object]:
    frames = write_frames(tmp_path / "P01_seq", FRAMES)
    mask = write_labels(tmp_path / "first.png", MASKS[0])
    return ["predict", frames, "--masks", mask, "--size", -1, "--output", tmp_path / "out"]


def test_a_sheet_shows_the_clip(run: Run, clip: list[object], weights: Path, tmp_path: Path) -> None:
    done = run(*clip, "--weights", weights, "--save", "sheet")
    assert done.code == 0, done.err
    with Image.open(tmp_path / "out" / "sheet.jpg") as sheet:
        assert sheet.width > 3 * 480
    assert not (tmp_path / "out" / "overlay").exists()


def test_overlays_have_the_colors_and_names_asked_for(
    run: Run, clip: list[object], weights: Path, tmp_path: Path
) -> None:
    names = tmp_path / "val_data_mapping.json"
    names.write_text(json.dumps({"P01_seq": {"1": "disc", "2": "square", "3": "triangle"}}))
    look = ["--colors", "bright", "--names", names, "--opacity", 1, "--no-outline"]
    done = run(*clip, "--weights", weights, "--save", "overlay", *look)
    assert done.code == 0, done.err
    drawn = np.array(Image.open(tmp_path / "out" / "overlay" / "00000.jpg")).astype(int)
    color = list(bright_palette({1: "disc", 2: "square", 3: "triangle"})[3:6])
    near = np.abs(drawn - color).sum(axis=2) < 100
    assert near[MASKS[0] == 1].mean() > 0.4
    assert near[MASKS[0] != 1].mean() < 0.05
    written = (drawn[MASKS[0] == 1] > 230).all(axis=1)
    assert written.any()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"other": {"1": "disc"}}', "has no sequence P01_seq"),
        ("[1]", "must be an object"),
        ('{"one": "disc"}', "must be an object"),
        ("{", "cannot be read"),
    ],
)
def test_names_that_do_not_fit_are_refused_before_the_work(
    run: Run, clip: list[object], weights: Path, tmp_path: Path, content: str, sentence: str
) -> None:
    (tmp_path / "n.json").write_text(content)
    done = run(*clip, "--weights", weights, "--names", tmp_path / "n.json")
    assert done.code == 1
    assert sentence in done.err
    assert not (tmp_path / "out").exists()


def test_names_are_found_for_a_folder_whose_name_has_a_dot(run: Run, weights: Path, tmp_path: Path) -> None:
    frames = write_frames(tmp_path / "clip.v2", FRAMES)
    mask = write_labels(tmp_path / "first.png", MASKS[0])
    (tmp_path / "n.json").write_text(json.dumps({"clip.v2": {"1": "disc"}}))
    done = run("predict", frames, "--masks", mask, "--weights", weights, "--size", -1,
               "--output", tmp_path / "out", "--names", tmp_path / "n.json")  # fmt: skip
    assert done.code == 0, done.err


def test_frames_are_picked_alike_from_folders_and_videos(tmp_path: Path) -> None:
    write_frames(tmp_path / "f", FRAMES)
    with write_video(tmp_path / "v.mp4", Fraction(24), Fraction(1, 24), Fraction(1)) as write:
        for number, frame in enumerate(FRAMES):
            write(frame, (number, number + 1))
    for source in (open_frames(tmp_path / "f"), open_frames(tmp_path / "v.mp4")):
        whole = list(source.read())
        for picked, number in zip(source.pick([2, 0]), (0, 2), strict=True):
            np.testing.assert_array_equal(picked, whole[number])
