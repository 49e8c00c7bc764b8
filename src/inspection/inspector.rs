//! A model pack at work.

use std::{path::Path, sync::Arc, time::Instant};

use crate::{
    camera::{Colour, Pixels},
    inspection::{
        Confidence, Inspection, Region, Timings,
        decode::{Answer, Meaning, Output, Scene},
        manifest::InputColour,
        network::{self, Network, Step},
        pack::{Pack, PackError},
        parity,
        prepare::{Placement, Preparation},
    },
};

/// Runs one model, one frame at a time; a worker has one of its own.
pub struct Inspector {
    pack: Arc<Pack>,
    network: Box<dyn Network>,
    preparation: Preparation,
    output: Arc<Output>,
    labels: Vec<Arc<str>>,
}

/// Why a frame could not be inspected.
#[derive(Debug, thiserror::Error)]
pub enum InspectionError {
    /// The region is not in the picture.
    #[error(
        "the region with x = {}, y = {}, width = {}, height = {} is not within the picture's {width}x{height} pixels; correct [items] region",
        region.x, region.y, region.width, region.height
    )]
    Region {
        /// As asked for.
        region: Region,
        /// Of the picture, in pixels.
        width: u32,
        /// Of the picture, in pixels.
        height: u32,
    },
    /// The model failed on this frame.
    #[error("the model failed on this frame: {0}")]
    Model(String),
}

impl Inspector {
    /// Loads a model pack, which is refused unless its hash, its shapes and its parity sample are right.
    ///
    /// # Errors
    /// Says what is wrong with the pack and what to do.
    pub fn load(folder: &Path) -> Result<Self, PackError> {
        let (pack, bytes) = Pack::open(folder)?;
        let refuse = |reason: String| PackError::Graph { file: pack.model_path(), reason };
        let mut output = pack.manifest.output.clone();
        output.load(&|name| parity::numbers(&pack.folder.join(name))).map_err(refuse)?;
        let network = network::load(&bytes, &pack.manifest.input, &output.outputs()).map_err(refuse)?;
        let preparation = Preparation::new(pack.manifest.input.clone());
        let labels = pack.manifest.labels.iter().map(|label| Arc::from(label.as_str())).collect();
        let (pack, output) = (Arc::new(pack), Arc::new(output));
        let mut inspector = Self { pack, network, preparation, output, labels };
        inspector.try_sample()?;
        Ok(inspector)
    }

    /// The same for another worker: the graph and its weights are shared, the buffers are its own.
    pub(super) fn another(&self) -> Result<Self, String> {
        Ok(Self {
            pack: Arc::clone(&self.pack),
            network: self.network.another()?,
            preparation: Preparation::new(self.pack.manifest.input.clone()),
            output: Arc::clone(&self.output),
            labels: self.labels.clone(),
        })
    }

    pub(super) fn shared_pack(&self) -> Arc<Pack> {
        Arc::clone(&self.pack)
    }

    /// The pack.
    #[must_use]
    pub fn pack(&self) -> &Pack {
        &self.pack
    }

    /// What pictures must be decoded to.
    #[must_use]
    pub fn colour(&self) -> Colour {
        match self.pack.manifest.input.colour {
            InputColour::Grey => Colour::Grey,
            InputColour::Rgb | InputColour::Bgr => Colour::Rgb,
        }
    }

    /// The pack's sample picture, with which a model can be tried where there is no other.
    ///
    /// # Errors
    /// Where the sample cannot be read any more.
    pub fn sample(&self) -> Result<Pixels, String> {
        let path = self.pack.folder.join(&self.pack.manifest.parity.image);
        parity::picture(&path, self.colour(), self.pack.manifest.input.size)
    }

    /// Inspects a region of a picture and gives the findings of at least `floor`, surest first, their areas in pixels
    /// of the picture.
    ///
    /// # Errors
    /// Says why this frame could not be inspected; the next one can be.
    pub fn inspect(
        &mut self,
        pixels: &Pixels,
        region: Region,
        floor: Confidence,
    ) -> Result<Inspection, InspectionError> {
        self.inspect_and_show(pixels, region, floor, &mut |_| ())
    }

