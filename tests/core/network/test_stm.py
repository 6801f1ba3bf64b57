from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
import torchvision
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate, pad
from torch.profiler import profile

from tests.builders import as_input, golden, noise, planes
from visorvos import STM
from visorvos.core.network.aggregation import FLOOR, aggregate
from visorvos.core.network.backbones import BACKBONES
from visorvos.core.network.decoder import Decoder, ResidualBlock
from visorvos.core.network.memory_read import read_memory
from visorvos.errors import VisorVosError

LOWEST = math.log(FLOOR / (1 - FLOOR))


@pytest.fixture(autouse=True)
def _no_grad() -> Iterator[None]:
    with torch.no_grad():
        yield


def noise_masks(clips: int, objects: int, height: int, width: int, seed: int = 0) -> Tensor:
    """Hard masks of every object, without overlap."""
    labels = torch.randint(0, objects + 1, (clips, height, width), generator=torch.Generator().manual_seed(seed))
    return torch.stack([labels == index for index in range(1, objects + 1)], dim=1).float()


def remember(stm: STM, frames: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """``frames`` (B, T, 3, H, W) and ``masks`` (B, T, N, H, W) -> keys and values with T."""
    pairs = [stm.memorize(frames[:, time], masks[:, time]) for time in range(frames.shape[1])]
    return torch.stack([key for key, _ in pairs], dim=3), torch.stack([value for _, value in pairs], dim=3)


def test_keys_values_and_logits_equal_the_references(golden_stm: STM) -> None:
    recorded = golden(f"network_{golden_stm.backbone}")
    frames, labels = recorded["frames"], recorded["labels"]
    with torch.inference_mode():
        key_0, value_0 = golden_stm.memorize(as_input(frames[0]), planes(labels[0], 3))
        key_1, value_1 = golden_stm.memorize(as_input(frames[1]), planes(labels[1], 3))
        one = golden_stm.segment(as_input(frames[2]), key_0.unsqueeze(3), value_0.unsqueeze(3))
        two = golden_stm.segment(
            as_input(frames[2]), torch.stack((key_0, key_1), dim=3), torch.stack((value_0, value_1), dim=3)
        )
    np.testing.assert_allclose(key_0[0], recorded["key"], atol=1e-4, rtol=0)
    np.testing.assert_allclose(value_0[0], recorded["value"], atol=1e-4, rtol=0)
    np.testing.assert_allclose(one[0], recorded["logits_one_memory"], atol=1e-4, rtol=0)
    np.testing.assert_allclose(two[0], recorded["logits_two_memories"], atol=1e-4, rtol=0)


class Clips(NamedTuple):
    frames: Tensor
    masks: Tensor
    keys: Tensor
    values: Tensor
    logits: Tensor


@pytest.fixture(scope="module")
def clips(small_stm: STM) -> Clips:
    """Two clips with three objects each: two frames remembered, and the logits of the third."""
    frames = noise(2, 3, 3, 40, 56)
    masks = torch.stack((noise_masks(2, 3, 40, 56, seed=1), noise_masks(2, 3, 40, 56, seed=2)), dim=1)
    with torch.no_grad():
        keys, values = remember(small_stm, frames[:, :2], masks)
        return Clips(frames, masks, keys, values, small_stm.segment(frames[:, 2], keys, values))


class TestBatches:
    @pytest.mark.parametrize("clip", [0, 1])
    def test_clips_do_not_affect_each_other(self, small_stm: STM, clips: Clips, clip: int) -> None:
        frames, masks, keys, values, logits = clips
        own = slice(clip, clip + 1)
        key, value = remember(small_stm, frames[own, :2], masks[own])
        torch.testing.assert_close(keys[own], key, atol=1e-4, rtol=0)
        torch.testing.assert_close(values[own], value, atol=1e-4, rtol=0)
        alone = small_stm.segment(frames[own, 2], key, value)
        torch.testing.assert_close(logits[own], alone, atol=1e-4, rtol=0)

    @pytest.mark.parametrize("objects", [[0], [2], [2, 0]])
    def test_objects_do_not_affect_each_other_once_remembered(
        self, small_stm: STM, clips: Clips, objects: list[int]
    ) -> None:
        frames, _, keys, values, logits = clips
        some = small_stm.segment(frames[:, 2], keys[:, objects], values[:, objects])
        torch.testing.assert_close(some[:, 1:], logits[:, 1:][:, objects], atol=1e-4, rtol=0)

    def test_absent_object_does_not_change_the_others(self, small_stm: STM, clips: Clips) -> None:
        frames, _, keys, values, _ = clips
        present = torch.tensor([[True, False, True], [False, True, False]])
        found = small_stm.segment(frames[:, 2], keys, values, present)
        for clip, objects in enumerate(([0, 2], [1])):
            own = slice(clip, clip + 1)
            without = small_stm.segment(frames[own, 2], keys[own][:, objects], values[own][:, objects])
            rows = [0, *(1 + index for index in objects)]
            torch.testing.assert_close(found[own][:, rows], without, atol=1e-4, rtol=0)
        floor = torch.full_like(found[:, 1:][~present], LOWEST)
        torch.testing.assert_close(found[:, 1:][~present], floor)

    def test_empty_plane_does_not_change_the_memory_of_other_objects(self, small_stm: STM, clips: Clips) -> None:
        frames, masks, keys, values, _ = clips
        wider = pad(masks[:, 0], (0, 0, 0, 0, 0, 1))
        key, value = small_stm.memorize(frames[:, 0], wider)
        torch.testing.assert_close(key[:, :3], keys[:, :, :, 0], atol=1e-4, rtol=0)
        torch.testing.assert_close(value[:, :3], values[:, :, :, 0], atol=1e-4, rtol=0)
        assert key.isfinite().all()


class TestSizes:
    @settings(max_examples=10, deadline=None)
    @example(height=1, width=1)
    @example(height=17, width=1)
    @given(height=st.integers(1, 50), width=st.integers(1, 50))
    def test_frame_size_comes_back(self, small_stm: STM, height: int, width: int) -> None:
        with torch.no_grad():
            key, value = small_stm.memorize(noise(1, 3, height, width), noise_masks(1, 2, height, width))
            logits = small_stm.segment(noise(1, 3, height, width, seed=1), key.unsqueeze(3), value.unsqueeze(3))
        assert key.shape == (1, 2, 32, math.ceil(height / 16), math.ceil(width / 16))
        assert logits.shape == (1, 3, height, width)
        assert logits.isfinite().all()

    def test_odd_pixel_of_padding_goes_after(self, small_stm: STM) -> None:
        frame, masks = noise(1, 3, 33, 45), noise_masks(1, 2, 33, 45)
        # 33 + 15 = 48: 7 above, 8 below; 45 + 3 = 48: 1 on the left, 2 on the right. Black, in [0, 1].
        key, value = small_stm.memorize(frame, masks)
        key_black, value_black = small_stm.memorize(pad(frame, (1, 2, 7, 8)), pad(masks, (1, 2, 7, 8)))
        torch.testing.assert_close(key, key_black)
        torch.testing.assert_close(value, value_black)
        found = small_stm.segment(frame, key.unsqueeze(3), value.unsqueeze(3))
        black = small_stm.segment(pad(frame, (1, 2, 7, 8)), key.unsqueeze(3), value.unsqueeze(3))
        torch.testing.assert_close(found, black[..., 7:40, 1:46])


class TestAggregation:
    @staticmethod
    def plain(probabilities: Tensor, present: Tensor | None = None) -> Tensor:
        clips, objects = probabilities.shape[:2]
        logits = torch.empty(clips, objects + 1, *probabilities.shape[2:], dtype=torch.float64)
        for clip in range(clips):
            background = torch.ones(probabilities.shape[2:], dtype=torch.float64)
            for index in range(objects):
                own = probabilities[clip, index].double()
                if present is not None and not present[clip, index]:
                    own = torch.zeros_like(own)
                background = background * (1 - own)
                held = own.clamp(FLOOR, 1 - FLOOR)
                logits[clip, index + 1] = (held / (1 - held)).log()
            held = background.clamp(FLOOR, 1 - FLOOR)
            logits[clip, 0] = (held / (1 - held)).log()
        return logits

    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
    @pytest.mark.parametrize("autocast", [False, True])
    def test_background_is_the_product_in_float32(self, dtype: torch.dtype, autocast: bool) -> None:
        probabilities = (noise(2, 4, 5, 6) * 0.998 + 0.001).to(dtype)
        present = torch.tensor([[True] * 4, [True, False, True, False]])
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            found = aggregate(probabilities, present)
        assert found.dtype == torch.float32
        torch.testing.assert_close(found.double(), self.plain(probabilities, present), atol=1e-3, rtol=0)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
    def test_certainty_is_finite(self, dtype: torch.dtype) -> None:
        probabilities = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0]], dtype=dtype)[:, :, None, None]
        found = aggregate(probabilities)[..., 0, 0]
        assert found.isfinite().all()
        signs = torch.tensor([[1, -1, -1], [-1, -1, 1], [-1, 1, 1]])
        # 1 - 1e-7 is not a float32; the nearest value below 1 is used.
        torch.testing.assert_close(found, signs * abs(LOWEST), atol=0.2, rtol=0)

    @pytest.mark.parametrize("way", ["weights", "autocast"])
    def test_half_precision_network_aggregates_in_float32(self, small_stm: STM, way: str) -> None:
        stm = copy.deepcopy(small_stm).to(torch.bfloat16) if way == "weights" else small_stm
        frame, masks = noise(1, 3, 32, 48), noise_masks(1, 3, 32, 48)
        with torch.autocast("cpu", torch.bfloat16, enabled=way == "autocast"):
            key, value = stm.memorize(frame, masks)
            logits = stm.segment(frame, key.unsqueeze(3), value.unsqueeze(3))
        assert key.dtype == value.dtype == torch.bfloat16
        assert logits.dtype == torch.float32
        assert logits.isfinite().all()
        objects = logits[:, 1:].double().sigmoid()
        background = torch.logit((1 - objects).prod(dim=1), eps=FLOOR)
        torch.testing.assert_close(logits[:, 0].double(), background, atol=1e-4, rtol=0)

    def test_decoder_ends_in_float32(self, small_stm: STM) -> None:
        """The two channels are subtracted and resized in float32."""
        decoder = copy.deepcopy(small_stm.decoder).to(torch.bfloat16)
        skips = decoder.encode_skips(noise(1, 128, 2, 4).bfloat16(), noise(1, 64, 4, 8).bfloat16())
        found = decoder(noise(1, 2, 128, 1, 2).bfloat16(), noise(1, 128, 1, 2).bfloat16(), skips)
        assert found.dtype == torch.float32

    def test_half_precision_network_is_near_the_full_one(self, small_stm: STM) -> None:
        half = copy.deepcopy(small_stm).to(torch.bfloat16)
        frame, masks = noise(1, 3, 32, 48), noise_masks(1, 3, 32, 48)
        found, expected = (
            stm.segment(frame, *(memory.unsqueeze(3) for memory in stm.memorize(frame, masks)))
            for stm in (half, small_stm)
        )
        assert (found - expected).abs().mean() < 0.05 * expected.std()


