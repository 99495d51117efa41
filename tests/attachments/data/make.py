"""Makes the pictures and films of this folder, each with notes that nobody else should see.

Needs Pillow, pillow-heif and numpy, and the programs ffmpeg and exiftool. What it draws is its own. Run in this folder; the tests
name places in what it wrote last, so whoever runs it again looks these up again (`exiftool -v3`).
"""

import os
import subprocess

import numpy
import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()


def picture(width, height):
    y, x = numpy.mgrid[0:height, 0:width]
    return Image.fromarray(numpy.dstack([x * 3 % 256, y * 5 % 256, (x + y) * 2 % 256]).astype("uint8"))


def run(*words):
    subprocess.run(words, check=True)


def noted(file, *more):
    run(
        "exiftool", "-q", "-m", "-overwrite_original", "-api", "Compact=NoPadding",
        "-GPSLatitude=48.137154", "-GPSLatitudeRef=N", "-GPSLongitude=11.576124", "-GPSLongitudeRef=E",
        "-Make=SecretMake", "-Model=SecretModel", "-Software=SecretSoftware", "-Artist=SecretArtist",
        "-DateTimeOriginal=2026:03:01 09:02:05", "-SerialNumber=Secret4711", "-UserComment=SecretComment",
        "-XMP:Description=SecretWords", "-XMP:City=SecretCity", *more, file,
    )


# Turned by 90 degrees, which the format says in its own way.
turned = Image.Exif()
turned[0x112] = 6
picture(64, 48).save("turned.heic", quality=20, exif=turned.tobytes())
noted("turned.heic")

picture(64, 48).save("flat.avif", quality=20)
noted("flat.avif")

picture(30, 20).save("turned.tif", compression="tiff_lzw")
noted("turned.tif", "-IPTC:City=SecretTown", "-Orientation#=6")

with open("words.srt", "w") as words:
    words.write("1\n00:00:00,000 --> 00:00:01,000\nSecretPosition 48.137154 11.576124\n")
run(
    "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=size=32x24:rate=2:duration=1", "-i", "words.srt",
    "-map", "0", "-map", "1", "-c:v", "mpeg4", "-c:s", "mov_text", "-timecode", "09:02:05:00",
    "-metadata", "location=+48.1371+011.5761/", "-metadata", "title=SecretTitle",
    "-metadata", "creation_time=2026-03-01T09:02:05Z", "walk.mov",
)
run(
    "exiftool", "-q", "-overwrite_original", "-api", "Compact=NoPadding", "-Keys:GPSCoordinates=48.137154, 11.576124", "-XMP:Description=SecretWords",
    "-UserData:Model=SecretModel", "walk.mov",
)
os.remove("words.srt")
