"""The Space-Time Memory network.

Oh, Lee, Xu and Kim, "Video Object Segmentation using Space-Time Memory Networks", ICCV 2019,
https://arxiv.org/abs/1904.00607; trained on VISOR as in Darkhalil et al., "EPIC-KITCHENS VISOR Benchmark",
NeurIPS 2022, https://arxiv.org/abs/2209.13064.

Shapes: B clips, N objects, T memory frames, H and W a frame's size, h = ceil(H / 16), w = ceil(W / 16).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from visorvos.core.network.aggregation import aggregate
from visorvos.core.network.backbones import BACKBONES, load_trunk
from visorvos.core.network.decoder import Decoder, Skips
from visorvos.core.network.encoders import MemoryEncoder, QueryEncoder
from visorvos.core.network.memory_read import read_memory

__all__ = ["STM", "Query"]

_STRIDE = 16
_KEY_GAIN = 2.3
"""Of untrained key filters: the standard deviation is this over the root of the inputs of a filter."""


class KeyValue(nn.Module):
    """Projects stride-16 features to keys, which are compared, and values, which are read."""

    def __init__(self, inputs: int, key: int, value: int) -> None:
        super().__init__()
        self.key = nn.Conv2d(inputs, key, kernel_size=3, padding=1)
        self.value = nn.Conv2d(inputs, value, kernel_size=3, padding=1)

    def forward(self, feature: Tensor) -> tuple[Tensor, Tensor]:
        return self.key(feature), self.value(feature)


class Query(NamedTuple):
    """A frame to be segmented, as far as no object has a say in it."""

    key: Tensor
    """(B, Ck, h, w)."""
    value: Tensor
    """(B, Cv, h, w)."""
    skips: Skips
    size: tuple[int, int]
    """The frame's own H and W."""