def test_memory_read_is_softmax_over_all_positions() -> None:
    clips, objects, times, height, width = 2, 3, 4, 3, 5
    query = 3 * torch.randn(clips, 8, height, width, generator=torch.Generator().manual_seed(0))
    keys = 3 * torch.randn(clips, objects, 8, times, height, width, generator=torch.Generator().manual_seed(1))
    values = noise(clips, objects, 12, times, height, width)
    found = read_memory(query, keys, values)
    assert found.shape == (clips, objects, 12, height, width)
    for clip, index, y, x in np.ndindex(clips, objects, height, width):
        scores = torch.tensor(
            [
                torch.dot(keys[clip, index, :, t, j, i].double(), query[clip, :, y, x].double()) / math.sqrt(8)
                for t, j, i in np.ndindex(times, height, width)
            ]
        )
        weights = torch.exp(scores - scores.max())
        expected = values[clip, index].flatten(1).double() @ (weights / weights.sum())
        torch.testing.assert_close(found[clip, index, :, y, x].double(), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("precision", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 5e-3)])
def test_memory_read_of_a_large_frame_without_gradients(precision: torch.dtype, tolerance: float) -> None:
    """Computed in parts, with scores in float32: in bfloat16 they would be wrong by more than the tolerance."""
    query = 2 * torch.randn(1, 128, 40, 60, generator=torch.Generator().manual_seed(0)).to(precision)
    keys = 2 * torch.randn(1, 2, 128, 3, 10, 15, generator=torch.Generator().manual_seed(1)).to(precision)
    values = torch.randn(1, 2, 16, 3, 10, 15, generator=torch.Generator().manual_seed(2)).to(precision)
    with profile(profile_memory=True) as profiled:
        found = read_memory(query, keys, values)
    assert found.dtype == precision
    largest = max(event.cpu_memory_usage for event in profiled.events() or ())
    assert 0 < largest < 4 * query[0, 0].numel() * keys[0, 0, 0].numel(), "scores of all positions are never held"
    scores = torch.einsum("bcq,bnck->bnkq", query.double().flatten(2), keys.double().flatten(3)) / math.sqrt(128)
    expected = torch.einsum("bnkq,bnvk->bnvq", torch.softmax(scores, dim=2), values.double().flatten(3))
    assert (found.double().flatten(3) - expected).norm() < tolerance * expected.norm()


