//! A camera by V4L2.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};
use v4l::{
    Format, FourCC, Fraction,
    buffer::{self, Metadata},
    capability, control,
    format::{Colorspace, Quantization},
    frameinterval::FrameIntervalEnum,
    framesize::FrameSizeEnum,
    io::{
        mmap::Stream,
        traits::{CaptureStream, Stream as _},
    },
    video::{Capture, capture::Parameters},
};

use super::{
    content::MAX_FRAME_BYTES,
    control::Control,
    device::{Device, Grab, Streaming},
    fault::Fault,
    mode::{Mode, Offer, PixelFormat, Rate},
};
use crate::camera::picture::Levels;

/// Between the driver and the station; more would only be older.
const BUFFERS: u32 = 4;

/// More buffers no driver makes when asked for four.
const MOST_BUFFERS: usize = 32;

/// More sizes of a format, and more rates of a size, are not looked at.
const MOST: usize = 256;

/// Sizes that are tried where a camera offers a range.
const USUAL_SIZES: [[u32; 2]; 6] =
    [[640, 480], [800, 600], [1280, 720], [1280, 960], [1600, 1200], [1920, 1080]];

/// poll(2): there is something to read.
const POLLIN: i16 = 1;

/// A buffer that is said to be ready is there at once; if not, the driver is broken.
const READY: Duration = Duration::from_secs(1);

/// A time stamp that is older is not of this clock.
const OLDEST: Duration = Duration::from_secs(10);

/// An open V4L2 device.
pub(super) struct Video {
    device: v4l::Device,
    stream: Option<Stream<'static>>,
    /// A first buffer was taken back, so that the stream's own bookkeeping is right from here on.
    is_primed: bool,
}

impl Video {
    pub(super) fn open(node: &Path) -> Result<Self, Fault> {
        let device =
            v4l::Device::with_path(node).map_err(|error| Fault::of("cannot open the camera", &error))?;
        Ok(Self { device, stream: None, is_primed: false })
    }

    /// Whether frames may come from a node; of one that cannot be looked at that is assumed, so that it is not
    /// silently left out.
    pub(super) fn may_capture(node: &Path) -> bool {
        let Ok(video) = Self::open(node) else { return true };
        let wanted = capability::Flags::VIDEO_CAPTURE | capability::Flags::STREAMING;
        // A name that is no UTF-8 makes v4l panic.
        let asked = catch_unwind(AssertUnwindSafe(|| video.device.query_caps()));
        asked.ok().and_then(Result::ok).is_none_or(|caps| caps.capabilities.contains(wanted))
    }