    /// Inspects, and shows what the model answered before it is read; the timings are without that.
    ///
    /// # Errors
    /// As [`Inspector::inspect`].
    pub fn inspect_and_show(
        &mut self,
        pixels: &Pixels,
        region: Region,
        floor: Confidence,
        see: &mut dyn FnMut(&[Answer<'_>]),
    ) -> Result<Inspection, InspectionError> {
        let start = Instant::now();
        let placement = self.place(pixels, region)?;
        let prepared = Instant::now();
        let answers = self.network.run().map_err(InspectionError::Model)?;
        let inferred = Instant::now();
        see(&answers);
        let shown = Instant::now();
        let scene = Scene { labels: &self.labels, input: self.pack.manifest.input.size, floor };
        let Meaning { mut findings, score } =
            self.output.read(&answers, &scene).map_err(|error| InspectionError::Model(error.to_string()))?;
        for finding in &mut findings {
            finding.area = finding.area.map(|area| placement.area(area));
        }
        let timings = Timings {
            prepare: prepared - start,
            infer: inferred - prepared,
            judge: shown.elapsed(),
            ..Timings::default()
        };
        Ok(Inspection { findings, score, timings })
    }

    /// The first stage of an inspection alone.
    ///
    /// # Errors
    /// When the region is not in the picture.
    pub fn prepare(&mut self, pixels: &Pixels, region: Region) -> Result<(), InspectionError> {
        self.place(pixels, region).map(drop)
    }

    /// The second stage alone: runs the model on what was prepared last and gives what it answers, in the order in which
    /// the decoder reads it.
    ///
    /// # Errors
    /// When the model fails.
    pub fn answer(&mut self) -> Result<Vec<Answer<'_>>, InspectionError> {
        self.network.run().map_err(InspectionError::Model)
    }

    /// Runs the model on what was prepared last and gives what each operator of the graph took, in the order in which
    /// they ran; none where the engine does not tell.
    ///
    /// # Errors
    /// When the model fails.
    pub fn steps(&mut self) -> Result<Vec<Step>, InspectionError> {
        self.network.steps().map_err(InspectionError::Model)
    }

    /// What was prepared last, with the lengths of its axes.
    ///
    /// # Errors
    /// When the engine does not give it away.
    pub fn input(&mut self) -> Result<([usize; 4], &[f32]), InspectionError> {
        let shape = self.network.shape();
        Ok((shape, self.network.input().map_err(InspectionError::Model)?))
    }

    fn place(&mut self, pixels: &Pixels, region: Region) -> Result<Placement, InspectionError> {
        if !region.is_within([pixels.width, pixels.height]) {
            let (width, height) = (pixels.width, pixels.height);
            return Err(InspectionError::Region { region, width, height });
        }
        let input = self.network.input().map_err(InspectionError::Model)?;
        self.preparation.write(pixels, region, input).map_err(InspectionError::Model)
    }

    /// Runs the pack's sample: its answer must be one that the decoder reads, and what the pack promises.
    fn try_sample(&mut self) -> Result<(), PackError> {
        let file = self.pack.model_path();
        let differs = |reason: String| PackError::Parity { file: file.clone(), reason };
        let refuse = |reason: String| PackError::Graph { file: file.clone(), reason };
        let pixels = self.sample().map_err(differs)?;
        let whole = Region { x: 0, y: 0, width: pixels.width, height: pixels.height };
        let input = self.network.input().map_err(refuse)?;
        self.preparation.write(&pixels, whole, input).map_err(refuse)?;
        let answers = self.network.run().map_err(refuse)?;
        let floor = Confidence::CERTAIN;
        let scene = Scene { labels: &self.labels, input: self.pack.manifest.input.size, floor };
        self.output
            .read(&answers, &scene)
            .map_err(|error| refuse(format!("{error}; correct [output] or labels in model.toml")))?;
        let sample = &self.pack.manifest.parity;
        for (answer, file) in answers.iter().zip(sample.output.names()) {
            let expected = parity::numbers(&self.pack.folder.join(file)).map_err(differs)?;
            parity::compare(answer.values, &expected, sample.tolerance).map_err(differs)?;
        }
        Ok(())
    }
}
