"""finetune, evaluate and preview read every layout without preparing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.builders import read_labels
from tests.conftest import Run
from tests.layouts import write_sequences, write_youtube
from tests.training_runs import arguments
from visorvos.core.datasets.davis.layout import find_splits, open_split

pytestmark = pytest.mark.usefixtures("no_plot")


def davis_2017(root: Path) -> list[object]:
    write_sequences(root, ["bear", "bus"], level="480p")
    for split, name in (("train", "bear"), ("val", "bus")):
        path = root / "ImageSets" / "2017" / f"{split}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return []


def davis_2016(root: Path) -> list[object]:
    for level in ("480p", "1080p"):
        write_sequences(root, ["bear"], level=level)
        for split in ("train", "val"):
            lines = [f"/JPEGImages/{level}/bear/0000{n}.jpg /Annotations/{level}/bear/0000{n}.png" for n in range(3)]
            path = root / "ImageSets" / level / f"{split}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(lines))
    return ["--resolution", "1080p"]


def youtube_vos(root: Path) -> list[object]:
    write_youtube(root, "train")
    write_youtube(root, "val")
    return []


def youtube_vos_without_frames_between(root: Path) -> list[object]:
    write_youtube(root, "train", between=False)
    write_youtube(root, "val", between=False)
    return []


def mose(root: Path) -> list[object]:
    for split in ("train", "val"):
        write_sequences(root / split, ["0a"])
    return []


def lvos(root: Path) -> list[object]:
    for split in ("train", "val"):
        write_sequences(root / split, ["0a"])
        objects = {"1": {"category": "cat", "frame_range": {"start": "0", "end": "2"}}, "2": {"frame_range": {}}}
        (root / split / f"{split}_meta.json").write_text(json.dumps({"videos": {"0a": {"objects": objects}}}))
    return []


def plain(root: Path) -> list[object]:
    write_sequences(root, ["clip"])
    return []


LAYOUTS = [davis_2017, davis_2016, youtube_vos, youtube_vos_without_frames_between, mose, lvos, plain]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_a_layout_is_trained_on_evaluated_and_shown(
    run: Run, weights: Path, tmp_path: Path, layout: Callable[[Path], list[object]]
) -> None:
    data = tmp_path / "data"
    options = layout(data)
    small = {"iterations": 2, "evaluate_every": 2, "log_every": 2, "save_every": 2}
    done = run(*arguments(data, tmp_path / "run", weights, *options, **small))
    assert done.code == 0, done.err
    assert ("have no mask" in done.err) == (layout is youtube_vos)
    # Without a split to validate on, there is no best network.
    assert (tmp_path / "run" / "best.safetensors").is_file() == bool(find_splits(data))
    given = ["--data", data, "--split", "val", *options]
    done = run("evaluate", *given, "--weights", weights, "--output", tmp_path / "scores", "--device", "cpu", "--json")
    assert done.code == 0, done.err
    scores = json.loads(done.out)
    split = open_split(data, "val", options[1] if options else None)  # type: ignore[arg-type]
    assert [item["sequence"] for item in scores["sequences"]] == sorted(split.sequences)
    for name in split.sequences:
        video = split.sequence(name)
        assert sorted(path.stem for path in (tmp_path / "scores" / name).iterdir()) == [p.stem for p in video.frames]
    done = run("preview", *given, "--output", tmp_path / "sheet.png", "--frames", 3, "--width", 160)
    assert done.code == 0, done.err


def test_objects_that_enter_late_are_given_and_scored_from_their_first_mask_on(
    run: Run, weights: Path, tmp_path: Path
) -> None:
    data = write_youtube(tmp_path / "data", "valid")
    command = ["evaluate", "--data", data, "--split", "valid", "--weights", weights, "--device", "cpu"]
    done = run(*command, "--output", tmp_path / "out", "--json")
    assert done.code == 0, done.err
    message = " ".join(done.err.split())
    assert "16 of 22 frames have no mask" in message
    assert "objects that enter later count from the frame after their first mask" in message
    first, late = json.loads(done.out)["sequences"][0]["objects"]
    assert [frame["frame"] for frame in first["frames"]] == ["00005", "00010"]
    assert [frame["frame"] for frame in late["frames"]] == ["00010"]
    assert late["name"] == "sedan"
    # The late object is where its first mask says, and nowhere before.
    masks = [read_labels(tmp_path / "out" / "0a" / f"{number:05d}.png") for number in range(11)]
    given = read_labels(data / "valid" / "Annotations" / "0a" / "00005.png")
    np.testing.assert_array_equal(masks[5] == 2, given == 2)
    assert not any((mask == 2).any() for mask in masks[:5])


def test_frames_before_the_first_mask_are_empty(run: Run, weights: Path, tmp_path: Path) -> None:
    data = write_sequences(tmp_path / "data", ["clip"], frames=5)
    for number in (0, 3):
        (data / "Annotations" / "clip" / f"{number:05d}.png").unlink()
    done = run(
        "evaluate", "--data", data, "--weights", weights, "--output", tmp_path / "out", "--device", "cpu", "--json"
    )
    assert done.code == 0, done.err
    assert "2 of 5 frames have no mask" in done.err
    assert "has no ImageSets: all 1 sequences are used" in " ".join(done.err.split())
    masks = [read_labels(tmp_path / "out" / "clip" / f"{number:05d}.png") for number in range(5)]
    assert not masks[0].any()
    np.testing.assert_array_equal(masks[1], read_labels(data / "Annotations" / "clip" / "00001.png"))
    scored = [frame["frame"] for frame in json.loads(done.out)["sequences"][0]["objects"][0]["frames"]]
    assert scored == ["00002", "00004"]


@pytest.mark.parametrize("masks", ["valid", "valid/Annotations"])
def test_predict_on_youtube_vos_gives_the_folder_for_its_server(
    run: Run, weights: Path, tmp_path: Path, masks: str
) -> None:
    data = write_youtube(tmp_path / "data", "valid", between=False)
    given = ["--masks", data / masks, "--weights", weights, "--output", tmp_path / "out", "--device", "cpu"]
    done = run("predict", data / "valid", *given)
    assert done.code == 0, done.err
    assert "zip -r submission.zip Annotations" in " ".join(done.err.split())
    found = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.png")}
    assert found == {f"Annotations/{name}/{number:05d}.png" for name in ("0a", "1b") for number in (0, 5, 10)}
    assert 2 not in read_labels(tmp_path / "out" / "Annotations" / "0a" / "00000.png")
    assert 2 in read_labels(tmp_path / "out" / "Annotations" / "0a" / "00005.png")
    shutil.rmtree(data / "valid" / "JPEGImages" / "1b")
    again = run("predict", data / "valid", *given, "--resume")
    assert again.code == 0, again.err
    assert f"{tmp_path / 'out' / 'Annotations'} also holds masks of other sequences: 1b." in again.err
