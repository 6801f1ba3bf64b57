from __future__ import annotations

import numpy as np
import pytest

from tests.builders import golden
from visorvos import STM, segment_video


@pytest.mark.parametrize(("memory", "recorded_as"), [("visor", "masks_two_memories"), ("every", "masks_every_five")])
def test_propagation_is_the_references(golden_stm: STM, memory: str, recorded_as: str) -> None:
    recorded = golden(f"propagation_{golden_stm.backbone}")
    masks = list(segment_video(golden_stm, list(recorded["frames"]), recorded["first_label"], memory=memory))
    np.testing.assert_array_equal(masks[0], recorded["first_label"])
    agree = np.mean(np.stack(masks[1:]) == recorded[recorded_as][1:])
    assert agree >= 0.999
