//! A graph in the form in which it is run.

use std::time::{Duration, Instant};

use crate::{
    activation::activate,
    enlarge::{enlarge, interpolate},
    graph::{Graph, Kind, Value},
    layout::{Layout, Place},
    pixelwise::{pair, pair_with_half},
    planes::{Planes, Shape},
    pool::pool,
    rows::{Rows, RowsMut},
    task::{Source, Task},
    thin::thin,
    vector::Isa,
};

/// A graph whose steps are fused, whose weights are in order and whose results have their places. It is not changed by
/// running: what changes is in a [`Memory`].
#[derive(Debug)]
pub struct Program {
    isa: Isa,
    steps: Vec<(String, Shape, Task)>,
    inputs: Vec<Shape>,
    outputs: Vec<Place>,
    scratch: usize,
    len: usize,
}

/// The results of one run's steps, kept from run to run.
pub struct Memory(Vec<f32>);

impl Program {
    /// Prepares a graph for an instruction set of this machine.
    #[must_use]
    pub fn new(mut graph: Graph, isa: Isa) -> Self {
        graph.fuse();
        let layout = Layout::new(&graph);
        let given: Vec<Value> = (0..graph.steps.len())
            .map(Value)
            .filter(|it| matches!(graph.steps[it.0].kind, Kind::Input))
            .collect();
        let mut steps = Vec::new();
        for at in 0..graph.steps.len() {
            let task = Task::new(&graph, &layout, &given, isa, Value(at));
            let step = &mut graph.steps[at];
            steps.extend(task.map(|task| (step.name.clone(), step.shape, task)));
            // Weights are most of what a network takes, and these are in the task by now.
            if let Kind::Convolve { convolution, .. } = &mut step.kind {
                convolution.weights = Vec::new();
            }
        }
        let scratch = steps.iter().map(|(.., task): &(_, _, Task)| task.scratch()).max().unwrap_or(0);
        Self {
            isa,
            scratch,
            inputs: given.iter().map(|value| graph.shape(*value)).collect(),
            outputs: graph.outputs.iter().map(|value| layout.place(*value)).collect(),
            len: layout.len,
            steps,
        }
    }

    /// Memory for one run at a time.
    #[must_use]
    pub fn memory(&self) -> Memory {
        Memory(vec![0.0; self.len + self.scratch])
    }

    /// Runs all steps: `inputs` and `outputs` hold the planes' values without padding, in the graph's order.
    ///
    /// # Panics
    /// Where they are not as many, or not of the lengths that the graph says, or the memory is another program's.
    pub fn run(&self, memory: &mut Memory, inputs: &[&[f32]], outputs: &mut [&mut [f32]]) {
        self.check(memory, inputs, outputs);
        for (.., task) in &self.steps {
            self.perform(task, memory, inputs);
        }
        self.give(memory, outputs);
    }

