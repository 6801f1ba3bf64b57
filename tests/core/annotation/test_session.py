"""Sessions: what is saved, what a propagation may touch, what undo brings back, and how a folder opens again."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.builders import read_labels, write_labels
from tests.core.annotation.sessions import (
    FRAMES,
    Follower,
    Steps,
    box,
    make_frames,
    moved,
    open_session,
    start_worker,
)
from visorvos.core.annotation.export import export_session
from visorvos.core.annotation.frame_reader import FrameReader
from visorvos.core.annotation.objects import BusyError, ObjectEntry
from visorvos.core.annotation.propagation import Worker
from visorvos.core.annotation.session import Session, StaleMaskError, mask_tag
from visorvos.core.io.lock import lock_folder
from visorvos.errors import VisorVosError


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    return make_frames(tmp_path / "clip")


@pytest.fixture
def session(root: Path, frames: Path) -> Session:
    return open_session(root, frames)


@pytest.fixture
def steps() -> Steps:
    return Steps()


@pytest.fixture
def worker(session: Session, steps: Steps) -> Iterator[Worker]:
    worker = start_worker(session, steps)
    yield worker
    worker.stop()
    steps.let(FRAMES)
    worker.close()


def propagate(session: Session, worker: Worker, steps: Steps, start: int, stop: int) -> dict:
    follower = Follower(session)
    worker.propagate(start, stop)
    steps.let(abs(stop - start))
    return follower.until_ended()


def mask_on_disk(root: Path, number: int, kind: str = "masks") -> np.ndarray:
    return read_labels(root / kind / f"{number:05d}.png")


def test_a_drawn_mask_is_on_disk_as_it_was_drawn(session: Session, root: Path) -> None:
    labels = box(1) + box(7, left=20)
    session.save_mask(3, labels)
    for kind in ("masks", "given"):
        np.testing.assert_array_equal(mask_on_disk(root, 3, kind), labels)
    assert json.loads((root / "names.json").read_text()) == {"1": "object 1", "7": "object 7"}
    record = json.loads((root / "annotate.json").read_text())
    assert record["given"] == [3]
    assert [item["id"] for item in record["objects"]] == [1, 7]
    assert record["version"] == 1
    assert record["settings"] == {"size": 480}
    assert record["source"]["frames"] == FRAMES


def test_a_frame_without_a_mask_is_background(session: Session) -> None:
    assert not session.mask(5).any()


def test_a_mask_that_changed_elsewhere_is_not_overwritten(session: Session) -> None:
    first = session.save_mask(0, box(1), mask_tag(session.mask(0)))
    session.save_mask(0, box(1, left=9), first)
    with pytest.raises(StaleMaskError):
        session.save_mask(0, box(1, left=12), first)
    np.testing.assert_array_equal(session.mask(0), box(1, left=9))


def test_propagation_writes_each_mask_before_its_event(
    session: Session, worker: Worker, steps: Steps, root: Path
) -> None:
    session.save_mask(2, box(1))
    follower = Follower(session)
    worker.propagate(2, 7)
    for number in range(3, 8):
        steps.let()
        event = follower.until(lambda event: event["event"] == "mask")
        assert event["frame"] == number
        np.testing.assert_array_equal(mask_on_disk(root, number), moved(box(1), number - 2))
    assert follower.until_ended()["state"] == "done"
    assert session.known.given == {2}
    assert not (root / "given" / "00003.png").exists()


def test_propagation_backward(session: Session, worker: Worker, steps: Steps) -> None:
    session.save_mask(5, box(1))
    assert propagate(session, worker, steps, 5, 1)["done"] == 4
    np.testing.assert_array_equal(session.mask(1), moved(box(1), 4))
    assert not session.mask(0).any()


def test_propagation_never_overwrites_a_drawn_mask(session: Session, worker: Worker, steps: Steps) -> None:
    session.save_mask(0, box(1))
    session.save_mask(3, box(1, left=20))
    follower = Follower(session)
    worker.propagate(0, 6)
    steps.let(4)
    follower.until(lambda event: event.get("frame") == 4)
    session.save_mask(6, box(1, left=2))  # drawn while the propagation runs
    steps.let(2)
    follower.until_ended()
    np.testing.assert_array_equal(session.mask(3), box(1, left=20))
    np.testing.assert_array_equal(session.mask(5), moved(box(1, left=20), 2))
    np.testing.assert_array_equal(session.mask(6), box(1, left=2))


def test_a_drawn_mask_stays_whatever_the_network_finds(
    session: Session, worker: Worker, steps: Steps, root: Path
) -> None:
    steps.looks_at_given = False
    session.save_mask(0, box(1))
    session.save_mask(3, box(1, left=20))
    propagate(session, worker, steps, 0, 5)
    for kind in ("masks", "given"):
        np.testing.assert_array_equal(mask_on_disk(root, 3, kind), box(1, left=20))
    np.testing.assert_array_equal(session.mask(5), moved(box(1), 5))


def test_stop_takes_effect_before_the_next_frame(session: Session, worker: Worker, steps: Steps) -> None:
    session.save_mask(0, box(1))
    follower = Follower(session)
    worker.propagate(0, 7)
    steps.let(2)
    follower.until(lambda event: event.get("frame") == 2)
    worker.stop()
    steps.let(1)  # the frame that is being computed
    ended = follower.until_ended()
    assert ended["state"] == "stopped"
    assert max(session.known.shown) <= 3
    assert propagate(session, worker, steps, 0, 7)["state"] == "done"


def test_one_propagation_at_a_time_and_only_from_an_object(session: Session, worker: Worker, steps: Steps) -> None:
    with pytest.raises(BusyError, match="shows no object"):
        worker.propagate(0, 7)
    session.save_mask(0, box(1))
    follower = Follower(session)
    worker.propagate(0, 7)
    for call in (lambda: worker.propagate(0, 7), session.undo, lambda: session.delete_object(1, None)):
        with pytest.raises(BusyError, match="running"):
            call()
    steps.let(7)
    follower.until_ended()


def test_a_propagation_that_fails_says_why_and_the_next_one_runs(
    session: Session, worker: Worker, steps: Steps
) -> None:
    session.save_mask(0, box(1))
    follower = Follower(session)
    steps.error = VisorVosError("Frame 1 is damaged.", "Extract it again.")
    worker.propagate(0, 7)
    steps.let()
    ended = follower.until_ended()
    assert (ended["state"], ended["message"]) == ("failed", "Frame 1 is damaged. Extract it again.")
    steps.error = None
    assert propagate(session, worker, steps, 0, 2)["state"] == "done"


def test_masks_can_be_drawn_and_propagation_asked_for_while_the_network_loads(session: Session, steps: Steps) -> None:
    import threading

    loaded = threading.Event()
    follower = Follower(session)

    def load() -> Steps:
        loaded.wait(30)
        return steps

    worker = Worker(session, load)
    assert session.state()["network"]["state"] == "loading"
    session.save_mask(0, box(1))
    worker.propagate(0, 2)
    steps.let(2)
    loaded.set()
    assert follower.until_ended()["done"] == 2
    worker.close()


@pytest.mark.parametrize(
    "error",
    [VisorVosError("The file is damaged.", "Copy it again."), OSError(errno.EIO, "The file is damaged.", "x.pth")],
)
def test_a_network_that_cannot_be_loaded(session: Session, error: Exception) -> None:
    def load() -> Steps:
        raise error

    follower = Follower(session)
    worker = Worker(session, load)
    event = follower.until(lambda event: event.get("network", {}).get("state") == "failed")
    assert "The file is damaged." in event["network"]["message"]
    session.save_mask(0, box(1))
    with pytest.raises(BusyError, match="damaged"):
        worker.propagate(0, 2)
    worker.close()


def test_without_weights_there_is_nothing_to_propagate_with(session: Session) -> None:
    worker = Worker(session, None)
    session.save_mask(0, box(1))
    with pytest.raises(BusyError, match="--weights"):
        worker.propagate(0, 2)
    worker.close()


def test_undo_and_redo_of_a_propagation(session: Session, worker: Worker, steps: Steps, root: Path) -> None:
    session.save_mask(0, box(1))
    propagate(session, worker, steps, 0, 3)
    session.save_mask(0, box(1, left=10))
    propagate(session, worker, steps, 0, 5)
    session.save_mask(2, box(1, left=1))  # drawn after it: stays
    session.undo()
    np.testing.assert_array_equal(session.mask(1), moved(box(1), 1))
    np.testing.assert_array_equal(session.mask(2), box(1, left=1))
    assert session.known.stale == {1, 3}
    assert not (root / "masks" / "00005.png").exists()
    session.redo()
    np.testing.assert_array_equal(session.mask(1), moved(box(1, left=10), 1))
    np.testing.assert_array_equal(session.mask(5), moved(box(1, left=10), 5))
    session.undo()
    session.undo()
    assert sorted(session.known.shown) == [0, 2]
    with pytest.raises(BusyError, match="nothing to undo"):
        session.undo()


def test_deleting_an_object_and_bringing_it_back(session: Session, worker: Worker, steps: Steps, root: Path) -> None:
    both = box(1) + box(2, left=20)
    session.save_mask(0, both)
    propagate(session, worker, steps, 0, 4)
    session.delete_object(2, start=3)
    assert [2 in ids for _, ids in sorted(session.known.shown.items())] == [True, True, True, False, False]
    session.delete_object(2, start=None)
    assert not any(2 in ids for ids in session.known.shown.values())
    np.testing.assert_array_equal(mask_on_disk(root, 0, "given"), box(1))
    assert [item.id for item in session.objects.items] == [1]
    session.save_mask(0, box(1) + box(1, left=20, size=2))
    session.undo()
    assert [item.id for item in session.objects.items] == [1, 2]
    expected = both.copy()
    expected[box(1, left=20, size=2) > 0] = 1  # drawn since
    np.testing.assert_array_equal(session.mask(0), expected)
    session.redo()
    assert [item.id for item in session.objects.items] == [1]
    assert not any(2 in ids for ids in session.known.shown.values())


def test_an_id_is_never_used_twice(session: Session, root: Path, frames: Path) -> None:
    session.save_mask(0, box(1) + box(2, left=20))
    session.delete_object(2, None)
    for again in (session, open_session(root, frames)):
        assert again.state()["next_id"] == 3
        with pytest.raises(BusyError, match="used before"):
            again.save_mask(0, box(2))
        with pytest.raises(BusyError, match="used before"):
            again.put_objects([ObjectEntry(id=1), ObjectEntry(id=2)])


def test_objects_that_masks_show_cannot_be_left_out(session: Session, root: Path) -> None:
    session.put_objects([ObjectEntry(id=1, name="cup"), ObjectEntry(id=2, name="knife", color="#ff0000")])
    session.save_mask(0, box(1))
    session.put_objects([ObjectEntry(id=1, name="mug")])
    assert json.loads((root / "names.json").read_text()) == {"1": "mug"}
    with pytest.raises(BusyError, match="masks show it"):
        session.put_objects([])


def test_frames_after_a_correction_are_stale_until_propagated_again(
    session: Session, worker: Worker, steps: Steps
) -> None:
    session.save_mask(0, box(1))
    session.save_mask(5, box(1, left=20))
    propagate(session, worker, steps, 0, 7)
    session.save_mask(2, box(1, left=9))
    assert session.known.stale == {3, 4}  # 5 is drawn: what follows it does not change
    propagate(session, worker, steps, 2, 3)
    assert session.known.stale == {4}
    session.save_mask(4, session.mask(4))
    assert session.known.stale == set()


def test_frames_before_a_correction_are_stale_where_they_were_propagated_backward(
    session: Session, worker: Worker, steps: Steps
) -> None:
    session.save_mask(5, box(1))
    propagate(session, worker, steps, 5, 0)
    session.save_mask(3, box(1, left=1))
    assert session.known.stale == {0, 1, 2}


def test_a_correction_behind_a_running_propagation_makes_what_follows_stale(
    session: Session, worker: Worker, steps: Steps
) -> None:
    session.save_mask(0, box(1))
    follower = Follower(session)
    worker.propagate(0, 5)
    steps.let(3)
    follower.until(lambda event: event.get("frame") == 3)
    session.save_mask(1, box(1, left=9))
    steps.let(2)
    follower.until_ended()
    assert session.known.stale == {2, 3, 4, 5}


def test_taking_back_the_only_stroke_of_a_frame(session: Session, root: Path) -> None:
    session.save_mask(4, box(1))
    session.save_mask(4, box(1) * 0, given=False)
    assert session.known.given == set()
    assert list(root.rglob("00004.png")) == []


def test_a_session_opens_where_it_was_left(
    session: Session, worker: Worker, steps: Steps, root: Path, frames: Path
) -> None:
    session.put_objects([ObjectEntry(id=1, name="cup", color="#123456", locked=True)])
    session.save_mask(2, box(1))
    propagate(session, worker, steps, 2, 0)
    propagate(session, worker, steps, 2, 7)
    session.save_mask(5, box(1, left=9))
    before, after = session.state(), open_session(root, frames).state()
    for name in ("objects", "given", "masks", "stale", "presence", "next_id", "undo"):
        assert after[name] == before[name], name


def test_masks_that_the_record_does_not_know_are_found(session: Session, root: Path, frames: Path) -> None:
    """A killed process leaves masks that are newer than annotate.json."""
    session.save_mask(0, box(1))
    write_labels(root / "masks" / "00001.png", box(2))
    write_labels(root / "given" / "00003.png", box(1, left=9))
    write_labels(root / "masks" / "00003.png", box(1, left=1))
    (root / "masks" / ".00004.png.part").write_bytes(b"half")
    again = open_session(root, frames)
    assert {number: sorted(ids) for number, ids in again.known.shown.items()} == {0: [1], 1: [2], 3: [1]}
    np.testing.assert_array_equal(again.mask(3), box(1, left=9))
    assert again.known.given == {0, 3}
    assert again.state()["next_id"] == 3
    assert not list(root.rglob("*.part"))


def test_another_video_is_refused(session: Session, root: Path, tmp_path: Path) -> None:
    with pytest.raises(VisorVosError, match="another video"):
        open_session(root, make_frames(tmp_path / "other", count=3))


def test_a_damaged_record_is_refused(session: Session, root: Path, frames: Path) -> None:
    (root / "annotate.json").write_text("{")
    with pytest.raises(VisorVosError, match=r"annotate\.json cannot be read"):
        open_session(root, frames)


def test_a_second_process_is_refused(root: Path) -> None:
    with lock_folder(root), pytest.raises(VisorVosError, match="Another process"), lock_folder(root):
        pass
    with lock_folder(root):
        pass


def test_the_export_names_an_object_that_was_drawn_a_moment_ago(root: Path, frames: Path) -> None:
    """The names were taken before it was drawn."""
    session = open_session(root, frames)
    session.save_mask(0, box(1))
    names = session.objects.names()
    session.save_mask(3, box(2, left=14))
    path, notes = export_session(session.folder, FrameReader(session.folder.source), names, session.known)
    objects = json.loads((path / "meta.json").read_text())["videos"][frames.name]["objects"]
    assert objects == {"1": {"category": "object 1"}, "2": {"category": "object 2"}}
    assert "object 2 first appears after the first exported frame" in notes


def test_a_session_that_has_ended_writes_nothing_more(root: Path, frames: Path) -> None:
    """Frames may still be compared when the command ends, and the folder belong to another process."""
    session = open_session(root, frames)
    session.events.close()
    before = (root / "annotate.json").read_bytes()
    assert session.check_frames("checksum") == ""
    assert (root / "annotate.json").read_bytes() == before
    assert open_session(root, frames).check_frames("checksum") == ""
    assert (root / "annotate.json").read_bytes() != before
