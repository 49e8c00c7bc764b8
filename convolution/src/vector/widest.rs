//! Safe code of others, compiled for this machine's vectors too.

/// What is to be done.
pub trait Work {
    /// What comes of it.
    type Made;

    /// Does it. Mark it `#[inline(always)]`, and what it spends its time in: what is a function of its own is compiled
    /// for the oldest processor.
    fn run(self) -> Self::Made;
}

/// Does work with what the compiler makes of it for AVX2 and BMI2 where this machine has them. The result is the same
/// bit for bit: products and sums are not fused.
pub fn widest<W: Work>(work: W) -> W::Made {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
        fn avx2<W: Work>(work: W) -> W::Made {
            work.run()
        }
        if std::arch::is_x86_feature_detected!("avx2")
            && std::arch::is_x86_feature_detected!("bmi1")
            && std::arch::is_x86_feature_detected!("bmi2")
            && std::arch::is_x86_feature_detected!("lzcnt")
        {
            // SAFETY: the processor has them.
            return unsafe { avx2(work) };
        }
    }
    work.run()
}
