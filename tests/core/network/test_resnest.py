from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate, relu

from visorvos import STM
from visorvos.core.network.decoder import Context, Decoder, ResidualBlock
from visorvos.core.weights.reference_names import from_reference, is_reference, to_reference
from visorvos.errors import VisorVosError


@pytest.fixture(scope="module")
def stm() -> STM:
    """A ResNeSt network with random weights, scaled so that activations stay moderate."""
    pytest.importorskip("timm")
    with torch.device("meta"):
        network = STM("resnest101", pretrained=False)
    random = torch.Generator().manual_seed(0)
    state = {}
    for name, tensor in network.state_dict().items():
        if name.endswith("running_var") or (tensor.ndim == 1 and name.endswith("weight")):
            state[name] = torch.ones(tensor.shape)
        elif tensor.ndim < 2:
            state[name] = torch.zeros(tensor.shape, dtype=tensor.dtype)
        else:
            fan_in = tensor[0].numel()
            state[name] = torch.randn(tensor.shape, generator=random) / fan_in**0.5
    network.load_state_dict(state, assign=True)
    return network.eval()


@pytest.fixture(autouse=True)
def _no_grad() -> Iterator[None]:
    with torch.no_grad():
        yield


def test_tiny_frame_is_remembered_and_segmented(stm: STM) -> None:
    frame, masks = torch.rand(1, 3, 33, 18), torch.zeros(1, 2, 33, 18)
    masks[:, 0, :10], masks[:, 1, 20:] = 1, 1
    key, value = stm.memorize(frame, masks)
    assert key.shape == (1, 2, 128, 3, 2)
    assert value.shape == (1, 2, 512, 3, 2)
    logits = stm.segment(frame, key.unsqueeze(3), value.unsqueeze(3))
    assert logits.shape == (1, 3, 33, 18)
    assert logits.isfinite().all()
    again = stm.segment(frame, key.unsqueeze(3), value.unsqueeze(3))
    assert torch.equal(logits, again), "dropout is on"


def test_names_round_trip_through_the_references(stm: STM) -> None:
    names = list(stm.state_dict())
    theirs = [to_reference(name) for name in names]
    assert len(set(theirs)) == len(names)
    assert is_reference(theirs)
    assert [from_reference(name) for name in theirs] == names
    assert [from_reference(f"module.{name}") for name in theirs] == names
    parts = {name.split(".")[0] for name in theirs}
    assert parts == {"Encoder_M", "Encoder_Q", "KV_M_r4", "KV_Q_r4", "Decoder", "aspp"}


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        # From model/model.py of Training-Code-of-STM, and the package resnest that it uses.
        ("Encoder_M.conv1.0.weight", (64, 3, 3, 3)),
        ("Encoder_M.conv1.6.weight", (128, 64, 3, 3)),
        ("Encoder_M.conv1_m.weight", (128, 1, 7, 7)),
        ("Encoder_M.conv1_o.weight", (128, 1, 7, 7)),
        ("Encoder_Q.bn1.running_mean", (128,)),
        ("Encoder_Q.res2.0.conv2.conv.weight", (128, 32, 3, 3)),
        ("Encoder_Q.res2.0.conv2.fc2.weight", (128, 32, 1, 1)),
        ("Encoder_Q.res3.0.downsample.1.weight", (512, 256, 1, 1)),
        ("Encoder_Q.res4.22.conv3.weight", (1024, 256, 1, 1)),
        ("KV_M_r4.Key.weight", (128, 1024, 3, 3)),
        ("aspp.aspp1.atrous_conv.weight", (256, 1024, 1, 1)),
        ("aspp.aspp4.atrous_conv.weight", (256, 1024, 3, 3)),
        ("aspp.conv1.weight", (256, 1024, 1, 1)),
        ("Decoder.convFM.weight", (256, 256, 3, 3)),
        ("Decoder.RF2.convFS.weight", (256, 256, 3, 3)),
        ("Decoder.pred2.weight", (2, 256, 3, 3)),
    ],
)
def test_reference_weight_has_its_place(stm: STM, name: str, shape: tuple[int, ...]) -> None:
    assert stm.state_dict()[from_reference(name)].shape == shape


def plain_block(block: ResidualBlock, x: Tensor) -> Tensor:
    """The published block: its first relu is in place, so the identity branch is rectified too."""
    r = block.conv1(relu(x, inplace=True))
    r = block.conv2(relu(r, inplace=True))
    return x + r


def plain_context(context: Context, x: Tensor) -> Tensor:
    branches = [
        relu(conv2d(x, context.branch_1.weight)),
        relu(conv2d(x, context.branch_2.weight, padding=2, dilation=2)),
        relu(conv2d(x, context.branch_4.weight, padding=4, dilation=4)),
        relu(conv2d(x, context.branch_8.weight, padding=8, dilation=8)),
    ]
    return relu(conv2d(torch.cat(branches, dim=1), context.merge.weight))


def plain_decode(decoder: Decoder, read_out: Tensor, value: Tensor, stride_8: Tensor, stride_4: Tensor) -> Tensor:
    assert decoder.context is not None
    x = plain_context(decoder.context, torch.cat((read_out, value), dim=1))
    x = plain_block(decoder.block, decoder.fuse(x))
    for refine, feature in ((decoder.refine_8, stride_8), (decoder.refine_4, stride_4)):
        skip = plain_block(refine.skip_block, refine.skip(feature))
        x = plain_block(refine.block, skip + interpolate(x, scale_factor=2, mode="bilinear", align_corners=False))
    two = interpolate(decoder.predict(relu(x)), scale_factor=4, mode="bilinear", align_corners=False)
    return torch.logit(torch.softmax(two, dim=1)[:, 1])


def test_decoder_equals_the_published_one(stm: STM) -> None:
    random = torch.Generator().manual_seed(1)
    read_out, value = torch.randn(1, 2, 512, 2, 3, generator=random), torch.randn(1, 512, 2, 3, generator=random)
    stride_8 = torch.randn(1, 512, 4, 6, generator=random)
    stride_4 = torch.randn(1, 256, 8, 12, generator=random)
    found = stm.decoder(read_out, value, stm.decoder.encode_skips(stride_8, stride_4))
    for index in range(2):
        expected = plain_decode(stm.decoder, read_out[:, index], value, stride_8, stride_4)
        torch.testing.assert_close(found[:, index], expected, atol=1e-4, rtol=1e-4)


def test_dropout_is_active_only_in_training() -> None:
    context = Context(8)
    assert isinstance(context.dropout, nn.Dropout)
    assert context.dropout.p == 0.5
    x = torch.rand(1, 8, 4, 4)
    assert torch.equal(context.eval()(x), context(x))
    assert not torch.equal(context.train()(x), context(x))


def test_without_timm_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(VisorVosError) as raised:
        STM("resnest101", pretrained=False)
    assert "timm" in raised.value.message
    assert "pip install 'visorvos[resnest]'" in raised.value.remedy
