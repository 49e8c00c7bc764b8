//! Programs in tract's graphs, against tract itself on every shape of layer that the models here have.
#![cfg(feature = "tract")]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use convolution::{Isa, tract::accelerate};
use tract_onnx::{
    prelude::*,
    tract_core::{
        internal::*,
        ops::{
            cnn::{Conv, KernelFormat, PaddingSpec, PoolSpec},
            downsample::Downsample,
            nn::{CoordTransformer, DataFormat, Interpolator, Nearest, Resize, Softmax, silu::silu},
        },
    },
};

/// Inputs, outputs, groups, kernel, stride, dilation, padding, rows and columns of each kind of layer, told apart by
/// blanks: of the shipped pack and of the detectors, classifiers and masks that were at hand.
const LAYERS: &str = include_str!("layers.txt");

fn noise(shape: &[usize], seed: u64) -> Tensor {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let values: Vec<f32> = (0..shape.iter().product())
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        })
        .collect();
    Tensor::from_shape(shape, &values).unwrap()
}

/// A layer with SiLU behind it.
fn model(layer: &[usize; 9], rank: usize) -> TypedModel {
    let [inputs, .., height, width] = *layer;
    let shape = [1, inputs, height, width];
    with_layer(layer, &shape[4 - rank..], |_, source| source)
}

/// The same for a picture of this shape, which something else is done to first.
fn with_layer(
    layer: &[usize; 9],
    shape: &[usize],
    first: impl Fn(&mut TypedModel, OutletId) -> OutletId,
) -> TypedModel {
    let [inputs, outputs, groups, kernel, stride, dilation, padding, ..] = *layer;
    let mut model = TypedModel::default();
    let source = model.add_source("picture", f32::fact(shape)).unwrap();
    let read = first(&mut model, source);
    let weights = noise(&[outputs, inputs / groups, kernel, kernel], 1);
    let weights = model.add_const("weights", weights).unwrap();
    let bias = model.add_const("bias", noise(&[outputs], 2)).unwrap();
    let spec = PoolSpec {
        data_format: if shape.len() == 4 { DataFormat::NCHW } else { DataFormat::CHW },
        kernel_shape: tvec!(kernel, kernel),
        padding: PaddingSpec::Explicit(tvec!(padding, padding), tvec!(padding, padding)),
        dilations: Some(tvec!(dilation, dilation)),
        strides: Some(tvec!(stride, stride)),
        input_channels: inputs,
        output_channels: outputs,
    };
    let operator = Conv { pool_spec: spec, kernel_fmt: KernelFormat::OIHW, group: groups, q_params: None };
    let made = model.wire_node("layer", operator, &[read, weights, bias]).unwrap();
    let made = model.wire_node("silu", silu(), &made).unwrap();
    model.select_output_outlets(&made).unwrap();
    model
}

fn answer(model: TypedModel, input: &Tensor) -> Vec<f32> {
    let plan = model.into_optimized().unwrap().into_runnable().unwrap();
    let answers = plan.run(tvec!(input.clone().into())).unwrap();
    answers[0].try_as_plain_ram().unwrap().as_slice::<f32>().unwrap().to_vec()
}

#[test]
fn every_layer_of_the_models_here_is_what_tract_makes_of_it() {
    let layers: Vec<[usize; 9]> = LAYERS
        .lines()
        .map(|line| {
            let numbers: Vec<usize> = line.split(' ').map(|it| it.parse().unwrap()).collect();
            numbers.try_into().unwrap()
        })
        .collect();
    assert!(layers.len() > 100, "only {} layers", layers.len());
    for (number, layer) in layers.iter().enumerate() {
        let rank = 3 + number % 2;
        let [inputs, .., height, width] = *layer;
        let input = noise(&[1, inputs, height, width][4 - rank..], 3);
        let expected = answer(model(layer, rank), &input);
        let greatest = expected.iter().fold(0.0f32, |most, it| most.max(it.abs()));
        for isa in Isa::available() {
            let accelerated = accelerate(&model(layer, rank), isa).unwrap();
            let is_ours = accelerated.nodes.iter().any(|node| node.op.name() == "Planes");
            assert!(is_ours, "{layer:?} was left to tract");
            let found = answer(accelerated, &input);
            let worst = found.iter().zip(&expected).fold(0.0f32, |worst, (a, b)| worst.max((a - b).abs()));
            // Where products are saved by sums, the last two digits of seven go.
            assert!(worst <= 4e-5 * greatest, "{isa:?} {layer:?}: {worst} of {greatest}");
        }
    }
}

