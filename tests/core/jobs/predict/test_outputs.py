"""Which masks count as given or done, and what an interrupted, second or later run finds in the output folder."""

from __future__ import annotations

import json
import os
import signal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.builders import draw_clip, read_labels, write_frames, write_labels
from tests.conftest import Run
from visorvos import STM, segment_video
from visorvos.core.inference.load_network import Network
from visorvos.core.inference.segmenter import Segmenter
from visorvos.core.io.lock import lock_folder
from visorvos.core.io.video import FrameVideo, write_video
from visorvos.core.jobs import predict as job

Array = np.ndarray[Any, Any]
FRAMES, MASKS = draw_clip(6, 64, 90, seed=3)


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    return write_frames(tmp_path / "frames", FRAMES)


@pytest.fixture(scope="module")
def expected(ready_stm: STM) -> list[Array]:
    return list(segment_video(ready_stm, FRAMES, MASKS[0]))


@pytest.fixture
def command(frames: Path, weights: Path, tmp_path: Path) -> list[object]:
    mask = write_labels(tmp_path / "first.png", MASKS[0])
    return ["predict", frames, "--masks", mask, "--weights", weights, "--output", tmp_path / "out", "--size", -1]


def written(output: Path) -> list[Array]:
    return [read_labels(path) for path in sorted(output.glob("*.png"))]


@pytest.mark.parametrize("content", [b"", None])
def test_an_empty_or_truncated_mask_is_not_done(
    run: Run, command: list[object], tmp_path: Path, expected: list[Array], content: bytes | None
) -> None:
    assert run(*command).code == 0
    broken = tmp_path / "out" / "00003.png"
    broken.write_bytes(broken.read_bytes()[:-20] if content is None else content)
    done = run(*command, "--resume")
    assert done.code == 0, done.err
    assert "00003.png is missing or incomplete" in done.err
    np.testing.assert_array_equal(written(tmp_path / "out"), expected)


def test_output_of_another_run_is_named_and_not_overwritten_unasked(
    run: Run, command: list[object], tmp_path: Path, expected: list[Array]
) -> None:
    output = tmp_path / "out"
    long = write_frames(tmp_path / "long", [*FRAMES, *FRAMES[::-1]])
    assert run("predict", long, *command[2:], "--save", "overlay").code == 0
    before = {path: path.read_bytes() for path in output.rglob("*.*g")}
    refused = run(*command)
    assert refused.code == 1
    assert f"{output} already holds 24 files such as 00000.png" in refused.err
    assert "--overwrite" in refused.err
    assert {path: path.read_bytes() for path in output.rglob("*.*g")} == before
    done = run(*command, "--overwrite")
    assert done.code == 0, done.err
    assert f"Removing 24 files such as 00000.png of an earlier run from {output}." in done.err
    np.testing.assert_array_equal(written(output), expected)
    assert not list(output.glob("overlay/*"))


def test_only_what_a_run_wrote_is_removed(run: Run, command: list[object], frames: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    assert run(*command, "--save", "overlay").code == 0
    mine = [output / name for name in ("figure.png", "notes.txt", "overlay/thumb.jpg", "overlay/00000.txt")]
    for path in mine:
        path.write_bytes(b"mine")
    other = write_frames(tmp_path / "other", [frame[::-1] for frame in FRAMES[:2]], ".bmp")
    (other / "00000.bmp").rename(other / "a.bmp")
    (other / "00001.bmp").rename(other / "b.bmp")
    done = run("predict", other, *command[2:], "--overwrite")
    assert done.code == 0, done.err
    assert "also holds 1 file such as figure.png, of no frame" in done.err
    assert [path.read_bytes() for path in mine] == [b"mine"] * 4
    assert sorted(path.name for path in output.rglob("*.*") if path not in mine and path.name[0] != ".") == [
        "a.png",
        "b.png",
        "settings.yaml",
    ]


def test_frames_of_an_overlay_folder_are_never_removed(run: Run, command: list[object], tmp_path: Path) -> None:
    inside = write_frames(tmp_path / "out" / "overlay", FRAMES, ".jpg")
    before = {path: path.read_bytes() for path in inside.iterdir()}
    refused = run("predict", inside, *command[2:], "--overwrite")
    assert refused.code == 1
    assert "would be overwritten, and it is the input" in refused.err
    assert {path: path.read_bytes() for path in inside.iterdir()} == before


def write_clip(path: Path, frames: list[Array]) -> Path:
    with write_video(path, Fraction(24), Fraction(1, 24), Fraction(1)) as write:
        for number, frame in enumerate(frames):
            write(frame, (number, number + 1))
    return path


def test_of_a_video_too_only_what_a_run_wrote_is_removed(run: Run, command: list[object], tmp_path: Path) -> None:
    """Names of numbers, which could be frames of a longer video, and overlays where no run has drawn any."""
    output = tmp_path / "out"
    mine = [output / name for name in ("20261128.png", "00012.png", "sheet.jpg", "overlay.mp4", "overlay/00000.jpg")]
    (output / "overlay").mkdir(parents=True)
    for path in mine:
        path.write_bytes(b"mine")
    long, short = (write_clip(tmp_path / f"{count}.mp4", FRAMES[:count]) for count in (6, 4))
    first = run("predict", long, *command[2:], "--overwrite")
    assert first.code == 0, first.err
    assert "also holds 2 files such as 00012.png, of no frame" in first.err
    assert [path.read_bytes() for path in mine] == [b"mine"] * 5
    second = run("predict", short, *command[2:], "--overwrite")
    assert second.code == 0, second.err
    assert [path.read_bytes() for path in mine[:2]] == [b"mine"] * 2
    assert len(list(output.glob("*.png"))) == 4 + 2


def test_frames_behind_a_linked_overlay_folder_are_never_removed(
    run: Run, command: list[object], tmp_path: Path
) -> None:
    frames = write_frames(tmp_path / "elsewhere", FRAMES, ".jpg")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "overlay").symlink_to(frames)
    refused = run("predict", frames, *command[2:], "--overwrite", "--save", "overlay")
    assert refused.code == 1
    assert "would be overwritten, and it is the input" in refused.err
    assert len(list(frames.iterdir())) == 6


