"""Pictures and PDFs without metadata: the same picture, nothing planted left, and nothing lost."""

import contextlib
import io
import time

import media_samples as samples
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps, features

from a360.documents import MediaError, open_media, restored

_SAMPLES = {
    "jpeg": samples.jpeg(6),
    "progressive jpeg": samples.jpeg(progressive=True),
    "png": samples.png(3),
    "webp": samples.webp(8),
    "lossless webp": samples.webp(lossless=True),
    "pdf": samples.pdf(),
    **({"avif": samples.avif()} if features.check("avif") else {}),
}
_PICTURES = [name for name in _SAMPLES if name != "pdf"]


def _shown(data: bytes) -> Image.Image:
    return ImageOps.exif_transpose(Image.open(io.BytesIO(data)))


@pytest.mark.parametrize("name", _SAMPLES)
def test_nothing_planted_is_served_and_nothing_is_lost(name: str) -> None:
    """What a maker wrote of people is in no byte that is served, and comes back with the patches."""
    data = _SAMPLES[name]
    media = open_media(data)
    assert samples.PLANTED not in media.served
    assert samples.PLANTED.hex().encode() not in media.served
    assert samples.PLANTED in b"".join(each.original for each in media.patches)
    assert restored(media.served, media.patches) == data


@pytest.mark.parametrize("name", _PICTURES)
def test_the_picture_is_the_same_and_the_same_way_up(name: str) -> None:
    """Pillow shows the same pixels, the same way up, with the same colour profile, and reads no place."""
    data = _SAMPLES[name]
    media = open_media(data)
    before, after = _shown(data), _shown(media.served)
    assert after.tobytes() == before.tobytes()
    assert (media.width, media.height) == after.size
    assert after.info.get("icc_profile") == before.info.get("icc_profile")
    left = Image.open(io.BytesIO(media.served)).getexif()
    assert set(left) <= {0x0112}
    assert not left.get_ifd(0x8825)


@pytest.mark.parametrize("name", _SAMPLES)
def test_what_is_served_is_served_as_it_is(name: str) -> None:
    """A file without metadata has nothing to be taken from it."""
    once = open_media(_SAMPLES[name])
    again = open_media(once.served)
    assert again.served == once.served


@pytest.mark.parametrize("name", _PICTURES)
def test_a_picture_that_was_cut_is_damaged(name: str) -> None:
    """A picture of which the end is missing is refused, wherever it was cut."""
    data = open_media(_SAMPLES[name]).served
    for cut in (len(data) - 1, len(data) // 2, 40):
        with pytest.raises(MediaError) as raised:
            open_media(data[:cut])
        assert raised.value.rule == "damaged-file"


@given(st.sampled_from(sorted(_SAMPLES)), st.data())
@settings(max_examples=300, deadline=None)
def test_a_damaged_file_is_refused_or_comes_back_whole(name: str, draw: st.DataObject) -> None:
    """Whatever bytes are changed, a file is refused as such or can be restored byte for byte."""
    data = bytearray(_SAMPLES[name])
    for _ in range(draw.draw(st.integers(1, 4))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    cut = bytes(data[: draw.draw(st.integers(0, len(data)))])
    with contextlib.suppress(MediaError):
        media = open_media(cut)
        assert restored(media.served, media.patches) == cut


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "empty-file"),
        (b"\0" * 128 + b"DICM" + b"x" * 100, "unknown-media"),
        (b"GIF89a" + b"x" * 100, "unknown-media"),
        (b"PK\x03\x04" + b"x" * 100, "unknown-media"),
        (b"<svg onload='x'/>", "unknown-media"),
        (b"plain words", "unknown-media"),
        (b"GIF89a" + samples.pdf(), "unknown-media"),
    ],
)
def test_other_files_are_refused_with_a_reason(data: bytes, rule: str) -> None:
    """What is no picture or PDF from its first byte is refused."""
    with pytest.raises(MediaError) as raised:
        open_media(data)
    assert raised.value.rule == rule


def test_a_declared_type_must_be_that_of_the_bytes() -> None:
    """Bytes decide what a file is; one that was declared otherwise is refused."""
    assert open_media(samples.png(), "image/png; x=y").media_type == "image/png"
    assert open_media(samples.jpeg(), "image/jpg").media_type == "image/jpeg"
    with pytest.raises(MediaError) as raised:
        open_media(samples.png(), "image/jpeg")
    assert raised.value.rule == "media-type-differs"


def test_a_file_that_is_two_things_is_served_as_one() -> None:
    """An archive behind a picture, or a page within its comments, is not served."""
    for trailer in (b"PK\x03\x04" + samples.PLANTED, b"<html><script>x</script></html>", samples.pdf()):
        media = open_media(samples.jpeg(trailer=trailer))
        assert trailer not in media.served
        assert media.served.endswith(b"\xff\xd9")


def test_a_pdf_keeps_its_length_and_says_what_it_could_not_reach() -> None:
    """No offset of a PDF moves; one with compressed or encrypted objects is not called complete."""
    data = samples.pdf()
    assert len(open_media(data).served) == len(data)
    assert open_media(data).complete
    assert not open_media(samples.pdf(compressed=True)).complete
    assert not open_media(data.replace(b"/Root 1 0 R", b"/Root 1 0 R /Encrypt 9 0 R")).complete


@pytest.mark.parametrize(
    "part", [b"<<", b"/Type/Metadata ", b"/Info 1 0 R ", b"/Info %d 0 R ", b"<< /Type /Metadata >> stream\n"]
)
def test_no_file_takes_long_to_refuse(part: bytes) -> None:
    """What is written to keep a reader busy is read about as fast as anything else."""
    many = b"".join(part % number if b"%d" in part else part for number in range(60_000))
    began = time.process_time()
    with contextlib.suppress(MediaError):
        open_media(b"%PDF-1.4\n" + many + b"%%EOF")
    assert time.process_time() - began < 5


def test_a_pdf_that_was_cut_is_damaged() -> None:
    """A PDF without its end mark is refused."""
    with pytest.raises(MediaError) as raised:
        open_media(samples.pdf()[:-20])
    assert raised.value.rule == "damaged-file"
