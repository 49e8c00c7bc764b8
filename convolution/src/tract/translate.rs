//! From an operator of tract's to a step of ours, where there is one.

use tract_onnx::tract_core::{
    internal::*,
    ops::{
        array::{Slice, TypedConcat},
        binary::TypedBinOp,
        cnn::{Conv, KernelFormat, MaxPool as TractPool, PoolSpec},
        downsample::Downsample,
        einsum::EinSum,
        element_wise::ElementWiseOp,
        math::{Add, Div, Exp, Max, Min, Mul, Sub},
        nn::{DataFormat, HardSwish, Interpolator, LeakyRelu, NearestUpsample, Resize, Sigmoid, Silu},
    },
};

use crate::{Activation, Between, Convolution, Every, Graph, MaxPool, Pairing, Refusal, Shape, Value};

/// The planes of a fact: `f32`, one picture, channels before rows and columns.
pub(super) fn planes(fact: &TypedFact) -> Option<Shape> {
    let shape = fact.shape.as_concrete().filter(|_| fact.datum_type == f32::datum_type())?;
    let (channels, height, width) = match *shape {
        [1, channels, height, width] | [channels, height, width] => (channels, height, width),
        _ => return None,
    };
    (channels * height * width > 0).then_some(Shape { channels, height, width })
}

/// Whether there is a step for this node.
pub(super) fn is_known(model: &TypedModel, node: &TypedNode) -> bool {
    let given = |outlet: &OutletId| {
        let fact = model.outlet_fact(*outlet).ok()?;
        if fact.konst.is_some() { Some(None) } else { planes(fact).map(Some) }
    };
    let made = node.outputs.first().and_then(|it| planes(&it.fact)).filter(|_| node.outputs.len() == 1);
    let given: Option<Vec<Option<Shape>>> = node.inputs.iter().map(given).collect();
    let (Some(made), Some(given)) = (made, given) else { return false };
    let Some(read) = given.into_iter().flatten().next() else { return false };
    match Draft::of(model, node) {
        // What would be refused anyway need not be tried.
        Some(Draft::Convolve(convolution)) => convolution.output(read) == Some(made),
        Some(Draft::Pool(pool)) => pool.output([read.height, read.width]) == Some([made.height, made.width]),
        draft => draft.is_some(),
    }
}

/// A step without the values that it reads.
enum Draft {
    Convolve(Convolution),
    Activate(Activation),
    Scale { factors: Vec<f32>, offsets: Vec<f32> },
    Pair(Pairing),
    Pool(MaxPool),
    Enlarge([usize; 2]),
    Interpolate([Vec<Between>; 2]),
    Thin([Every; 2]),
    Join,
    Part(usize),
}

/// Adds the step for this node, which [`is_known`], to a graph.
pub(super) fn add(
    graph: &mut Graph,
    model: &TypedModel,
    node: &TypedNode,
    inputs: &[Value],
) -> Result<Value, Refusal> {
    let draft = Draft::of(model, node).ok_or(Refusal::Shapes)?;
    let made = planes(&node.outputs[0].fact).ok_or(Refusal::Shapes)?;
    let name = &*node.name;
    let one = inputs.first().copied().ok_or(Refusal::Shapes)?;
    let value = match draft {
        Draft::Convolve(convolution) => graph.convolve(name, one, convolution)?,
        Draft::Activate(activation) => graph.activate(name, one, activation)?,
        Draft::Scale { factors, offsets } => graph.scale(name, one, &factors, &offsets)?,
        Draft::Pair(pairing) => graph.pair(name, inputs.try_into().map_err(|_| Refusal::Shapes)?, pairing)?,
        Draft::Pool(pool) => graph.pool(name, one, pool)?,
        Draft::Enlarge(factor) => graph.enlarge(name, one, factor)?,
        Draft::Interpolate(axes) => graph.interpolate(name, one, axes)?,
        Draft::Thin(axes) => graph.thin(name, one, axes)?,
        Draft::Join => graph.join(name, inputs)?,
        Draft::Part(first) => graph.part(name, one, first, made.channels)?,
    };
    if graph.shape(value) == made { Ok(value) } else { Err(Refusal::Shapes) }
}