def test_masks_that_appear_while_the_network_is_loaded_are_not_overwritten(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: list[object], tmp_path: Path
) -> None:
    """As from another process that began and ended meanwhile."""
    load = job.load_network

    def meanwhile(*given: Any) -> Network:
        write_labels(tmp_path / "out" / "00000.png", MASKS[0])
        return load(*given)

    monkeypatch.setattr(job, "load_network", meanwhile)
    refused = run(*command)
    assert refused.code == 1
    assert f"{tmp_path / 'out'} already holds 1 file such as 00000.png." in refused.err


def test_a_state_of_the_version_without_views_is_resumed(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: list[object], tmp_path: Path, expected: list[Array]
) -> None:
    step = Segmenter.step

    def stopping(self: Segmenter, *given: Any, **named: Any) -> Array:
        if self.frames_seen == 2:
            signal.raise_signal(signal.SIGINT)
        return step(self, *given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Segmenter, "step", stopping)
        assert run(*command).code == 1
    state = torch.load(tmp_path / "out" / ".predict.pt", weights_only=True)
    del state["names"]
    segmenter = {name.replace("0.0.", "0."): tensor for name, tensor in state["segmenter"].items()}
    assert "0.keys" in segmenter
    state["segmenter"] = segmenter
    for added in ("flip", "scales"):
        del state["made_from"]["options"][added]
    torch.save(state, tmp_path / "out" / ".predict.pt")
    done = run(*command, "--resume")
    assert done.code == 0, done.err
    assert "Resuming after 3 frames" in done.err
    np.testing.assert_array_equal(written(tmp_path / "out"), expected)


def test_a_run_killed_before_its_first_mask_is_resumed(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: list[object], tmp_path: Path, expected: list[Array]
) -> None:
    """As after SIGKILL: nothing runs that could save a state."""

    class Killed(BaseException):
        pass

    def killed(self: Segmenter, *given: Any, **named: Any) -> Array:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Segmenter, "step", killed)
        with pytest.raises(Killed):
            run(*command)
    write_labels(tmp_path / "out" / "00000.png", MASKS[0])
    done = run(*command, "--resume")
    assert done.code == 0, done.err
    assert "Starting from the first frame: the interrupted run saved none." in done.err
    np.testing.assert_array_equal(written(tmp_path / "out"), expected)


def test_objects_may_enter_after_an_empty_mask(run: Run, ready_stm: STM, command: list[object], tmp_path: Path) -> None:
    folder = tmp_path / "given"
    write_labels(folder / "00000.png", MASKS[0] * 0)
    write_labels(folder / "00002.png", MASKS[2])
    command[3] = folder
    done = run(*command)
    assert done.code == 0, done.err
    assert "The first object is in the mask of frame 00002: earlier frames get empty masks." in done.err
    expected = segment_video(ready_stm, FRAMES, MASKS[0] * 0, masks={2: MASKS[2]})
    np.testing.assert_array_equal(written(tmp_path / "out"), list(expected))
    write_labels(folder / "00002.png", MASKS[2] * 0)
    refused = run(*command, "--overwrite")
    assert refused.code == 1
    assert f"None of the 2 masks in {folder} shows an object: all their pixels are 0." in refused.err


def test_one_mask_named_after_a_frame_belongs_to_it(
    run: Run, ready_stm: STM, command: list[object], tmp_path: Path
) -> None:
    command[3] = write_labels(tmp_path / "elsewhere" / "00003.png", MASKS[3])
    done = run(*command)
    assert done.code == 0, done.err
    assert "The first object is in the mask of frame 00003: earlier frames get empty masks." in done.err
    found = written(tmp_path / "out")
    assert not np.any(found[:3])
    later = segment_video(ready_stm, FRAMES, np.zeros_like(MASKS[0]), masks={3: MASKS[3]})
    np.testing.assert_array_equal(found, list(later))


