//! A model pack at work.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    camera::{Colour, Decoder, Detail, Picture, PictureError, Pixels, Wanted, Window},
    inspection::{
        Confidence, Inspection, Region, Timings,
        decode::{Answer, DecodeError, Mean, Meaning, Mirror, Output, Scene},
        manifest::InputColour,
        network::{self, Engine, Network, Step},
        pack::{Pack, PackError},
        parity,
        prepare::{Placement, Preparation},
        tiles::{Grid, Seams},
    },
};

/// Runs one model, one frame at a time; a worker has one of its own.
pub struct Inspector {
    pack: Arc<Pack>,
    network: Box<dyn Network>,
    decoder: Decoder,
    preparation: Preparation,
    output: Arc<Output>,
    labels: Vec<Arc<str>>,
    /// Of several looks at one picture.
    mean: Mean,
}

/// Why a frame could not be inspected.
#[derive(Debug, thiserror::Error)]
pub enum InspectionError {
    /// The picture, or the region of it, cannot be used.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The model failed on this frame.
    #[error("the model failed on this frame: {0}")]
    Model(String),
}

fn unreadable(error: DecodeError) -> InspectionError {
    InspectionError::Model(error.to_string())
}

impl Inspector {
    /// Loads a model pack to be run by an engine, which is refused unless its hash, its shapes and its parity sample are
    /// right.
    ///
    /// # Errors
    /// Says what is wrong with the pack, or that the engine is not there, and what to do.
    pub fn load(folder: &Path, engine: &Engine) -> Result<Self, PackError> {
        let (pack, bytes) = Pack::open(folder)?;
        let refuse = |reason: String| PackError::Graph { file: pack.model_path(), reason };
        let mut output = pack.manifest.output.clone();
        output.load(&|name| parity::numbers(&pack.folder.join(name))).map_err(refuse)?;
        let network =
            network::load(engine, bytes, &pack.manifest.input, &output.outputs()).map_err(refuse)?;
        let preparation = Preparation::new(pack.manifest.input.clone());
        let labels = pack.manifest.labels.iter().map(|label| Arc::from(label.as_str())).collect();
        let (pack, output, decoder) = (Arc::new(pack), Arc::new(output), Decoder::default());
        let mean = Mean::default();
        let mut inspector = Self { pack, network, decoder, preparation, output, labels, mean };
        inspector.try_sample()?;
        Ok(inspector)
    }

