import numpy as np
import pytest

from visorvos.core.io.palettes import DAVIS_PALETTE
from visorvos.core.report.contact_sheet import Tile, contact_sheet, draw_tile
from visorvos.core.report.overlay import Style


def tile(height=120, width=200, names=None, caption="sequence  frame"):
    labels = np.zeros((height, width), np.uint8)
    labels[10:60, 10:60] = 1
    labels[10:60, 100:150] = 200
    return Tile(np.full((height, width, 3), 77, np.uint8), labels, Style(DAVIS_PALETTE, names=names or {}), caption)


def test_objects_are_tinted_and_the_background_stays():
    picture = draw_tile(tile(), 200)
    assert picture.dtype == np.uint8
    assert picture.shape[1] == 200
    assert (picture[100:120] == 77).all()
    red, green, _ = picture[20, 20].astype(int)
    assert red > green


def test_names_and_caption_are_written_below_the_picture():
    named, unnamed = draw_tile(tile(names={1: "cup", 200: "knife"}), 200), draw_tile(tile(), 200)
    np.testing.assert_array_equal(named[:120], unnamed[:120])
    assert (named[120:] != unnamed[120:]).any()
    assert (draw_tile(tile(caption="other"), 200)[120:] != unnamed[120:]).any()


@pytest.mark.parametrize("name", ["a", "a name that is much longer than the picture is wide " * 3])
def test_many_names_take_more_lines_and_no_more_width(name):
    crowd = tile(names=dict.fromkeys(range(1, 61), name))
    crowd.labels[:] = (np.arange(120 * 200).reshape(120, 200) // 100) % 61
    picture = draw_tile(crowd, 200)
    assert picture.shape[1] == 200
    assert picture.shape[0] > draw_tile(tile(), 200).shape[0]


@pytest.mark.parametrize(
    ("count", "columns", "rows", "across"), [(1, 3, 1, 1), (3, 3, 1, 3), (4, 3, 2, 3), (5, 2, 3, 2)]
)
def test_tiles_stand_in_rows(count, columns, rows, across):
    one = draw_tile(tile(), 180)
    sheet = contact_sheet([tile()] * count, columns, 180)
    gap = 4
    assert sheet.shape == (rows * (one.shape[0] + gap) + gap, across * (180 + gap) + gap, 3)
    np.testing.assert_array_equal(sheet[gap : gap + one.shape[0], gap : gap + 180], one)


def test_tiles_of_different_heights_share_a_sheet():
    sheet = contact_sheet([tile(), tile(height=240), tile()], 2, 160)
    assert sheet.shape[0] > draw_tile(tile(height=240), 160).shape[0] + draw_tile(tile(), 160).shape[0]
