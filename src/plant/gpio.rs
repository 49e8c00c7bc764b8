//! GPIO lines, by the kernel's character device.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use gpiocdev::{
    Request,
    chip::chips,
    line::{EdgeDetection, Offset, Value},
};
use rustix::time::{ClockId, clock_gettime};

use super::schedule::State;

/// A GPIO chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chip {
    /// By its device file, `/dev/gpiochip0`. Its number may be another one with another kernel, or when a chip on a bus was
    /// unplugged.
    File(PathBuf),
    /// By the label that its driver gives it: `pinctrl-rp1`.
    Label(String),
}

impl Chip {
    /// Its device file now.
    fn find(&self) -> Result<PathBuf, String> {
        match self {
            Self::File(path) => Ok(path.clone()),
            Self::Label(label) => {
                let bears_it = |path: &PathBuf| info(path).is_ok_and(|info| info.label == *label);
                let found = chips().unwrap_or_default().into_iter().find(bears_it);
                found.ok_or_else(|| {
                    format!(
                        "no GPIO chip bears the label {label:?}; correct the file; there are: {}",
                        there()
                    )
                })
            }
        }
    }
}

impl fmt::Display for Chip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Label(label) => f.write_str(label),
        }
    }
}

/// At which change of a line a trigger comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// To active.
    Rising,
    /// To inactive.
    Falling,
}

/// A line that triggers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputLine {
    /// The chip.
    pub chip: Chip,
    /// The line's number on it.
    pub line: u32,
    /// When it triggers.
    pub edge: Edge,
    /// A change that does not last so long is none.
    pub debounce: Duration,
}

/// Lines that show the station's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputLines {
    /// The chip.
    pub chip: Chip,
    /// Whether a low voltage is "on".
    pub is_active_low: bool,
    /// The line's number for each output, as far as it has one.
    pub reject: Option<u32>,
    /// See `reject`.
    pub light: Option<u32>,
    /// See `reject`.
    pub ready: Option<u32>,
    /// The line that changes twice a second while the station is ready.
    pub heartbeat: Option<u32>,
}

/// Who holds the lines, for whoever looks.
const CONSUMER: &str = "andon";

/// More chips than a message lists.
const LISTED: usize = 16;

/// An input that was taken from the system.
pub(super) struct Input {
    request: Request,
    edge: Edge,
    /// How long a level must last, where the kernel cannot see to that, and the last level that lasted.
    settling: Option<(Duration, Value)>,
}

/// A line that never comes to rest is given up for now after so many changes.
const CHATTER: usize = 1000;

impl Input {
    pub(super) fn open(settings: &InputLine) -> Result<Self, String> {
        let InputLine { edge, debounce, .. } = *settings;
        let detection = match edge {
            Edge::Rising => EdgeDetection::RisingEdge,
            Edge::Falling => EdgeDetection::FallingEdge,
        };
        let chip = settings.chip.find()?;
        let request = |detection: EdgeDetection, debounce: Duration| {
            let mut request = Request::builder();
            request.with_consumer(CONSUMER).on_chip(&chip).with_line(settings.line);
            request.with_edge_detection(detection);
            if !debounce.is_zero() {
                request.with_debounce_period(debounce);
            }
            request.request()
        };
        match request(detection, debounce) {
            Ok(request) => Ok(Self { request, edge, settling: None }),
            // The kernel debounces no line of a chip behind a slow bus (its interrupts are nested).
            Err(first) if !debounce.is_zero() => {
                let refused = |_| refused(&settings.chip, &[settings.line], &first);
                let request = request(EdgeDetection::BothEdges, Duration::ZERO).map_err(refused)?;
                let level = request.lone_value().map_err(refused)?;
                Ok(Self { request, edge, settling: Some((debounce, level)) })
            }
            Err(error) => Err(refused(&settings.chip, &[settings.line], &error)),
        }
    }

    /// Waits at most `patience` for an edge, and until the line has come to rest; when the edge was, by the kernel's
    /// clock.
    pub(super) fn wait(&mut self, patience: Duration) -> Result<Option<Instant>, String> {
        self.edge_within(patience).map_err(|error| format!("cannot read the GPIO line: {error}"))
    }

    fn edge_within(&mut self, patience: Duration) -> gpiocdev::Result<Option<Instant>> {
        if !self.request.wait_edge_event(patience)? {
            return Ok(None);
        }
        let event = self.request.read_edge_event()?;
        let now = Instant::now();
        let at = now.checked_sub(age(event.timestamp_ns)).unwrap_or(now);
        let Some((debounce, before)) = &mut self.settling else { return Ok(Some(at)) };
        for _ in 0..CHATTER {
            if !self.request.wait_edge_event(*debounce)? {
                break;
            }
            self.request.read_edge_event()?;
        }
        let level = self.request.lone_value()?;
        let before = std::mem::replace(before, level);
        Ok(is_edge(self.edge, before, level).then_some(at))
    }
}

