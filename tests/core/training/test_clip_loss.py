from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.builders import golden
from visorvos import STM, clip_loss
from visorvos.core.weights.reference_names import from_reference


def test_losses_and_gradient_norms_are_the_references(golden_stm: STM) -> None:
    recorded = golden(f"training_{golden_stm.backbone}")
    frames = torch.from_numpy(recorded["frames"]).permute(0, 3, 1, 2)[None]
    golden_stm.zero_grad()
    losses = clip_loss(golden_stm, frames, torch.from_numpy(recorded["labels"])[None])
    losses.sum().backward()
    expected = [recorded["loss_second"], recorded["loss_third"]]
    np.testing.assert_allclose(losses.detach(), expected, rtol=1e-4)
    parameters = dict(golden_stm.named_parameters())
    names = [from_reference(name) for name in recorded["parameters"]]
    norms = [parameters[name].grad.norm().item() for name in names]
    # A bias of the memory's keys shifts all scores of a query alike: its gradient is only rounding noise.
    np.testing.assert_allclose(norms, recorded["grad_norms"], rtol=1e-3, atol=1e-7)
    assert recorded["grad_norms"][names.index("memory_projection.key.bias")] < 1e-7
    assert len(names) == len(parameters) - len(recorded["without_grad"])


def clip(seed: int, objects: int, height: int = 32, width: int = 32) -> tuple[Tensor, Tensor]:
    """Random frames uint8 (3, 3, H, W) and blocky labels (3, H, W) with ``objects`` objects in each frame."""
    random = torch.Generator().manual_seed(seed)
    frames = torch.randint(0, 256, (3, 3, height, width), generator=random, dtype=torch.uint8)
    coarse = torch.randint(0, objects + 1, (3, height // 8, width // 8), generator=random)
    coarse.flatten(1)[:, : objects + 1] = torch.arange(objects + 1)
    return frames, coarse.repeat_interleave(8, dim=1).repeat_interleave(8, dim=2)


def gradients(stm: STM, losses: Tensor) -> dict[str, Tensor]:
    stm.zero_grad()
    losses.sum().backward()
    return {name: p.grad.clone() for name, p in stm.named_parameters() if p.grad is not None}


def as_vector(gradient: dict[str, Tensor]) -> Tensor:
    return torch.cat([part.flatten() for _, part in sorted(gradient.items())])


def assert_same_gradients(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        assert (found[name] - gradient).norm() <= 2e-4 * gradient.norm() + 1e-7, name


def plain_losses(stm: STM, frames: Tensor, labels: Tensor, objects: int, detach: bool) -> Tensor:
    """One clip as the reference has it: 16 planes, those without an object at the floor, a log of a softmax."""
    images = frames.float() / 255
    floor = float(np.log(1e-7 / (1 - 1e-7)))
    loss = []
    memory: list[tuple[Tensor, Tensor]] = []
    planes = torch.stack([labels[0] == index for index in range(1, objects + 1)])[None].float()
    for time in (1, 2):
        memory.append(stm.memorize(images[time - 1][None], planes))
        keys, values = (torch.stack([item[part] for item in memory], dim=3) for part in (0, 1))
        logits = stm.segment(images[time][None], keys, values)[0]
        wide = torch.full((16, *logits.shape[1:]), floor)
        wide = torch.cat((logits, wide[objects + 1 :]))
        likelihood = torch.exp(wide) / torch.exp(wide).sum(dim=0)
        loss.append(-torch.log(likelihood.gather(0, labels[time][None])).mean())
        planes = likelihood[1 : objects + 1][None]
        if detach:
            planes = planes.detach()
    return torch.stack(loss)


@pytest.mark.parametrize("detach", [True, False])
def test_losses_are_those_of_a_plain_clip(small_stm: STM, detach: bool) -> None:
    frames, labels = clip(0, objects=2)
    losses = clip_loss(small_stm, frames[None], labels[None], detach=detach)
    found = gradients(small_stm, losses)
    expected = plain_losses(small_stm, frames, labels, 2, detach)
    torch.testing.assert_close(losses, expected, rtol=1e-5, atol=1e-6)
    assert_same_gradients(found, gradients(small_stm, expected))


def test_object_that_appears_later_is_not_predicted(small_stm: STM) -> None:
    """Its label counts in the loss, though no channel predicts it."""
    frames, labels = clip(0, objects=2)
    labels[1:, :8, :8] = 3
    losses = clip_loss(small_stm, frames[None], labels[None])
    torch.testing.assert_close(losses, plain_losses(small_stm, frames, labels, 2, detach=True), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("counts", [(1, 3), (2, 0)])
def test_batch_is_the_mean_of_its_clips(small_stm: STM, counts: tuple[int, int]) -> None:
    clips = [clip(seed, objects) for seed, objects in enumerate(counts)]
    frames, labels = (torch.stack(parts) for parts in zip(*clips, strict=True))
    together = clip_loss(small_stm, frames, labels)
    found = gradients(small_stm, together)
    alone = torch.stack([clip_loss(small_stm, own[None], ids[None]) for own, ids in clips]).mean(dim=0)
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)
    assert_same_gradients(found, gradients(small_stm, alone))


def test_detached_prediction_passes_no_gradient_on(small_stm: STM) -> None:
    """The losses are the same either way, and the third one's gradient lacks the way through the second frame."""
    frames, labels = clip(0, objects=2)
    detached = clip_loss(small_stm, frames[None], labels[None], detach=True)
    attached = clip_loss(small_stm, frames[None], labels[None], detach=False)
    assert torch.equal(detached, attached)
    one, other = (as_vector(gradients(small_stm, losses[1])) for losses in (detached, attached))
    assert (one - other).norm() > 1e-4 * other.norm()


def test_second_memory_gets_a_gradient_only_where_it_is_the_frames_own(small_stm: STM) -> None:
    """With ``detach`` the second prediction meets the third loss as a constant."""
    frames, labels = clip(0, objects=2)
    for detach in (True, False):
        passed: list[bool] = []
        handle = small_stm.memory_encoder.register_forward_pre_hook(
            lambda _, inputs, passed=passed: passed.append(inputs[1].requires_grad)
        )
        try:
            clip_loss(small_stm, frames[None], labels[None], detach=detach)
        finally:
            handle.remove()
        assert passed == [False, not detach]


def test_empty_clip_trains_one_empty_object(small_stm: STM) -> None:
    frames, labels = clip(0, objects=0)
    shapes: list[tuple[int, ...]] = []
    handle = small_stm.memory_encoder.register_forward_pre_hook(lambda _, inputs: shapes.append(inputs[1].shape[:2]))
    try:
        losses = clip_loss(small_stm, frames[None], labels[None])
    finally:
        handle.remove()
    assert shapes == [(1, 1), (1, 1)]
    assert losses.isfinite().all()
    assert (losses > 0).all()
    found = gradients(small_stm, losses)
    assert all(gradient.isfinite().all() for gradient in found.values())
    assert found["decoder.predict.weight"].norm() > 0


def test_bytes_and_fractions_are_the_same_frames(small_stm: STM) -> None:
    frames, labels = clip(0, objects=1)
    expected = clip_loss(small_stm, frames[None], labels[None])
    torch.testing.assert_close(clip_loss(small_stm, frames[None] / 255, labels[None]), expected, rtol=1e-6, atol=0)
    for dtype in (torch.uint8, torch.int32):
        found = clip_loss(small_stm, frames[None].to(dtype), labels[None].to(dtype))
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_more_objects_than_channels_widen_the_loss(small_stm: STM) -> None:
    frames, labels = clip(0, objects=5)
    narrow = clip_loss(small_stm, frames[None], labels[None], channels=2)
    wide = clip_loss(small_stm, frames[None], labels[None], channels=16)
    # Channels at the floor weigh a ten-millionth each.
    torch.testing.assert_close(narrow, wide, rtol=1e-5, atol=1e-5)


def test_half_precision_keeps_the_loss_in_float32(small_stm: STM) -> None:
    frames, labels = clip(0, objects=2)
    expected = clip_loss(small_stm, frames[None], labels[None])
    with torch.autocast("cpu", torch.bfloat16):
        losses = clip_loss(small_stm, frames[None], labels[None])
    assert losses.dtype == torch.float32
    torch.testing.assert_close(losses, expected, rtol=0.05, atol=0)
