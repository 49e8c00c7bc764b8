"""One other runtime with one model: `peer.py NAME MODEL.onnx INPUT.f32 SHAPE NCNN_FOLDER`. One thread, float32."""

import sys
from pathlib import Path

import numpy as np

from serve import serve, write_tensor


def onnxruntime(model, tensor, _):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: tensor}
    return lambda: session.run(None, feed)


def openvino(model, tensor, _):
    import openvino as ov

    # Without the hint it may compute in bfloat16.
    options = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = ov.Core().compile_model(str(model), "CPU", {**options, "PERFORMANCE_HINT": "LATENCY"})
    request = compiled.create_infer_request()
    given = ov.Tensor(tensor)

    def run():
        request.infer([given])
        return [request.get_output_tensor(place).data for place in range(len(compiled.outputs))]

    return run


def opencv(model, tensor, _):
    import cv2

    cv2.setNumThreads(1)
    net = cv2.dnn.readNetFromONNX(str(model))
    names = net.getUnconnectedOutLayersNames()

    def run():
        net.setInput(tensor)
        return net.forward(names)

    return run


def ncnn(model, tensor, folder):
    import subprocess
    from importlib.util import find_spec

    import ncnn as library

    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / "model.onnx"
    copy.write_bytes(model.read_bytes())
    converter = Path(find_spec("pnnx").submodule_search_locations[0]) / "pnnx"
    shape = f"inputshape=[{','.join(map(str, tensor.shape))}]"
    subprocess.run([converter, copy, shape, "fp16=0"], check=True, capture_output=True, cwd=folder)
    net = library.Net()
    net.opt.num_threads = 1
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.opt.use_bf16_storage = False
    parts = folder / "model.ncnn.param", folder / "model.ncnn.bin"
    if net.load_param(str(parts[0])) != 0 or net.load_model(str(parts[1])) != 0:
        raise SystemExit("ncnn cannot load what pnnx makes of it")
    given = library.Mat(tensor[0]).clone()
    names, (image, *_) = net.output_names(), net.input_names()

    def run():
        extractor = net.create_extractor()
        extractor.input(image, given)
        return [np.array(extractor.extract(name)[1])[None] for name in names]

    return run


if __name__ == "__main__":
    name, model, input_file, shape, folder = sys.argv[1:]
    tensor = np.fromfile(input_file, np.float32).reshape([int(axis) for axis in shape.split(",")])
    run = globals()[name](Path(model), tensor, Path(folder))

    def write(to):
        outputs = enumerate(run())
        return {
            "input": write_tensor(to, "input.f32", tensor),
            "outputs": [write_tensor(to, f"output_{place}.f32", np.asarray(it)) for place, it in outputs],
        }

    serve({"infer": run}, write)
