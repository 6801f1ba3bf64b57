"""The network in the form that the Hugging Face Hub's client takes."""

from __future__ import annotations

from typing import Any, TypeVar

import torch
from huggingface_hub import PyTorchModelHubMixin

from visorvos.core.network.model_card import MODEL_CARD
from visorvos.core.network.stm import STM

__all__ = ["HubSTM", "twin"]

S = TypeVar("S", bound=STM)


class HubSTM(  # type: ignore[misc]  # the client's methods go before those that lead here
    PyTorchModelHubMixin,
    STM,
    library_name="visorvos",
    license="cc-by-nc-sa-4.0",
    pipeline_tag="mask-generation",
    tags=["video-object-segmentation", "epic-kitchens-visor"],
    paper_url="https://arxiv.org/abs/1904.00607",
    model_card_template=MODEL_CARD,
):
    """What `STM.save_pretrained`, `STM.push_to_hub` and `STM.from_pretrained` go through."""

    @classmethod
    def _from_pretrained(cls, **kwargs: Any) -> HubSTM:  # noqa: ANN401 - the mixin's own arguments
        # The checkpoint holds every weight: ImageNet's need not be fetched first.
        kwargs["pretrained"] = False
        # Weights that do not fit are refused, not left out.
        kwargs["strict"] = True
        model: HubSTM = super()._from_pretrained(**kwargs)
        return model


def twin(stm: STM, kind: type[S]) -> S:
    """A network of another form with the same tensors, in evaluation mode."""
    with torch.device("meta"):
        other = kind(backbone=stm.backbone, pretrained=False)
    other.load_state_dict(stm.state_dict(), assign=True)
    return other.eval()