#[test]
fn planes_of_another_size_are_what_tract_makes_of_them() {
    for transformer in [
        CoordTransformer::HalfPixel,
        CoordTransformer::PytorchHalfPixel,
        CoordTransformer::AlignCorners,
        CoordTransformer::Asymmetric,
    ] {
        for (height, width) in [(24, 40), (7, 13), (12, 12), (1, 30)] {
            let make = || {
                let mut graph = model(&[4, 8, 1, 3, 1, 1, 1, 12, 12], 4);
                let end = graph.outputs[0];
                let sizes = tensor1(&[1i64, 8, height, width]);
                let sizes = graph.add_const("sizes", sizes).unwrap();
                let resize = Resize {
                    coord_transformer: transformer.clone(),
                    interpolator: Interpolator::Linear,
                    nearest: Nearest::Floor,
                    optional_scales_input: None,
                    optional_sizes_input: Some(1),
                };
                let made = graph.wire_node("resize", resize, &[end, sizes]).unwrap();
                graph.select_output_outlets(&made).unwrap();
                graph
            };
            let accelerated = accelerate(&make(), Isa::best()).unwrap();
            assert!(accelerated.nodes.iter().all(|node| node.op.name() != "Resize"));
            let input = noise(&[1, 4, 12, 12], 5);
            let (found, expected) = (answer(accelerated, &input), answer(make(), &input));
            let worst = found.iter().zip(&expected).fold(0.0f32, |worst, (a, b)| worst.max((a - b).abs()));
            assert!(worst < 1e-4, "{transformer:?} {height}x{width}: {worst}");
        }
    }
}

#[test]
fn rows_and_columns_that_are_left_out_before_a_layer_are_what_tract_leaves_out() {
    for (axis, stride, modulo) in [(2, 2, 0), (3, 2, 1), (2, 3, 1), (3, 4, 0)] {
        let layer = [4, 8, 1, 3, 1, 1, 1, 13, 17];
        let make = || {
            with_layer(&layer, &[1, 4, 13, 17], |graph, source| {
                graph.wire_node("thin", Downsample { axis, stride, modulo }, &[source]).unwrap()[0]
            })
        };
        let accelerated = accelerate(&make(), Isa::best()).unwrap();
        assert!(accelerated.nodes.iter().all(|node| node.op.name() != "Downsample"));
        let input = noise(&[1, 4, 13, 17], 5);
        let (found, expected) = (answer(accelerated, &input), answer(make(), &input));
        assert_eq!(found.len(), expected.len());
        assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-4), "axis {axis} by {stride}");
    }
}

#[test]
fn a_softmax_before_the_last_axis_is_what_tract_makes_of_it() {
    for (shape, axis) in [([4, 16, 2100], 1), ([1, 16, 33], 1), ([5, 3, 20], 0)] {
        let make = || {
            let mut graph = TypedModel::default();
            let source = graph.add_source("x", f32::fact(shape)).unwrap();
            let softmax = Softmax { axes: tvec!(axis), ..Softmax::default() };
            let made = graph.wire_node("softmax", softmax, &[source]).unwrap();
            graph.select_output_outlets(&made).unwrap();
            graph
        };
        let accelerated = accelerate(&make(), Isa::best()).unwrap();
        assert!(accelerated.nodes.iter().any(|node| node.op.name() == "PlanesSoftmax"));
        let input = noise(&shape, 5);
        let (found, expected) = (answer(accelerated, &input), answer(make(), &input));
        assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6), "{shape:?}");
    }
}

#[test]
fn what_is_not_known_is_left_to_tract_and_comes_out_the_same() {
    // A convolution, a turn of the axes that no step does, and a convolution behind it.
    let layer = [4, 8, 1, 3, 1, 1, 1, 12, 12];
    let mut graph = model(&layer, 4);
    let end = graph.outputs[0];
    let turned = graph.wire_node("turn", AxisOp::Move(2, 3), &[end]).unwrap();
    let weights = graph.add_const("more", noise(&[3, 8, 1, 1], 9)).unwrap();
    let bias = graph.add_const("none", noise(&[3], 8)).unwrap();
    let spec = PoolSpec {
        data_format: DataFormat::NCHW,
        kernel_shape: tvec!(1, 1),
        padding: PaddingSpec::Valid,
        dilations: None,
        strides: None,
        input_channels: 8,
        output_channels: 3,
    };
    let operator = Conv { pool_spec: spec, kernel_fmt: KernelFormat::OIHW, group: 1, q_params: None };
    let last = graph.wire_node("last", operator, &[turned[0], weights, bias]).unwrap();
    graph.select_output_outlets(&last).unwrap();
    let accelerated = accelerate(&graph, Isa::best()).unwrap();
    let names: Vec<_> = accelerated.nodes.iter().map(|node| node.op.name().to_string()).collect();
    assert_eq!(names.iter().filter(|it| *it == "Planes").count(), 2, "{names:?}");
    let input = noise(&[1, 4, 12, 12], 5);
    let (found, expected) = (answer(accelerated, &input), answer(graph, &input));
    assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-4));
}
