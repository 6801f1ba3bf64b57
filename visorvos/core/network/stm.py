"""The Space-Time Memory network.

Oh, Lee, Xu and Kim, "Video Object Segmentation using Space-Time Memory Networks", ICCV 2019,
https://arxiv.org/abs/1904.00607; trained on VISOR as in Darkhalil et al., "EPIC-KITCHENS VISOR Benchmark",
NeurIPS 2022, https://arxiv.org/abs/2209.13064.

Shapes: B clips, N objects, T memory frames, H and W a frame's size, h = ceil(H / 16), w = ceil(W / 16).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from huggingface_hub import ModelCard, PyTorchModelHubMixin, hf_hub_download
from huggingface_hub.constants import CONFIG_NAME, SAFETENSORS_SINGLE_FILE
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn.functional import pad

from visorvos.core.network.aggregation import aggregate
from visorvos.core.network.backbones import BACKBONES
from visorvos.core.network.decoder import Decoder
from visorvos.core.network.encoders import MemoryEncoder, QueryEncoder
from visorvos.core.network.memory_read import read_memory
from visorvos.core.network.model_card import MODEL_CARD
from visorvos.core.network.resnet import load_resnet
from visorvos.errors import VisorVosError, listed

_STRIDE = 16
_KEY_GAIN = 2.3
"""Standard deviation of untrained key filters, times the square root of the inputs of a filter."""


class KeyValue(nn.Module):
    """Projects stride-16 features to keys, which are compared, and values, which are read."""

    def __init__(self, inputs: int, key: int, value: int) -> None:
        super().__init__()
        self.key = nn.Conv2d(inputs, key, kernel_size=3, padding=1)
        self.value = nn.Conv2d(inputs, value, kernel_size=3, padding=1)

    def forward(self, feature: Tensor) -> tuple[Tensor, Tensor]:
        return self.key(feature), self.value(feature)


class Query(NamedTuple):
    """The part of a frame to be segmented that does not depend on the objects."""

    key: Tensor
    """(B, Ck, h, w)."""
    value: Tensor
    """(B, Cv, h, w)."""
    skips: tuple[Tensor, Tensor]
    """From `Decoder.encode_skips`."""
    size: tuple[int, int]
    """H and W of the frame, before padding."""


class STM(
    nn.Module,
    PyTorchModelHubMixin,
    library_name="visorvos",
    license="cc-by-nc-sa-4.0",
    pipeline_tag="mask-generation",
    tags=["video-object-segmentation", "epic-kitchens-visor"],
    paper_url="https://arxiv.org/abs/1904.00607",
    model_card_template=MODEL_CARD,
):
    """Space-Time Memory network.

    ``push_to_hub``, ``save_pretrained`` and ``from_pretrained`` are huggingface_hub's; what the weights were trained
    on, how, and their scores go to ``model_card_kwargs`` (see `visorvos.core.network.model_card`).

    Args:
        backbone: a name from `visorvos.core.network.backbones.BACKBONES`; "resnest101" needs the extra ``resnest``.
        pretrained: start the encoders from ImageNet weights, downloaded on first use.

    Raises:
        VisorVosError: for an unknown backbone, or if timm is needed and missing.
    """

    def __init__(self, backbone: str = "resnet50", pretrained: bool = True) -> None:
        super().__init__()
        self.memory_encoder = MemoryEncoder(load_resnet(backbone, pretrained=pretrained))
        self.query_encoder = QueryEncoder(load_resnet(backbone, pretrained=pretrained))
        entry = BACKBONES[backbone]
        self.memory_projection = KeyValue(entry.features[0], entry.key, entry.value)
        self.query_projection = KeyValue(entry.features[0], entry.key, entry.value)
        self.decoder = Decoder(entry)
        self.backbone = backbone
        if not pretrained and not self.memory_projection.key.weight.is_meta:
            self._match_by_appearance()

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor], backbone: str, source: str) -> STM:
        """Builds a network in evaluation mode from a state dictionary with exactly its tensors.

        Args:
            state: tensors by name, of any float precision; they are copied. Counters of batch norms may be missing.
            backbone: a name from `BACKBONES`.
            source: the file that they come from, for errors.

        Raises:
            VisorVosError: if the tensors do not fit or hold values that are not finite, or for an unknown backbone.
        """
        with torch.device("meta"):
            stm = cls(backbone, pretrained=False)
        own = {
            name: t.detach().to(torch.float32 if t.is_floating_point() else t.dtype, copy=True)
            for name, t in state.items()
        }
        try:
            missing, unknown = stm.load_state_dict(own, strict=False, assign=True)
            faults = [f"{len(missing)} missing ({listed(missing, 20)})"] if missing else []
            faults += [f"{len(unknown)} unknown ({listed(unknown, 20)})"] if unknown else []
        except RuntimeError as error:
            faults = [line.strip() for line in str(error).splitlines()[1:20]]
        if faults:
            raise VisorVosError(
                f"The tensors do not fit an STM with {backbone} in {source}: {'; '.join(faults).rstrip('.')}.",
                "Give a checkpoint of the VISOR-VOS reference implementation or of visorvos.",
            )
        # A sum is finite only if its terms are, and takes a tenth of the time.
        broken = [name for name, value in own.items() if not (value.sum().isfinite() or value.isfinite().all())]
        if broken:
            raise VisorVosError(
                f"The tensors in {source} hold values that are not finite: {listed(broken, 20)}.",
                "The training run that wrote them diverged; use an earlier checkpoint.",
            )
        return stm.eval()

    @torch.no_grad()
    def _match_by_appearance(self) -> None:
        """Initializes the keys so that positions match positions of similar appearance.

        ImageNet weights do so by themselves. Without them, query and memory start with the same encoder and
        projection. Key filters of zero mean ignore what the features of all positions share, and are large enough for
        the softmax to distinguish positions: from the first step the memory is read where the query's object is.
        """
        key = self.memory_projection.key
        nn.init.normal_(key.weight, std=_KEY_GAIN / math.sqrt(key.weight[0].numel()))
        key.weight -= key.weight.mean(dim=1, keepdim=True)
        self.query_projection.load_state_dict(self.memory_projection.state_dict())
        query = self.query_encoder.state_dict()
        memory = self.memory_encoder.state_dict()
        self.query_encoder.load_state_dict({name: memory[name] for name in query})

    def memorize(self, frame: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        """Encodes a frame and its masks as keys and values, one set per object.

        Args:
            frame: (B, 3, H, W), RGB in [0, 1].
            masks: (B, N, H, W) in [0, 1], one plane per object, hard or soft; zeros for an absent object.

        Returns:
            keys (B, N, Ck, h, w) and values (B, N, Cv, h, w).
        """
        features = self.memory_encoder(_pad(frame), _pad(masks))
        keys, values = self.memory_projection(features.flatten(0, 1))
        shape = masks.shape[:2]
        return keys.unflatten(0, shape), values.unflatten(0, shape)

    def segment(self, frame: Tensor, keys: Tensor, values: Tensor, present: Tensor | None = None) -> Tensor:
        """Segments the remembered objects in a frame.

        Args:
            frame: (B, 3, H, W), RGB in [0, 1].
            keys: (B, N, Ck, T, h, w), from `memorize` for T frames.
            values: (B, N, Cv, T, h, w).
            present: (B, N) bool: which objects each clip has; None: all.

        Returns:
            float32 logits (B, N + 1, H, W), background first. An object that is not present has the lowest logit,
            that of probability `visorvos.core.network.aggregation.FLOOR`.
        """
        query = self.encode_query(frame)
        return self.decode(query, read_memory(query.key, keys, values), present)

    def encode_query(self, frame: Tensor) -> Query:
        """The part of `segment` that is computed once per frame: (B, 3, H, W) in [0, 1] -> query."""
        stride_16, stride_8, stride_4 = self.query_encoder(_pad(frame))
        key, value = self.query_projection(stride_16)
        skips = self.decoder.encode_skips(stride_8, stride_4)
        return Query(key, value, skips, (frame.shape[-2], frame.shape[-1]))

    def decode(self, query: Query, read_out: Tensor, present: Tensor | None = None) -> Tensor:
        """The part of `segment` after the memory has been read: ``read_out`` (B, N, Cv, h, w) -> logits."""
        padded = self.decoder(read_out, query.value, query.skips)
        height, width = query.size
        top, left = (padded.shape[-2] - height) // 2, (padded.shape[-1] - width) // 2
        logits = padded[..., top : top + height, left : left + width]
        return aggregate(torch.sigmoid(logits), present)

    def to_safetensors(self) -> bytes:
        """The weights as the content of a ``.safetensors`` file whose metadata names the backbone."""
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in self.state_dict().items()}
        # One entry only: safetensors writes several in random order, and equal weights should be equal files.
        return save(state, metadata={"backbone": self.backbone})

    def generate_model_card(self, *args: Any, **kwargs: Any) -> ModelCard:  # noqa: ANN401 - the mixin's own
        """The model card, which also names the backbone."""
        return super().generate_model_card(*args, backbone=self.backbone, **kwargs)

    def _save_pretrained(self, save_directory: Path) -> None:
        (save_directory / SAFETENSORS_SINGLE_FILE).write_bytes(self.to_safetensors())
        (save_directory / CONFIG_NAME).write_text(json.dumps({"backbone": self.backbone}), encoding="utf-8")

    @classmethod
    def _from_pretrained(  # strict, where the mixin's own leaves out what does not fit
        cls,
        *,
        model_id: str,
        backbone: str = "resnet50",
        pretrained: bool = False,  # in config.json of older versions; the file has all weights
        **download: Any,  # noqa: ANN401 - revision, token and so on, as huggingface_hub passes them
    ) -> STM:
        folder = Path(model_id)
        file = folder / SAFETENSORS_SINGLE_FILE
        if not folder.is_dir():
            file = Path(hf_hub_download(model_id, SAFETENSORS_SINGLE_FILE, **download))
        return cls.from_state(load_file(file), backbone, str(file))


def _pad(planes: Tensor) -> Tensor:
    """Pads (..., H, W) with zeros to multiples of 16, evenly on both sides; an odd pixel goes after."""
    vertical, horizontal = -planes.shape[-2] % _STRIDE, -planes.shape[-1] % _STRIDE
    if not vertical and not horizontal:
        return planes
    top, left = vertical // 2, horizontal // 2
    return pad(planes, (left, horizontal - left, top, vertical - top))
