import json
from pathlib import Path

import numpy as np
import pytest

from visorvos.core.metrics.scores import ObjectScores, ScoreReport, SequenceScores, Statistics
from visorvos.core.metrics.scoring import score_sequence
from visorvos.errors import VisorVosError

GOLDEN = Path(__file__).parents[2] / "golden" / "metrics.npz"


def make_object(sequence, object_id, region, contour=None, name=None):
    frames = tuple(f"frame_{index}" for index in range(len(region)))
    contour = region if contour is None else contour
    sizes = np.full(len(region), 0.25)
    return ObjectScores(sequence, object_id, name, frames, np.array(region, float), np.array(contour, float), sizes)


def make_sequence(sequence, *rows):
    objects = [make_object(sequence, object_id, row) for object_id, row in enumerate(rows, start=1)]
    return SequenceScores(sequence, tuple(objects))


def make_report(*sequences):
    return ScoreReport.from_sequences("visor", sequences)


def golden_sequence():
    golden = np.load(GOLDEN)
    frames = zip([f"{index:05d}" for index in range(12)], golden["truth"], golden["prediction"], strict=True)
    return golden, score_sequence("P01_01_seq", frames, object_ids=[1, 2, 3], names={1: "hand", 3: "pan"})


def test_sequence_matches_golden_figures():
    golden, scores = golden_sequence()
    assert [(item.object_id, item.name) for item in scores.objects] == [(1, "hand"), (2, None), (3, "pan")]
    for index, item in enumerate(scores.objects):
        assert item.sequence == "P01_01_seq"
        assert item.frames == tuple(f"{frame:05d}" for frame in range(12))
        np.testing.assert_allclose(item.region, golden["J"][index], rtol=0, atol=1e-12)
        np.testing.assert_allclose(item.contour, golden["F"][index], rtol=0, atol=1e-12)
        for found, expected in zip(
            (item.region_statistics, item.contour_statistics), golden["mean_recall_decay"][index], strict=True
        ):
            np.testing.assert_allclose([found.mean, found.recall, found.decay], expected, rtol=0, atol=1e-12)


def test_sequence_and_data_set_match_golden_figures():
    golden, scores = golden_sequence()
    (region, contour) = golden["mean_recall_decay"].mean(axis=0)
    for level in (scores, make_report(scores)):
        found = level.region_statistics
        np.testing.assert_allclose([found.mean, found.recall, found.decay], region, rtol=0, atol=1e-12)
        found = level.contour_statistics
        np.testing.assert_allclose([found.mean, found.recall, found.decay], contour, rtol=0, atol=1e-12)
        assert level.j_and_f == pytest.approx((region[0] + contour[0]) / 2, abs=1e-12)


def test_data_set_is_the_mean_over_objects_not_sequences():
    report = make_report(make_sequence("a", [1, 1], [1, 1], [1, 1]), make_sequence("b", [0, 0]))
    assert report.region_statistics == Statistics(0.75, 0.75, 0)
    assert report.contour_statistics == Statistics(0.75, 0.75, 0)
    assert report.j_and_f == 0.75
    assert [sequence.j_and_f for sequence in report.sequences] == [1, 0]


def test_data_set_is_the_mean_over_objects_not_frames():
    report = make_report(make_sequence("a", [1, 1, 1, 1], [0]))
    assert report.region_statistics.mean == 0.5


def test_j_and_f_is_the_mean_of_the_two_means():
    item = make_object("a", 1, region=[1, 0.5], contour=[0.5, 0])
    assert (item.region_statistics.mean, item.contour_statistics.mean) == (0.75, 0.25)
    assert item.j_and_f == SequenceScores("a", (item,)).j_and_f == 0.5
    assert make_report(SequenceScores("a", (item,))).j_and_f == 0.5


def test_report_does_not_depend_on_the_order_of_sequences():
    sequences = [make_sequence("b", [0.1]), make_sequence("c", [0.7], [0.3]), make_sequence("a", [0.4])]
    report = make_report(*sequences)
    assert [item.sequence for item in report.sequences] == ["a", "b", "c"]
    assert [(item.sequence, item.object_id) for item in report.objects] == [
        ("a", 1),
        ("b", 1),
        ("c", 1),
        ("c", 2),
    ]
    assert make_report(*sequences[::-1]).to_dict() == report.to_dict()


