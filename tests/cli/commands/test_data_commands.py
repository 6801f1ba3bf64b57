"""What prepare, export and preview print."""

from pathlib import Path

import pytest
from rich.console import Console

from visorvos.cli.commands import export, prepare, preview
from visorvos.core.datasets.visor.report import BrokenFrame, KeptSequence, SplitReport
from visorvos.core.jobs.export import Export
from visorvos.core.jobs.prepare import Preparation
from visorvos.core.jobs.preview import Preview


def shown(renderable):
    console = Console(width=80, highlight=False)
    with console.capture() as capture:
        console.print(renderable)
    text = capture.get()
    assert max(map(len, text.splitlines())) <= 80
    return " ".join(text.split())


def report(sequences=5309, **changes):
    kept = {f"seq_{number}": KeptSequence(frames=4, objects=3) for number in range(sequences)}
    totals = {"sequences_kept": sequences, "sequences_dropped": 7, "frames_kept": 4 * sequences}
    totals |= {"frames_empty": 1, "frames_dropped": 2, "frames_broken": 0}
    published = {"videos": 115, "sequences": 5309, "full_release": True, "equal": sequences == 5309}
    fields = {"videos": 115, "objects": "all", "kept": kept, "dropped": {}, "empty_first_frames": ()}
    return SplitReport(**{**fields, "totals": totals, "published": published, **changes})


def test_prepare_counts_and_compares():
    text = shown(prepare.show(Preparation(Path("data/VISOR_2022"), {"train": report()}, 21236, 0, 400.0)))
    for part in (
        "sequences kept │ 5,309",
        "frames kept │ 21,236",
        "3, 3.0, 3",
        "train: 5,309 sequences, as published",
    ):
        assert part in text
    assert "21,236 frames converted, 53.1 frames/s." in text


def test_prepare_names_what_a_person_should_know():
    late = {
        "seq_0": KeptSequence(frames=2, objects=3, late_objects=(3,)),
        "seq_1": KeptSequence(
            frames=2, objects=3, lost_objects={"2": ["f"]}, never_shown=(2,), stretched_frames=("f",)
        ),
    }
    broken = (BrokenFrame(sequence="seq_1", frame="f", problem="gone"),)
    first = tuple(f"seq_{number}" for number in range(7))
    split = report(12, kept=late, broken=broken, empty_first_frames=first)
    text = shown(prepare.show(Preparation(Path("VISOR_2022"), {"val": split}, 0, 4, 1.0)))
    for part in (
        "first frame has no object in seq_0, seq_1, seq_2, seq_3, seq_4 and 2 more (see prepare_report.json)",
        "Objects first appear after the first frame in seq_0.",
        "The resize removes an object from frames of seq_1.",
        "No mask shows an object that has a name in seq_1.",
        "not 16:9 and are stretched in seq_1.",
        "left out as missing, damaged or not 16:9: seq_1/f",
        "published: 5,309",
        "Nothing to do: every frame was converted before.",
    ):
        assert part in text


def test_prepare_says_when_the_release_is_not_whole():
    part = {"videos": 115, "sequences": 5309, "full_release": False, "equal": None}
    text = shown(prepare.show(Preparation(Path("o"), {"train": report(0, videos=2, published=part)}, 1, 1, 1.0)))
    assert "2 of the release's 115 videos; counts are not compared" in text
    assert "1 were converted before" in text


@pytest.mark.parametrize(
    ("checked_only", "first_frames", "complete", "expected"),
    [
        (False, False, True, "first frames are left out, as the organizers recommend (--first-frames includes them)"),
        (False, False, None, "The first mask of each sequence counts as the given one"),
        (False, True, None, "first frames are included; the organizers recommend leaving them out. Not checked"),
        (
            True,
            False,
            True,
            "val.zip is valid: 2 sequences, 3 frames, 4 object masks. The given first frames are",
        ),
        (True, None, None, "Not checked: whether the split is complete. Add --data"),
    ],
)
def test_export_says_what_is_in_the_submission(checked_only, first_frames, complete, expected):
    assert expected in shown(export.show(Export("val.zip", checked_only, 2, 3, 4, first_frames, complete)))


def test_preview_says_where_the_picture_is():
    assert shown(preview.show(Preview("a.jpg", 1, 2, False, 30, 40))) == "1 frame of 2 sequences in a.jpg, 30x40"
