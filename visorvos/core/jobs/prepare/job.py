"""Wiring of ``visorvos prepare``."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visorvos.core.datasets.visor.broken_frames import refuse_broken, refuse_no_frames
from visorvos.core.datasets.visor.convert import FrameResult, FrameTask, FrameTasks, convert_frames
from visorvos.core.datasets.visor.plan import Rules, VideoPlan, check_apart, drawings, survey
from visorvos.core.datasets.visor.prepare_record import (
    Record,
    SplitRecord,
    read_record,
    refuse_other_inputs,
    write_record,
)
from visorvos.core.datasets.visor.prepare_report import (
    SplitReport,
    list_broken,
    read_report,
    remove_from_report,
    write_report,
)
from visorvos.core.datasets.visor.prepared import PreparedData
from visorvos.core.datasets.visor.release import AnnotationFile, FrameFiles, find_annotations
from visorvos.core.datasets.visor.split_report import report_split
from visorvos.core.io.atomic import make_folder
from visorvos.core.io.settings_file import write_settings
from visorvos.core.runtime.freed_memory import keep_freed_memory
from visorvos.core.runtime.progress import NoProgress, Progress
from visorvos.core.runtime.worker_pool import WorkerPool
from visorvos.settings.prepare import PrepareSettings

__all__ = ["Preparation", "prepare"]

UNSEEN = frozenset(
    ("P07_101", "P07_103", "P07_110", "P09_02", "P09_07", "P09_104", "P09_103", "P09_106", "P21_01", "P29_04")
)
"""Val's videos of kitchens that train does not show."""

_FRAMES_A_TASK = 8


@dataclass(frozen=True)
class Preparation:
    """What ``prepare`` made."""

    data: Path
    """The data set."""
    splits: dict[str, SplitReport]
    converted: int = 0
    """Frames converted by this run."""
    reused: int = 0
    """Frames that an earlier run had done."""
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "data": str(self.data),
            "converted": self.converted,
            "reused": self.reused,
            "seconds": round(self.seconds, 3),
            "splits": {split: report.model_dump(mode="json") for split, report in self.splits.items()},
        }


def prepare(settings: PrepareSettings, progress: Progress | None = None) -> Preparation:
    """Converts the VISOR release; goes on where an earlier run with the same inputs stopped.

    All annotations are read and checked first. Then are written, in this order: the record of inputs, the
    settings, the frames, names and lists, and the report.

    Args:
        settings: the options.
        progress: who is told how far it is.

    Raises:
        VisorVosError: where inputs are missing or not as they should be, the output holds other data, or frames
            are broken and not to be skipped.
    """
    keep_freed_memory()
    progress = progress or NoProgress()
    started = time.monotonic()
    data = PreparedData(settings.output / ("VISOR_2022_dense" if settings.dense else "VISOR_2022"))
    files = find_annotations(
        settings.source, settings.split, dense=settings.dense, release=settings.release is not None
    )
    known = read_record(settings.output, data.root)
    if known is not None:
        refuse_other_inputs(settings.output, known, _record(settings, files, {}))
        finished = _finished(settings, data, known)
        if finished is not None:
            return finished
    with WorkerPool(settings.num_workers) as pool:
        plans = _survey(settings, files, pool, progress)
        frames = FrameFiles(settings.images or settings.source, _videos(plans))
        refuse_no_frames(settings.images or settings.source, frames, _videos(plans))
        _claim(settings, data, plans, files, frames, known)
        results = _convert(data, plans, frames, pool, progress)
    reports = _conclude(settings, data, plans, results)
    done = [result for result in results.values() if result.ids is not None]
    reused = sum(result.reused for result in done)
    return Preparation(data.root, reports, len(done) - reused, reused, time.monotonic() - started)


def _rules(settings: PrepareSettings, split: str) -> Rules:
    objects = settings.objects or ("first-frame" if split == "val" else "all")
    return Rules(objects, settings.reference_ids, settings.dense)


def _record(
    settings: PrepareSettings,
    files: dict[str, list[AnnotationFile]],
    videos: dict[str, dict[str, str]],
) -> Record:
    return Record(
        options={
            "dense": settings.dense,
            "objects": settings.objects,
            "reference_ids": settings.reference_ids,
        },
        splits={
            split: SplitRecord(
                annotations={file.location.name: file.checksum for file in files[split]}, videos=videos.get(split, {})
            )
            for split in files
        },
    )


def _finished(settings: PrepareSettings, data: PreparedData, known: Record) -> Preparation | None:
    """The result of a run that has nothing left to do: inputs are those recorded, and all outputs are there."""
    reports = read_report(settings.output)
    if any(split not in known.splits or split not in reports for split in settings.split):
        return None
    recorded = {video: mark for split in settings.split for video, mark in known.splits[split].videos.items()}
    frames = FrameFiles(settings.images or settings.source, recorded)
    if any(frames.checksum(video) != mark for video, mark in recorded.items()):
        return None
    for split in settings.split:
        report = reports[split]
        if report.broken or not data.listed(split):
            return None
        if any(data.frames(name) != sequence.frames for name, sequence in report.kept.items()):
            return None
    asked: dict[str, SplitReport] = {split: reports[split] for split in settings.split}
    return Preparation(data.root, asked, reused=sum(report.totals["frames_kept"] for report in asked.values()))


