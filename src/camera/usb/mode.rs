//! Format, size and rate of a stream: what a camera offers, what is wanted, and which it shall be.

use std::{cmp::Reverse, fmt};

use super::fault::Fault;

/// How a camera sends pictures. The order is the preference: what needs least of the bus first, as several cameras
/// share it; then what holds colours; then what needs no other cost than its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PixelFormat {
    /// A JPEG a frame.
    Mjpeg,
    /// 16 bits a pixel, colours shared by two.
    Yuyv,
    /// 8 bits a pixel.
    Grey,
    /// 12 bits a pixel, colours shared by four.
    Nv12,
}

impl PixelFormat {
    /// All, the preferred ones first.
    pub const ALL: [Self; 4] = [Self::Mjpeg, Self::Yuyv, Self::Grey, Self::Nv12];

    /// As it is written in a station's file.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Mjpeg => "mjpeg",
            Self::Yuyv => "yuyv",
            Self::Grey => "grey",
            Self::Nv12 => "nv12",
        }
    }

    /// As V4L2 writes it.
    #[must_use]
    pub fn fourcc(self) -> [u8; 4] {
        *match self {
            Self::Mjpeg => b"MJPG",
            Self::Yuyv => b"YUYV",
            Self::Grey => b"GREY",
            Self::Nv12 => b"NV12",
        }
    }
}

/// Frames in some seconds; `seconds` is at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub frames: u32,
    /// In how many seconds.
    pub seconds: u32,
}

impl Rate {
    /// Frames a second.
    #[must_use]
    pub fn a_second(self) -> f64 {
        f64::from(self.frames) / f64::from(self.seconds.max(1))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = (self.a_second() * 100.0).round() / 100.0;
        write!(f, "{rate}")
    }
}

/// A format and size that a camera offers, with its rates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The format.
    pub format: PixelFormat,
    /// Width and height in pixels.
    pub size: [u32; 2],
    /// In any order; empty where the camera does not say.
    pub rates: Vec<Rate>,
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}x{}", self.format.word(), self.size[0], self.size[1])?;
        let rates: Vec<_> = self.rates.iter().map(Rate::to_string).collect();
        if rates.is_empty() { Ok(()) } else { write!(f, " at {}", rates.join("/")) }
    }
}

/// What was asked for; whatever is `None` is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Preference {
    /// The format.
    pub format: Option<PixelFormat>,
    /// Width and height in pixels.
    pub size: Option<[u32; 2]>,
    /// Frames a second.
    pub rate: Option<f64>,
}

impl fmt::Display for Preference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = self.format.map_or("any format", PixelFormat::word);
        let size = self.size.map_or("any size".to_owned(), |[width, height]| format!("{width}x{height}"));
        write!(f, "{format}, {size}")?;
        self.rate.map_or(Ok(()), |rate| write!(f, ", {rate} frames a second"))
    }
}

/// How a camera is to stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// The format.
    pub format: PixelFormat,
    /// Width and height in pixels.
    pub size: [u32; 2],
    /// `None` where the camera does not say.
    pub rate: Option<Rate>,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}x{}", self.format.word(), self.size[0], self.size[1])?;
        self.rate.map_or(Ok(()), |rate| write!(f, ", {rate} frames a second"))
    }
}

/// More pixels are not chosen unless they are asked for.
const USUAL_PIXELS: u64 = 1920 * 1080;

/// Slower is not chosen if it can be helped.
const USUAL_RATE: f64 = 10.0;

/// Faster is not chosen unless it is asked for.
const FASTEST: f64 = 30.0;

/// A rate counts as the wanted one if it is this near: 29.97 is 30.
const SAME_RATE: f64 = 0.01;

/// More offers than a person reads in a message.
const LISTED: usize = 24;

/// The mode that is wanted of what is offered: the greatest picture up to 1920x1080 that comes at 10 frames a second or
/// more, in the first of MJPEG, YUYV, grey and NV12 that there is for it, at the fastest rate up to 30; each as far as
/// nothing else is said. A rate that is said is the slowest that reaches it.
///
/// # Errors
/// When nothing that is offered is what was said; the message lists what there is.
pub fn choose(offers: &[Offer], wanted: &Preference) -> Result<Mode, Fault> {
    let rate_of = |offer: &Offer| chosen_rate(&offer.rates, wanted.rate);
    let fits = |offer: &&Offer| {
        wanted.format.is_none_or(|format| format == offer.format)
            && wanted.size.is_none_or(|size| size == offer.size)
            && (wanted.rate.is_none() || offer.rates.is_empty() || rate_of(offer).is_some())
    };
    let pixels = |offer: &Offer| u64::from(offer.size[0]) * u64::from(offer.size[1]);
    let worth = |offer: &&Offer| {
        let is_fast = rate_of(offer).is_none_or(|rate| rate.a_second() >= USUAL_RATE);
        let is_usual = pixels(offer) <= USUAL_PIXELS;
        // Of those that are too large, the smallest.
        let size = if is_usual { pixels(offer) as i128 } else { -(pixels(offer) as i128) };
        (is_usual, is_fast, size, Reverse(offer.format))
    };
    let best = offers.iter().filter(fits).max_by_key(worth);
    match best {
        Some(offer) => Ok(Mode { format: offer.format, size: offer.size, rate: rate_of(offer) }),
        None => Err(Fault::Formats { wanted: wanted.to_string(), offered: listed(offers) }),
    }
}

