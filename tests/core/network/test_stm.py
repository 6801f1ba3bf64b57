from __future__ import annotations

import numpy as np
import torch

from tests.builders import as_input, golden, planes
from visorvos import STM


def test_keys_values_and_log_odds_are_the_references(golden_stm: STM) -> None:
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