class STM(nn.Module):
    """Space-Time Memory network.

    Args:
        backbone: "resnet50", "resnet18", or "resnest101" (needs the extra ``resnest``).
        pretrained: start the encoders from ImageNet weights, downloaded on first use.

    Raises:
        VisorVosError: for an unknown backbone, or where timm is needed and missing.
    """

    def __init__(self, backbone: str = "resnet50", pretrained: bool = True) -> None:
        super().__init__()
        self.memory_encoder = MemoryEncoder(load_trunk(backbone, pretrained=pretrained))
        self.query_encoder = QueryEncoder(load_trunk(backbone, pretrained=pretrained))
        widths = BACKBONES[backbone]
        self.memory_projection = KeyValue(widths.stride_16, widths.key, widths.value)
        self.query_projection = KeyValue(widths.stride_16, widths.key, widths.value)
        self.decoder = Decoder(widths)
        self.backbone = backbone
        if not pretrained and not self.decoder.fuse.weight.is_meta:
            self._match_by_appearance()

    @torch.no_grad()
    def _match_by_appearance(self) -> None:
        """Without ImageNet weights, which start both encoders alike: lets places find places that look like them.

        Encoders and projections of query and memory start the same. Key filters of zero mean leave out what the
        features of all places share, and are large enough for the softmax to tell places apart: from the first step
        the memory is read where the query's object is, and what is read there is worth learning from.
        """
        key = self.memory_projection.key
        nn.init.normal_(key.weight, std=_KEY_GAIN / math.sqrt(key.weight[0].numel()))
        key.weight -= key.weight.mean(dim=1, keepdim=True)
        self.query_projection.load_state_dict(self.memory_projection.state_dict())
        query = self.query_encoder.state_dict()
        memory = self.memory_encoder.state_dict()
        self.query_encoder.load_state_dict({name: memory[name] for name in query})

    def memorize(self, frame: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values that remember a frame, one set for each object.

        Args:
            frame: (B, 3, H, W), RGB in [0, 1].
            masks: (B, N, H, W) in [0, 1], one plane an object, hard or soft; an absent object's is empty.

        Returns:
            keys (B, N, Ck, h, w) and values (B, N, Cv, h, w).
        """
        features = self.memory_encoder(_pad(frame), _pad(masks))
        keys, values = self.memory_projection(features.flatten(0, 1))
        shape = masks.shape[:2]
        return keys.unflatten(0, shape), values.unflatten(0, shape)

    def segment(self, frame: Tensor, keys: Tensor, values: Tensor, present: Tensor | None = None) -> Tensor:
        """Finds the remembered objects in a frame.

        Args:
            frame: (B, 3, H, W), RGB in [0, 1].
            keys: (B, N, Ck, T, h, w), of T frames that `memorize` has seen.
            values: (B, N, Cv, T, h, w).
            present: (B, N) bool: which objects each clip has; all where None.

        Returns:
            float32 logits (B, N + 1, H, W), background first. An object that is not present stands at the
            floor of `visorvos.core.network.aggregation.FLOOR`.
        """
        query = self.encode_query(frame)
        return self.decode(query, read_memory(query.key, keys, values), present)

    def encode_query(self, frame: Tensor) -> Query:
        """The part of `segment` that is computed once a frame: (B, 3, H, W) in [0, 1] -> query."""
        features = self.query_encoder(_pad(frame))
        key, value = self.query_projection(features.stride_16)
        skips = self.decoder.encode_skips(features.stride_8, features.stride_4)
        return Query(key, value, skips, (frame.shape[-2], frame.shape[-1]))

    def decode(self, query: Query, read_out: Tensor, present: Tensor | None = None) -> Tensor:
        """The part of `segment` after the memory has been read: ``read_out`` (B, N, Cv, h, w) -> logits."""
        padded = self.decoder(read_out, query.value, query.skips)
        height, width = query.size
        top, left = (padded.shape[-2] - height) // 2, (padded.shape[-1] - width) // 2
        logits = padded[..., top : top + height, left : left + width]
        return aggregate(torch.sigmoid(logits), present)

    # The Hub's client takes a tenth as long to import as PyTorch, and few runs need it.

    def save_pretrained(self, save_directory: str | Path, **options: Any) -> str | None:  # noqa: ANN401 - the client's
        """Writes weights, configuration and a model card to a folder.

        Args:
            save_directory: the folder.
            options: of `huggingface_hub.ModelHubMixin.save_pretrained`; what the weights were trained on, how, and how
                they score go to ``model_card_kwargs``: see `visorvos.core.network.model_card`.
        """
        from visorvos.core.network.hub_stm import HubSTM, twin

        return twin(self, HubSTM).save_pretrained(save_directory, **options)

    def push_to_hub(self, repo_id: str, **options: Any) -> str:  # noqa: ANN401 - the client's
        """Writes what `save_pretrained` does to a repository of the Hugging Face Hub.

        Args:
            repo_id: USER/NAME.
            options: of `huggingface_hub.ModelHubMixin.push_to_hub`, ``model_card_kwargs`` among them.

        Returns:
            The address of the commit.

        Raises:
            huggingface_hub.errors.HfHubHTTPError: where the Hub refuses.
        """
        from visorvos.core.network.hub_stm import HubSTM, twin

        return twin(self, HubSTM).push_to_hub(repo_id, **options)

    @staticmethod
    def from_pretrained(pretrained_model_name_or_path: str | Path, **options: Any) -> STM:  # noqa: ANN401 - the client's
        """Reads what `push_to_hub` or `save_pretrained` has written.

        Args:
            pretrained_model_name_or_path: USER/NAME, or a folder.
            options: of `huggingface_hub.ModelHubMixin.from_pretrained`, such as ``revision`` and ``token``.

        Returns:
            The network in evaluation mode.

        Raises:
            huggingface_hub.errors.HfHubHTTPError: where the Hub refuses.
            RuntimeError: for weights that do not fit.
        """
        from visorvos.core.network.hub_stm import HubSTM, twin

        return twin(HubSTM.from_pretrained(pretrained_model_name_or_path, **options), STM)


def _pad(planes: Tensor) -> Tensor:
    """Zeros around (..., H, W) up to multiples of 16, split evenly, the odd pixel after."""
    vertical, horizontal = -planes.shape[-2] % _STRIDE, -planes.shape[-1] % _STRIDE
    if not vertical and not horizontal:
        return planes
    top, left = vertical // 2, horizontal // 2
    return pad(planes, (left, horizontal - left, top, vertical - top))