    /// The same, and how long each step took: its name, the shape of what it makes, and the time.
    ///
    /// # Panics
    /// As of [`Program::run`].
    pub fn profile<'a>(
        &'a self,
        memory: &mut Memory,
        inputs: &[&[f32]],
        outputs: &mut [&mut [f32]],
        mut tell: impl FnMut(&'a str, &'static str, Shape, Duration),
    ) {
        self.check(memory, inputs, outputs);
        for (name, shape, task) in &self.steps {
            let start = Instant::now();
            self.perform(task, memory, inputs);
            tell(name, task.kind(), *shape, start.elapsed());
        }
        self.give(memory, outputs);
    }

    /// How many values a [`Memory`] holds.
    #[must_use]
    pub fn memory_len(&self) -> usize {
        self.len + self.scratch
    }

    fn check(&self, memory: &Memory, inputs: &[&[f32]], outputs: &[&mut [f32]]) {
        assert_eq!(memory.0.len(), self.memory_len(), "the memory belongs to another program");
        assert!(inputs.iter().map(|it| it.len()).eq(self.inputs.iter().map(|it| it.len())), "other inputs");
        let wanted = self.outputs.iter().map(|it| it.planes.shape.len());
        assert!(outputs.iter().map(|it| it.len()).eq(wanted), "other outputs");
    }

    fn perform(&self, task: &Task, memory: &mut Memory, inputs: &[&[f32]]) {
        let base = memory.0.as_mut_ptr();
        let isa = self.isa;
        // SAFETY: the memory has the length for which the layout was made, and the layout gives every result that is
        // needed at the same time a place of its own; what is given has the lengths that were checked.
        unsafe {
            let first = |place: &Place| base.add(place.at);
            match task {
                Task::Bring { input, to } => {
                    bring(inputs[*input], first(to), &to.planes);
                }
                Task::Convolve { prepared, from, plus, to } => {
                    let input = match from {
                        Source::Given(number) => inputs[*number].as_ptr(),
                        Source::Made(place) => first(place).cast_const(),
                    };
                    let plus = plus.as_ref().map_or(std::ptr::null(), |place| first(place).cast_const());
                    prepared.run(isa, input, plus, first(to), base.add(self.len));
                }
                Task::Activate { activation, from, to } => {
                    activate(isa, *activation, first(from), first(to), extent(&to.planes));
                }
                Task::Pair { pair: it, from: [a, b], is_half: false, to } => {
                    pair(isa, it, first(a), first(b), first(to), extent(&to.planes));
                }
                Task::Pair { pair: it, from: [whole, half], is_half: true, to } => {
                    for channel in 0..to.planes.shape.channels {
                        let from = [rows(base, whole, channel), rows(base, half, channel)];
                        pair_with_half(isa, it, from, rows_mut(base, to, channel));
                    }
                }
                Task::Pool { pool: it, from, to } => {
                    let width = it.scratch([from.planes.shape.height, from.planes.shape.width]);
                    let scratch = std::slice::from_raw_parts_mut(base.add(self.len), width);
                    for channel in 0..to.planes.shape.channels {
                        pool(isa, it, rows(base, from, channel), rows_mut(base, to, channel), scratch);
                    }
                }
                Task::Enlarge { factor, from, to } => {
                    for channel in 0..to.planes.shape.channels {
                        enlarge(rows(base, from, channel), rows_mut(base, to, channel), *factor);
                    }
                }
                Task::Interpolate { axes, from, to } => {
                    let line = std::slice::from_raw_parts_mut(base.add(self.len), from.planes.shape.width);
                    for channel in 0..to.planes.shape.channels {
                        interpolate(isa, rows(base, from, channel), rows_mut(base, to, channel), axes, line);
                    }
                }
                Task::Thin { axes, from, to } => {
                    for channel in 0..to.planes.shape.channels {
                        thin(rows(base, from, channel), rows_mut(base, to, channel), *axes);
                    }
                }
                Task::Join { from, to } => {
                    for (place, channel) in from {
                        let to = first(to).add(channel * to.planes.plane());
                        std::ptr::copy_nonoverlapping(first(place), to, extent(&place.planes));
                        place.planes.clear_padding(to, place.planes.shape.channels);
                    }
                }
            }
            // What a step leaves between rows and behind planes is no zero.
            if let Some(to) = task.made() {
                to.planes.clear_padding(first(to), to.planes.shape.channels);
            }
        }
    }

    fn give(&self, memory: &Memory, outputs: &mut [&mut [f32]]) {
        for (place, output) in self.outputs.iter().zip(outputs) {
            let Planes { shape, .. } = place.planes;
            for (channel, plane) in output.chunks_exact_mut(shape.height * shape.width).enumerate() {
                let from = &memory.0[place.at + channel * place.planes.plane()..];
                for (to, from) in plane.chunks_exact_mut(shape.width).zip(from.chunks(place.planes.row())) {
                    to.copy_from_slice(&from[..shape.width]);
                }
            }
        }
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Memory").field(&self.0.len()).finish()
    }
}

/// From the first value of planes to behind the last, with the padding between.
fn extent(planes: &Planes) -> usize {
    (planes.shape.channels - 1) * planes.plane() + planes.pixels()
}

/// # Safety
/// `to` is the first value of planes of the geometry, and `from` holds as many values as their shape says.
unsafe fn bring(from: &[f32], to: *mut f32, planes: &Planes) {
    let Shape { height, width, .. } = planes.shape;
    for (number, row) in from.chunks_exact(width).enumerate() {
        let at = number / height * planes.plane() + number % height * planes.row();
        // SAFETY: a row of the planes.
        unsafe { std::ptr::copy_nonoverlapping(row.as_ptr(), to.add(at), width) };
    }
}

/// # Safety
/// The place lies in the memory at `base`, and is not written as long as this lives.
unsafe fn rows<'a>(base: *mut f32, place: &Place, channel: usize) -> Rows<'a> {
    let planes = &place.planes;
    // SAFETY: a plane of the place.
    let values =
        unsafe { std::slice::from_raw_parts(base.add(place.at + channel * planes.plane()), planes.pixels()) };
    Rows { values, height: planes.shape.height, width: planes.shape.width, row: planes.row() }
}

/// # Safety
/// The place lies in the memory at `base`, and nothing else reads or writes it as long as this lives.
unsafe fn rows_mut<'a>(base: *mut f32, place: &Place, channel: usize) -> RowsMut<'a> {
    let planes = &place.planes;
    // SAFETY: a plane of the place.
    let values = unsafe {
        std::slice::from_raw_parts_mut(base.add(place.at + channel * planes.plane()), planes.pixels())
    };
    RowsMut { values, height: planes.shape.height, width: planes.shape.width, row: planes.row() }
}