impl Draft {
    fn of(model: &TypedModel, node: &TypedNode) -> Option<Self> {
        let input = model.outlet_fact(*node.inputs.first()?).ok()?;
        if let Some(it) = node.op_as::<Conv>() {
            return convolution(model, node, it).map(Self::Convolve);
        }
        if let Some(it) = node.op_as::<EinSum>() {
            return pointwise(model, node, it).map(Self::Convolve);
        }
        if let Some(it) = node.op_as::<TypedBinOp>() {
            return binary(model, node, it);
        }
        if let Some(it) = node.op_as::<ElementWiseOp>() {
            return activation(it).map(Self::Activate);
        }
        if let Some(it) = node.op_as::<TractPool>() {
            return pool(it, planes(input)?).map(Self::Pool);
        }
        let channels = input.rank().checked_sub(3)?;
        if let Some(it) = node.op_as::<NearestUpsample>() {
            let (rest, factor) = it.scales.split_at_checked(channels + 1)?;
            let factor = <[usize; 2]>::try_from(factor).ok()?;
            return rest.iter().all(|it| *it == 1).then_some(Self::Enlarge(factor));
        }
        if let Some(it) = node.op_as::<Resize>() {
            return interpolation(model, node, it).map(Self::Interpolate);
        }
        if let Some(it) = node.op_as::<Downsample>() {
            let every = Every { first: it.modulo, step: usize::try_from(it.stride).ok()? };
            return match it.axis.checked_sub(channels)? {
                1 => Some(Self::Thin([every, Every::ONE])),
                2 => Some(Self::Thin([Every::ONE, every])),
                _ => None,
            };
        }
        if let Some(it) = node.op_as::<TypedConcat>() {
            let all_are_made =
                node.inputs.iter().all(|it| model.outlet_fact(*it).is_ok_and(|it| it.konst.is_none()));
            return (it.axis == channels && all_are_made).then_some(Self::Join);
        }
        if let Some(it) = node.op_as::<Slice>() {
            return (it.axis == channels).then(|| it.start.to_usize().ok().map(Self::Part))?;
        }
        None
    }
}

fn numbers(model: &TypedModel, outlet: OutletId) -> Option<Arc<Tensor>> {
    let konst = model.outlet_fact(outlet).ok()?.konst.clone()?;
    (konst.datum_type() == f32::datum_type()).then_some(konst)
}

fn values(tensor: &Tensor) -> Option<Vec<f32>> {
    Some(tensor.try_as_plain_ram().ok()?.as_slice::<f32>().ok()?.to_vec())
}

fn convolution(model: &TypedModel, node: &TypedNode, it: &Conv) -> Option<Convolution> {
    let is_plain = it.q_params.is_none()
        && it.kernel_fmt == KernelFormat::OIHW
        && it.pool_spec.rank() == 2
        && matches!(it.pool_spec.data_format, DataFormat::NCHW | DataFormat::CHW);
    let [input, weights, bias] = (*node.inputs).try_into().ok().filter(|_| is_plain)?;
    let input = planes(model.outlet_fact(input).ok()?)?;
    let window = Window::new(&it.pool_spec, input)?;
    let outputs = it.pool_spec.output_channels;
    let bias = values(&*numbers(model, bias)?)?;
    Some(Convolution {
        outputs,
        groups: it.group,
        kernel: window.kernel,
        stride: window.stride,
        dilation: window.dilation,
        before: window.before,
        after: window.after,
        weights: values(&*numbers(model, weights)?)?,
        bias: if bias.len() == 1 { vec![bias[0]; outputs] } else { bias },
    })
}

/// What convolutions and pools have in common; rows first.
struct Window {
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    before: [usize; 2],
    after: [usize; 2],
}

