"""Draw the picture of the parity sample: an invented board with one defect of each kind."""

import cv2
import numpy as np

BARE, COPPER = 226, 30


def draw() -> np.ndarray:
    """A grey 640x640 picture, the same on every call."""
    board = np.full((640, 640), BARE, np.uint8)
    for i in range(5):  # a bus
        _trace(board, (40, 60 + 32 * i), (600, 60 + 32 * i), 12)
    cv2.rectangle(board, (60, 270), (300, 420), COPPER, -1)  # a plate
    for i in range(4):  # pads with traces
        cv2.circle(board, (380 + 60 * i, 300), 20, COPPER, -1)
        cv2.circle(board, (380 + 60 * i, 300), 7, BARE, -1)
        _trace(board, (380 + 60 * i, 310), (380 + 60 * i, 440), 10)
    for i in range(3):
        _trace(board, (50, 490 + 46 * i), (590, 490 + 46 * i), 14)
    _defects(board)
    board = cv2.GaussianBlur(board, (0, 0), 0.6).astype(np.float32)
    noise = np.random.default_rng(3).standard_normal(board.shape) * 2
    return np.clip(board + noise, 0, 255).astype(np.uint8)


def _trace(board, start, end, width):
    cv2.line(board, start, end, COPPER, width)


def _defects(board):
    _blob(board, BARE, [(196, 50), (203, 49), (207, 70), (199, 72), (202, 60)])  # open
    _blob(board, COPPER, [(300, 92), (307, 91), (309, 108), (304, 124), (299, 123)])  # short
    _blob(board, BARE, [(420, 117), (432, 116), (428, 125), (421, 126), (423, 121)])  # mousebite
    _blob(board, COPPER, [(250, 541), (262, 541), (259, 556), (254, 560), (256, 550)])  # spur
    _blob(board, COPPER, [(560, 380), (567, 376), (569, 392), (562, 404), (556, 405), (563, 394)])  # copper
    _blob(board, BARE, [(160, 340), (170, 337), (168, 345), (172, 352), (162, 350), (165, 345)])  # pin-hole


def _blob(board, grey, corners):
    cv2.fillPoly(board, [np.array(corners, np.int32)], grey)