def plain_block(block: ResidualBlock, x: Tensor) -> Tensor:
    hidden = conv2d(torch.relu(x), block.conv1.weight, block.conv1.bias, padding=1)
    return x + conv2d(torch.relu(hidden), block.conv2.weight, block.conv2.bias, padding=1)


def plain_decode(decoder: Decoder, read_out: Tensor, value: Tensor, stride_8: Tensor, stride_4: Tensor) -> Tensor:
    """One object of one clip as in the reference: maps are concatenated and expanded, nothing is shared."""
    x = torch.cat((read_out, value), dim=1)
    x = plain_block(decoder.block, conv2d(x, decoder.fuse.weight, decoder.fuse.bias, padding=1))
    for refine, feature in ((decoder.refine_8, stride_8), (decoder.refine_4, stride_4)):
        skip = plain_block(refine.skip_block, conv2d(feature, refine.skip.weight, refine.skip.bias, padding=1))
        doubled = interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        x = plain_block(refine.block, skip + doubled)
    two = conv2d(torch.relu(x), decoder.predict.weight, decoder.predict.bias, padding=1)
    two = interpolate(two, scale_factor=4, mode="bilinear", align_corners=False)
    probability = torch.softmax(two, dim=1)[:, 1]
    return torch.log(probability / (1 - probability))