def test_sequences_without_objects_are_listed_apart():
    report = make_report(SequenceScores("z", ()), make_sequence("m", [1, 0]), SequenceScores("a", ()))
    assert report.unscored == ("a", "z")
    assert [item.sequence for item in report.sequences] == ["m"]
    assert report.j_and_f == 0.5


def test_labels_beside_the_given_ids_are_background():
    truth = np.zeros((40, 60), np.uint8)
    truth[5:20, 5:20], truth[25:35, 30:50] = 1, 9
    scores = score_sequence("a", [("f", truth, np.where(truth == 1, truth, 0))], object_ids=[1, 200])
    assert [item.object_id for item in scores.objects] == [1, 200]
    assert [item.j_and_f for item in scores.objects] == [1, 1]


def test_sizes_are_those_of_the_true_masks():
    truth = np.zeros((10, 20), np.uint8)
    truth[:5, :4], truth[9, 9] = 1, 2
    scores = score_sequence("a", [("f", truth, truth * 0), ("g", truth * 0, truth)], object_ids=[1, 2])
    assert [item.sizes.tolist() for item in scores.objects] == [[0.1, 0], [1 / 200, 0]]


def test_objects_come_in_the_order_of_their_ids():
    labels = np.zeros((4, 5), np.uint8)
    scores = score_sequence("a", [("f", labels, labels)], object_ids=[3, 1, 2])
    assert [item.object_id for item in scores.objects] == [1, 2, 3]


def test_sequence_without_objects_or_frames_has_no_scores():
    labels = np.zeros((4, 5), np.uint8)
    assert score_sequence("a", [("f", labels, labels)], object_ids=[]).objects == ()
    assert score_sequence("a", [], object_ids=[1, 2]).objects == ()


def test_frames_are_not_read_without_objects():
    frames = iter([("f", np.zeros((4, 5), np.uint8), np.zeros((4, 5), np.uint8))])
    score_sequence("a", frames, object_ids=[])
    assert len(list(frames)) == 1


@pytest.mark.parametrize(
    ("truth_shape", "prediction_shape"), [((4, 5), (4, 6)), ((4, 5), (4, 5, 3)), ((4, 5, 3), (4, 5, 3))]
)
def test_labels_of_wrong_shape_name_sequence_and_frame(truth_shape, prediction_shape):
    good = np.zeros((4, 5), np.uint8)
    frames = [
        ("f0", good, good),
        ("f1", np.zeros(truth_shape, np.uint8), np.zeros(prediction_shape, np.uint8)),
    ]
    with pytest.raises(VisorVosError) as caught:
        score_sequence("P01_seq", frames, object_ids=[1])
    for part in ("P01_seq", "f1", str(truth_shape), str(prediction_shape)):
        assert part in caught.value.message


@pytest.mark.parametrize(
    ("sequences", "expected"),
    [
        ([], "None of 0 sequences"),
        ([SequenceScores("a", ()), SequenceScores("b", ())], "None of 2 sequences"),
    ],
)
def test_report_on_nothing_is_refused(sequences, expected):
    with pytest.raises(VisorVosError, match=expected):
        make_report(*sequences)


def test_sequence_cannot_count_twice():
    with pytest.raises(VisorVosError, match="Sequence a was scored twice"):
        make_report(make_sequence("a", [1]), make_sequence("a", [1]))


def test_to_dict_is_json_with_every_digit():
    item = make_object("a", 2, region=[1 / 3, 1], contour=[0.1, 0.7], name="left hand")
    report = make_report(SequenceScores("a", (item,)), SequenceScores("b", ()))
    j = {"mean": 2 / 3, "recall": 0.5, "decay": 1 / 3 - 1}
    f = {"mean": (0.1 + 0.7) / 2, "recall": 0.5, "decay": 0.1 - 0.7}
    statistics = {"J&F": (j["mean"] + f["mean"]) / 2, "J": j, "F": f}
    frames = [
        {"frame": "frame_0", "J": 1 / 3, "F": 0.1, "size": 0.25},
        {"frame": "frame_1", "J": 1.0, "F": 0.7, "size": 0.25},
    ]
    expected = {
        "protocol": "visor",
        **statistics,
        "sequences": [
            {
                "sequence": "a",
                "ground_truth": "",
                **statistics,
                "objects": [{"object": 2, "name": "left hand", **statistics, "frames": frames}],
            }
        ],
        "unscored": ["b"],
        "warnings": ["Not scored, without an object or a frame to score: b."],
    }
    assert report.to_dict() == expected
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False)) == expected


