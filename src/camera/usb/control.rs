//! A camera's controls: what there is, what a station sets, and whether it held.

use std::fmt;

use super::fault::Fault;

/// One control as the camera describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// Its number in V4L2.
    pub id: u32,
    /// What the driver calls it.
    pub name: String,
    /// The least value.
    pub least: i64,
    /// The greatest.
    pub most: i64,
    /// Between two values; at least 1.
    pub step: i64,
    /// What it has after power-on.
    pub default: i64,
    /// What it has now, where it can be read.
    pub value: Option<i64>,
    /// The meaning of values, where they are choices.
    pub choices: Vec<(i64, String)>,
}

impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}..{}", self.name, self.least, self.most)?;
        if self.step > 1 {
            write!(f, " in steps of {}", self.step)?;
        }
        let choices: Vec<_> = self.choices.iter().map(|(value, name)| format!("{value} {name}")).collect();
        if choices.is_empty() { Ok(()) } else { write!(f, " ({})", choices.join(", ")) }
    }
}

/// What a station sets of its camera; the rest stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Controls {
    /// How long a picture is exposed; cameras count in steps of 100.
    pub exposure_microseconds: Option<u32>,
    /// In the camera's own steps.
    pub gain: Option<u32>,
    /// The colour of the light.
    pub white_balance_kelvin: Option<u32>,
    /// In the camera's own steps.
    pub focus: Option<u32>,
    /// The light's frequency: 0 (off), 50 or 60.
    pub power_line_hz: Option<u32>,
}

/// Numbers of V4L2 (v4l2-controls.h).
mod id {
    pub(super) const WHITE_BALANCE_AUTO: u32 = 0x0098_090c;
    pub(super) const GAIN_AUTO: u32 = 0x0098_0912;
    pub(super) const GAIN: u32 = 0x0098_0913;
    pub(super) const POWER_LINE: u32 = 0x0098_0918;
    pub(super) const WHITE_BALANCE: u32 = 0x0098_091a;
    pub(super) const EXPOSURE_AUTO: u32 = 0x009a_0901;
    pub(super) const EXPOSURE: u32 = 0x009a_0902;
    pub(super) const EXPOSURE_AUTO_PRIORITY: u32 = 0x009a_0903;
    pub(super) const FOCUS: u32 = 0x009a_090a;
    pub(super) const FOCUS_AUTO: u32 = 0x009a_090c;
}

/// One value that is to be set, and then to be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    /// The key in the station's file.
    pub(super) key: &'static str,
    /// The control.
    pub(super) id: u32,
    /// In the control's own units.
    pub(super) value: i64,
    /// What may be rounded away.
    pub(super) step: i64,
}

/// A key with its control, its value, and what must be switched off for it to hold.
struct Wish {
    key: &'static str,
    id: u32,
    value: i64,
    automatics: &'static [(u32, i64)],
}