def test_masks_for_every_frame_are_copied_and_that_is_said(run: Run, command: list[object], tmp_path: Path) -> None:
    for number, labels in enumerate(MASKS):
        write_labels(tmp_path / "masks" / f"{number:05d}.png", labels)
    command[3] = tmp_path / "masks"
    done = run(*command, "--masks-are", "complete")
    assert done.code == 0, done.err
    assert "they were copied, and nothing was computed" in done.err
    assert "all copied from the given masks" in done.out
    np.testing.assert_array_equal(written(tmp_path / "out"), MASKS)


def test_complete_masks_say_which_objects_are_absent(
    run: Run, ready_stm: STM, command: list[object], tmp_path: Path
) -> None:
    gone = np.where(MASKS[2] == 1, 0, MASKS[2]).astype(np.uint8)
    write_labels(tmp_path / "masks" / "00000.png", MASKS[0])
    write_labels(tmp_path / "masks" / "00002.png", gone)
    command[3] = tmp_path / "masks"
    done = run(*command, "--masks-are", "complete")
    assert done.code == 0, done.err
    expected = list(segment_video(ready_stm, FRAMES, MASKS[0], masks={2: gone}, complete=True))
    np.testing.assert_array_equal(written(tmp_path / "out"), expected)
    np.testing.assert_array_equal(expected[2], gone)


def test_a_second_process_is_refused(run: Run, command: list[object], tmp_path: Path) -> None:
    with lock_folder(tmp_path / "out"):
        done = run(*command)
    assert done.code == 1
    assert f"Another process is writing to {tmp_path / 'out'}" in done.err
    assert run(*command).code == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_the_state_and_says_where_it_stopped(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    command: list[object],
    tmp_path: Path,
    expected: list[Array],
    number: signal.Signals,
) -> None:
    step = Segmenter.step

    def interrupted(self: Segmenter, *given: Any, **named: Any) -> Array:
        if self.frames_seen == 1:
            signal.raise_signal(number)
        return step(self, *given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Segmenter, "step", interrupted)
        done = run(*command)
    assert done.code == 1
    assert "Stopped after frame 00001; all masks up to it are saved." in done.err
    assert len(written(tmp_path / "out")) == 2
    again = run(*command, "--resume", "--json")
    assert "Resuming after 2 frames" in again.err
    assert json.loads(again.out)["segmented"] == 4
    np.testing.assert_array_equal(written(tmp_path / "out"), expected)


def test_an_error_at_a_frame_leaves_a_state(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    command: list[object],
    frames: Path,
    tmp_path: Path,
    expected: list[Array],
) -> None:
    """The frame is damaged only while it is read, so the input is the same when the run is resumed."""
    good, step = (frames / "00004.png").read_bytes(), Segmenter.step

    def damaging(self: Segmenter, *given: Any, **named: Any) -> Array:
        if self.frames_seen == 2:
            (frames / "00004.png").write_bytes(good[: len(good) // 2])
        return step(self, *given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Segmenter, "step", damaging)
        assert run(*command).code == 1
    assert len(written(tmp_path / "out")) == 4
    (frames / "00004.png").write_bytes(good)
    again = run(*command, "--resume")
    assert again.code == 0, again.err
    assert "Resuming after 4 frames" in again.err
    np.testing.assert_array_equal(written(tmp_path / "out"), expected)


def test_a_video_that_breaks_gives_the_masks_before_and_a_state(
    run: Run, ready_stm: STM, command: list[object], tmp_path: Path
) -> None:
    command[1] = path = write_clip(tmp_path / "v.mp4", FRAMES * 3)
    frames = list(FrameVideo(path).read())
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 7 // 10])
    done = run(*command)
    assert done.code == 1
    masks = written(tmp_path / "out")
    assert 0 < len(masks) < 18
    assert f"after frame {len(masks) - 1:05d}" in " ".join(done.err.split())
    np.testing.assert_array_equal(masks, list(segment_video(ready_stm, frames[: len(masks)], MASKS[0])))
    again = run(*command, "--resume")
    assert again.code == 1
    assert f"Resuming after {len(masks)} frames" in again.err


def test_an_output_folder_inside_the_frames_works_twice(
    run: Run, command: list[object], frames: Path, expected: list[Array]
) -> None:
    command[7] = frames / "out"
    for extra in ([], ["--overwrite"]):
        done = run(*command, *extra)
        assert done.code == 0, done.err
        np.testing.assert_array_equal(written(frames / "out"), expected)


@pytest.mark.parametrize("changed", ["frames", "masks"])
def test_changed_content_is_noticed_where_size_and_time_are_the_same(
    run: Run, weights: Path, tmp_path: Path, changed: str
) -> None:
    """Uncompressed BMP files: other pixels, as many bytes."""
    frames = write_frames(tmp_path / "frames", FRAMES, ".bmp")
    mask = write_labels(tmp_path / "first.bmp", MASKS[0])
    command = ["predict", frames, "--masks", mask, "--weights", weights, "--output", tmp_path / "out", "--size", -1]
    assert run(*command).code == 0
    path = frames / "00002.bmp" if changed == "frames" else mask
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[-400:] = content[-800:-400] if changed == "frames" else b"\1" * 400
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    refused = run(*command, "--resume")
    assert refused.code == 1
    assert f"cannot be resumed: the {changed} changed" in refused.err
