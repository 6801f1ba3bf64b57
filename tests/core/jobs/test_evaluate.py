from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.builders import draw_clip, golden, read_labels, write_data_set, write_labels
from tests.conftest import Run
from tests.forked import by_two
from visorvos import STM, VisorVosError, evaluate_masks, segment_video
from visorvos.core.datasets.davis.layout import open_split

Array = np.ndarray[Any, Any]


def write_masks(folder: Path, masks: Array | list[Array], sequence: str = "a", mode: str = "P") -> Path:
    for number, mask in enumerate(masks):
        write_labels(folder / sequence / f"{number:05d}.png", mask, mode)
    return folder


@pytest.fixture
def recorded(tmp_path: Path) -> tuple[Path, Path]:
    """The golden masks as files: truth and prediction."""
    arrays = golden("metrics")
    return write_masks(tmp_path / "truth", arrays["truth"]), write_masks(tmp_path / "found", arrays["prediction"])


@pytest.mark.parametrize(("protocol", "scored"), [("visor", slice(1, None)), ("davis", slice(1, -1))])
def test_files_score_as_the_recorded_arrays(recorded: tuple[Path, Path], protocol: Any, scored: slice) -> None:
    report = evaluate_masks(*recorded, protocol=protocol)
    figures = golden("metrics")
    for place, item in enumerate(report.objects):
        np.testing.assert_allclose(item.region, figures["J"][place, scored], atol=1e-12, rtol=0)
        np.testing.assert_allclose(item.contour, figures["F"][place, scored], atol=1e-12, rtol=0)
    means = figures["J"][:, scored].mean(axis=1).mean(), figures["F"][:, scored].mean(axis=1).mean()
    assert report.j_and_f == pytest.approx(sum(means) / 2, abs=1e-12)


def test_two_processes_score_as_one(recorded: tuple[Path, Path], tmp_path: Path) -> None:
    arrays = golden("metrics")
    write_masks(recorded[0], arrays["truth"][:4], "b")
    write_masks(recorded[1], arrays["prediction"][:4], "b")
    one, two = (evaluate_masks(*recorded, workers=workers) for workers in (1, 2))
    assert one.to_dict() == two.to_dict()
    assert [item.sequence for item in two.sequences] == ["a", "b"]


def test_a_single_object_in_white(tmp_path: Path) -> None:
    """DAVIS 2016 marks its one object by 255; predictions may use 1 or 255."""
    truth, prediction = golden("metrics")["truth"] == 1, golden("metrics")["prediction"] == 1
    plain = evaluate_masks(
        write_masks(tmp_path / "t1", truth.astype(np.uint8)), write_masks(tmp_path / "p1", prediction.astype(np.uint8))
    )
    for true_value, predicted_value in ((255, 255), (255, 1), (1, 255)):
        name = f"{true_value}-{predicted_value}"
        report = evaluate_masks(
            write_masks(tmp_path / f"t{name}", truth * np.uint8(true_value), mode="L"),
            write_masks(tmp_path / f"p{name}", prediction * np.uint8(predicted_value), mode="L"),
        )
        assert report.to_dict() == plain.to_dict()


def test_255_beside_other_ids_is_no_object(tmp_path: Path) -> None:
    arrays = golden("metrics")
    void = arrays["truth"].copy()
    void[:, :30, :40] = 255
    void[(arrays["truth"] > 0)] = arrays["truth"][arrays["truth"] > 0]
    found = write_masks(tmp_path / "found", arrays["prediction"])
    plain = evaluate_masks(write_masks(tmp_path / "plain", arrays["truth"]), found)
    assert evaluate_masks(write_masks(tmp_path / "void", void), found).to_dict() == plain.to_dict()


def test_objects_go_by_the_highest_id_of_the_first_mask(tmp_path: Path) -> None:
    first = np.zeros((20, 30), np.uint8)
    first[2:8, 2:8], first[10:16, 10:20] = 1, 3
    later = first.copy()
    later[2:6, 20:26] = 4
    folder = write_masks(tmp_path / "t", [first, later, later])
    report = evaluate_masks(folder, folder)
    assert [item.object_id for item in report.objects] == [1, 2, 3]
    assert report.j_and_f == 1.0


def test_a_sequence_without_objects_is_listed_apart(tmp_path: Path) -> None:
    empty = np.zeros((8, 8), np.uint8)
    folder = write_masks(tmp_path / "t", [empty, empty])
    with pytest.raises(VisorVosError, match="None of 1 sequences has an object"):
        evaluate_masks(folder, folder)
    write_masks(folder, [empty + 1, empty + 1], "b")
    report = evaluate_masks(folder, folder)
    assert (report.unscored, [item.sequence for item in report.sequences]) == (("a",), ["b"])


def test_a_network_passes_over_a_sequence_without_objects(run: Run, weights: Path, tmp_path: Path) -> None:
    frames, labels = draw_clip(3, 32, 48, seed=1)
    data = write_data_set(tmp_path / "data", {"a b": (frames, labels), "none": (frames, [labels[0] * 0] * 3)})
    done = run("evaluate", "--data", data, "--weights", weights, "--output", tmp_path / "out", "--json")
    assert done.code == 0, done.err
    scores = json.loads(done.out)
    assert (scores["unscored"], [item["sequence"] for item in scores["sequences"]]) == (["none"], ["a b"])
    assert "without an object or a frame to score: none." in done.err


