"""``visorvos benchmark``: that it runs and adds up, not how fast."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from tests.builders import read_labels
from tests.conftest import Run
from tests.core.jobs.benchmark_forms import dies, refuses, writes
from visorvos import VisorVosError, evaluate_masks
from visorvos.cli.tables.benchmark import show
from visorvos.core.datasets.synthetic.release import write_synthetic_coco, write_synthetic_visor
from visorvos.core.jobs.benchmark import data, inference, metrics, training
from visorvos.core.jobs.benchmark.contest import Form, Measured, compete, ratio
from visorvos.core.jobs.benchmark.prepare import prepare_plainly
from visorvos.core.jobs.benchmark.results import Benchmark, Bound, Figure
from visorvos.core.jobs.prepare import prepare
from visorvos.core.runtime.progress import NoProgress
from visorvos.core.training.clips import coco_clips
from visorvos.settings.benchmark import BenchmarkSettings
from visorvos.settings.prepare import PrepareSettings


def test_forms_take_turns_in_processes_of_their_own(tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    sizes = {"small": 1000, "large": 200 << 20}
    found = compete({name: Form(writes, (diary, name, size)) for name, size in sizes.items()}, repeats=2)
    lines = [line.split() for line in diary.read_text().splitlines()]
    assert [name for name, *_ in lines] == ["small", "large"] * 3
    processes = {name: {process for other, process, _ in lines if other == name} for name in sizes}
    assert all(len(own) == 1 for own in processes.values())
    assert processes["small"] != processes["large"]
    assert [len(measured.seconds) for measured in found.values()] == [2, 2]
    # The memory of the one does not count for the other.
    assert found["large"].peak_bytes - found["small"].peak_bytes > 150 << 20


def test_a_form_that_fails_ends_the_contest() -> None:
    with pytest.raises(VisorVosError, match="Nothing works"):
        compete({"a": Form(refuses)}, repeats=1)
    with pytest.raises(VisorVosError, match="want of memory"):
        compete({"a": Form(dies)}, repeats=1)


def test_ratios_are_of_the_same_round() -> None:
    plain, ours = Measured((2.0, 30.0, 4.0), 0), Measured((1.0, 10.0, 2.0), 0)
    assert ratio(plain, ours) == 2


def test_figures_add_up_and_are_shown() -> None:
    bound = Bound(multiply_adds=60, convolution=20.0, product=40.0)
    figure = Figure("inference", "r, 1 object", "frames/s", 3, Measured((3.0, 2.0, 6.0), 2**20), None, bound, "so")
    plain = Figure("metrics", "m", "masks/s", 500, Measured((1.0,), 0), Measured((4.0,), 2**30))
    assert (figure.rate, figure.ratio, figure.share) == (1.0, None, 0.5)
    assert (plain.rate, plain.plain_rate, plain.ratio, plain.share) == (500, 125, 4, None)
    found = figure.to_dict()
    assert (found["ours"]["min"], found["ours"]["median"], found["ours"]["max"]) == (0.5, 1.0, 1.5)
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(show(Benchmark({"processor": "P"}, (figure, plain), 60)))
    text = console.export_text()
    for part in ("50 % of", "r, 1 object: so.", "4.00", "1,024", "processor P"):
        assert part in text


@pytest.mark.parametrize("objects", [1, 9])
def test_videos_are_segmented_alike(tmp_path: Path, objects: int) -> None:
    video = inference._draw(tmp_path / "video", inference._Size(48, 64, 3), objects)
    assert read_labels(video.masks[0]).max() == objects
    inference._ours("resnet18", "cpu", "float32", video, tmp_path / "ours")()
    inference._plain("resnet18", "cpu", video, tmp_path / "plain")()
    files = sorted((tmp_path / "plain").iterdir())
    assert len(files) == 3
    pairs = [(read_labels(file), read_labels(tmp_path / "ours" / video.name / file.name)) for file in files]
    assert np.mean([one == other for one, other in pairs]) >= 0.999


def test_training_steps_are_taken() -> None:
    for work in (training._ours("resnet18", "cpu", "bfloat16", 32, 1), training._plain("resnet18", "cpu", 32, 1)):
        work()


def test_masks_are_scored_alike(tmp_path: Path) -> None:
    truth, predictions = metrics.draw_masks(tmp_path, 2, 4, 48, 64)
    plain = metrics.score_plainly(truth, predictions)
    report = evaluate_masks(truth, predictions)
    assert {(item.sequence, item.object_id) for item in report.objects} == plain.keys()
    for item in report.objects:
        region, contour = plain[item.sequence, item.object_id]
        np.testing.assert_allclose(item.region, region, rtol=0, atol=1e-12)
        np.testing.assert_allclose(item.contour, contour, rtol=0, atol=1e-12)
    assert 0.1 < report.j_and_f < 0.9


def test_frames_are_prepared_alike(tmp_path: Path) -> None:
    annotations, images = write_synthetic_visor(tmp_path / "release", {"train": 2}, 3, 0, 1080, 1920)
    prepare(PrepareSettings(annotations=annotations, images=images, output=tmp_path, split=("train",), workers=1))
    prepare_plainly(annotations, images, tmp_path / "plain")
    files = [path for path in (tmp_path / "plain").rglob("*") if path.is_file()]
    assert len(files) == 12
    for file in files:
        kind, *rest = file.relative_to(tmp_path / "plain").parts
        ours = (tmp_path / "VISOR_2022" / kind / "480p").joinpath(*rest)
        if file.suffix == ".jpg":
            assert file.read_bytes() == ours.read_bytes()
        else:
            np.testing.assert_array_equal(read_labels(file), read_labels(ours))


def test_clips_are_made_alike(tmp_path: Path) -> None:
    write_synthetic_coco(tmp_path / "coco", 4, 0, 48, 64)
    options = data._coco_settings(tmp_path, quick=True)
    plain, ours = data.scanned_clips(options, 50), coco_clips(options, NoProgress())
    for number in range(6):
        one, other = (clips.clip(number % 4, number // 4, 0.5) for clips in (plain, ours))
        np.testing.assert_array_equal(one.frames, other.frames)
        np.testing.assert_array_equal(one.labels, other.labels)


def test_the_command(run: Run) -> None:
    done = run("benchmark", "--quick", "--only", "metrics", "--repeats", 1, "--workers", 1, "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["machine"]["torch"] == torch.__version__
    assert [figure["part"] for figure in found["figures"]] == ["metrics", "metrics"]
    assert found["figures"][0]["ratio"] > 0
    assert "reading the PNGs takes" in found["figures"][0]["note"]


def test_options_are_read() -> None:
    settings = BenchmarkSettings(objects=("2", "3"), only=("data",))  # type: ignore[arg-type]
    assert settings.objects == (2, 3)
    with pytest.raises(ValueError, match="15"):
        BenchmarkSettings(objects=(16,))
