from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from tests.builders import draw_clip, read_labels, write_frames, write_labels
from tests.conftest import Run
from visorvos import STM, segment_video
from visorvos.core.inference import load_network as network_job
from visorvos.core.io.palettes import DAVIS_PALETTE
from visorvos.core.jobs.predict import video as predict_video
from visorvos.core.network.for_inference import for_inference

Array = np.ndarray[Any, Any]
FRAMES, MASKS = draw_clip(6, 48, 64, seed=3)


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    return write_frames(tmp_path / "frames", FRAMES)


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    return write_labels(tmp_path / "first.png", MASKS[0])


@pytest.fixture(scope="module")
def expected(ready_stm: STM) -> list[Array]:
    return list(segment_video(ready_stm, FRAMES, MASKS[0]))


def written(output: Path) -> list[Array]:
    return [read_labels(path) for path in sorted(output.glob("*.png"))]


def test_a_folder_of_frames_gives_palette_masks_of_the_same_names(
    run: Run, frames: Path, mask: Path, weights: Path, tmp_path: Path, expected: list[Array]
) -> None:
    output = tmp_path / "out"
    done = run("predict", frames, "--masks", mask, "--weights", weights, "--output", output, "--size", -1, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["objects"] == [1, 2, 3]
    assert sorted(path.name for path in output.glob("*.png")) == [f"{number:05d}.png" for number in range(6)]
    np.testing.assert_array_equal(written(output), expected)
    assert Image.open(output / "00003.png").getpalette() == list(DAVIS_PALETTE)
    assert yaml.safe_load((output / "settings.yaml").read_text())["mem_every"] == 5


def test_the_written_settings_repeat_the_run(
    run: Run, frames: Path, mask: Path, weights: Path, tmp_path: Path, expected: list[Array]
) -> None:
    output = tmp_path / "out"
    run("predict", frames, "--masks", mask, "--weights", weights, "--output", output, "--size", -1)
    done = run("predict", "--config", output / "settings.yaml", "--output", tmp_path / "again")
    assert done.code == 0, done.err
    np.testing.assert_array_equal(written(tmp_path / "again"), expected)


def test_flip_and_scales_reach_the_network(
    run: Run, ready_stm: STM, frames: Path, mask: Path, weights: Path, tmp_path: Path
) -> None:
    views = ["--flip", "--scales", "1.0,0.5", "--size", -1]
    done = run("predict", frames, "--masks", mask, "--weights", weights, "--output", tmp_path / "out", *views)
    assert done.code == 0, done.err
    expected = list(segment_video(ready_stm, FRAMES, MASKS[0], flip=True, scales=(1.0, 0.5)))
    np.testing.assert_array_equal(written(tmp_path / "out"), expected)
    refused = run("predict", frames, "--masks", mask, "--weights", weights, "--output", tmp_path / "x", "--scales", 0)
    assert refused.code == 2
    assert "--scales must be a number, more than 0, at most 8, got 0" in refused.err


def test_the_masks_palette_is_kept(run: Run, frames: Path, weights: Path, tmp_path: Path) -> None:
    palette = bytes(reversed(range(256))) * 3
    mask = write_labels(tmp_path / "first.png", MASKS[0], palette=palette)
    run("predict", frames, "--masks", mask, "--weights", weights, "--output", tmp_path / "out", "--size", -1)
    assert Image.open(tmp_path / "out" / "00002.png").getpalette() == list(palette)


@pytest.mark.parametrize("mode", ["ids", "white", "bilevel"])
def test_gray_and_black_and_white_masks(
    run: Run, ready_stm: STM, frames: Path, weights: Path, tmp_path: Path, mode: str
) -> None:
    first = MASKS[0] if mode == "ids" else (MASKS[0] == 2).astype(np.uint8)
    stored = {"ids": first, "white": first * 255, "bilevel": first.astype(bool)}[mode]
    mask = write_labels(tmp_path / "first.png", stored, mode="L")
    done = run("predict", frames, "--masks", mask, "--weights", weights, "--output", tmp_path / "out", "--size", -1)
    assert done.code == 0, done.err
    np.testing.assert_array_equal(written(tmp_path / "out"), list(segment_video(ready_stm, FRAMES, first)))
    assert Image.open(tmp_path / "out" / "00000.png").getpalette() == list(DAVIS_PALETTE)


def test_masks_at_later_frames_and_one_a_pixel_narrower(
    run: Run, ready_stm: STM, frames: Path, weights: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "masks"
    late = np.where(MASKS[3] == 3, 200, 0).astype(np.uint8)
    write_labels(folder / "00001.png", np.where(MASKS[1] == 1, 7, 0).astype(np.uint8))
    write_labels(folder / "00003.png", late[:, :-1])
    done = run("predict", frames, "--masks", folder, "--weights", weights, "--output", tmp_path / "out", "--size", -1)
    assert done.code == 0, done.err
    assert "earlier frames get empty masks" in done.err
    masks = written(tmp_path / "out")
    assert not masks[0].any()
    assert set(np.unique(masks[1])) == {0, 7}
    assert 200 in np.unique(masks[3])
    # Fitted to the frame, one column of the mask stands twice.
    wider = int((masks[3] == 200).sum()) - int((late[:, :-1] == 200).sum())
    assert 0 <= wider <= int((late == 200).any(axis=1).sum())


def test_frames_come_in_natural_order(
    run: Run, mask: Path, weights: Path, tmp_path: Path, expected: list[Array]
) -> None:
    folder = tmp_path / "named"
    folder.mkdir()
    names = ["f1", "f2", "f9", "f10", "f11", "f100"]
    for name, frame in zip(names, FRAMES, strict=True):
        Image.fromarray(frame).save(folder / f"{name}.PNG")
    (folder / "notes.txt").write_text("not a frame")
    (folder / ".f3.png").write_text("hidden")
    run("predict", folder, "--masks", mask, "--weights", weights, "--output", tmp_path / "out", "--size", -1)
    np.testing.assert_array_equal([read_labels(tmp_path / "out" / f"{name}.png") for name in names], expected)


def write_video(path: Path, frames: list[Array], codec: str, pixels: str) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(12))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixels
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def test_a_video_file_gives_what_its_frames_give(
    run: Run, mask: Path, weights: Path, tmp_path: Path, expected: list[Array]
) -> None:
    video = write_video(tmp_path / "v.mkv", FRAMES, "ffv1", "bgr0")
    for memory in ("every", "visor"):
        output = tmp_path / memory
        done = run(
            "predict",
            video,
            "--masks",
            mask,
            "--weights",
            weights,
            "--output",
            output,
            "--size",
            -1,
            "--memory",
            memory,
        )
        assert done.code == 0, done.err
        assert len(written(output)) == len(FRAMES)
    np.testing.assert_array_equal(written(tmp_path / "every"), expected)


def test_the_overlay_video_plays_in_a_browser(run: Run, weights: Path, tmp_path: Path) -> None:
    # Large enough for the loss of compression along borders to be a small part.
    drawn, labels = draw_clip(6, 64, 90, seed=3)
    frames = write_frames(tmp_path / "odd", [frame[:-1, :-1] for frame in drawn])
    mask = write_labels(tmp_path / "first.png", labels[0])
    output = tmp_path / "out"
    run(
        "predict",
        frames,
        "--masks",
        mask,
        "--weights",
        weights,
        "--output",
        output,
        "--size",
        -1,
        "--save",
        "video",
        "--save",
        "overlay",
    )
    with av.open(str(output / "overlay.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width % 2, stream.height % 2) == (0, 0)
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(decoded) == len(FRAMES)
    overlay = np.array(Image.open(output / "overlay" / "00000.jpg")).astype(int)
    shape = overlay.shape[:2]
    assert np.abs(decoded[0][: shape[0], : shape[1]] - overlay).mean() < 6
    # The head of the file says where all is: a browser need not have the whole of it to begin.
    assert (output / "overlay.mp4").read_bytes().index(b"moov") < (output / "overlay.mp4").read_bytes().index(b"mdat")


def test_frames_are_segmented_at_a_size_and_masks_come_at_the_frames(
    run: Run, ready_stm: STM, frames: Path, mask: Path, weights: Path, tmp_path: Path
) -> None:
    run("predict", frames, "--masks", mask, "--weights", weights, "--output", tmp_path / "out", "--size", 32)
    masks = written(tmp_path / "out")
    assert {mask.shape for mask in masks} == {(48, 64)}
    np.testing.assert_array_equal(masks, list(segment_video(ready_stm, FRAMES, MASKS[0], size=32)))


@pytest.mark.parametrize("option", [[], ["--track-255"]])
def test_255_marks_borders_unless_it_is_alone_or_asked_for(
    run: Run, frames: Path, weights: Path, tmp_path: Path, option: list[str]
) -> None:
    folder = tmp_path / "masks"
    for number, shown in ((0, {1: 1, 2: 255}), (2, {1: 255})):
        labels = sum((MASKS[number] == old) * np.uint8(new) for old, new in shown.items())
        write_labels(folder / f"{number:05d}.png", labels)
    common = ["--weights", weights, "--size", -1, "--json", *option]
    done = run("predict", frames, "--masks", folder, "--output", tmp_path / "out", *common)
    assert done.code == 0, done.err
    assert json.loads(done.out)["objects"] == ([1, 255] if option else [1])
    assert ("--track-255 if they do" in done.err) == (not option)
    shown = {int(index) for mask in written(tmp_path / "out") for index in np.unique(mask)}
    assert shown == ({0, 1, 255} if option else {0, 1})
    alone = write_labels(tmp_path / "alone.png", (MASKS[0] == 1) * np.uint8(255))
    run("predict", frames, "--masks", alone, "--weights", weights, "--output", tmp_path / "one", "--size", -1)
    assert set(np.unique(written(tmp_path / "one")[0])) == {0, 255}


def test_what_a_killed_run_left_is_removed_and_nothing_else(
    run: Run, frames: Path, mask: Path, weights: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out :car: [red]"
    strange = [output / ".thesis.zip.part", output / "other" / ".00000.png.part", output / "notes.png"]
    for path in (output / ".00009.png.part", output / "overlay" / ".00001.jpg.part", *strange):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
    done = run("predict", frames, "--masks", mask, "--weights", weights, "--output", output, "--size", -1)
    assert sorted(path for path in output.rglob("*") if path.is_file() and path.read_bytes() == b"half") == sorted(
        strange
    )
    assert str(output) in done.out
    assert "also holds 1 file such as notes.png, of no frame" in done.err


class Stop(KeyboardInterrupt):
    pass


def interrupted(run: Run, monkeypatch: pytest.MonkeyPatch, after: int, *arguments: object) -> None:
    """Runs predict and interrupts it while it writes the mask of frame ``after``."""
    count: Iterator[int] = iter(range(1000))
    write = predict_video.write_mask

    def failing(*given: Any, **named: Any) -> None:
        if next(count) == after:
            raise Stop
        write(*given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(predict_video, "write_mask", failing)
        patch.setattr(predict_video, "SECONDS_BETWEEN_STATES", -1.0)
        stopped = run(*arguments)
        assert (stopped.code, stopped.err.splitlines()[-1]) == (130, "Stopped by Ctrl-C.")


@pytest.mark.parametrize("save", [[], ["--save", "overlay", "--save", "video"]])
@pytest.mark.parametrize("after", [1, 4])
def test_an_interrupted_run_is_resumed_to_the_same_masks(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    frames: Path,
    mask: Path,
    weights: Path,
    tmp_path: Path,
    expected: list[Array],
    save: list[str],
    after: int,
) -> None:
    output = tmp_path / "out"
    command = ["predict", frames, "--masks", mask, "--weights", weights, "--output", output, "--size", -1, *save]
    interrupted(run, monkeypatch, after, *command)
    assert len(list(output.glob("*.png"))) == after
    done = run(*command, "--resume", "--json")
    assert done.code == 0, done.err
    assert f"Resuming after {after} frame" in done.err
    assert json.loads(done.out)["segmented"] == 6 - after
    np.testing.assert_array_equal(written(output), expected)
    assert len(list(output.glob("overlay/*.jpg"))) == (6 if save else 0)
    again = run(*command, "--resume", "--json")
    assert json.loads(again.out)["segmented"] == 0
    assert "Nothing to do: all were there already." in run(*command, "--resume").out
    np.testing.assert_array_equal(written(output), expected)


@pytest.mark.parametrize("change", ["option", "mask", "frame", "output", "precision"])
def test_a_run_with_other_inputs_starts_over_and_says_so(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    ready_stm: STM,
    small_stm: STM,
    frames: Path,
    mask: Path,
    weights: Path,
    tmp_path: Path,
    change: str,
) -> None:
    output = tmp_path / "out"
    command = ["predict", frames, "--masks", mask, "--weights", weights, "--output", output, "--size", -1]
    interrupted(run, monkeypatch, 4, *command)
    network, seen, first, every = ready_stm, list(FRAMES), MASKS[0], 5
    if change == "option":
        every = 2
    elif change == "mask":
        first = np.where(first == 2, 0, first).astype(np.uint8)
        write_labels(mask, first)
    elif change == "precision":
        # The same word, auto, means another precision on another machine.
        monkeypatch.setattr(network_job, "choose_precision", lambda *_: torch.bfloat16)
        network = for_inference(copy.deepcopy(small_stm), torch.device("cpu"), torch.bfloat16)
    elif change == "frame":
        seen[1] = 255 - seen[1]
        Image.fromarray(seen[1]).save(frames / "00001.png")
    else:
        (output / "00002.png").unlink()
    if change != "output":
        before = {path: path.read_bytes() for path in output.iterdir()}
        refused = run(*command, "--resume", "--mem-every", every)
        assert refused.code == 1
        assert "cannot be resumed" in refused.err
        assert "--overwrite" in refused.err
        assert {path: path.read_bytes() for path in output.iterdir()} == before
        command.append("--overwrite")
    done = run(*command, "--resume", "--mem-every", every)
    assert "Starting from the first frame" in done.err
    np.testing.assert_array_equal(written(output), list(segment_video(network, seen, first, every=every)))