    fn sizes(&self, fourcc: FourCC, wanted: Option<[u32; 2]>) -> Vec<[u32; 2]> {
        let listed = self.device.enum_framesizes(fourcc).unwrap_or_default();
        let mut sizes: Vec<[u32; 2]> = Vec::new();
        for size in listed.into_iter().take(MOST) {
            match size.size {
                FrameSizeEnum::Discrete(size) => sizes.push([size.width, size.height]),
                FrameSizeEnum::Stepwise(range) => {
                    let along = |it: u32, least: u32, most: u32, step: u32| {
                        (least..=most).contains(&it) && (it - least).is_multiple_of(step.max(1))
                    };
                    let fits = |[width, height]: &[u32; 2]| {
                        along(*width, range.min_width, range.max_width, range.step_width)
                            && along(*height, range.min_height, range.max_height, range.step_height)
                    };
                    let tried = USUAL_SIZES.into_iter().chain(wanted);
                    let ends = [[range.min_width, range.min_height], [range.max_width, range.max_height]];
                    sizes.extend(tried.chain(ends).filter(fits));
                }
            }
        }
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    fn rates(&self, fourcc: FourCC, [width, height]: [u32; 2]) -> Vec<Rate> {
        let listed = self.device.enum_frameintervals(fourcc, width, height).unwrap_or_default();
        let intervals = listed.into_iter().take(MOST).flat_map(|it| match it.interval {
            FrameIntervalEnum::Discrete(interval) => vec![interval],
            FrameIntervalEnum::Stepwise(range) => in_range(&range.min, &range.max),
        });
        let mut rates: Vec<_> = intervals.filter_map(rate).collect();
        rates.sort_by(|a, b| b.a_second().total_cmp(&a.a_second()));
        rates.dedup();
        rates
    }

    fn set(&self, mode: &Mode) -> Result<Format, Fault> {
        let refused = |error| Fault::of("cannot set the format", &error);
        let fourcc = FourCC::new(&mode.format.fourcc());
        let [width, height] = mode.size;
        let set = self.device.set_format(&Format::new(width, height, fourcc)).map_err(refused)?;
        if (set.width, set.height, set.fourcc) != (width, height, fourcc) {
            let offered = format!("{} {}x{} in its place", set.fourcc, set.width, set.height);
            return Err(Fault::Formats { wanted: mode.to_string(), offered });
        }
        if set.size as usize > MAX_FRAME_BYTES {
            let reason =
                format!("a frame is to have {} bytes, at most {MAX_FRAME_BYTES} are allowed", set.size);
            return Err(Fault::Refused { attempt: "cannot set the format", reason });
        }
        Ok(set)
    }

    /// The rate is a wish: some cameras have only one, and some take longer in the dark.
    fn set_rate(&self, wanted: Rate) -> Option<Rate> {
        let interval = Fraction::new(wanted.seconds, wanted.frames);
        let set = self.device.set_params(&Parameters::new(interval)).ok()?;
        rate(set.interval)
    }
}

impl Device for Video {
    fn offers(&self, wanted: Option<[u32; 2]>) -> Result<Vec<Offer>, Fault> {
        let refused = |error| Fault::of("cannot ask the camera for its formats", &error);
        let listed = self.device.enum_formats().map_err(refused)?;
        let known = PixelFormat::ALL
            .into_iter()
            .filter(|format| listed.iter().take(MOST).any(|it| it.fourcc == FourCC::new(&format.fourcc())));
        let offers = known.flat_map(|format| {
            let fourcc = FourCC::new(&format.fourcc());
            let sizes = self.sizes(fourcc, wanted).into_iter();
            sizes.map(move |size| Offer { format, size, rates: self.rates(fourcc, size) })
        });
        Ok(offers.collect())
    }

    fn controls(&self) -> Result<Vec<Control>, Fault> {
        let attempt = "cannot ask the camera for its controls";
        let listed = match self.device.query_controls() {
            Ok(listed) => listed,
            // ENOTTY and EINVAL: it has none.
            Err(error) if matches!(error.raw_os_error(), Some(22 | 25)) => return Ok(Vec::new()),
            Err(error) => return Err(Fault::of(attempt, &error)),
        };
        let kinds =
            [control::Type::Integer, control::Type::Boolean, control::Type::Menu, control::Type::IntegerMenu];
        let is_off =
            |flags: control::Flags| flags.intersects(control::Flags::DISABLED | control::Flags::READ_ONLY);
        let usable = listed.into_iter().filter(|it| kinds.contains(&it.typ) && !is_off(it.flags));
        Ok(usable.take(MOST).map(|it| described(it, self)).collect())
    }

    fn control(&self, id: u32) -> Result<i64, Fault> {
        let refused = |error| Fault::of("cannot read a control", &error);
        match self.device.control(id).map_err(refused)?.value {
            control::Value::Integer(value) => Ok(value),
            control::Value::Boolean(value) => Ok(i64::from(value)),
            _ => Err(Fault::Refused { attempt: "cannot read a control", reason: "it is no number".into() }),
        }
    }

    fn set_control(&mut self, id: u32, value: i64) -> Result<(), Fault> {
        let control = control::Control { id, value: control::Value::Integer(value) };
        self.device.set_control(control).map_err(|error| Fault::of("cannot set a control", &error))
    }

    fn start(&mut self, mode: &Mode) -> Result<Streaming, Fault> {
        let set = self.set(mode)?;
        let rate = mode.rate.map(|wanted| self.set_rate(wanted).unwrap_or(wanted));
        let refused = |error| Fault::of("cannot start the stream", &error);
        let mut stream =
            Stream::with_buffers(&self.device, buffer::Type::VideoCapture, BUFFERS).map_err(refused)?;
        stream.set_timeout(READY);
        for index in 0..MOST_BUFFERS {
            match CaptureStream::queue(&mut stream, index) {
                Ok(()) => {}
                // There are no more.
                Err(_) if index > 0 => break,
                Err(error) => return Err(refused(error)),
            }
        }
        stream.start().map_err(refused)?;
        self.is_primed = false;
        self.stream = Some(stream);
        let mode = Mode { rate, ..*mode };
        Ok(Streaming { mode, stride: stride(&set, mode.format), levels: levels(&set, mode.format) })
    }

