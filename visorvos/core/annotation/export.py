"""A session as a data set in the DAVIS layout, which `evaluate` and `finetune` read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from visorvos.core.annotation.folder import SessionFolder
from visorvos.core.annotation.frame_reader import FrameReader
from visorvos.core.annotation.known import KnownFrames
from visorvos.core.io.atomic import write_file
from visorvos.core.io.frames import FrameFolder, FrameSource
from visorvos.core.io.images import write_picture
from visorvos.core.io.paths import is_safe_name
from visorvos.errors import VisorVosError, listed

EXPORT = "export"


def export_session(
    folder: SessionFolder, reader: FrameReader, names: Mapping[int, str], known: KnownFrames
) -> tuple[Path, str]:
    """Writes ``OUT/export``: every frame that has a mask, with it, as one sequence of the splits train and val.

    An earlier export is replaced when the new one is complete. Objects that enter after the first mask are scored
    only where a meta.json lists the objects, as in YouTube-VOS, so one is written for them.

    Args:
        folder: of the session.
        reader: of its frames.
        names: of the objects, by id.
        known: what is known about the masks.

    Returns:
        The folder, and sentences about what is in it.

    Raises:
        VisorVosError: if no frame has a mask, or the disk refuses.
    """
    numbers = list(folder)
    if not numbers:
        raise VisorVosError("No frame has a mask to export.", "Draw an object first.")
    part, sequence = folder.root / ".export.part", _sequence_name(folder.source)
    shown = {number: known.shown.get(number, frozenset[int]()) for number in numbers}
    late = sorted(frozenset().union(*shown.values()) - shown[numbers[0]])
    # One that was drawn or deleted just now may lack a name.
    names = {**{index: f"object {index}" for index in late}, **names}
    shutil.rmtree(part, ignore_errors=True)
    images, masks = part / "JPEGImages" / "480p" / sequence, part / "Annotations" / "480p" / sequence
    try:
        images.mkdir(parents=True)
        masks.mkdir(parents=True)
        for number in numbers:
            mask = folder.mask_file(number)
            shutil.copyfile(mask, masks / mask.name)
            if isinstance(folder.source, FrameFolder):
                file = folder.source.files[number]
                shutil.copyfile(file, images / file.name)
            else:
                write_picture(images / f"{mask.stem}.jpg", reader[number])
        for split in ("train", "val"):
            write_file(part / "ImageSets" / "2022" / f"{split}.txt", sequence)
            mapping = {sequence: {str(index): name for index, name in names.items()}}
            write_file(part / f"{split}_data_mapping.json", json.dumps(mapping, ensure_ascii=False))
        if late:
            objects = {str(index): {"category": name} for index, name in names.items()}
            write_file(part / "meta.json", json.dumps({"videos": {sequence: {"objects": objects}}}, ensure_ascii=False))
        done, before = folder.root / EXPORT, folder.root / ".export.before"
        shutil.rmtree(before, ignore_errors=True)
        if done.exists():
            done.rename(before)
        part.rename(done)
        shutil.rmtree(before, ignore_errors=True)
    except OSError as error:
        raise VisorVosError(
            f"Cannot write the export in {folder.root}: {error.strerror or error}.", "Check that the disk has room."
        ) from error
    return done, " ".join(_notes(folder, numbers, [names[index] for index in late], known))


def _notes(folder: SessionFolder, numbers: list[int], late: list[str], known: KnownFrames) -> Iterator[str]:
    yield f"{len(numbers)} frames with masks were exported."
    stale = len(known.stale.intersection(numbers))
    if stale:
        yield f"{stale} of the masks {'is' if stale == 1 else 'are'} stale: propagate again, then export again."
    if late:
        yield (
            f"{listed(late, 3)} first appear{'s' * (len(late) == 1)} after the first exported frame, "
            f"{folder.source.name(numbers[0])}: evaluate scores each object from the frame after its first mask."
        )


def _sequence_name(source: FrameSource) -> str:
    path = source.path.resolve()
    name = path.name if isinstance(source, FrameFolder) else path.stem
    return name if is_safe_name(name) else "video"