def test_decoder_equals_the_plain_computation(small_stm: STM) -> None:
    decoder = small_stm.decoder
    read_out, value = noise(2, 3, 128, 2, 3, seed=1), noise(2, 128, 2, 3, seed=2)
    stride_8, stride_4 = noise(2, 128, 4, 6, seed=3), noise(2, 64, 8, 12, seed=4)
    found = decoder(read_out, value, decoder.encode_skips(stride_8, stride_4))
    assert found.shape == (2, 3, 32, 48)
    for clip in range(2):
        own = slice(clip, clip + 1)
        for index in range(3):
            expected = plain_decode(decoder, read_out[own, index], value[own], stride_8[own], stride_4[own])
            torch.testing.assert_close(found[own, index], expected, atol=1e-4, rtol=0)


def test_memory_encoder_is_three_convolutions_summed(small_stm: STM) -> None:
    encoder = small_stm.memory_encoder
    frame, masks = noise(2, 3, 32, 48), noise(2, 3, 32, 48, seed=1)
    found = encoder(frame, masks)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    for clip in range(2):
        image = (frame[clip : clip + 1] - mean) / std
        for index in range(3):
            mask = masks[clip, index][None, None]
            others = sum(masks[clip, other] for other in range(3) if other != index)[None, None].clamp(0, 1)
            assert (others == 1).any()
            stem = (
                conv2d(image, encoder.stem.weight, stride=2, padding=3)
                + conv2d(mask, encoder.stem_mask.weight, stride=2, padding=3)
                + conv2d(others, encoder.stem_others.weight, stride=2, padding=3)
            )
            pooled = nn.functional.max_pool2d(torch.relu(encoder.norm(stem)), 3, 2, 1)
            expected = encoder.stage_16(encoder.stage_8(encoder.stage_4(pooled)))
            torch.testing.assert_close(found[clip, index][None], expected, atol=1e-4, rtol=1e-4)


