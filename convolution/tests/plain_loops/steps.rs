//! Single steps.

use convolution::{Between, Convolution, Every, Graph, Isa, MaxPool, Pairing, Program, Shape, Value};
use proptest::{prelude::*, sample::select};

use crate::plain::{Plain, check, convolution};

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
