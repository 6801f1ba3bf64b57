"""Names of weights in the reference implementation and here."""

from __future__ import annotations

from collections.abc import Iterable

# Reference prefix, our prefix. The rest of a name (".weight", "0.conv1.weight") is the same in both.
_PREFIXES: tuple[tuple[str, str], ...] = (
    *(
        (f"{theirs}.{their_part}.", f"{ours}.{our_part}.")
        for theirs, ours in (("Encoder_M", "memory_encoder"), ("Encoder_Q", "query_encoder"))
        for their_part, our_part in (
            ("conv1", "stem"),
            ("bn1", "norm"),
            ("res2", "stage_4"),
            ("res3", "stage_8"),
            ("res4", "stage_16"),
        )
    ),
    ("Encoder_M.conv1_m.", "memory_encoder.stem_mask."),
    ("Encoder_M.conv1_o.", "memory_encoder.stem_others."),
    ("KV_M_r4.Key.", "memory_projection.key."),
    ("KV_M_r4.Value.", "memory_projection.value."),
    ("KV_Q_r4.Key.", "query_projection.key."),
    ("KV_Q_r4.Value.", "query_projection.value."),
    ("Decoder.convFM.", "decoder.fuse."),
    ("Decoder.ResMM.", "decoder.block."),
    ("Decoder.RF3.convFS.", "decoder.refine_8.skip."),
    ("Decoder.RF3.ResFS.", "decoder.refine_8.skip_block."),
    ("Decoder.RF3.ResMM.", "decoder.refine_8.block."),
    ("Decoder.RF2.convFS.", "decoder.refine_4.skip."),
    ("Decoder.RF2.ResFS.", "decoder.refine_4.skip_block."),
    ("Decoder.RF2.ResMM.", "decoder.refine_4.block."),
    ("Decoder.pred2.", "decoder.predict."),
    ("aspp.aspp1.atrous_conv.", "decoder.context.branch_1."),
    ("aspp.aspp2.atrous_conv.", "decoder.context.branch_2."),
    ("aspp.aspp3.atrous_conv.", "decoder.context.branch_4."),
    ("aspp.aspp4.atrous_conv.", "decoder.context.branch_8."),
    ("aspp.conv1.", "decoder.context.merge."),
)

CONSTANTS = tuple(f"{encoder}.{name}" for encoder in ("Encoder_M", "Encoder_Q") for name in ("mean", "std"))
"""Buffers of the reference with ImageNet's mean and standard deviation; here they are constants, not weights."""


def is_reference(names: Iterable[str]) -> bool:
    """Whether names are the reference's, with or without the ``module.`` of a network wrapped in DataParallel."""
    return any(name.removeprefix("module.").startswith("Encoder_Q.") for name in names)


def from_reference(name: str) -> str:
    """Our name for a weight of the reference. Constants lose ``module.``; unknown names are returned unchanged."""
    bare = name.removeprefix("module.")
    for theirs, ours in _PREFIXES:
        if bare.startswith(theirs):
            return ours + bare.removeprefix(theirs)
    return bare if bare in CONSTANTS else name


def to_reference(name: str) -> str:
    """The reference's name, without ``module.``, for one of our weights.

    Raises:
        KeyError: for an unknown name.
    """
    for theirs, ours in _PREFIXES:
        if name.startswith(ours):
            return theirs + name.removeprefix(ours)
    raise KeyError(name)