def test_parts_that_do_not_depend_on_objects_run_once_per_frame(small_stm: STM) -> None:
    shared = {
        "query encoder": small_stm.query_encoder,
        "query projection": small_stm.query_projection.key,
        "skip convolution at 8": small_stm.decoder.refine_8.skip,
        "skip convolution at 4": small_stm.decoder.refine_4.skip,
        "skip block at 8": small_stm.decoder.refine_8.skip_block,
        "skip block at 4": small_stm.decoder.refine_4.skip_block,
        "memory stem": small_stm.memory_encoder.stem,
    }
    sizes: dict[str, list[int]] = {name: [] for name in shared}
    handles = [
        module.register_forward_hook(lambda _, inputs, __, name=name: sizes[name].append(inputs[0].shape[0]))
        for name, module in shared.items()
    ]
    try:
        key, value = small_stm.memorize(noise(2, 3, 32, 32), noise_masks(2, 5, 32, 32))
        small_stm.segment(noise(2, 3, 32, 32), key.unsqueeze(3), value.unsqueeze(3))
    finally:
        for handle in handles:
            handle.remove()
    assert sizes == {name: [2] for name in shared}


def test_unknown_backbone_names_the_known() -> None:
    with pytest.raises(VisorVosError, match=f"{', '.join(BACKBONES)}, got 'vgg16'"):
        STM("vgg16", pretrained=False)


def test_hub_round_trip_fetches_no_imagenet_weights(
    small_stm: STM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_stm.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"backbone": "resnet18", "pretrained": True}))

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("ImageNet weights were fetched")

    monkeypatch.setattr(torchvision.models.ResNet18_Weights, "get_state_dict", refuse)
    loaded = STM.from_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()  # pytest keeps the folders of three runs
    assert loaded.backbone == "resnet18"
    assert not loaded.training
    for name, tensor in small_stm.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name]), name


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_untrained_network_reads_the_memory_where_it_looks_like_the_query(seed: int) -> None:
    """Two colors change places between the remembered frame and the query."""
    torch.manual_seed(seed)
    stm = STM("resnet18", pretrained=False).train()
    red, blue = torch.tensor([0.9, 0.1, 0.1]), torch.tensor([0.1, 0.2, 0.9])
    frame = torch.empty(1, 3, 96, 192)
    frame[..., :96], frame[..., 96:] = red[:, None, None], blue[:, None, None]
    frame = (frame + 0.1 * noise(1, 3, 96, 192)).clamp(0, 1)
    keys, _ = stm.memorize(frame, noise_masks(1, 1, 96, 192))
    query = stm.encode_query(frame.roll(96, dims=3)).key
    columns = torch.arange(12)
    of_red = (columns < 6).repeat(6).float()[None, None, :, None]
    mass = read_memory(query, keys.unsqueeze(3), of_red.view(1, 1, 1, 1, 6, 12))[0, 0, 0]
    assert mass[:, 7:11].mean() > 0.7
    assert mass[:, 1:5].mean() < 0.3
