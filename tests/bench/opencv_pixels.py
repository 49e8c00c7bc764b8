"""From JPEG to tensor with OpenCV: `opencv_pixels.py PACK PICTURES X,Y,WIDTH,HEIGHT numpy|blob`. One thread."""

import itertools
import sys
from pathlib import Path

import cv2
import numpy as np

from packs import Pack
from serve import serve, write_tensor


def preparation(form, region, way):
    """From a JPEG's bytes to the model's input."""
    grey = form["colour"] == "grey"
    read = cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR
    x, y, width, height = region
    size = tuple(form["size"])
    gain = np.float32(form["scale"]) / np.array(form["std"], np.float32)
    shift = -np.array(form["mean"], np.float32) / np.array(form["std"], np.float32)

    def resized(data):
        return cv2.resize(cv2.imdecode(data, read)[y : y + height, x : x + width], size)

    def by_blob(data):
        mean = [-float(s / g) for s, g in zip(shift, gain)]
        picture = resized(data)
        return cv2.dnn.blobFromImage(picture, float(gain[0]), mean=mean, swapRB=form["colour"] == "rgb")

    def by_numpy(data):
        picture = resized(data)
        if grey:
            return (picture.astype(np.float32) * gain + shift)[None, None]
        if form["colour"] == "rgb":
            picture = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        planes = picture.astype(np.float32) * gain + shift
        return np.ascontiguousarray(planes.transpose(2, 0, 1))[None]

    return {"blob": by_blob, "numpy": by_numpy}[way]


def main():
    pack, folder, region, way = sys.argv[1:]
    cv2.setNumThreads(1)
    prepare = preparation(Pack(pack, "").input, [int(it) for it in region.split(",")], way)
    files = [np.fromfile(file, np.uint8) for file in sorted(Path(folder).iterdir())]
    turns = itertools.cycle(files)

    def write(to):
        return {"input": write_tensor(to, "input.f32", prepare(files[0])), "outputs": []}

    serve({"pixels": lambda: prepare(next(turns))}, write)


if __name__ == "__main__":
    main()