@pytest.mark.parametrize(
    ("split", "content"),
    [
        ("val", "a\r\nb\r\n"),
        ("2022/val", "a\nb"),
        ("val", "/JPEGImages/480p/a/00000.jpg /Annotations/480p/a/00000.png\n/JPEGImages/480p/b/00000.jpg x\n" * 2),
    ],
)
def test_lists_of_every_form(tmp_path: Path, split: str, content: str) -> None:
    (tmp_path / "ImageSets" / "2022").mkdir(parents=True)
    (tmp_path / "ImageSets" / f"{split}.txt").write_bytes(content.encode())
    if split == "val":
        (tmp_path / "ImageSets" / "2022" / "val.txt").write_text("other")
    assert open_split(tmp_path, split).sequences == ("a", "b")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two drawn sequences; the second lacks object 2 in its first mask, which goes up to 3."""
    one, two = draw_clip(5, 48, 64, seed=1), draw_clip(4, 48, 64, seed=2)
    two[1][0][two[1][0] == 2] = 0
    root = write_data_set(tmp_path / "data", {"one": one, "two": two})
    names = {"one": {"1": "disc", "2": "square", "3": "triangle"}, "two": {"1": "disc", "3": "[bold]odd"}}
    (root / "val_data_mapping.json").write_text(json.dumps(names))
    return root


def test_a_network_is_run_under_the_protocol(
    run: Run, ready_stm: STM, weights: Path, data: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    done = run("evaluate", "--data", data, "--weights", weights, "--output", output, "--workers", 1, "--json")
    assert done.code == 0, done.err
    for name, seed, length in (("one", 1, 5), ("two", 2, 4)):
        frames, _ = draw_clip(length, 48, 64, seed=seed)
        first = read_labels(data / "Annotations" / "480p" / name / "00000.png")
        masks = segment_video(ready_stm, frames, first, memory="visor", objects=[1, 2, 3])
        for number, mask in enumerate(masks):
            np.testing.assert_array_equal(read_labels(output / name / f"{number:05d}.png"), mask)
    printed = json.loads(done.out)
    assert printed == json.loads((output / "scores-val.json").read_text())
    direct = evaluate_masks(data / "Annotations" / "480p", output)
    assert printed["J&F"] == direct.j_and_f
    assert [item["name"] for item in printed["sequences"][1]["objects"]] == ["disc", None, "[bold]odd"]
    assert "all frames but the first" in done.err


def test_the_memory_policy_and_the_views_can_be_chosen(
    run: Run, ready_stm: STM, weights: Path, data: Path, tmp_path: Path
) -> None:
    memory = ["--memory", "every", "--mem-every", 1, "--limit", 2, "--flip", "--scales", "1.0,0.5"]
    done = run("evaluate", "--data", data, "--weights", weights, "--output", tmp_path, "--workers", 1, *memory)
    assert done.code == 0, done.err
    frames, labels = draw_clip(5, 48, 64, seed=1)
    given: dict[str, Any] = {"objects": [1, 2, 3]}
    given |= {"flip": True, "scales": (1.0, 0.5)}
    masks = list(segment_video(ready_stm, frames, labels[0], memory="every", every=1, limit=2, **given))
    np.testing.assert_array_equal([read_labels(tmp_path / "one" / f"{number:05d}.png") for number in range(5)], masks)
    assert any(
        (one != two).any()
        for one, two in zip(masks, segment_video(ready_stm, frames, labels[0], "visor", **given), strict=True)
    )


def test_two_processes_give_what_one_gives(run: Run, weights: Path, data: Path, tmp_path: Path) -> None:
    options = ["evaluate", "--data", data, "--weights", weights, "--workers", 1, "--device", "cpu", "--json"]
    assert run(*options, "--output", tmp_path / "one").code == 0
    done = by_two([*options, "--output", tmp_path / "two"], tmp_path)
    assert done.code == 0, done.err
    printed = json.loads(done.out)
    assert printed["run"]["device"] == "CPU, 1 thread, 2 processes"
    assert printed["run"]["frames"] == 9
    assert printed["sequences"] == json.loads((tmp_path / "one" / "scores-val.json").read_text())["sequences"]
    for kind in ("*.csv", "*/*.png"):
        files = {path.relative_to(tmp_path / "one"): path.read_bytes() for path in (tmp_path / "one").glob(kind)}
        assert files == {
            path.relative_to(tmp_path / "two"): path.read_bytes() for path in (tmp_path / "two").glob(kind)
        }
        assert files


def test_tables_are_the_davis_toolkits(run: Run, data: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    truth = data / "Annotations" / "480p"
    done = run("evaluate", "--data", data, "--predictions", truth, "--output", output, "--protocol", "davis")
    assert done.code == 0, done.err
    assert "[bold]odd" in done.out
    assert "Replacing" not in done.err
    whole = pd.read_csv(output / "global_results-val.csv")
    assert list(whole.columns) == ["J&F-Mean", "J-Mean", "J-Recall", "J-Decay", "F-Mean", "F-Recall", "F-Decay"]
    assert whole.iloc[0].tolist() == [1, 1, 1, 0, 1, 1, 0]
    rows = pd.read_csv(output / "per-sequence_results-val.csv")
    assert list(rows.columns) == ["Sequence", "J-Mean", "F-Mean"]
    assert list(rows["Sequence"]) == ["one_1", "one_2", "one_3", "two_1", "two_2", "two_3"]
    done = run("evaluate", "--data", data, "--predictions", truth, "--output", output)
    assert f"Replacing the report of an earlier evaluation in {output}." in done.err


def test_scoring_alone_writes_nothing_unless_asked(
    run: Run, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert run("evaluate", "--data", data, "--predictions", data / "Annotations" / "480p").code == 0
    assert sorted(tmp_path.rglob("*")) == before


def test_a_data_set_without_the_resolution_level(run: Run, data: Path) -> None:
    for kind in ("JPEGImages", "Annotations"):
        (data / kind / "480p").rename(data / "moved")
        (data / kind).rmdir()
        (data / "moved").rename(data / kind)
    assert run("evaluate", "--data", data, "--predictions", data / "Annotations").code == 0