impl Window {
    fn new(spec: &PoolSpec, input: Shape) -> Option<Self> {
        let kernel = <[usize; 2]>::try_from(&*spec.kernel_shape).ok()?;
        let stride = [0, 1].map(|axis| spec.stride(axis));
        let dilation = [0, 1].map(|axis| spec.dilation(axis));
        let sides = [input.height, input.width];
        let pads = spec.padding.compute(&sides, &kernel, &dilation, &stride);
        let before = [pads[0].pad_before, pads[1].pad_before];
        // As much as the last window needs: with ONNX's `ceil_mode` more than was asked for, else often less.
        let after = [0, 1].map(|axis| {
            let reach = (pads[axis].convoluted.checked_sub(1)?) * stride[axis]
                + (kernel[axis] - 1) * dilation[axis]
                + 1;
            Some(reach.saturating_sub(sides[axis] + before[axis]))
        });
        Some(Self { kernel, stride, dilation, before, after: [after[0]?, after[1]?] })
    }
}

/// A product over channels, which is a convolution of single pixels.
fn pointwise(model: &TypedModel, node: &TypedNode, it: &EinSum) -> Option<Convolution> {
    let [input, weights] = (*node.inputs).try_into().ok().filter(|_| it.q_params.is_none())?;
    let made = planes(&node.outputs[0].fact)?;
    let read = planes(model.outlet_fact(input).ok()?)?;
    let weights = numbers(model, weights)?;
    let (rank, made_rank) = (model.outlet_fact(input).ok()?.rank(), node.outputs[0].fact.rank());
    let axis = |slot: InOut, at: usize| it.axes.axis((slot, at)).ok().map(|axis| axis.repr);
    let (summed, kept) = (axis(InOut::In(0), rank - 3)?, axis(InOut::Out(0), made_rank - 3)?);
    let is_kept = |back: usize| axis(InOut::In(0), rank - back) == axis(InOut::Out(0), made_rank - back);
    if weights.rank() != 2 || summed == kept || !is_kept(1) || !is_kept(2) {
        return None;
    }
    let (inputs, outputs) = (read.channels, made.channels);
    let given = values(&weights)?;
    let order = (axis(InOut::In(1), 0)?, axis(InOut::In(1), 1)?);
    let ordered = if order == (kept, summed) && weights.shape() == [outputs, inputs] {
        given
    } else if order == (summed, kept) && weights.shape() == [inputs, outputs] {
        (0..outputs * inputs).map(|at| given[at % inputs * outputs + at / inputs]).collect()
    } else {
        return None;
    };
    Some(Convolution {
        outputs,
        groups: 1,
        kernel: [1, 1],
        stride: [1, 1],
        dilation: [1, 1],
        before: [0, 0],
        after: [0, 0],
        weights: ordered,
        bias: Vec::new(),
    })
}

fn activation(it: &ElementWiseOp) -> Option<Activation> {
    let it = &it.0;
    if it.is::<Sigmoid>() {
        Some(Activation::Sigmoid)
    } else if it.is::<Silu>() {
        Some(Activation::Silu)
    } else if it.is::<HardSwish>() {
        Some(Activation::HardSwish)
    } else if it.is::<Exp>() {
        Some(Activation::Exp)
    } else {
        it.downcast_ref::<LeakyRelu>().map(|it| Activation::LeakyRelu { slope: it.alpha })
    }
}

fn pool(it: &TractPool, input: Shape) -> Option<MaxPool> {
    let is_plain = it.with_index_outputs.is_none()
        && it.pool_spec.rank() == 2
        && matches!(it.pool_spec.data_format, DataFormat::NCHW | DataFormat::CHW);
    let window = Window::new(&it.pool_spec, input).filter(|it| is_plain && it.dilation == [1, 1])?;
    Some(MaxPool { kernel: window.kernel, stride: window.stride, before: window.before, after: window.after })
}

