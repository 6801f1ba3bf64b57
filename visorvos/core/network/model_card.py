"""The page that the Hugging Face Hub shows for weights of this network."""

from __future__ import annotations

MODEL_CARD = """\
---
{{ card_data }}
---

# Space-Time Memory network for video object segmentation

Given the masks of a video's first frame, this network segments the same objects in all later frames
([STM, Oh et al., ICCV 2019](https://arxiv.org/abs/1904.00607)). Backbone: {{ backbone }}.
The weights were written by visorvos.

## Training data

{{ data | default("Not stated.", true) }}

## Training recipe

{{ recipe | default("Not stated.", true) }}

## Scores

{% if scores -%}
In percent: J is region similarity, F contour accuracy, J&F their mean.

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
# All arrays are uint8: frames (H, W, 3) in RGB, masks (H, W) of object ids, one mask per frame.
for mask in segment_video(stm, frames, first_mask):
    ...
```

On the command line:

```
visorvos predict FRAMES --masks FIRST.png --weights hf://{{ repo_id | default("USER/NAME", true) }} --output RESULT
```

## License

CC BY-NC-SA 4.0, the license of EPIC-KITCHENS VISOR, the data set that such weights are trained on.
"""
"""A Jinja template. `STM.push_to_hub` and `STM.save_pretrained` fill it with their ``model_card_kwargs``: ``data`` and
``recipe`` (text), ``scores`` (rows of data set, J&F, J, F) and ``repo_id``. What is missing shows as "Not stated."."""
