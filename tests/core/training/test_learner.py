from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import Tensor, nn

from visorvos import STM, VisorVosError, clip_loss
from visorvos.core.datasets.loader import Batch
from visorvos.core.training.learner import Learner, Stage, StepResult, start_accelerator
from visorvos.settings.finetune import FinetuneSettings


@pytest.fixture
def stm(small_stm: STM) -> STM:
    return copy.deepcopy(small_stm)


def batch(*seeds: int, objects: int = 2, idle: bool = False) -> Batch:
    """Random clips with ``objects`` objects, one per seed."""
    frames, labels = [], []
    for seed in seeds:
        random = torch.Generator().manual_seed(seed)
        frames.append(torch.randint(0, 256, (3, 3, 32, 32), generator=random, dtype=torch.uint8))
        blocks = torch.randint(0, objects + 1, (3, 4, 4), generator=random, dtype=torch.uint8)
        blocks[:, 0, : objects + 1] = torch.arange(objects + 1, dtype=torch.uint8)
        labels.append(blocks.repeat_interleave(8, 1).repeat_interleave(8, 2))
    return Batch(torch.stack(frames), torch.stack(labels), tuple(f"clip {seed}" for seed in seeds), 0, idle)


def learner(stm: STM, **options: object) -> Learner:
    given = {"data": "unused", "output": "unused", "device": "cpu", "lr": 1e-3, **options}
    settings = FinetuneSettings.model_validate(given)
    return Learner(stm, start_accelerator(settings), settings, Stage("finetune", detach=True, channels=16))


def weights(stm: STM) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in stm.state_dict().items()}


def plain_step(
    stm: STM, taught: Learner, optimizer: torch.optim.Optimizer, seeds: tuple[int, ...], clip: float = math.inf
) -> StepResult:
    """Takes a step with the learner and with plain torch, and compares losses, gradients and weights.

    Adam divides a gradient by its size. Where it is rounding noise, as for the memory key's bias, two correct
    computations step in different directions. So Adam's steps are compared on the same gradients.
    """
    optimizer.zero_grad()
    losses = [clip_loss(stm, *_clip(seed)) for seed in seeds]
    torch.stack(losses).sum().backward()
    norm = nn.utils.clip_grad_norm_(stm.parameters(), clip * len(seeds))
    result = taught.step([batch(seeds[0]), batch(*seeds[1:])], seen=0)
    torch.testing.assert_close(torch.tensor([result.second, result.third]), torch.stack(losses).sum(0).detach())
    assert result.gradient == pytest.approx(float(norm), rel=1e-3)
    for own, other in zip(stm.parameters(), taught.stm.parameters(), strict=True):
        if own.grad is not None:
            assert (own.grad - other.grad).norm() <= 1e-3 * own.grad.norm() + 1e-6 * norm
            own.grad.copy_(other.grad)
    optimizer.step()
    for name, tensor in stm.state_dict().items():
        torch.testing.assert_close(taught.stm.state_dict()[name], tensor, rtol=1e-6, atol=1e-7)
    return result


def test_a_step_is_adams_on_the_sum_of_the_clips_gradients(stm: STM) -> None:
    plain = copy.deepcopy(stm).eval()
    optimizer = torch.optim.Adam(plain.parameters(), lr=1e-3)
    taught = learner(stm)
    for seeds in ((0, 1, 2), (3, 4, 5)):
        assert plain_step(plain, taught, optimizer, seeds).clips == 3


def test_weight_decay_is_adamws(stm: STM) -> None:
    plain = copy.deepcopy(stm).eval()
    optimizer = torch.optim.AdamW(plain.parameters(), lr=1e-3, weight_decay=0.5)
    plain_step(plain, learner(stm, weight_decay=0.5), optimizer, (0, 1))


def test_the_mean_gradient_is_clipped_to_its_limit(stm: STM) -> None:
    plain = copy.deepcopy(stm).eval()
    optimizer = torch.optim.Adam(plain.parameters(), lr=1e-3)
    limit = 0.1
    result = plain_step(plain, learner(stm, clip_gradient=limit), optimizer, (0, 1), limit)
    assert result.gradient > 2 * limit, "the norm before it is clipped"
    clipped = torch.cat([p.grad.double().flatten() for p in stm.parameters() if p.grad is not None]).norm()
    assert float(clipped) == pytest.approx(2 * limit, rel=1e-4)


def _clip(seed: int) -> tuple[Tensor, Tensor]:
    one = batch(seed)
    return one.frames, one.labels


