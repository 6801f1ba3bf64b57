"""The page that the Hugging Face Hub shows for weights of this network."""

from __future__ import annotations

__all__ = ["MODEL_CARD"]

MODEL_CARD = """\
---
{{ card_data }}
---

# Space-Time Memory network for video object segmentation

Given the mask of a video's first frame, this network finds the objects in all others
([STM, Oh et al. 2019](https://arxiv.org/abs/1904.00607)). It was written by visorvos.

## Data

{{ data | default("Not stated.", true) }}

## Recipe

{{ recipe | default("Not stated.", true) }}

## Scores

{% if scores -%}
| data | J&F | J | F |
| --- | --- | --- | --- |
{% for row in scores -%}
| {{ row | join(" | ") }} |
{% endfor %}
{%- else -%}
Not stated.
{% endif %}
## Use

```python
from visorvos import STM, segment_video

stm = STM.from_pretrained("{{ repo_id | default("USER/NAME", true) }}")
```

On the command line: `visorvos predict FRAMES --masks FIRST.png \
--weights hf://{{ repo_id | default("USER/NAME", true) }} --output RESULT`

## License

CC BY-NC-SA 4.0, that of EPIC-KITCHENS VISOR, which such weights are trained on.
"""
"""A Jinja template. `STM.push_to_hub` and `STM.save_pretrained` fill it with their ``model_card_kwargs``: ``data``
and ``recipe`` (text), ``scores`` (rows of data set, J&F, J and F) and ``repo_id``; what is not given is said to be."""
