//! Which instruction sets there are, and which this machine has.

#[cfg(target_arch = "aarch64")]
use super::neon::Neon;
#[cfg(target_arch = "x86_64")]
use super::{avx2::Avx2, avx512::Avx512};
use super::{lanes::Vector, portable::Portable};

/// Which vectors a program uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Isa {
    /// 16 values; x86-64 servers and some desktops.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// 8 values, with fused multiply-add; x86-64 since 2013.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 4 values; every 64-bit ARM.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// What the compiler makes of plain code.
    Portable,
}

impl Isa {
    /// Those of this machine, best first; the last is always [`Isa::Portable`].
    #[must_use]
    pub fn available() -> Vec<Self> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx512f") {
                found.push(Self::Avx512);
            }
            if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
                found.push(Self::Avx2);
            }
        }
        #[cfg(target_arch = "aarch64")]
        found.push(Self::Neon);
        found.push(Self::Portable);
        found
    }

    /// The best of this machine.
    #[must_use]
    pub fn best() -> Self {
        Self::available().first().copied().unwrap_or(Self::Portable)
    }

    /// How many output channels a tile has.
    pub(crate) fn channels(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Avx512::CHANNELS,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => Avx2::CHANNELS,
            #[cfg(target_arch = "aarch64")]
            Self::Neon => Neon::CHANNELS,
            Self::Portable => Portable::CHANNELS,
        }
    }
}

/// Compiles a function that is generic in its [`Vector`] once for each instruction set, and makes the function that
/// calls the right one.
macro_rules! on_each_isa {
    ($(#[$doc:meta])* fn $name:ident($($argument:ident: $kind:ty),* $(,)?) = $generic:ident) => {
        $(#[$doc])*
        #[allow(clippy::too_many_arguments, reason = "what is compiled per instruction set cannot be a method")]
        pub(crate) unsafe fn $name(isa: $crate::vector::Isa, $($argument: $kind),*) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx2,fma")]
            #[allow(clippy::too_many_arguments, reason = "as above")]
            unsafe fn avx512($($argument: $kind),*) {
                // SAFETY: handed on to the caller; the instructions are enabled here.
                unsafe { $generic::<$crate::vector::Avx512>($($argument),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            #[allow(clippy::too_many_arguments, reason = "as above")]
            unsafe fn avx2($($argument: $kind),*) {
                // SAFETY: as above.
                unsafe { $generic::<$crate::vector::Avx2>($($argument),*) }
            }
            // SAFETY: an `Isa` other than `Portable` is made only where the processor has it.
            unsafe {
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    $crate::vector::Isa::Avx512 => avx512($($argument),*),
                    #[cfg(target_arch = "x86_64")]
                    $crate::vector::Isa::Avx2 => avx2($($argument),*),
                    #[cfg(target_arch = "aarch64")]
                    $crate::vector::Isa::Neon => $generic::<$crate::vector::Neon>($($argument),*),
                    $crate::vector::Isa::Portable => $generic::<$crate::vector::Portable>($($argument),*),
                }
            }
        }
    };
}
pub(crate) use on_each_isa;
