"""Random warps of copy-paste cut-outs, by imgaug."""

from __future__ import annotations

from unittest import mock

import numpy as np
from numpy.typing import NDArray

from visorvos.core.datasets.affine_warps import draw_steps
from visorvos.settings.pretrain import CocoAugmentation

# imgaug 0.4.0 reads np.sctypes on import, which NumPy 2 removed.
_SCTYPES = {
    "int": [np.int8, np.int16, np.int32, np.int64],
    "uint": [np.uint8, np.uint16, np.uint32, np.uint64],
    "float": [np.float16, np.float32, np.float64, np.longdouble],
}
with mock.patch.object(np, "sctypes", _SCTYPES, create=True):
    from imgaug import augmenters


def warp_cut_out(
    cut_out: NDArray[np.uint8], augmentation: CocoAugmentation, random: np.random.Generator
) -> NDArray[np.uint8]:
    """Rotates, shears and scales a cut-out about its center, resampled once.

    Args:
        cut_out: (H, W, 4), colors and a mask of 0 to 255; all are resampled bilinearly.
        augmentation: ranges of the rotation, the shear and the scale.
        random: source of all random numbers.

    Returns:
        A cut-out of the same size; pixels from outside are 0.
    """
    steps = draw_steps(random, rotation=augmentation.rotation, shear=augmentation.shear, scale=augmentation.scale)
    drawn = {name: value for step in steps for name, value in step.items()}
    warped: NDArray[np.uint8] = augmenters.Affine(**drawn, order=1, cval=0, backend="cv2")(image=cut_out)
    return warped