class TestWhatIsNotCounted:
    """Each case is scored, and the report says what was left out or assumed."""

    @staticmethod
    def labels(*ids):
        image = np.zeros((20, 30), np.uint8)
        for object_id in ids:
            image[2 * object_id : 2 * object_id + 2, 3:20] = object_id
        return image

    def test_predicted_ids_that_the_ground_truth_lacks(self):
        frames = [("f", self.labels(1, 2), self.labels(1, 2, 7)), ("g", self.labels(1), self.labels(1))]
        report = make_report(score_sequence("a", frames, [1, 2]))
        assert [item.region.tolist() for item in report.objects] == [[1, 1], [1, 1]]
        assert any("a/f (id 7)" in warning and "1 mask:" in warning for warning in report.warnings)

    @pytest.mark.parametrize("predicted", [(7,), (3, 8)])
    def test_no_predicted_id_fits(self, predicted):
        with pytest.raises(VisorVosError, match=r"Sequence a: no predicted id .*ground truth: 1, 2"):
            score_sequence("a", [("f", self.labels(1, 2), self.labels(*predicted))], [1, 2])

    def test_an_empty_prediction_is_scored(self):
        report = make_report(score_sequence("a", [("f", self.labels(1), self.labels())], [1]))
        assert report.objects[0].region.tolist() == [0]
        assert report.warnings == ("The predicted masks show no object in 1 sequence: a.",)

    def test_objects_that_enter_late_are_named_and_may_be_predicted(self):
        frames = [("f", self.labels(1), self.labels(1)), ("g", self.labels(1, 3), self.labels(3))]
        report = make_report(score_sequence("a", frames, [1]))
        assert [item.object_id for item in report.objects] == [1]
        assert [
            w for w in report.warnings if "first appear after the first frame: 1 object in 1 sequence: a (id 3)" in w
        ]
        assert not [warning for warning in report.warnings if "Predicted ids" in warning]

    def test_objects_that_enter_late_are_scored_from_the_next_frame_on_when_asked(self):
        frames = [
            ("f", self.labels(1), self.labels(1)),
            ("g", self.labels(1, 3), self.labels(1)),
            ("h", self.labels(1, 3), self.labels(3)),
        ]
        one, three = score_sequence("a", frames, [1], late_objects=True).objects
        assert (one.frames, one.region.tolist()) == (("f", "g", "h"), [1, 1, 0])
        assert (three.object_id, three.frames, three.region.tolist()) == (3, ("h",), [1])

    def test_an_object_that_no_mask_shows(self):
        frames = [("f", self.labels(1, 3), self.labels(1))]
        report = make_report(score_sequence("a", frames, [1, 2, 3], given=[1, 3]))
        assert [item.region.tolist() for item in report.objects] == [[1], [1], [0]]
        assert [
            warning
            for warning in report.warnings
            if "Shown by no ground-truth mask" in warning and "a (id 2)" in warning
        ]

    def test_predictions_that_equal_the_ground_truth(self):
        same = score_sequence("a", [("f", self.labels(1), self.labels(1))], [1])
        other = score_sequence("b", [("f", self.labels(1), self.labels(1)), ("g", self.labels(1), self.labels())], [1])
        assert make_report(other).warnings == ()
        (warning,) = make_report(same, other).warnings
        assert "equals the ground truth in 1 sequence: a." in warning

    def test_masks_without_objects_that_stay_empty_are_no_copies(self):
        frames = [("f", self.labels(), self.labels())]
        warnings = make_report(score_sequence("a", frames, [1], given=[1])).warnings
        assert not [warning for warning in warnings if "equals" in warning]

    def test_the_checksum_is_that_of_the_ground_truth(self):
        def checksum(truth, prediction):
            return score_sequence("a", [("f", truth, prediction)], [1]).ground_truth

        moved = np.roll(self.labels(1), 1, axis=1)
        assert checksum(self.labels(1), self.labels()) == checksum(self.labels(1), self.labels(1))
        assert checksum(moved, self.labels()) != checksum(self.labels(1), self.labels())
