//! One dimension of the sums before and after the products, for kernels of three.
//!
//! With stride 1 it is F(4, 3), of the points 0, 1, -1, 2, -2 and infinity: 6 inputs become 6 numbers, 4 outputs. With
//! stride 2 every second of 9 inputs meets the kernel's outer two, which is F(4, 2) of the points 0, 1, -1, 2 and
//! infinity: 5 numbers. The 4 inputs between meet its middle one, each for one output, and are numbers as they are. So
//! there are as many numbers as inputs, `N`, and 6 weights.

use crate::vector::Vector;

/// Outputs of a tile along an axis.
pub(super) const SIDE: usize = 4;

/// Weights along an axis.
pub(super) const WEIGHTS: usize = 6;

/// Numbers of an axis, at most.
pub(super) const MOST: usize = 9;

/// Numbers of an axis.
pub(super) const fn numbers(stride: usize) -> usize {
    if stride == 1 { 6 } else { 9 }
}

/// The number that is added to every output once.
pub(super) const COMMON: usize = 1;

/// The weight that a number is multiplied with.
pub(super) fn weight(number: usize) -> usize {
    number.min(WEIGHTS - 1)
}

/// What a kernel's three become: `G g`.
pub(super) fn weights(stride: usize) -> [[f64; 3]; WEIGHTS] {
    if stride == 1 {
        [
            [1.0 / 4.0, 0.0, 0.0],
            [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
            [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
            [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
            [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
            [0.0, 0.0, 1.0],
        ]
    } else {
        [
            [1.0 / 2.0, 0.0, 0.0],
            [-1.0 / 2.0, 0.0, -1.0 / 2.0],
            [-1.0 / 6.0, 0.0, 1.0 / 6.0],
            [1.0 / 6.0, 0.0, 1.0 / 3.0],
            [0.0, 0.0, 1.0],
            [0.0, 1.0, 0.0],
        ]
    }
}

/// `B^T d`.
#[inline(always)]
pub(super) unsafe fn before<V: Vector, const N: usize>(d: [V; N]) -> [V; N] {
    // SAFETY: as of [`Vector`].
    unsafe {
        let (minus, two, minus_two) = (V::splat(-1.0), V::splat(2.0), V::splat(-2.0));
        let mut made = d;
        if N == 6 {
            let (four, minus_four, minus_five) = (V::splat(4.0), V::splat(-4.0), V::splat(-5.0));
            let outer = d[2].multiply_add(minus_four, d[4]); // d4 - 4 d2
            let inner = d[1].multiply_add(minus_four, d[3]); // d3 - 4 d1
            let near = d[2].multiply_add(minus, d[4]); // d4 - d2
            let wide = d[1].multiply_add(minus, d[3]).multiply(two); // 2 (d3 - d1)
            made[0] = d[0].multiply_add(four, d[2].multiply_add(minus_five, d[4]));
            made[1] = outer.add(inner);
            made[2] = inner.multiply_add(minus, outer);
            made[3] = near.add(wide);
            made[4] = wide.multiply_add(minus, near);
            made[5] = d[1].multiply_add(four, d[3].multiply_add(minus_five, d[5]));
        } else {
            let [a, b, c, d, e, odd @ ..] = [d[0], d[2], d[4], d[6], d[8], d[1], d[3], d[5], d[7]];
            let gap = b.multiply_add(minus, d); // d - b
            made[0] = c.multiply_add(minus, a).multiply_add(two, gap);
            made[1] = b.multiply_add(minus_two, c.multiply_add(minus, d));
            made[2] = b.multiply_add(two, c.multiply_add(V::splat(-3.0), d));
            made[3] = gap;
            made[4] = gap.multiply_add(minus_two, c.multiply_add(minus, e));
            made[5..].copy_from_slice(&odd);
        }
        made
    }
}

/// `A^T m`.
#[inline(always)]
pub(super) unsafe fn after<V: Vector, const N: usize>(m: [V; N]) -> [V; SIDE] {
    // SAFETY: as of [`Vector`].
    unsafe {
        let (minus, two, four, eight) = (V::splat(-1.0), V::splat(2.0), V::splat(4.0), V::splat(8.0));
        let (sum, gap) = (m[1].add(m[2]), m[2].multiply_add(minus, m[1]));
        if N == 6 {
            let (far_sum, far_gap) = (m[3].add(m[4]), m[4].multiply_add(minus, m[3]));
            [
                m[0].add(sum).add(far_sum),
                far_gap.multiply_add(two, gap),
                far_sum.multiply_add(four, sum),
                far_gap.multiply_add(eight, gap).add(m[5]),
            ]
        } else {
            [
                m[0].add(sum).add(m[3]).add(m[5]),
                m[3].multiply_add(two, gap).add(m[6]),
                m[3].multiply_add(four, sum).add(m[7]),
                m[3].multiply_add(eight, gap).add(m[4]).add(m[8]),
            ]
        }
    }
}