def test_how_clips_are_put_into_batches_does_not_matter(small_stm: STM) -> None:
    def gradients(*batches: Batch) -> tuple[StepResult, Tensor]:
        taught = learner(copy.deepcopy(small_stm))
        result = taught.step(batches, seen=0)
        return result, torch.cat([p.grad.flatten() for p in taught.stm.parameters() if p.grad is not None])

    one, by_one = gradients(batch(0, objects=1), batch(1, objects=3), batch(2, objects=1))
    mixed = Batch(
        torch.cat([batch(0).frames, batch(1).frames, batch(2).frames]),
        torch.cat([batch(0, objects=1).labels, batch(1, objects=3).labels, batch(2, objects=1).labels]),
        ("a", "b", "c"),
        0,
    )
    # The pictures are drawn before the labels: they do not depend on the number of objects.
    all_at_once, at_once = gradients(mixed)
    assert (by_one - at_once).norm() < 2e-4 * by_one.norm()
    assert one.second == pytest.approx(all_at_once.second, rel=1e-5)


def test_an_idle_batch_does_not_count(small_stm: STM) -> None:
    alone = learner(copy.deepcopy(small_stm)).step([batch(0)], seen=0)
    taught = learner(copy.deepcopy(small_stm))
    beside = taught.step([batch(0), batch(1, idle=True)], seen=0)
    assert beside.clips == 1
    assert (beside.second, beside.third) == (alone.second, alone.third)
    assert beside.gradient == pytest.approx(alone.gradient)


@pytest.mark.parametrize("freeze", [True, False])
def test_frozen_batch_norms_keep_their_statistics_but_learn(stm: STM, freeze: bool) -> None:
    before = weights(stm)
    learner(stm, batch_norm="frozen" if freeze else "train").step([batch(0, 1)], seen=0)
    changed = {name for name, tensor in stm.state_dict().items() if not torch.equal(tensor, before[name])}
    statistics = {name for name in before if "running_" in name}
    assert statistics
    assert statistics.isdisjoint(changed) if freeze else statistics <= changed
    norms = [f"{name}.weight" for name, part in stm.named_modules() if isinstance(part, nn.BatchNorm2d)]
    assert changed >= set(norms)


def test_a_loss_that_is_not_finite_names_the_clip_and_leaves_the_weights(stm: STM) -> None:
    taught = learner(stm)
    before = weights(stm)
    bad = batch(1)
    frames = bad.frames.float() / 255
    frames[0, 2, 0, 3, 3] = float("nan")
    with pytest.raises(VisorVosError, match=r"The loss of clip 1 is not a finite number") as caught:
        taught.step([batch(5), Batch(frames, bad.labels, bad.names, 0)], seen=0)
    assert "clip 5" not in str(caught.value)
    assert all(torch.equal(tensor, before[name]) for name, tensor in stm.state_dict().items())


def test_a_gradient_that_is_not_finite_is_reported_too(stm: STM) -> None:
    taught = learner(stm)
    parameter = next(stm.decoder.parameters())
    parameter.register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(VisorVosError, match=r"The gradient of clip 0, clip 1 is not a finite number"):
        taught.step([batch(0, 1)], seen=0)


def test_a_learner_is_restored_from_its_state(small_stm: STM) -> None:
    steps = [[batch(0, 1)], [batch(2)], [batch(3, 4)]]
    whole = learner(copy.deepcopy(small_stm))
    for number, batches in enumerate(steps):
        whole.step(batches, seen=number)
    first = learner(copy.deepcopy(small_stm))
    first.step(steps[0], seen=0)
    second = learner(STM("resnet18", pretrained=False))
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for number in (1, 2):
        second.step(steps[number], seen=number)
    for name, tensor in whole.stm.state_dict().items():
        assert torch.equal(second.stm.state_dict()[name], tensor), name


def test_mixed_precision_computes_nearly_the_same(small_stm: STM) -> None:
    exact = learner(copy.deepcopy(small_stm)).step([batch(0, 1)], seen=0)
    taught = learner(copy.deepcopy(small_stm), precision="bfloat16")
    mixed = taught.step([batch(0, 1)], seen=0)
    assert mixed.second != exact.second
    assert mixed.second == pytest.approx(exact.second, rel=0.05)
    assert all(parameter.dtype == torch.float32 for parameter in taught.stm.parameters())
    # The next run of the process is not affected.
    again = learner(copy.deepcopy(small_stm)).step([batch(0, 1)], seen=0)
    assert again.second == exact.second
