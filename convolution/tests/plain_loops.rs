//! Every step against loops that a reader can check, on every instruction set of this machine.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use convolution::{
    Activation, Between, Convolution, Every, Graph, Isa, MaxPool, Pairing, Program, Shape, Value,
};
use proptest::{prelude::*, sample::select};

/// Planes without padding, and how they are computed the plain way.
#[derive(Clone, Debug)]
struct Plain {
    shape: Shape,
    values: Vec<f32>,
}

impl Plain {
    fn noise(shape: Shape, seed: u64) -> Self {
        let mut state = seed.wrapping_mul(2).wrapping_add(1);
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        };
        Self { shape, values: (0..shape.len()).map(|_| next()).collect() }
    }

    fn from(shape: Shape, mut value: impl FnMut(usize, usize, usize) -> f32) -> Self {
        let mut values = Vec::new();
        for channel in 0..shape.channels {
            for y in 0..shape.height {
                values.extend((0..shape.width).map(|x| value(channel, y, x)));
            }
        }
        Self { shape, values }
    }

    fn at(&self, channel: usize, y: isize, x: isize) -> Option<f32> {
        let Shape { height, width, .. } = self.shape;
        let is_inside = (0..height as isize).contains(&y) && (0..width as isize).contains(&x);
        is_inside.then(|| self.values[(channel * height + y as usize) * width + x as usize])
    }

    fn convolve(&self, it: &Convolution) -> Self {
        let side = |axis: usize, length: usize| {
            (length + it.before[axis] + it.after[axis] - (it.kernel[axis] - 1) * it.dilation[axis] - 1)
                / it.stride[axis]
                + 1
        };
        let inputs = self.shape.channels / it.groups;
        let shape = Shape {
            channels: it.outputs,
            height: side(0, self.shape.height),
            width: side(1, self.shape.width),
        };
        Self::from(shape, |channel, y, x| {
            let group = channel / (it.outputs / it.groups);
            let mut sum = f64::from(it.bias.get(channel).copied().unwrap_or(0.0));
            for input in 0..inputs {
                for row in 0..it.kernel[0] {
                    for column in 0..it.kernel[1] {
                        let y = (y * it.stride[0] + row * it.dilation[0]) as isize - it.before[0] as isize;
                        let x = (x * it.stride[1] + column * it.dilation[1]) as isize - it.before[1] as isize;
                        let weight = it.weights
                            [((channel * inputs + input) * it.kernel[0] + row) * it.kernel[1] + column];
                        let value = self.at(group * inputs + input, y, x).unwrap_or(0.0);
                        sum += f64::from(weight) * f64::from(value);
                    }
                }
            }
            sum as f32
        })
    }

    fn pool(&self, it: &MaxPool) -> Self {
        let side = |axis: usize, length: usize| {
            (length + it.before[axis] + it.after[axis] - it.kernel[axis]) / it.stride[axis] + 1
        };
        let Shape { channels, height, width } = self.shape;
        Self::from(Shape { channels, height: side(0, height), width: side(1, width) }, |channel, y, x| {
            let mut most = f32::NEG_INFINITY;
            for row in 0..it.kernel[0] {
                for column in 0..it.kernel[1] {
                    let y = (y * it.stride[0] + row) as isize - it.before[0] as isize;
                    let x = (x * it.stride[1] + column) as isize - it.before[1] as isize;
                    most = most.max(self.at(channel, y, x).unwrap_or(f32::NEG_INFINITY));
                }
            }
            most
        })
    }

    fn map(&self, of: impl Fn(f32) -> f32) -> Self {
        Self { shape: self.shape, values: self.values.iter().map(|it| of(*it)).collect() }
    }

    fn add(&self, other: &Self) -> Self {
        let values = self.values.iter().zip(&other.values).map(|(a, b)| a + b).collect();
        Self { shape: self.shape, values }
    }

    fn join(all: &[&Self]) -> Self {
        let channels = all.iter().map(|it| it.shape.channels).sum();
        let values = all.iter().flat_map(|it| it.values.iter().copied()).collect();
        Self { shape: Shape { channels, ..all[0].shape }, values }
    }

    fn part(&self, first: usize, channels: usize) -> Self {
        let plane = self.shape.height * self.shape.width;
        let values = self.values[first * plane..][..channels * plane].to_vec();
        Self { shape: Shape { channels, ..self.shape }, values }
    }

    fn enlarge(&self, factor: usize) -> Self {
        let Shape { channels, height, width } = self.shape;
        Self::from(Shape { channels, height: height * factor, width: width * factor }, |channel, y, x| {
            self.values[(channel * height + y / factor) * width + x / factor]
        })
    }
}