    /// The same for another worker: the graph and its weights are shared, the buffers are its own.
    pub(super) fn another(&self) -> Result<Self, String> {
        Ok(Self {
            pack: Arc::clone(&self.pack),
            network: self.network.another()?,
            decoder: Decoder::default(),
            preparation: Preparation::new(self.pack.manifest.input.clone()),
            output: Arc::clone(&self.output),
            labels: self.labels.clone(),
            mean: Mean::default(),
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

    /// Looks at a picture, or a region of it: decodes what the model needs of it and gives the findings of at least
    /// `floor`, surest first, their areas in pixels of the picture.
    ///
    /// # Errors
    /// Says why this picture could not be inspected; the next one can be.
    pub fn look(
        &mut self,
        picture: &Picture,
        region: Option<Region>,
        floor: Confidence,
    ) -> Result<Inspection, InspectionError> {
        self.look_and_show(picture, region, floor, &mut |_| ())
    }

    /// Looks, and shows what the model answered (for each tile, where the pack asks for tiles) before it is read; the
    /// timings are without that.
    ///
    /// # Errors
    /// As [`Inspector::look`].
    pub fn look_and_show(
        &mut self,
        picture: &Picture,
        region: Option<Region>,
        floor: Confidence,
        see: &mut dyn FnMut(&[Answer<'_>]),
    ) -> Result<Inspection, InspectionError> {
        let start = Instant::now();
        self.with_decoded(picture, region, |it, pixels, window, region| {
            let decode = start.elapsed();
            let grid = it.grid(region)?;
            let mut inspection = Inspection {
                findings: Vec::new(),
                score: None,
                region,
                picture: window.picture,
                timings: Timings::default(),
            };
            match &grid {
                None => inspection = it.look_at(pixels, window, region, floor, see)?,
                Some((grid, scale)) => {
                    let mut seams = Seams::default();
                    for tile in grid.tiles() {
                        let piece = it.look_at(pixels, window, tile, floor, see)?;
                        seams.add(grid, tile, *scale, piece.findings);
                        // The worst tile condemns the whole.
                        inspection.score = piece.score.into_iter().chain(inspection.score).reduce(f32::max);
                        inspection.timings.prepare += piece.timings.prepare;
                        inspection.timings.infer += piece.timings.infer;
                        inspection.timings.judge += piece.timings.judge;
                        inspection.timings.runs += piece.timings.runs;
                    }
                    inspection.findings = seams.findings();
                }
            }
            inspection.timings.decode = decode;
            Ok(inspection)
        })
    }

    /// Looks at what the model sees at once.
    fn look_at(
        &mut self,
        pixels: &Pixels,
        window: &Window,
        region: Region,
        floor: Confidence,
        see: &mut dyn FnMut(&[Answer<'_>]),
    ) -> Result<Inspection, InspectionError> {
        let start = Instant::now();
        let placement = self.place(pixels, window, region)?;
        let prepared = Instant::now();
        let answers = self.network.run().map_err(InspectionError::Model)?;
        let inferred = Instant::now();
        see(&answers);
        let shown = Instant::now();
        let scene = Scene { labels: &self.labels, input: self.pack.manifest.input.size, floor };
        let second = self.pack.manifest.second_look.zip(self.output.mirrored());
        let is_worth_it = second
            .map(|(second, decoder)| decoder.has_score(&answers, &scene, second.from.min(floor.value())));
        let (mut again, mut runs) = (Duration::ZERO, 1);
        let read = if is_worth_it.transpose().map_err(unreadable)? == Some(true) {
            self.mean.begin(&answers[0]);
            let start = Instant::now();
            self.look_at_mirror_images(floor)?;
            (again, runs) = (start.elapsed(), runs + Mirror::IMAGES.len() as u32);
            let scene = Scene { labels: &self.labels, input: self.pack.manifest.input.size, floor };
            self.output.read(&[self.mean.take()], &scene)
        } else {
            self.output.read(&answers, &scene)
        };
        let Meaning { mut findings, score } = read.map_err(unreadable)?;
        for finding in &mut findings {
            finding.area = finding.area.map(|area| placement.area(area));
        }
        let timings = Timings {
            prepare: prepared - start,
            infer: inferred - prepared + again,
            judge: shown.elapsed().saturating_sub(again),
            runs,
            ..Timings::default()
        };
        Ok(Inspection { findings, score, region, picture: window.picture, timings })
    }

    /// Shows the model the mirror images of what was prepared last, and adds what it answers to the mean.
    fn look_at_mirror_images(&mut self, floor: Confidence) -> Result<(), InspectionError> {
        let Some(decoder) = self.output.mirrored() else { return Ok(()) };
        let scene = Scene { labels: &self.labels, input: self.pack.manifest.input.size, floor };
        for (step, mirror) in Mirror::IMAGES {
            let input = self.network.input().map_err(InspectionError::Model)?;
            self.preparation.mirror(input, step);
            let answers = self.network.run().map_err(InspectionError::Model)?;
            self.mean.add(decoder, &answers, &scene, mirror).map_err(unreadable)?;
        }
        Ok(())
    }

    /// The first stage of an inspection alone: decodes what the model needs of a picture.
    ///
    /// # Errors
    /// When the picture cannot be decoded, or the region is not in it.
    pub fn decode(&mut self, picture: &Picture, region: Option<Region>) -> Result<(), InspectionError> {
        self.with_decoded(picture, region, |_, _, _, _| Ok(()))
    }

    /// The first two stages alone: what the model is given first stands in its input then.
    ///
    /// # Errors
    /// When the picture cannot be decoded, or the region is not in it.
    pub fn prepare(&mut self, picture: &Picture, region: Option<Region>) -> Result<(), InspectionError> {
        self.with_decoded(picture, region, |it, pixels, window, region| {
            let grid = it.grid(region)?;
            let first = grid.and_then(|(grid, _)| grid.tiles().next()).unwrap_or(region);
            it.place(pixels, window, first).map(drop)
        })
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

    fn with_decoded<T>(
        &mut self,
        picture: &Picture,
        region: Option<Region>,
        then: impl FnOnce(&mut Self, &Pixels, &Window, Region) -> Result<T, InspectionError>,
    ) -> Result<T, InspectionError> {
        let detail = match self.pack.manifest.tiles {
            Some(tiles) => Detail::Share(tiles.scale),
            None => self.preparation.detail(),
        };
        let wanted = Wanted { colour: self.colour(), region, detail };
        // Its pixels are looked at while the rest is at work.
        let mut decoder = std::mem::take(&mut self.decoder);
        let result = decoder.decode(picture, &wanted).map_err(InspectionError::from);
        let result = result.and_then(|(pixels, window)| {
            then(self, pixels, &window, region.unwrap_or_else(|| Region::whole(window.picture)))
        });
        self.decoder = decoder;
        result
    }

    /// The tiles of a region, if the pack asks for tiles, and their scale.
    fn grid(&self, region: Region) -> Result<Option<(Grid, f32)>, InspectionError> {
        let Some(tiles) = self.pack.manifest.tiles else { return Ok(None) };
        let grid = tiles.grid(region, self.pack.manifest.input.size).map_err(InspectionError::Model)?;
        Ok(Some((grid, tiles.scale)))
    }

    fn place(
        &mut self,
        pixels: &Pixels,
        window: &Window,
        region: Region,
    ) -> Result<Placement, InspectionError> {
        let input = self.network.input().map_err(InspectionError::Model)?;
        self.preparation.write(pixels, window, region, input).map_err(InspectionError::Model)
    }

    /// Runs the pack's sample: its answer must be one that the decoder reads, and what the pack promises.
    fn try_sample(&mut self) -> Result<(), PackError> {
        let file = self.pack.model_path();
        let differs = |reason: String| PackError::Parity { file: file.clone(), reason };
        let refuse = |reason: String| PackError::Graph { file: file.clone(), reason };
        let pixels = self.sample().map_err(differs)?;
        let size = [pixels.width, pixels.height];
        let (whole, window) = (Region::whole(size), Window::whole(size));
        let input = self.network.input().map_err(refuse)?;
        self.preparation.write(&pixels, &window, whole, input).map_err(refuse)?;
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

#[cfg(test)]
mod tests;
