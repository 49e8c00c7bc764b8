"""The usual loop, as it is written in Python: OpenCV, onnxruntime and paho-mqtt, one thread.

    loop.py PACK PICTURES HOST PORT CA_FILE DEVICE KEY X,Y,WIDTH,HEIGHT
"""

import base64
import hashlib
import hmac
import json
import ssl
import sys
import time
import tomllib
import urllib.parse
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import paho.mqtt.client as mqtt


def main():
    pack, pictures, host, port, ca, device, key, region = sys.argv[1:]
    x, y, width, height = (int(it) for it in region.split(","))
    cv2.setNumThreads(1)
    manifest = tomllib.loads((Path(pack) / "model.toml").read_text(encoding="utf-8"))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(Path(pack) / manifest["file"]), options, providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    client = connect(host, int(port), ca, device, key)
    topic = f"devices/{device}/messages/events/schema=loop"
    sent = []
    for number, file in enumerate(sorted(Path(pictures).iterdir())):
        picture = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)[y : y + height, x : x + width]
        tensor = prepare(picture, manifest["input"])
        defects = decode(session.run(None, {name: tensor})[0][0], manifest)
        if number == 0:
            print("NG" if defects else "OK", "is the first verdict", file=sys.stderr, flush=True)
        if defects:
            report = {"item": number, "captured_at": time.time(), "defects": defects}
            sent.append(client.publish(topic, json.dumps(report), qos=1))
    for message in sent:
        message.wait_for_publish(30)
    client.disconnect()
    print(f"{number + 1} items, {len(sent)} NG", file=sys.stderr)


def connect(host, port, ca, device, key):
    audience = urllib.parse.quote(f"{host}/devices/{device}", safe="")
    expiry = int(time.time()) + 3600
    digest = hmac.digest(base64.b64decode(key), f"{audience}\n{expiry}".encode(), hashlib.sha256)
    signature = urllib.parse.quote(base64.b64encode(digest), safe="")
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=device, protocol=mqtt.MQTTv311)
    client.username_pw_set(
        f"{host}/{device}/?api-version=2021-04-12",
        f"SharedAccessSignature sr={audience}&sig={signature}&se={expiry}",
    )
    client.tls_set(ca_certs=ca, tls_version=ssl.PROTOCOL_TLS_CLIENT)
    client.connect(host, port)
    client.loop_start()
    return client


def prepare(picture, form):
    """Letterboxed and normalised."""
    width, height = form["size"]
    scale = min(width / picture.shape[1], height / picture.shape[0])
    inner = cv2.resize(picture, (round(picture.shape[1] * scale), round(picture.shape[0] * scale)))
    canvas = np.full((height, width), 114, np.uint8)
    top, left = (height - inner.shape[0]) // 2, (width - inner.shape[1]) // 2
    canvas[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    tensor = (canvas.astype(np.float32) * form["scale"] - form["mean"][0]) / form["std"][0]
    return tensor[None, None].astype(np.float32)


def decode(grid, manifest):
    """A grid of cells with scores and distances, as andon's decoder grid_ltrb reads it."""
    labels = manifest["labels"]
    thresholds = manifest["thresholds"]
    stride = manifest["output"]["stride"]
    levels = [thresholds.get("by_label", {}).get(label, thresholds["overall"]) for label in labels]
    scores = grid[: len(labels)]
    found, rows, columns = np.nonzero(scores >= np.array(levels, np.float32)[:, None, None])
    if len(found) == 0:
        return []
    left, top, right, bottom = grid[len(labels) :, rows, columns] * stride
    x, y = (columns + 0.5) * stride, (rows + 0.5) * stride
    boxes = np.stack([x - left, y - top, left + right, top + bottom], 1)
    sure = scores[found, rows, columns]
    kept = cv2.dnn.NMSBoxesBatched(boxes.tolist(), sure.tolist(), found.tolist(), 0.0, manifest["output"]["nms_iou"])
    return [
        {"label": labels[found[it]], "confidence": float(sure[it]), "box": boxes[it].tolist()} for it in kept
    ]


if __name__ == "__main__":
    main()