fn chosen_rate(rates: &[Rate], wanted: Option<f64>) -> Option<Rate> {
    let by_speed = |a: &&Rate, b: &&Rate| a.a_second().total_cmp(&b.a_second());
    match wanted {
        Some(wanted) => {
            let reaches = |rate: &&Rate| rate.a_second() >= wanted * (1.0 - SAME_RATE);
            rates.iter().filter(reaches).min_by(by_speed).copied()
        }
        None => {
            let usual = rates.iter().filter(|rate| rate.a_second() <= FASTEST * (1.0 + SAME_RATE));
            usual.max_by(by_speed).or_else(|| rates.iter().min_by(by_speed)).copied()
        }
    }
}

fn listed(offers: &[Offer]) -> String {
    if offers.is_empty() {
        let known = PixelFormat::ALL.map(PixelFormat::word).join(", ");
        return format!("none of {known}");
    }
    let mut all: Vec<_> = offers.iter().take(LISTED).map(Offer::to_string).collect();
    if offers.len() > LISTED {
        all.push(format!("and {} more, which `andon cameras` lists", offers.len() - LISTED));
    }
    all.join("; ")
}

#[cfg(test)]
mod tests {
    use PixelFormat::*;

    use super::*;

    fn offer(format: PixelFormat, size: [u32; 2], rates: &[u32]) -> Offer {
        let rates = rates.iter().map(|frames| Rate { frames: *frames, seconds: 1 }).collect();
        Offer { format, size, rates }
    }

    /// A webcam as they are: raw is slow where it is large.
    fn webcam() -> Vec<Offer> {
        vec![
            offer(Yuyv, [640, 480], &[30, 15]),
            offer(Yuyv, [1920, 1080], &[5]),
            offer(Mjpeg, [640, 480], &[60, 30]),
            offer(Mjpeg, [1920, 1080], &[30, 15]),
            offer(Mjpeg, [3840, 2160], &[30]),
        ]
    }

    #[test]
    fn the_mode_is_what_was_said_and_else_the_best_for_a_station() {
        let any = Preference::default();
        let mono = vec![offer(Grey, [1280, 800], &[120, 60]), offer(Nv12, [1280, 800], &[120, 60])];
        let slow = vec![offer(Yuyv, [1280, 720], &[5]), offer(Nv12, [640, 480], &[15])];
        let large = vec![offer(Mjpeg, [4000, 3000], &[10]), offer(Mjpeg, [2592, 1944], &[10])];
        let silent = vec![offer(Grey, [640, 480], &[])];
        let ntsc = vec![Offer {
            rates: vec![Rate { frames: 30000, seconds: 1001 }],
            ..offer(Yuyv, [720, 480], &[])
        }];
        let cases: [(&[Offer], Preference, &str); 13] = [
            (&webcam(), any, "mjpeg 1920x1080, 30 frames a second"),
            (&webcam(), Preference { format: Some(Yuyv), ..any }, "yuyv 640x480, 30 frames a second"),
            (&webcam(), Preference { size: Some([640, 480]), ..any }, "mjpeg 640x480, 30 frames a second"),
            (&webcam(), Preference { rate: Some(60.0), ..any }, "mjpeg 640x480, 60 frames a second"),
            (&webcam(), Preference { rate: Some(10.0), ..any }, "mjpeg 1920x1080, 15 frames a second"),
            (
                &webcam(),
                Preference { size: Some([3840, 2160]), ..any },
                "mjpeg 3840x2160, 30 frames a second",
            ),
            (
                &webcam(),
                Preference { format: Some(Yuyv), size: Some([1920, 1080]), ..any },
                "yuyv 1920x1080, 5 frames a second",
            ),
            (&mono, any, "grey 1280x800, 60 frames a second"),
            (&slow, any, "nv12 640x480, 15 frames a second"),
            (&large, any, "mjpeg 2592x1944, 10 frames a second"),
            (&silent, any, "grey 640x480"),
            (&silent, Preference { rate: Some(30.0), ..any }, "grey 640x480"),
            (&ntsc, Preference { rate: Some(30.0), ..any }, "yuyv 720x480, 29.97 frames a second"),
        ];
        for (offers, wanted, expected) in cases {
            assert_eq!(choose(offers, &wanted).unwrap().to_string(), expected, "{wanted}");
        }
    }

    #[test]
    fn what_is_not_offered_is_told_with_what_is() {
        let any = Preference::default();
        for (wanted, words) in [
            (Preference { format: Some(Nv12), ..any }, "nv12, any size"),
            (Preference { size: Some([800, 600]), ..any }, "any format, 800x600"),
            (Preference { rate: Some(90.0), ..any }, "90 frames a second"),
        ] {
            let fault = choose(&webcam(), &wanted).unwrap_err().to_string();
            assert!(fault.contains(words) && fault.contains("yuyv 640x480 at 30/15"), "{fault}");
        }
        assert!(choose(&[], &any).unwrap_err().to_string().contains("none of mjpeg, yuyv, grey, nv12"));
        let many = vec![offer(Grey, [640, 480], &[1]); 30];
        let fault = choose(&many, &Preference { format: Some(Yuyv), ..any }).unwrap_err().to_string();
        assert!(fault.contains("and 6 more"), "{fault}");
    }
}
