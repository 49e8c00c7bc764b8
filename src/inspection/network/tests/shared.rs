//! Models of other projects with what onnxruntime answers to two photos, where a checkout has them beside it.

use std::{fs, path::Path};

use serde::Deserialize;

use super::*;
use crate::inspection::parity;

#[derive(Deserialize)]
struct Meta {
    input_name: String,
    fed_input: [usize; 4],
    outputs: Vec<Output>,
}

#[derive(Deserialize)]
struct Output {
    name: String,
    shape: Vec<usize>,
}

/// `make test` runs it where `../shared/models` is, and says so where it is not.
#[test]
#[ignore = "needs the models in ../shared/models"]
fn models_of_other_projects_answer_as_onnxruntime_does() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/models");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let folder = entry.unwrap().path();
        let Ok(meta) = fs::read_to_string(folder.join("meta.json")) else { continue };
        let meta: Meta = serde_json::from_str(&meta).unwrap();
        let (layout, size) = match meta.fed_input {
            [1, 1 | 3, height, width] => (Layout::Nchw, [width, height]),
            [_, height, width, _] => (Layout::Nhwc, [width, height]),
        };
        let input = Input {
            name: Some(meta.input_name),
            size: size.map(|side| side as u32),
            colour: InputColour::Rgb,
            layout,
            mean: vec![0.0; 3],
            std: vec![1.0; 3],
            ..input()
        };
        let picks: Vec<Pick> = meta.outputs.iter().map(|it| Pick::Named(it.name.clone())).collect();
        let bytes = fs::read(folder.join("model.onnx")).unwrap();
        let mut network = super::super::load(&Engine::Tract, bytes, &input, &picks)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for picture in ["a", "b"] {
            let numbers = |name: String| parity::numbers(&folder.join(name)).unwrap();
            network.input().unwrap().copy_from_slice(&numbers(format!("input_{picture}.npy")));
            for (place, (answer, output)) in network.run().unwrap().iter().zip(&meta.outputs).enumerate() {
                let file = format!("output_{picture}_{place}.npy");
                if place > 0 && !folder.join(&file).exists() {
                    // Of some models only the first output was kept.
                    continue;
                }
                let expected = numbers(file);
                assert_eq!(answer.shape, output.shape, "{}", folder.display());
                parity::compare(answer.values, &expected, 1e-3)
                    .unwrap_or_else(|error| panic!("{} {picture}: {error}", folder.display()));
                seen += 1;
            }
        }
    }
    assert!(seen >= 12, "only {seen} answers were compared");
}