    fn grab(&mut self, patience: Duration) -> Result<Option<Grab<'_>>, Fault> {
        let refused = |error| Fault::of("cannot read a frame", &error);
        let Some(stream) = &mut self.stream else {
            return Err(Fault::Refused {
                attempt: "cannot read a frame",
                reason: "it does not stream".into(),
            });
        };
        let patience = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
        match stream.handle().poll(POLLIN, patience) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(None),
            Err(error) => return Err(refused(error)),
        }
        if !self.is_primed {
            // `next` first gives the last buffer back, so there must be one; it costs the stream's first frame.
            CaptureStream::dequeue(stream).map_err(refused)?;
            self.is_primed = true;
            return Ok(None);
        }
        let (buffer, meta) = CaptureStream::next(stream).map_err(refused)?;
        Ok(Some(Grab {
            bytes: &buffer[..buffer.len().min(meta.bytesused as usize)],
            is_damaged: meta.flags.contains(buffer::Flags::ERROR),
            sequence: meta.sequence,
            age: age(meta),
        }))
    }
}

impl Drop for Video {
    fn drop(&mut self) {
        let stream = self.stream.take();
        // A driver that refuses to stop makes v4l panic; the camera is given up either way.
        if catch_unwind(AssertUnwindSafe(|| drop(stream))).is_err() {
            tracing::warn!("the camera's driver did not stop in order");
        }
    }
}

fn described(control: control::Description, video: &Video) -> Control {
    let choices = control
        .items
        .unwrap_or_default()
        .into_iter()
        .map(|(value, name)| (i64::from(value), name.to_string()));
    Control {
        id: control.id,
        name: control.name.chars().filter(|it| !it.is_control()).collect(),
        least: control.minimum,
        most: control.maximum,
        step: i64::try_from(control.step).unwrap_or(1).max(1),
        default: control.default,
        value: video.control(control.id).ok(),
        choices: choices.take(MOST).collect(),
    }
}

fn rate(interval: Fraction) -> Option<Rate> {
    let Fraction { numerator, denominator } = interval;
    (numerator > 0 && denominator > 0).then_some(Rate { frames: denominator, seconds: numerator })
}

/// The intervals of usual rates in a range, and its ends.
fn in_range(least: &Fraction, most: &Fraction) -> Vec<Fraction> {
    let seconds = |it: &Fraction| f64::from(it.numerator) / f64::from(it.denominator.max(1));
    let usual = [60, 30, 25, 20, 15, 10, 5].map(|rate| Fraction::new(1, rate));
    let within = usual.into_iter().filter(|it| (seconds(least)..=seconds(most)).contains(&seconds(it)));
    within.chain([*least, *most]).collect()
}

fn stride(set: &Format, format: PixelFormat) -> u32 {
    if format == PixelFormat::Mjpeg { 0 } else { set.stride }
}

/// As V4L2_MAP_QUANTIZATION_DEFAULT has it; grey cameras use all that a byte has, whatever they say.
fn levels(set: &Format, format: PixelFormat) -> Levels {
    let is_full = match set.quantization {
        Quantization::FullRange => true,
        Quantization::LimitedRange => false,
        Quantization::Default => matches!(set.colorspace, Colorspace::JPEG),
    };
    if is_full || format == PixelFormat::Grey { Levels::Full } else { Levels::Limited }
}

/// How long ago a buffer was filled, by the clock that never jumps.
fn age(meta: &Metadata) -> Option<Duration> {
    let kind = meta.flags & buffer::Flags::TIMESTAMP_MASK;
    if kind != buffer::Flags::TIMESTAMP_MONOTONIC {
        return None;
    }
    let taken = Duration::new(
        u64::try_from(meta.timestamp.sec).ok()?,
        u32::try_from(meta.timestamp.usec).ok()?.checked_mul(1000)?,
    );
    let now = clock_gettime(ClockId::Monotonic);
    let now = Duration::new(u64::try_from(now.tv_sec).ok()?, u32::try_from(now.tv_nsec).ok()?);
    // No time stamp is zero.
    now.checked_sub(taken).filter(|age| *age < OLDEST && !taken.is_zero())
}
