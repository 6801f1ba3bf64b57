"""``visorvos prepare``: the VISOR release to a data set in the DAVIS layout."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from visorvos.core.datasets.visor.convert import FrameResult, convert_frames, frame_files, split_files
from visorvos.core.datasets.visor.plan import PlannedSequence, frame_tasks, plan_file
from visorvos.core.datasets.visor.release import FrameFiles, ReleaseFile, digest, find_annotations
from visorvos.core.datasets.visor.report import SplitReport, refuse_broken, report_split, write_report
from visorvos.core.io.atomic import make_folder, write_file
from visorvos.core.io.settings_file import write_settings
from visorvos.core.runtime.freed_memory import keep_freed_memory
from visorvos.core.runtime.progress import Progress
from visorvos.core.runtime.run_state import MadeFrom
from visorvos.core.runtime.worker_pool import spread
from visorvos.errors import VisorVosError
from visorvos.settings.prepare import PrepareSettings

UNSEEN = frozenset(
    ("P07_101", "P07_103", "P07_110", "P09_02", "P09_07", "P09_104", "P09_103", "P09_106", "P21_01", "P29_04")
)
"""Videos of val from kitchens that are not in train."""

RECORD = "prepare_inputs.json"
_FRAMES_PER_TASK = 8


@dataclass(frozen=True)
class Preparation:
    """The result of ``prepare``."""

    data: Path
    """The data set."""
    splits: dict[str, SplitReport]
    converted: int
    """Frames converted by this run."""
    reused: int
    """Frames that an earlier run converted."""
    seconds: float


def prepare(settings: PrepareSettings, progress: Progress | None = None) -> Preparation:
    """Converts the VISOR release, or resumes an earlier run with the same inputs.

    All annotations are read and checked first. Then files are written in this order: the record of the inputs, the
    settings, frames, object names and lists, the report.

    Raises:
        VisorVosError: if inputs are missing or of another form, the output holds other data, or frames are broken and
            not to be skipped.
    """
    keep_freed_memory()
    progress = progress or Progress()
    started = time.monotonic()
    files = find_annotations(settings)
    inputs = {f"{split} annotations": digest(f"{f.name} {f.checksum}" for f in files[split]) for split in files}
    made_from = MadeFrom(settings, inputs)
    record = _read_record(settings.output, settings.data, made_from)
    sequences = _plan(settings, files, progress)
    videos: dict[str, str] = {}
    for sequence in sequences:
        for stem, video in sequence.videos.items():
            videos.setdefault(video, stem)
    frames = FrameFiles(settings.images or settings.source, videos)
    frames.check(videos, settings.skip_broken)
    _claim(settings, sequences, {video: frames.checksum(video) for video in videos}, made_from, record)
    tasks = frame_tasks(sequences, frames, settings)
    batches = iter(lambda: list(islice(tasks, _FRAMES_PER_TASK)), [])
    converted = spread(convert_frames, ((settings, batch) for batch in batches), settings.num_workers)
    found = (result for batch in converted for result in batch)
    total = sum(len(sequence.videos) for sequence in sequences)
    results = {(r.sequence, r.stem): r for r in progress.track(found, "Converting frames", "frames", total)}
    reports = _finish(settings, files, sequences, results)
    how = Counter(result.how for result in results.values())
    return Preparation(settings.data, reports, how["converted"], how["reused"], time.monotonic() - started)


def _read_record(output: Path, data: Path, made_from: MadeFrom) -> dict[str, Any] | None:
    """The record of an earlier run in this output, or None.

    Raises:
        VisorVosError: if it had other options or annotations, or cannot be read.
    """
    path = output / RECORD
    remedy = f"Choose another --output, or remove {output} to prepare it again."
    try:
        record: dict[str, Any] = json.loads(path.read_bytes())
        known = {name: value for name, value in made_from.inputs.items() if name in record["inputs"]}
        change = MadeFrom(made_from.settings, known).change_since(record)
        _ = record["frames"].items()
    except (FileNotFoundError, NotADirectoryError):
        if data.is_dir() and any(data.iterdir()):
            raise VisorVosError(f"{data} exists, but not {path} with what it was made from.", remedy) from None
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise VisorVosError(f"{path} cannot be read: {type(error).__name__}.", remedy) from error
    if change is not None:
        raise VisorVosError(f"{output} was prepared differently: {change}.", remedy)
    return record


def _plan(
    settings: PrepareSettings, files: Mapping[str, list[ReleaseFile]], progress: Progress
) -> list[PlannedSequence]:
    """Reads all annotations; sequences in the order of splits and files."""
    tasks = [(file, split, settings) for split in files for file in files[split]]
    plans = progress.track(spread(plan_file, tasks, settings.num_workers), "Reading annotations", "videos", len(tasks))
    sequences = [sequence for plan in plans for sequence in plan]
    sequences.sort(key=lambda sequence: (list(files).index(sequence.split), sequence.file.name))
    found: dict[str, ReleaseFile] = {}
    for sequence in sequences:
        # Both would become one folder.
        if (other := found.setdefault(sequence.name, sequence.file)) != sequence.file:
            raise VisorVosError(
                f"The sequence {sequence.name} is in {other.location} and in {sequence.file.location}.",
                "Remove one of the two files.",
            )
    return sequences


def _claim(
    settings: PrepareSettings,
    sequences: list[PlannedSequence],
    checksums: Mapping[str, str],
    made_from: MadeFrom,
    record: dict[str, Any] | None,
) -> None:
    """Prepares the output for this run: removes what was made from other frames, then records the inputs.

    Args:
        settings: the options.
        sequences: what will be in the data set.
        checksums: checksum of the frames by video.
        made_from: what this run is made from.
        record: that of an earlier run.
    """
    record = record or {"inputs": {}, "frames": {}}
    output, splits = settings.output, {sequence.split for sequence in sequences}
    make_folder(output)
    write_report(output, settings.data.name, dict.fromkeys(splits))
    outdated = [file for split in splits for file in split_files(settings, split)]
    for sequence in sequences:
        for stem, video in sequence.videos.items():
            if record["frames"].get(video, checksums[video]) != checksums[video]:
                outdated += frame_files(settings, sequence.name, stem)
    for file in outdated:
        file.unlink(missing_ok=True)
    new = made_from.record()
    new |= {"inputs": {**record["inputs"], **new["inputs"]}, "frames": {**record["frames"], **checksums}}
    write_file(output / RECORD, json.dumps(new, indent=1) + "\n")
    write_settings(output, "prepare", settings.model_dump(mode="json"))


def _finish(
    settings: PrepareSettings,
    files: Mapping[str, list[ReleaseFile]],
    sequences: list[PlannedSequence],
    results: Mapping[tuple[str, str], FrameResult],
) -> dict[str, SplitReport]:
    """Removes sequences that are too short, and writes object names, lists and report."""
    by_split = {split: {s.name: s for s in sequences if s.split == split} for split in files}
    reports = {
        split: report_split(split, settings, len(files[split]), own.values(), results)
        for split, own in by_split.items()
    }
    refuse_broken(settings.output, {} if settings.skip_broken else reports)
    for split, report in reports.items():
        for name in report.dropped:
            for file in frame_files(settings, name, ""):
                shutil.rmtree(file.parent, ignore_errors=True)
        own = by_split[split]
        # With dropped sequences, as in the reference.
        names = {name: {str(number): thing for thing, number in own[name].ids.items()} for name in own}
        names_file, list_file, unseen_file = split_files(settings, split)
        write_file(names_file, json.dumps(names))
        write_file(list_file, "\n".join(report.kept))
        if split == "val":
            unseen = [name for name in report.kept if next(iter(own[name].videos.values())) in UNSEEN]
            write_file(unseen_file, "\n".join(unseen))
    write_report(settings.output, settings.data.name, reports)
    return reports
