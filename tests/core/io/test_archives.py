import zipfile

import pytest

from tests.visor_builders import put, zipped
from visorvos.core.io.archives import Location, members, read_bytes
from visorvos.errors import VisorVosError

STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
FILES = {"a/first.txt": b"one " * 5000, "second.txt": b"two"}


@pytest.mark.parametrize("middle", [STORED, DEFLATED])
@pytest.mark.parametrize("outer", [STORED, DEFLATED])
@pytest.mark.parametrize("inner", [STORED, DEFLATED])
def test_files_in_zips_in_zips_in_zips_are_read_in_place(tmp_path, outer, middle, inner):
    nested = zipped({"pad": b"x" * 777, "deep/inner.zip": zipped(FILES, inner)}, middle)
    put(tmp_path / "outer.zip", b"before the archive" + zipped({"middle.zip": nested, "other": b"y"}, outer))
    archive = Location(tmp_path / "outer.zip", ("middle.zip", "deep/inner.zip"))
    assert [info.filename for info in members(archive)] == list(FILES)
    for name, content in FILES.items():
        assert read_bytes(archive.member(name)) == content
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outer.zip"]


def test_a_replaced_zip_is_opened_anew(tmp_path):
    location = Location(tmp_path / "a.zip", ("x",))
    for content in (b"old", b"newer"):
        put(tmp_path / "a.zip", zipped({"x": content}))
        assert read_bytes(location) == content


def test_folders_are_no_members(tmp_path):
    put(tmp_path / "a.zip", zipped({"d/": b"", "d\\": b"", "x": b"", "d\\y": b""}))
    assert [info.filename for info in members(Location(tmp_path / "a.zip"))] == ["x", "d\\y"]


def damaged(content, at):
    return content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :]


PLAIN = zipped({"x": b"some content"}, STORED)


@pytest.mark.parametrize(
    ("content", "member", "expected"),
    [
        (None, (), "a.zip does not exist"),
        (None, ("x",), "a.zip/x does not exist"),
        (b"", ("x",), "not a zip file"),
        (PLAIN[:-30], ("x",), "not a zip file"),
        (damaged(PLAIN, 33), ("x",), "CRC"),
        (damaged(PLAIN, 0), ("x",), "a.zip/x cannot be read"),
        (PLAIN, ("y",), "a.zip/y does not exist"),
        (PLAIN, ("x", "z"), "a.zip/x/z cannot be read: it is not a zip file"),
        (zipped({"x": bytes(1 << 25)}), ("x",), "would expand from .* to 33,554,432 bytes"),
        (zipped({"in.zip": damaged(PLAIN, 33)}, STORED), ("in.zip", "x"), "in.zip/x cannot be read: Bad CRC"),
        (damaged(zipped({"in.zip": PLAIN}, STORED), 0), ("in.zip", "x"), "cannot be read: no member starts where"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, content, member, expected):
    if content is not None:
        put(tmp_path / "a.zip", content)
    with pytest.raises(VisorVosError, match=expected):
        read_bytes(Location(tmp_path / "a.zip", member))