/// Where tract would look for each row and column of the output.
fn interpolation(model: &TypedModel, node: &TypedNode, it: &Resize) -> Option<[Vec<Between>; 2]> {
    let fact = model.outlet_fact(*node.inputs.first()?).ok()?;
    let (read, made) = (planes(fact)?, planes(&node.outputs[0].fact)?);
    if it.interpolator != Interpolator::Linear || read.channels != made.channels {
        return None;
    }
    let scales = match it.optional_scales_input.and_then(|at| node.inputs.get(at)) {
        Some(scales) => Some(values(&*numbers(model, *scales)?)?).filter(|it| it.len() == fact.rank()),
        None => None,
    };
    let axis = |back: usize, from: usize, to: usize| {
        let given = scales.as_ref().map(|it| it[it.len() - back]);
        let scale = given.unwrap_or(to as f32 / from as f32);
        let last = (from - 1) as f32;
        let between = |at: usize| {
            let place = it.coord_transformer.transform(at, scale, from, to);
            // What lies beyond an edge is the edge.
            let before = place.floor();
            let [first, second] = [before, before + 1.0].map(|it| it.clamp(0.0, last) as usize);
            Between { first, second, share: place - before }
        };
        let is_same = from == to && scale == 1.0;
        let itself = |at| Between { first: at, second: at, share: 0.0 };
        (0..to).map(|at| if is_same { itself(at) } else { between(at) }).collect()
    };
    Some([axis(2, read.height, made.height), axis(1, read.width, made.width)])
}

/// Two values of one shape, or one and numbers that are the same for all pixels of a channel.
fn binary(model: &TypedModel, node: &TypedNode, it: &TypedBinOp) -> Option<Draft> {
    let [a, b] = (*node.inputs).try_into().ok().filter(|_| it.1.is_none())?;
    let (value, konst, is_left) = match (numbers(model, a), numbers(model, b)) {
        (None, None) => {
            let same = planes(model.outlet_fact(a).ok()?) == planes(model.outlet_fact(b).ok()?);
            return match () {
                () if same && it.0.is::<Add>() => Some(Draft::Pair(Pairing::Add)),
                () if same && it.0.is::<Mul>() => Some(Draft::Pair(Pairing::Multiply)),
                () => None,
            };
        }
        (None, Some(konst)) => (a, konst, false),
        (Some(konst), None) => (b, konst, true),
        (Some(_), Some(_)) => return None,
    };
    let fact = model.outlet_fact(value).ok()?;
    let shape = planes(fact)?;
    let by_channel = by_channel(&konst, fact.rank(), shape.channels)?;
    let is_same = by_channel.iter().all(|it| *it == by_channel[0]);
    let (ones, zeros) = (vec![1.0; shape.channels], vec![0.0; shape.channels]);
    let negative = || by_channel.iter().map(|it| -it).collect();
    match () {
        () if it.0.is::<Max>() && is_same => {
            Some(Draft::Activate(Activation::Clamp { low: by_channel[0], high: f32::INFINITY }))
        }
        () if it.0.is::<Min>() && is_same => {
            Some(Draft::Activate(Activation::Clamp { low: f32::NEG_INFINITY, high: by_channel[0] }))
        }
        () if it.0.is::<Add>() => Some(Draft::Scale { factors: ones, offsets: by_channel }),
        () if it.0.is::<Mul>() => Some(Draft::Scale { factors: by_channel, offsets: zeros }),
        () if it.0.is::<Sub>() && !is_left => Some(Draft::Scale { factors: ones, offsets: negative() }),
        () if it.0.is::<Sub>() => {
            Some(Draft::Scale { factors: vec![-1.0; shape.channels], offsets: by_channel })
        }
        () if it.0.is::<Div>() && !is_left => {
            Some(Draft::Scale { factors: by_channel.iter().map(|it| 1.0 / it).collect(), offsets: zeros })
        }
        () => None,
    }
}

fn by_channel(konst: &Tensor, rank: usize, channels: usize) -> Option<Vec<f32>> {
    let given = values(konst)?;
    if given.len() == 1 {
        return Some(vec![given[0]; channels]);
    }
    let mut wanted = vec![1; rank];
    *wanted.get_mut(rank.checked_sub(3)?)? = channels;
    (konst.shape() == wanted).then_some(given)
}
