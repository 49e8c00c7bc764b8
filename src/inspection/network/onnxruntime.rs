//! A graph run by onnxruntime, a library of the machine that is loaded when a model wants it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
};

use ort::{
    session::{Session, builder::GraphOptimizationLevel},
    value::{DynValue, Tensor},
};

use super::{
    bounds,
    engine::Network,
    file,
    graph::{Opened, guarded, open, shape},
    rewrite,
};
use crate::inspection::{
    decode::{Answer, Pick},
    manifest::Input,
};

pub(super) struct OnnxRuntime {
    session: Session,
    /// What the session is of.
    file: Arc<Vec<u8>>,
    shape: [usize; 4],
    input: Tensor<f32>,
    /// Their names, in the decoder's order.
    wanted: Vec<String>,
    outputs: Vec<(Vec<usize>, DynValue)>,
}

impl OnnxRuntime {
    /// `library` is the path of libonnxruntime.so; without it, `ORT_DYLIB_PATH` or the system's own search says where it
    /// is. A process keeps the first one that it loads.
    ///
    /// # Errors
    /// What onnxruntime cannot do, in its words and with a remedy.
    pub(super) fn load(
        library: Option<&Path>,
        bytes: &[u8],
        input: &Input,
        outputs: &[Pick],
    ) -> Result<Self, String> {
        guarded(|| {
            find(library)?;
            Self::build(bytes, input, outputs)
        })
    }

    fn build(bytes: &[u8], input: &Input, outputs: &[Pick]) -> Result<Self, String> {
        // As far as tract knows the graph's shapes, they bound the memory; what it cannot read may be read here.
        if let Ok(Opened { mut model, .. }) = open(bytes, input) {
            bounds::analyse(&mut model, false)?;
        }
        let shape = shape(input);
        let mut file = file::decode(bytes)?;
        let wanted = rewrite::narrow(&mut file, input.name.as_deref(), shape, outputs)?;
        Self::start(Arc::new(rewrite::encode(&file)), shape, wanted)
    }

    fn start(file: Arc<Vec<u8>>, shape: [usize; 4], wanted: Vec<String>) -> Result<Self, String> {
        let session = start(&file)?;
        let input = Tensor::from_array((shape, vec![0.0_f32; shape.iter().product()])).map_err(tell)?;
        Ok(Self { session, file, shape, input, wanted, outputs: Vec::new() })
    }

    fn infer(&mut self) -> Result<(), String> {
        self.outputs.clear();
        let mut answered = self.session.run(ort::inputs![&self.input]).map_err(tell)?;
        for name in &self.wanted {
            let value =
                answered.remove(name).ok_or_else(|| format!("onnxruntime gave no output {name:?}"))?;
            let (shape, _) = value.try_extract_tensor::<f32>().map_err(tell)?;
            let shape = shape.iter().map(|length| usize::try_from(*length).unwrap_or_default()).collect();
            self.outputs.push((shape, value));
        }
        Ok(())
    }
}

/// Loads the library, once.
fn find(library: Option<&Path>) -> Result<(), String> {
    let named = std::env::var_os("ORT_DYLIB_PATH").filter(|it| !it.is_empty()).map(Into::into);
    let path = library.map(Path::to_owned).or(named).unwrap_or_else(|| "libonnxruntime.so".into());
    let builder = ort::init_from(&path).map_err(|error| {
        format!(
            "onnxruntime cannot be used: {error}; name the file libonnxruntime.so of version 1.{} or newer in [model] \
             `library`, or in the environment as ORT_DYLIB_PATH, or set engine = \"tract\"",
            ort::MINOR_VERSION
        )
    })?;
    builder.with_telemetry(false).commit();
    Ok(())
}

/// One thread: cameras share a station's cores, and the pool's workers are the threads.
fn start(bytes: &[u8]) -> Result<Session, String> {
    let builder = Session::builder().map_err(tell)?;
    let builder = builder.with_intra_threads(1).map_err(tell)?;
    let builder = builder.with_inter_threads(1).map_err(tell)?;
    let builder = builder.with_optimization_level(GraphOptimizationLevel::All).map_err(tell)?;
    let mut builder = builder.with_intra_op_spinning(false).map_err(tell)?;
    builder.commit_from_memory(bytes).map_err(tell)
}

fn tell<T>(error: ort::Error<T>) -> String {
    format!("onnxruntime says: {error}")
}

impl Network for OnnxRuntime {
    /// A session runs one picture at a time, so each worker has one, with weights of its own.
    fn another(&self) -> Result<Box<dyn Network>, String> {
        guarded(|| {
            let another = Self::start(Arc::clone(&self.file), self.shape, self.wanted.clone())?;
            Ok(Box::new(another) as Box<dyn Network>)
        })
    }

    fn shape(&self) -> [usize; 4] {
        self.shape
    }

    fn input(&mut self) -> Result<&mut [f32], String> {
        Ok(self.input.extract_tensor_mut().1)
    }

    fn run(&mut self) -> Result<Vec<Answer<'_>>, String> {
        let run = catch_unwind(AssertUnwindSafe(|| self.infer()));
        run.unwrap_or_else(|_| Err("the model panicked".to_owned()))?;
        let answers = self.outputs.iter().map(|(shape, value)| {
            let (_, values) = value.try_extract_tensor::<f32>().map_err(tell)?;
            Ok(Answer { shape, values })
        });
        answers.collect()
    }
}

#[cfg(test)]
mod tests;
