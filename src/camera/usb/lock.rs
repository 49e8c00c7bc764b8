//! Sets a camera's controls and sees to it that they stay as they are.

use std::time::{Duration, Instant};

use super::{
    control::{Setting, holds},
    device::Device,
    fault::Fault,
};

/// How often the controls are read back.
const INTERVAL: Duration = Duration::from_secs(60);

/// The settings of one connection.
pub(super) struct Lock {
    settings: Vec<Setting>,
    due: Option<Instant>,
}

impl Lock {
    /// To be set at the first look.
    pub(super) fn new(settings: Vec<Setting>) -> Self {
        Self { settings, due: None }
    }

    /// Whether the time of a look has come.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| now >= due)
    }

    /// Reads every setting back, sets what is not as it should be, and says what did not hold: at the first look what
    /// cannot be set, later also what was changed by something else and had to be set again.
    ///
    /// # Errors
    /// When the camera is gone.
    pub(super) fn look(&mut self, device: &mut dyn Device) -> Result<Option<String>, Fault> {
        let is_first = self.due.is_none();
        let mut complaints = Vec::new();
        for setting in &self.settings {
            let before = device.control(setting.id)?;
            if holds(setting, before) {
                continue;
            }
            // What it says to that matters less than what it then has.
            if let Err(Fault::Gone) = device.set_control(setting.id, setting.value) {
                return Err(Fault::Gone);
            }
            let after = device.control(setting.id)?;
            let Setting { key, value, .. } = *setting;
            if !holds(setting, after) {
                complaints.push(format!("{key} did not hold: the camera has {after}, not {value}"));
            } else if !is_first {
                complaints.push(format!("{key} had changed to {before} and was set to {value} again"));
            }
        }
        self.due = (!self.settings.is_empty()).then(|| Instant::now() + INTERVAL);
        Ok((!complaints.is_empty()).then(|| complaints.join("; ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::usb::{
        control::Control,
        device::{Grab, Streaming},
        mode::{Mode, Offer},
    };

    /// A camera with one control, which takes at most some value and may be turned by hand.
    struct Knob {
        value: i64,
        most: i64,
    }

    impl Device for Knob {
        fn offers(&self, _: Option<[u32; 2]>) -> Result<Vec<Offer>, Fault> {
            Ok(Vec::new())
        }

        fn controls(&self) -> Result<Vec<Control>, Fault> {
            Ok(Vec::new())
        }

        fn control(&self, _: u32) -> Result<i64, Fault> {
            Ok(self.value)
        }

        fn set_control(&mut self, _: u32, value: i64) -> Result<(), Fault> {
            self.value = value.min(self.most);
            Ok(())
        }

        fn start(&mut self, _: &Mode) -> Result<Streaming, Fault> {
            Err(Fault::Gone)
        }

        fn grab(&mut self, _: Duration) -> Result<Option<Grab<'_>>, Fault> {
            Ok(None)
        }
    }

    #[test]
    fn a_value_that_did_not_hold_is_told_and_set_again() {
        let mut lock = Lock::new(vec![Setting { key: "gain", id: 1, value: 100, step: 1 }]);
        let mut knob = Knob { value: 7, most: 1000 };
        assert_eq!(lock.look(&mut knob).unwrap(), None, "it is set for the first time");
        assert_eq!(knob.value, 100);
        assert_eq!(lock.look(&mut knob).unwrap(), None, "it has held");
        knob.value = 30;
        assert_eq!(lock.look(&mut knob).unwrap().unwrap(), "gain had changed to 30 and was set to 100 again");
        assert_eq!(lock.look(&mut knob).unwrap(), None);
        knob = Knob { value: 30, most: 50 };
        assert_eq!(lock.look(&mut knob).unwrap().unwrap(), "gain did not hold: the camera has 50, not 100");
    }

    #[test]
    fn controls_are_looked_at_every_minute_if_there_are_any() {
        let mut lock = Lock::new(vec![Setting { key: "gain", id: 1, value: 100, step: 1 }]);
        assert!(!lock.is_due(Instant::now()), "not before the first look");
        lock.look(&mut Knob { value: 0, most: 1000 }).unwrap();
        let now = Instant::now();
        assert!(!lock.is_due(now) && lock.is_due(now + INTERVAL));
        let mut none = Lock::new(Vec::new());
        none.look(&mut Knob { value: 0, most: 0 }).unwrap();
        assert!(!none.is_due(now + 2 * INTERVAL));
    }
}
