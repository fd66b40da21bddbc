import numpy as np
import pytest

from fakelake.tasks.contact_sheet import LABEL_PX, TILE, SheetRow, contact_sheet
from fakelake.tasks.crop import jpeg


def crop(grey, px=112):
    return jpeg(np.full((px, px, 3), grey, np.uint8), 95)


def test_each_video_is_a_strip_two_side_by_side():
    sheet = contact_sheet([SheetRow(f"{n}.mp4", [crop(200)]) for n in range(5)], columns=3)
    assert sheet.shape == (3 * (TILE + LABEL_PX), 2 * 3 * TILE + 8, 3)


def test_crops_of_any_size_stand_in_order_under_the_videos_name():
    sheet = contact_sheet([SheetRow("a.mp4", [crop(50), crop(150, 256), crop(250, 32)])], columns=3)
    tiles = [sheet[LABEL_PX + TILE // 2, TILE // 2 + n * TILE, 0] for n in range(3)]
    np.testing.assert_allclose(tiles, [50, 150, 250], atol=3)
    assert sheet[:LABEL_PX].max() > 200


def test_more_crops_than_columns_are_left_out():
    sheet = contact_sheet([SheetRow("a.mp4", [crop(200)] * 9)], columns=2)
    assert sheet.shape[1] == 2 * 2 * TILE + 8


@pytest.mark.parametrize("title", ["日本.mp4", "new\nline.mp4", "\ufffd.mp4", "x" * 500])
def test_any_name_can_stand_on_it(title):
    assert contact_sheet([SheetRow(title, [crop(200)])]).shape[0] == TILE + LABEL_PX


def test_a_sheet_of_nothing_is_an_empty_strip():
    assert contact_sheet([]).ndim == 3
