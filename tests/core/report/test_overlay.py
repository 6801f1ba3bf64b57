"""Objects drawn over frames, and their colors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import font_manager, ft2font

from visorvos.core.io.palettes import DAVIS_PALETTE
from visorvos.core.report.colors import bright_palette
from visorvos.core.report.fonts import find_font
from visorvos.core.report.overlay import Style, draw_overlay

RED = bytes(3) + bytes((200, 0, 0)) + bytes(3 * 254)


@pytest.fixture
def frame():
    return np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)


@pytest.fixture
def labels():
    labels = np.zeros((60, 80), np.uint8)
    labels[20:50, 10:50] = 1
    return labels


@pytest.mark.parametrize(("opacity", "weight"), [(0.0, 0.0), (0.35, 0.35), (1.0, 1.0)])
def test_objects_are_tinted_as_strongly_as_asked(frame, labels, opacity, weight):
    drawn = draw_overlay(frame, labels, Style(RED, opacity=opacity, outline=False))
    expected = frame.astype(float)
    expected[labels == 1] = (1 - weight) * expected[labels == 1] + weight * np.array((200, 0, 0))
    np.testing.assert_allclose(drawn, expected, atol=1)


def test_the_outline_lies_on_the_object_and_can_be_left_out(frame, labels):
    plain = draw_overlay(frame, labels, Style(RED, outline=False))
    lined = draw_overlay(frame, labels, Style(RED))
    changed = (plain != lined).any(axis=2)
    inner = np.zeros_like(labels, bool)
    inner[21:49, 11:49] = True
    np.testing.assert_array_equal(changed, (labels == 1) & ~inner)


def test_names_stand_on_their_objects_alone(frame, labels):
    labels[5:15, 60:75] = 2
    plain = draw_overlay(frame, labels, Style(DAVIS_PALETTE))
    named = draw_overlay(frame, labels, Style(DAVIS_PALETTE, names={1: "cup", 3: "knife"}))
    rows, columns = np.nonzero((plain != named).any(axis=2))
    assert rows.min() >= 20
    assert rows.max() < 50
    assert columns.min() >= 10
    assert columns.max() < 50
    assert (draw_overlay(frame, labels, Style(DAVIS_PALETTE, names={3: "knife"})) == plain).all()


@pytest.mark.parametrize("at", [(0, 0), (0, 77), (57, 0), (57, 77)])
def test_a_name_at_the_border_stays_in_the_picture(at):
    labels = np.zeros((60, 80), np.uint8)
    labels[at[0] : at[0] + 3, at[1] : at[1] + 3] = 1
    gray = np.full((60, 80, 3), 99, np.uint8)
    middle = np.zeros((60, 80), np.uint8)
    middle[29:32, 39:42] = 1
    style = Style(bytes(768), opacity=0, outline=False, names={1: "cup"})
    drawn, whole = (
        np.count_nonzero((draw_overlay(gray, where, style) != 99).any(axis=2)) for where in (labels, middle)
    )
    assert drawn == pytest.approx(whole, rel=0.1)


def test_ids_without_names_keep_their_own_colors():
    colors = np.frombuffer(bright_palette({}), np.uint8).reshape(256, 3).astype(int)
    assert colors[0].tolist() == [0, 0, 0]
    distance = np.abs(colors[1:25, None] - colors[None, 1:25]).sum(axis=2)
    assert distance[~np.eye(24, dtype=bool)].min() > 60


def colors_of(names):
    palette = bright_palette(names)
    return {index: palette[3 * index : 3 * index + 3] for index in names}


def test_a_class_has_one_color_in_all_clips():
    one = colors_of({1: "left hand", 2: "cup", 3: "cup"})
    other = colors_of({7: "cup", 200: "left hand"})
    assert one[2] == one[3] == other[7]
    assert one[1] == other[200]
    assert one[1] != one[2]


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.integers(1, 255), st.sampled_from([f"class {n}" for n in range(60)]), max_size=24))
def test_classes_of_a_clip_differ(names):
    found = colors_of(names)
    by_name = {name: found[index] for index, name in names.items()}
    assert all(found[index] == by_name[name] for index, name in names.items())
    assert len(set(by_name.values())) == len(by_name)


TOFU = "\uffff"
SCRIPTS = ("Löffel", "чашка", "φλιτζάνι", "فنجان", "բաժակ", "ፊንጃን", "ถ้วย", "杯子", "コップ", "컵", "कप", "cup чашка")


@pytest.mark.parametrize("text", SCRIPTS)
def test_a_font_has_the_characters_of_any_script_that_is_installed(text):
    files = [font_manager.findfont("DejaVu Sans"), *font_manager.findSystemFonts()]
    needed = {ord(character) for character in text if character != " "}
    able = any(needed <= set(ft2font.FT2Font(file).get_charmap()) for file in files)
    font = find_font(text, 20)
    missing = bytes(font.getmask(TOFU))
    assert able == all(bytes(font.getmask(character)) != missing for character in text if character != " ")
    # DejaVu Sans comes with matplotlib.
    assert able or text not in ("Löffel", "чашка", "φλιτζάνι", "فنجان", "բաժակ", "cup чашка")


def test_names_in_other_scripts_are_drawn(frame, labels):
    plain, *named = (draw_overlay(frame, labels, Style(DAVIS_PALETTE, names={1: name})) for name in ("", "чаш", "чай"))
    assert (named[0] != plain).any()
    assert (named[0] != named[1]).any()


def test_a_name_of_several_lines_is_drawn_as_one(frame, labels):
    broken, whole = (draw_overlay(frame, labels, Style(DAVIS_PALETTE, names={1: name})) for name in ("a\nb", "a b"))
    np.testing.assert_array_equal(broken, whole)
