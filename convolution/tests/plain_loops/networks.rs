//! Steps that become parts of each other.

use convolution::{Activation, Graph, MaxPool, Pairing, Shape};

use proptest::prelude::*;

use crate::plain::{Plain, check, convolution};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

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
