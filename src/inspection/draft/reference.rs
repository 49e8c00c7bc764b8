//! What the reference runtime answers: onnxruntime, where a Python on this machine has it.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Takes the model's path, the tensor's shape, then name and file of each output; the tensor on standard input as
/// float32. Nothing is optimised, so that what is computed is what the file says.
const SCRIPT: &str = r#"
import sys
try:
    import numpy, onnxruntime
except ImportError:
    sys.exit(3)
model, shape, *outputs = sys.argv[1:]
options = onnxruntime.SessionOptions()
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
options.log_severity_level = 4
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
image = session.get_inputs()[0]
kinds = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(uint8)": "uint8"}
tensor = numpy.frombuffer(sys.stdin.buffer.read(), "<f4").reshape([int(n) for n in shape.split("x")])
answers = session.run(outputs[::2], {image.name: tensor.astype(kinds[image.type])})
for file, answer in zip(outputs[1::2], answers):
    numpy.save(file, numpy.ascontiguousarray(answer, "<f4"))
print(onnxruntime.__version__)
"#;

/// The exit of the script where onnxruntime is not installed.
const ABSENT: i32 = 3;

/// Writes what onnxruntime answers to the tensor, an output a file, and gives its version; `None` where this Python does
/// not have it, or there is no such Python.
///
/// # Errors
/// What onnxruntime said.
pub(super) fn answer(
    python: &str,
    model: &Path,
    shape: [usize; 4],
    tensor: &[f32],
    outputs: &[(String, PathBuf)],
) -> Result<Option<String>, String> {
    let mut command = Command::new(python);
    command.args(["-c", SCRIPT]).arg(model).arg(shape.map(|it| it.to_string()).join("x"));
    for (name, file) in outputs {
        command.arg(name).arg(file);
    }
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut child) = child else { return Ok(None) };
    let bytes: Vec<u8> = tensor.iter().flat_map(|value| value.to_le_bytes()).collect();
    if let Some(mut input) = child.stdin.take() {
        // It reads nothing where onnxruntime is absent; its exit says so.
        let _ = input.write_all(&bytes);
    }
    let done = child.wait_with_output().map_err(|error| format!("cannot run {python}: {error}"))?;
    if done.status.code() == Some(ABSENT) {
        return Ok(None);
    }
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("nothing").to_owned();
        return Err(format!("onnxruntime cannot run it: {last}"));
    }
    Ok(Some(String::from_utf8_lossy(&done.stdout).trim().to_owned()))
}