def _survey(
    settings: PrepareSettings, files: dict[str, list[AnnotationFile]], pool: WorkerPool, progress: Progress
) -> list[VideoPlan]:
    """Reads all annotations; plans in the order of splits and files."""
    tasks = [(file, split, _rules(settings, split)) for split in settings.split for file in files[split]]
    plans = list(progress.track(pool.spread(survey, tasks), "Reading annotations", "videos", len(tasks)))
    order = {file.location: number for number, (file, _, _) in enumerate(tasks)}
    plans.sort(key=lambda plan: order[plan.file.location])
    check_apart(plans)
    return plans


def _videos(plans: Iterable[VideoPlan]) -> dict[str, str]:
    """Split by video."""
    return {frame.video: plan.split for plan in plans for sequence in plan.sequences for frame in sequence.frames}


def _claim(
    settings: PrepareSettings,
    data: PreparedData,
    plans: list[VideoPlan],
    files: dict[str, list[AnnotationFile]],
    frames: FrameFiles,
    known: Record | None,
) -> None:
    """Makes the output this run's: what has other inputs is undone before the record of the new ones is written."""
    videos: dict[str, dict[str, str]] = {split: {} for split in settings.split}
    for video, split in _videos(plans).items():
        videos[split][video] = frames.checksum(video)
    record = _record(settings, files, videos)
    make_folder(settings.output)
    if known is not None:
        remove_from_report(settings.output, data.root.name, settings.split)
        for plan in plans:
            data.unlist(plan.split)
            before = known.splits[plan.split].videos if plan.split in known.splits else {}
            for sequence in plan.sequences:
                for frame in sequence.frames:
                    mark = videos[plan.split][frame.video]
                    if before.get(frame.video, mark) != mark:
                        data.forget(sequence.name, frame.stem)
        record = record.model_copy(update={"splits": {**known.splits, **record.splits}})
    write_record(settings.output, record)
    write_settings(settings.output, "prepare", settings.model_dump(mode="json"))


def _convert(
    data: PreparedData, plans: Sequence[VideoPlan], frames: FrameFiles, pool: WorkerPool, progress: Progress
) -> dict[tuple[str, str], FrameResult]:
    """Converts every frame that has something to draw."""
    total = sum(frame.drawn for plan in plans for sequence in plan.sequences for frame in sequence.frames)
    results = (result for batch in pool.spread(convert_frames, _tasks(data, plans, frames)) for result in batch)
    return {
        (result.sequence, result.stem): result
        for result in progress.track(results, "Converting frames", "frames", total)
    }


def _tasks(data: PreparedData, plans: Sequence[VideoPlan], frames: FrameFiles) -> Iterator[FrameTasks]:
    for plan in plans:
        sources = {video: frames.of(video) for video in _videos([plan])}
        batch: list[FrameTask] = []
        for sequence, frame, drawing in drawings(plan):
            batch.append(FrameTask(sequence.name, frame.stem, drawing, sources[frame.video].get(frame.stem)))
            if len(batch) == _FRAMES_A_TASK:
                yield FrameTasks(data, plan.rules.dense, tuple(batch))
                batch = []
        if batch:
            yield FrameTasks(data, plan.rules.dense, tuple(batch))


def _conclude(
    settings: PrepareSettings,
    data: PreparedData,
    plans: Sequence[VideoPlan],
    results: dict[tuple[str, str], FrameResult],
) -> dict[str, SplitReport]:
    """What comes last: sequences that are too short go, names, lists and report are written."""
    reports: dict[str, SplitReport] = {}
    for split in settings.split:
        own = [plan for plan in plans if plan.split == split]
        sequences = [sequence for plan in own for sequence in plan.sequences]
        rules = _rules(settings, split)
        reports[split] = report_split(split, rules.objects, len(own), sequences, results, rules.dense)
    if settings.skip_broken:
        list_broken(settings.output, ())
    else:
        refuse_broken(settings.output, reports)
    for split in settings.split:
        report = reports[split]
        for name in report.dropped:
            data.drop(name)
        own = [plan for plan in plans if plan.split == split]
        names = {sequence.name: sequence.mapping for plan in own for sequence in plan.sequences}
        data.list_split(split, report.kept, names)
        if split == "val":
            videos = {sequence.name: sequence.frames[0].video for plan in own for sequence in plan.sequences}
            data.write_list("val_unseen", [name for name in report.kept if videos[name] in UNSEEN])
    write_report(settings.output, data.root.name, reports)
    return reports