impl Controls {
    fn wishes(&self) -> Vec<Wish> {
        let wish = |key, id, value: Option<u32>, automatics| {
            value.map(|value| Wish { key, id, value: i64::from(value), automatics })
        };
        // 1 is the menu's "manual mode"; with the priority on, a camera halves its rate in the dark.
        const EXPOSURE: &[(u32, i64)] = &[(id::EXPOSURE_AUTO, 1), (id::EXPOSURE_AUTO_PRIORITY, 0)];
        // UVC's exposure is in 100 microseconds.
        let exposure = self.exposure_microseconds.map(|it| it / 100);
        let power_line = self.power_line_hz.map(|hertz| match hertz {
            50 => 1,
            60 => 2,
            _ => 0,
        });
        [
            wish("exposure_microseconds", id::EXPOSURE, exposure, EXPOSURE),
            wish("gain", id::GAIN, self.gain, &[(id::GAIN_AUTO, 0)]),
            wish(
                "white_balance_kelvin",
                id::WHITE_BALANCE,
                self.white_balance_kelvin,
                &[(id::WHITE_BALANCE_AUTO, 0)],
            ),
            wish("focus", id::FOCUS, self.focus, &[(id::FOCUS_AUTO, 0)]),
            wish("power_line_hz", id::POWER_LINE, power_line, &[]),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// What a station would write to keep a camera as it is.
    #[must_use]
    pub fn of(there: &[Control]) -> Self {
        let value = |id: u32| {
            let control = there.iter().find(|it| it.id == id)?;
            u32::try_from(control.value?).ok()
        };
        Self {
            exposure_microseconds: value(id::EXPOSURE).and_then(|it| it.checked_mul(100)),
            gain: value(id::GAIN),
            white_balance_kelvin: value(id::WHITE_BALANCE),
            focus: value(id::FOCUS),
            power_line_hz: value(id::POWER_LINE).and_then(|it| [0, 50, 60].get(it as usize).copied()),
        }
    }

    /// The keys with their values, as they are written.
    #[must_use]
    pub fn keys(&self) -> Vec<(&'static str, u32)> {
        let all = [
            ("exposure_microseconds", self.exposure_microseconds),
            ("gain", self.gain),
            ("white_balance_kelvin", self.white_balance_kelvin),
            ("focus", self.focus),
            ("power_line_hz", self.power_line_hz),
        ];
        all.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    }
}

/// What has to be set on a camera with these controls, in this order: the automatics first, without which no value holds.
///
/// # Errors
/// When a control is not there or does not take the value; the message says what there is.
pub(super) fn plan(wanted: &Controls, there: &[Control]) -> Result<Vec<Setting>, Fault> {
    let find = |id: u32| there.iter().find(|it| it.id == id);
    let mut settings = Vec::new();
    for Wish { key, id, value, automatics } in wanted.wishes() {
        let Some(control) = find(id) else { return Err(absent(key, there)) };
        let is_offered = control.choices.is_empty() || control.choices.iter().any(|it| it.0 == value);
        let is_on_step = (value - control.least) % control.step.max(1) == 0;
        if !(control.least..=control.most).contains(&value) || !is_offered || !is_on_step {
            return Err(Fault::Control(format!(
                "the camera does not take [source.controls] {key} as it is written ({value} in its own units); it takes {control}"
            )));
        }
        for &(id, value) in automatics {
            settings.extend(find(id).map(|it| Setting { key, id, value, step: it.step }));
        }
        settings.push(Setting { key, id, value, step: control.step });
    }
    Ok(settings)
}

fn absent(key: &str, there: &[Control]) -> Fault {
    let all: Vec<_> = there.iter().map(Control::to_string).collect();
    let all = if all.is_empty() { "none".to_owned() } else { all.join("; ") };
    Fault::Control(format!(
        "the camera has no control for [source.controls] {key}; remove the key; its controls are: {all}"
    ))
}

/// Whether what a camera has now is what was set, but for its rounding.
pub(super) fn holds(setting: &Setting, value: i64) -> bool {
    (value - setting.value).abs() < setting.step.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(id: u32, least: i64, most: i64, step: i64) -> Control {
        let name = format!("{id:x}");
        Control { id, name, least, most, step, default: least, value: Some(least), choices: Vec::new() }
    }

    fn webcam() -> Vec<Control> {
        let choices =
            [(0, "Disabled"), (1, "50 Hz"), (2, "60 Hz")].map(|(value, name)| (value, name.to_owned()));
        vec![
            control(id::EXPOSURE_AUTO, 0, 3, 1),
            control(id::EXPOSURE, 3, 2047, 1),
            control(id::WHITE_BALANCE_AUTO, 0, 1, 1),
            control(id::WHITE_BALANCE, 2000, 6500, 10),
            Control { choices: choices.to_vec(), ..control(id::POWER_LINE, 0, 2, 1) },
        ]
    }

    #[test]
    fn a_value_is_set_after_the_automatic_that_would_undo_it() {
        let wanted = Controls {
            exposure_microseconds: Some(15_600),
            white_balance_kelvin: Some(4600),
            power_line_hz: Some(50),
            ..Controls::default()
        };
        let set: Vec<_> = plan(&wanted, &webcam()).unwrap().iter().map(|it| (it.id, it.value)).collect();
        let expected = [
            (id::EXPOSURE_AUTO, 1),
            (id::EXPOSURE, 156),
            (id::WHITE_BALANCE_AUTO, 0),
            (id::WHITE_BALANCE, 4600),
            (id::POWER_LINE, 1),
        ];
        assert_eq!(set, expected);
    }

    #[test]
    fn what_a_camera_does_not_take_is_told_with_what_it_takes() {
        let none = Controls::default();
        for (wanted, words) in [
            (Controls { focus: Some(1), ..none }, "no control for [source.controls] focus; remove the key"),
            (Controls { gain: Some(1), ..none }, "its controls are: 9a0901 0..3; 9a0902 3..2047"),
            (Controls { exposure_microseconds: Some(100), ..none }, "it takes 9a0902 3..2047"),
            (Controls { white_balance_kelvin: Some(4605), ..none }, "2000..6500 in steps of 10"),
            (Controls { white_balance_kelvin: Some(9000), ..none }, "as it is written (9000"),
        ] {
            let fault = plan(&wanted, &webcam()).unwrap_err().to_string();
            assert!(fault.contains(words), "{fault}");
        }
        let no_sixty =
            vec![Control { choices: vec![(1, "50 Hz".into())], ..control(id::POWER_LINE, 0, 2, 1) }];
        assert!(plan(&Controls { power_line_hz: Some(60), ..none }, &no_sixty).is_err());
    }

    #[test]
    fn rounding_is_no_drift() {
        let setting = Setting { key: "gain", id: 1, value: 100, step: 4 };
        for (value, expected) in [(100, true), (103, true), (97, true), (104, false), (0, false)] {
            assert_eq!(holds(&setting, value), expected, "{value}");
        }
    }

    #[test]
    fn a_camera_as_it_is_can_be_written_down_and_set_again() {
        let mut there = webcam();
        there[1].value = Some(156);
        there[4].value = Some(2);
        let controls = Controls::of(&there);
        assert_eq!(
            controls.keys(),
            [("exposure_microseconds", 15_600), ("white_balance_kelvin", 2000), ("power_line_hz", 60)]
        );
        assert!(plan(&controls, &there).is_ok());
    }
}
