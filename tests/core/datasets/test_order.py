import numpy as np
import pytest

from visorvos.core.datasets.order import generator, sample_of


@pytest.mark.parametrize("samples", [1, 2, 7, 100])
def test_every_epoch_has_every_sample_once(samples):
    for epoch in range(4):
        drawn = [sample_of(number, samples, 3) for number in range(epoch * samples, (epoch + 1) * samples)]
        assert {number for number, _ in drawn} == {epoch}
        assert sorted(sample for _, sample in drawn) == list(range(samples))


def test_epochs_and_seeds_have_different_orders():
    orders = {
        tuple(sample_of(epoch * 50 + place, 50, seed)[1] for place in range(50))
        for epoch in range(5)
        for seed in range(5)
    }
    assert len(orders) == 25


def test_the_order_does_not_depend_on_what_was_asked_before():
    straight = [sample_of(number, 30, 1) for number in range(300)]
    shuffled = {number: sample_of(number, 30, 1) for number in np.random.default_rng(0).permutation(300).tolist()}
    assert straight == [shuffled[number] for number in range(300)]


def test_samples_are_not_shuffled_anew_for_each_clip(monkeypatch):
    shuffles, make = [], np.random.default_rng
    monkeypatch.setattr(np.random, "default_rng", lambda seed: shuffles.append(seed) or make(seed))
    # Batches that lie in two epochs go back and forth between them. No other test has this seed.
    for number in range(20):
        sample_of(10 + number % 2 * 10, 10, 987_654)
    assert len(shuffles) == 2


def test_every_sample_of_every_epoch_has_its_own_random_numbers():
    drawn = {generator(seed, epoch, sample).bytes(8) for seed in range(4) for epoch in range(4) for sample in range(4)}
    assert len(drawn) == 64
    assert generator(3, 2, 1).bytes(8) == generator(3, 2, 1).bytes(8)


def test_the_random_numbers_of_a_sample_are_not_those_of_the_order():
    assert generator(0, 0, 0).permutation(50).tolist() != [sample_of(number, 50, 0)[1] for number in range(50)]
