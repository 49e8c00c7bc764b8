"""Pictures to look at, drawn and the same each time."""

import cv2
import numpy as np

# What USB cameras send: half the columns of colour.
CAMERA_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 90, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422]


def scene(width, height, seed):
    """Something with the statistics of a photograph: shapes of all sizes that hide each other, light, grain. BGR."""
    draw = np.random.default_rng(seed)
    picture = np.full((height, width, 3), draw.integers(60, 200, 3), np.uint8)
    for size in np.geomspace(0.5, 0.02, 120) * height:
        colour = [int(value) for value in draw.integers(20, 236, 3)]
        x, y = (int(value) for value in draw.uniform(0, [width, height]))
        axes = [max(2, int(size * draw.uniform(0.3, 1))) for _ in range(2)]
        angle = float(draw.uniform(0, 180))
        if draw.random() < 0.5:
            cv2.ellipse(picture, (x, y), axes, angle, 0, 360, colour, -1, cv2.LINE_AA)
        else:
            corners = cv2.boxPoints(((x, y), tuple(2 * side for side in axes), angle)).astype(np.int32)
            cv2.fillPoly(picture, [corners], colour, cv2.LINE_AA)
    light = np.linspace(draw.uniform(0.6, 1), draw.uniform(0.6, 1), width)[None, :, None]
    grain = draw.normal(0, 3, picture.shape)
    return np.clip(cv2.GaussianBlur(picture, (0, 0), 0.7) * light + grain, 0, 255).astype(np.uint8)


def write_scenes(folder, width, height, count):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        cv2.imwrite(str(folder / f"{number:03}.jpg"), scene(width, height, number), CAMERA_JPEG)


def write_boards(folder, board, count, defective):
    """Frames of 1280x720 with a board on a dark belt, a little elsewhere each time. `board` is grey; the first of
    every `defective` frames shows it as it is, the others with nothing on it."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(3)
    good = np.full_like(board, int(np.median(board)))
    for number in range(count):
        frame = np.full((720, 1280), 30, np.float32)
        x, y = 320 + draw.integers(-40, 41), 40 + draw.integers(-30, 31)
        frame[y : y + 640, x : x + 640] = board if number % defective == 0 else good
        frame = np.clip(frame + draw.normal(0, 3, frame.shape), 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{number:04}.jpg"), cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR), CAMERA_JPEG)
