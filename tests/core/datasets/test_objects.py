import numpy as np

from visorvos.core.datasets.objects import keep_objects


def kept(labels, ids, max_objects, seed=0):
    return keep_objects(np.array(labels, np.uint8), ids, max_objects, np.random.default_rng(seed))


def test_objects_are_numbered_in_ascending_order_and_others_are_background():
    numbered = kept([[0, 7, 3], [255, 9, 3]], [3, 7, 255], 15)
    assert numbered.tolist() == [[0, 2, 1], [3, 0, 1]]
    assert numbered.dtype == np.uint8


def test_without_objects_all_is_background():
    assert not kept([[5, 6]], [], 15).any()


def test_of_too_many_objects_each_subset_is_equally_likely():
    counts = {}
    for seed in range(2000):
        numbered = kept([2, 4, 6, 200], [2, 4, 6, 200], 2, seed).tolist()
        assert [number for number in numbered if number] == [1, 2]
        chosen = tuple(number > 0 for number in numbered)
        counts[chosen] = counts.get(chosen, 0) + 1
    assert len(counts) == 6
    # Five standard deviations about 2000 / 6.
    assert all(abs(count - 2000 / 6) < 84 for count in counts.values())


def test_all_255_ids_can_be_kept():
    labels = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(keep_objects(labels, range(1, 256), 255, np.random.default_rng(0)), labels)