/// Whether a line that has come to rest did what triggers.
fn is_edge(edge: Edge, before: Value, level: Value) -> bool {
    let wanted = if edge == Edge::Rising { Value::Active } else { Value::Inactive };
    before != level && level == wanted
}

/// Time since an instant of the monotonic clock, in which the kernel stamps edges.
fn age(nanoseconds: u64) -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    let now = Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0));
    now.saturating_sub(Duration::from_nanos(nanoseconds))
}

/// Outputs that were taken from the system. Dropping them gives the lines back; whether they keep their level then is up
/// to the chip.
pub(super) struct Output {
    request: Request,
    settings: OutputLines,
}

impl Output {
    pub(super) fn open(settings: &OutputLines) -> Result<Self, String> {
        let OutputLines { reject, light, ready, heartbeat, .. } = settings;
        let lines: Vec<Offset> = [reject, light, ready, heartbeat].into_iter().copied().flatten().collect();
        let mut request = Request::builder();
        request.with_consumer(CONSUMER).on_chip(settings.chip.find()?);
        if settings.is_active_low {
            request.as_active_low();
        }
        request.with_lines(&lines).as_output(Value::Inactive);
        let request = request.request().map_err(|error| refused(&settings.chip, &lines, &error))?;
        Ok(Self { request, settings: settings.clone() })
    }

    pub(super) fn show(&self, state: State) -> Result<(), String> {
        let OutputLines { reject, light, ready, .. } = self.settings;
        for (line, is_on) in [(reject, state.reject), (light, state.light), (ready, state.ready)] {
            self.set(line, is_on)?;
        }
        Ok(())
    }

    pub(super) fn beat(&self, count: u16) -> Result<(), String> {
        self.set(self.settings.heartbeat, count % 2 == 1)
    }

    fn set(&self, line: Option<Offset>, is_on: bool) -> Result<(), String> {
        let Some(line) = line else { return Ok(()) };
        let value = if is_on { Value::Active } else { Value::Inactive };
        self.request.set_value(line, value).map_err(|error| format!("cannot set GPIO line {line}: {error}"))
    }
}

/// Why lines could not be had, with those that there are.
fn refused(chip: &Chip, lines: &[Offset], error: &gpiocdev::Error) -> String {
    let lines: Vec<_> = lines.iter().map(Offset::to_string).collect();
    let lines = lines.join(", ");
    format!(
        "cannot have GPIO line {lines} of {chip}: {error}; correct the file, or the user's groups; there are: {}",
        there()
    )
}

fn info(chip: &Path) -> gpiocdev::Result<gpiocdev::chip::Info> {
    gpiocdev::chip::Chip::from_path(chip)?.info()
}

/// The chips of this machine, with how many lines each has.
fn there() -> String {
    let chips = chips().unwrap_or_default();
    let described = chips.iter().take(LISTED).map(|path| match info(path) {
        Ok(info) => {
            format!("{} ({}) with lines 0 to {}", path.display(), info.label, info.num_lines.max(1) - 1)
        }
        Err(error) => format!("{} ({error})", path.display()),
    });
    let all: Vec<_> = described.collect();
    if all.is_empty() { "no GPIO chips".to_owned() } else { all.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_level_that_lasts_is_an_edge() {
        let (on, off) = (Value::Active, Value::Inactive);
        for (edge, before, level, expected) in [
            (Edge::Rising, off, on, true),
            (Edge::Rising, off, off, false),
            (Edge::Rising, on, on, false),
            (Edge::Rising, on, off, false),
            (Edge::Falling, on, off, true),
            (Edge::Falling, off, off, false),
            (Edge::Falling, off, on, false),
        ] {
            assert_eq!(is_edge(edge, before, level), expected, "{edge:?} {before:?} {level:?}");
        }
    }

    #[test]
    fn a_chip_that_does_not_exist_is_told_with_those_that_do() {
        for (chip, told) in [
            (Chip::File(PathBuf::from("/dev/gpiochip-none")), "line 3 of /dev/gpiochip-none"),
            (Chip::Label("pinctrl-none".to_owned()), "the label \"pinctrl-none\""),
        ] {
            let settings = InputLine { chip, line: 3, edge: Edge::Rising, debounce: Duration::ZERO };
            let reason = Input::open(&settings).err().unwrap();
            assert!(reason.contains(told) && reason.contains("there are: "), "{reason}");
        }
    }
}