/// Runs the graph twice on each instruction set, so that what one run leaves behind would show in the next.
fn check(make: impl Fn() -> Graph, inputs: &[&Plain], expected: &[Plain]) -> Result<(), TestCaseError> {
    for isa in Isa::available() {
        let program = Program::new(make(), isa);
        let mut memory = program.memory();
        let given: Vec<&[f32]> = inputs.iter().map(|it| &*it.values).collect();
        // What a picture leaves in the memory is not seen in the next, even if it is no number.
        let nothing: Vec<Vec<f32>> = inputs.iter().map(|it| vec![f32::NAN; it.values.len()]).collect();
        let nothing: Vec<&[f32]> = nothing.iter().map(|it| &**it).collect();
        for run in 0..3 {
            let mut found: Vec<Vec<f32>> = expected.iter().map(|it| vec![f32::NAN; it.shape.len()]).collect();
            let mut places: Vec<&mut [f32]> = found.iter_mut().map(|it| &mut **it).collect();
            program.run(&mut memory, if run == 1 { &nothing } else { &given }, &mut places);
            if run == 1 {
                continue;
            }
            for (number, (found, expected)) in found.iter().zip(expected).enumerate() {
                for (at, (found, wanted)) in found.iter().zip(&expected.values).enumerate() {
                    let near = (found - wanted).abs() <= 3e-5 * wanted.abs().max(4.0);
                    prop_assert!(
                        near,
                        "{:?} run {}: output {} of {:?} at {}: {} is not {}",
                        isa,
                        run,
                        number,
                        expected.shape,
                        at,
                        found,
                        wanted
                    );
                }
            }
        }
    }
    Ok(())
}

fn convolution(inputs: usize, outputs: usize, kernel: usize, padding: usize, seed: u64) -> Convolution {
    let shape = Shape { channels: outputs, height: inputs, width: kernel * kernel };
    Convolution {
        outputs,
        groups: 1,
        kernel: [kernel, kernel],
        stride: [1, 1],
        dilation: [1, 1],
        before: [padding, padding],
        after: [padding, padding],
        weights: Plain::noise(shape, seed).values,
        bias: Plain::noise(Shape { channels: outputs, height: 1, width: 1 }, seed + 1).values,
    }
}

prop_compose! {
    /// Any convolution, with a picture that it can be run on.
    fn any_convolution()(
        groups in select(vec![1usize, 1, 2, 3, 8]),
        inputs in 1usize..5,
        outputs in 1usize..20,
        kernel in [1usize..6, 1usize..6],
        stride in [1usize..5, 1usize..5],
        dilation in [1usize..4, 1usize..4],
        before in [0usize..4, 0usize..4],
        after in [0usize..4, 0usize..4],
        more in [0usize..40, 0usize..70],
        seed in any::<u64>(),
        has_bias in any::<bool>(),
    ) -> (Convolution, Plain) {
        let least = |axis: usize| {
            ((kernel[axis] - 1) * dilation[axis] + 1).saturating_sub(before[axis] + after[axis]).max(1)
        };
        let shape = Shape { channels: groups * inputs, height: least(0) + more[0], width: least(1) + more[1] };
        let weights = Shape { channels: groups * outputs, height: inputs, width: kernel[0] * kernel[1] };
        let bias = Shape { channels: groups * outputs, height: 1, width: 1 };
        let convolution = Convolution {
            outputs: groups * outputs,
            groups, kernel, stride, dilation, before, after,
            weights: Plain::noise(weights, seed).values,
            bias: if has_bias { Plain::noise(bias, seed ^ 1).values } else { Vec::new() },
        };
        (convolution, Plain::noise(shape, seed ^ 2))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn a_convolution_is_the_sum_that_its_definition_says((convolution, input) in any_convolution()) {
        let expected = input.convolve(&convolution);
        let make = || {
            let mut graph = Graph::default();
            let value = graph.input("x", input.shape).unwrap();
            let made = graph.convolve("y", value, convolution.clone()).unwrap();
            graph.output(made);
            graph
        };
        check(make, &[&input], &[expected])?;
    }

    #[test]
    fn many_channels_with_any_padding_are_the_sum_that_the_definition_says(
        channels in [16usize..30, 16usize..30], pads in [0usize..5, 0usize..5, 0usize..5, 0usize..5],
        size in [4usize..60, 4usize..100], stride in 1usize..3, seed in any::<u64>(),
    ) {
        let mut wide = convolution(channels[0], channels[1], 3, 0, seed);
        wide.stride = [stride; 2];
        [wide.before, wide.after] = [[pads[0], pads[1]], [pads[2], pads[3]]];
        wide.weights.iter_mut().for_each(|it| *it *= 0.1);
        let input = Plain::noise(Shape { channels: channels[0], height: size[0], width: size[1] }, seed ^ 1);
        let expected = input.convolve(&wide);
        let make = || {
            let mut graph = Graph::default();
            let x = graph.input("x", input.shape).unwrap();
            let y = graph.convolve("y", x, wide.clone()).unwrap();
            graph.output(y);
            graph
        };
        check(make, &[&input], &[expected])?;
    }

    #[test]
    fn a_residual_block_is_what_its_steps_are(
        width in 14usize..28, size in [1usize..30, 14usize..40], before in [0usize..3, 0usize..3],
        seed in any::<u64>(), is_clamped in any::<bool>(),
    ) {
        // Wide enough for fewer products than the definition has; the padding moves the picture, the size stays.
        let mut first = convolution(width, width + 3, 3, 0, seed);
        first.before = before;
        first.after = [2 - before[0], 2 - before[1]];
        let second = convolution(width + 3, width, 1, 0, seed ^ 1);
        let third = convolution(width, width, 3, 1, seed ^ 2);
        let input = Plain::noise(Shape { channels: width, height: size[0], width: size[1] }, seed ^ 3);
        let relu = |plain: Plain| if is_clamped { plain.map(|it| it.max(0.0)) } else { plain };
        let expected = {
            let made = input.convolve(&first).map(|it| it * 0.1).convolve(&second).map(|it| it * 0.1);
            relu(made.add(&made.convolve(&third)))
        };
        let make = || {
            let mut graph = Graph::default();
            let x = graph.input("x", input.shape).unwrap();
            let x = graph.convolve("first", x, first.clone()).unwrap();
            let x = graph.scale("tenth", x, &vec![0.1; width + 3], &vec![0.0; width + 3]).unwrap();
            let x = graph.convolve("second", x, second.clone()).unwrap();
            let x = graph.scale("tenth", x, &vec![0.1; width], &vec![0.0; width]).unwrap();
            let y = graph.convolve("third", x, third.clone()).unwrap();
            let mut y = graph.pair("sum", [y, x], Pairing::Add).unwrap();
            if is_clamped {
                y = graph.activate("relu", y, Activation::RELU).unwrap();
            }
            graph.output(y);
            graph
        };
        check(make, &[&input], &[expected])?;
    }

    #[test]
    fn a_pool_takes_the_greatest_of_each_window(
        kernel in [1usize..6, 1usize..6], stride in [1usize..4, 1usize..4],
        pads in [0usize..5, 0usize..5, 0usize..5, 0usize..5], size in [5usize..30, 5usize..40],
    ) {
        let pool = MaxPool {
            kernel, stride,
            before: [pads[0].min(kernel[0] - 1), pads[1].min(kernel[1] - 1)],
            after: [pads[2].min(kernel[0] - 1), pads[3].min(kernel[1] - 1)],
        };
        let input = Plain::noise(Shape { channels: 3, height: size[0], width: size[1] }, 5);
        let expected = input.pool(&pool);
        let make = || {
            let mut graph = Graph::default();
            let value = graph.input("x", input.shape).unwrap();
            let made = graph.pool("y", value, pool).unwrap();
            graph.output(made);
            graph
        };
        check(make, &[&input], &[expected])?;
    }
}

proptest! {
    #[test]
    fn thinned_planes_have_the_rows_and_columns_that_were_asked_for(
        rows in (0usize..3, 1usize..5), columns in (0usize..3, 1usize..5), size in [4usize..20, 4usize..40],
    ) {
        let input = Plain::noise(Shape { channels: 2, height: size[0], width: size[1] }, 6);
        let [rows, columns] = [rows, columns].map(|(first, step)| Every { first, step });
        let taken = |side: usize, every: Every| (every.first..side).step_by(every.step).collect::<Vec<_>>();
        let (ys, xs) = (taken(size[0], rows), taken(size[1], columns));
        let expected = Plain::from(Shape { channels: 2, height: ys.len(), width: xs.len() }, |channel, y, x| {
            input.values[(channel * size[0] + ys[y]) * size[1] + xs[x]]
        });
        // In two steps, as graphs have it, and joined with what one step makes.
        let make = || {
            let mut graph = Graph::default();
            let x = graph.input("x", input.shape).unwrap();
            let thin = graph.thin("rows", x, [rows, Every::ONE]).unwrap();
            let thin = graph.thin("columns", thin, [Every::ONE, columns]).unwrap();
            let both = graph.thin("both", x, [rows, columns]).unwrap();
            let joined = graph.join("join", &[thin, both]).unwrap();
            graph.output(joined);
            graph
        };
        check(make, &[&input], &[Plain::join(&[&expected, &expected])])?;
    }
}

#[test]
fn a_network_with_every_kind_of_step_is_what_its_steps_are() {
    for (height, width) in [(12, 20), (7, 5), (40, 33)] {
        let picture = Plain::noise(Shape { channels: 3, height: 2 * height, width: 2 * width }, 1);
        let mut down = convolution(3, 16, 3, 1, 10);
        down.stride = [2, 2];
        let (same, narrow, wide) =
            (convolution(8, 8, 3, 1, 20), convolution(24, 10, 1, 0, 30), convolution(10, 6, 5, 2, 40));
        let pool = MaxPool { kernel: [5, 5], stride: [1, 1], before: [2, 2], after: [2, 2] };
        let expected = {
            let silu = |x: f32| x / (1.0 + (-x).exp());
            let first = picture.convolve(&down).map(silu);
            let (left, right) = (first.part(0, 8), first.part(8, 8));
            let block = right.add(&right.convolve(&same)).map(|it| it.max(0.0));
            let joined = Plain::join(&[&left, &right, &block]).convolve(&narrow);
            let pooled = joined.pool(&pool);
            let last = pooled.convolve(&wide).enlarge(2);
            [last.map(|x| 1.0 / (1.0 + (-x).exp())), joined]
        };
        let make = || {
            let mut graph = Graph::default();
            let x = graph.input("picture", picture.shape).unwrap();
            let x = graph.convolve("down", x, down.clone()).unwrap();
            let x = graph.activate("silu", x, Activation::Silu).unwrap();
            let parts = [0, 8].map(|first| graph.part("part", x, first, 8).unwrap());
            let block = graph.convolve("block", parts[1], same.clone()).unwrap();
            let block = graph.pair("sum", [parts[1], block], Pairing::Add).unwrap();
            let block = graph.activate("relu", block, Activation::RELU).unwrap();
            let joined = graph.join("join", &[parts[0], parts[1], block]).unwrap();
            let joined = graph.convolve("narrow", joined, narrow.clone()).unwrap();
            let pooled = graph.pool("pool", joined, pool).unwrap();
            let last = graph.convolve("wide", pooled, wide.clone()).unwrap();
            let last = graph.enlarge("enlarge", last, [2, 2]).unwrap();
            let last = graph.activate("sigmoid", last, Activation::Sigmoid).unwrap();
            graph.output(last);
            graph.output(joined);
            graph
        };
        check(make, &[&picture], &expected).unwrap();
    }
}

#[test]
fn a_doubled_value_is_paired_with_each_of_the_four_pixels_that_it_stands_for() {
    for (height, width) in [(1, 1), (3, 5), (5, 17), (20, 40)] {
        let large = Plain::noise(Shape { channels: 3, height: 2 * height, width: 2 * width }, 5);
        let small = Plain::noise(Shape { channels: 3, height, width }, 6);
        for (pairing, is_second, is_read_again, is_clamped) in (0..16)
            .map(|bits| [0, 1, 2, 3].map(|bit| bits >> bit & 1 == 1))
            .map(|[a, b, c, d]| (if a { Pairing::Add } else { Pairing::Multiply }, b, c, d))
        {
            let doubled = small.enlarge(2);
            let of = |a: f32, b: f32| if pairing == Pairing::Add { a + b } else { a * b };
            let values = large.values.iter().zip(&doubled.values).map(|(a, b)| of(*a, *b)).collect();
            let paired = Plain { shape: large.shape, values };
            let clamped = paired.map(|it| it.clamp(-0.25, 0.5));
            let make = || {
                let mut graph = Graph::default();
                let large = graph.input("large", large.shape).unwrap();
                let small = graph.input("small", small.shape).unwrap();
                let doubled = graph.enlarge("doubled", small, [2, 2]).unwrap();
                let inputs = if is_second { [large, doubled] } else { [doubled, large] };
                let mut made = graph.pair("pair", inputs, pairing).unwrap();
                if is_clamped {
                    made =
                        graph.activate("clamp", made, Activation::Clamp { low: -0.25, high: 0.5 }).unwrap();
                }
                graph.output(made);
                if is_read_again {
                    graph.output(doubled);
                }
                graph
            };
            let first = if is_clamped { &clamped } else { &paired };
            let expected =
                if is_read_again { vec![first.clone(), doubled.clone()] } else { vec![first.clone()] };
            check(make, &[&large, &small], &expected).unwrap();
        }
    }
}

#[test]
fn a_sum_goes_into_a_convolution_that_was_made_before_what_is_added() {
    let shape = Shape { channels: 16, height: 16, width: 20 };
    let input = Plain::noise(shape, 3);
    let (first, pool) = (
        convolution(16, 16, 3, 1, 50),
        MaxPool { kernel: [3, 3], stride: [1, 1], before: [1, 1], after: [1, 1] },
    );
    let expected = input.convolve(&first).add(&input.pool(&pool)).map(|it| it.max(0.0));
    for is_second in [false, true] {
        let make = || {
            let mut graph = Graph::default();
            let x = graph.input("x", shape).unwrap();
            let made = graph.convolve("first", x, first.clone()).unwrap();
            let added = graph.pool("later", x, pool).unwrap();
            let inputs = if is_second { [added, made] } else { [made, added] };
            let sum = graph.pair("sum", inputs, Pairing::Add).unwrap();
            let sum = graph.activate("relu", sum, Activation::RELU).unwrap();
            graph.output(sum);
            graph
        };
        check(make, &[&input], std::slice::from_ref(&expected)).unwrap();
    }
}

#[test]
fn a_sum_is_clamped_once_and_no_later_step_is_lost_in_it() {
    let shape = Shape { channels: 4, height: 6, width: 7 };
    let [a, b] = [1, 2].map(|seed| Plain::noise(shape, seed));
    let expected = a.add(&b).map(|it| it.max(0.0)).map(|it| it.min(0.25)).map(|it| 1.0 / (1.0 + (-it).exp()));
    let make = || {
        let mut graph = Graph::default();
        let inputs = ["a", "b"].map(|name| graph.input(name, shape).unwrap());
        let sum = graph.pair("sum", inputs, Pairing::Add).unwrap();
        let above = graph.activate("above", sum, Activation::RELU).unwrap();
        let low = Activation::Clamp { low: f32::NEG_INFINITY, high: 0.25 };
        let below = graph.activate("below", above, low).unwrap();
        let made = graph.activate("sigmoid", below, Activation::Sigmoid).unwrap();
        graph.output(made);
        graph
    };
    check(make, &[&a, &b], &[expected]).unwrap();
}

#[test]
fn an_interpolated_pixel_lies_between_its_neighbours() {
    let input = Plain::noise(Shape { channels: 2, height: 3, width: 5 }, 4);
    let between = |first: usize, second: usize, share: f32| Between { first, second, share };
    let rows = vec![between(0, 0, 0.7), between(0, 1, 0.25), between(1, 2, 0.5), between(2, 2, 0.1)];
    let columns = vec![between(4, 4, 0.0), between(0, 1, 0.75), between(3, 4, 1.0)];
    let expected = Plain::from(Shape { channels: 2, height: 4, width: 3 }, |channel, y, x| {
        let at = |y: usize, x: usize| input.values[(channel * 3 + y) * 5 + x];
        let (row, column) = (rows[y], columns[x]);
        let across = |y| at(y, column.first) * (1.0 - column.share) + at(y, column.second) * column.share;
        across(row.first) * (1.0 - row.share) + across(row.second) * row.share
    });
    let make = || {
        let mut graph = Graph::default();
        let x = graph.input("x", input.shape).unwrap();
        let y = graph.interpolate("y", x, [rows.clone(), columns.clone()]).unwrap();
        graph.output(y);
        graph
    };
    check(make, &[&input], &[expected]).unwrap();
}

#[test]
fn a_pool_does_not_lose_what_is_no_number() {
    for (stride, at) in [(1, 0), (1, 40), (2, 21), (2, 63)] {
        let pool = MaxPool { kernel: [3, 3], stride: [stride; 2], before: [1, 1], after: [1, 1] };
        let mut input = Plain::noise(Shape { channels: 1, height: 8, width: 20 }, 1);
        input.values[at] = f32::NAN;
        for isa in Isa::available() {
            let mut graph = Graph::default();
            let x = graph.input("x", input.shape).unwrap();
            let y = graph.pool("pool", x, pool).unwrap();
            graph.output(y);
            let mut found = vec![0.0; graph.shape(y).len()];
            let program = Program::new(graph, isa);
            program.run(&mut program.memory(), &[&input.values], &mut [&mut found]);
            assert!(found.iter().any(|it| it.is_nan()), "{isa:?} {stride} {at}");
            assert!(found.iter().any(|it| it.is_finite()), "{isa:?} {stride} {at}");
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut graph = Graph::default();
    let shape = Shape { channels: 4, height: 8, width: 8 };
    let x: Value = graph.input("x", shape).unwrap();
    assert!(graph.convolve("few inputs", x, convolution(3, 8, 3, 1, 1)).is_err());
    assert!(graph.convolve("a kernel larger than the picture", x, convolution(4, 8, 9, 0, 1)).is_err());
    assert!(graph.part("more than there is", x, 2, 3).is_err());
    let other = graph.input("other", Shape { channels: 4, height: 8, width: 9 }).unwrap();
    assert!(graph.pair("two sizes", [x, other], Pairing::Add).is_err());
    assert!(graph.join("two sizes", &[x, other]).is_err());
    assert!(graph.enlarge("too much", x, [1 << 20, 1 << 20]).is_err());
    let beyond = MaxPool { kernel: [2, 2], stride: [2, 2], before: [2, 0], after: [0, 0] };
    assert!(graph.pool("a window without a pixel", x, beyond).is_err());
}
