//! Which camera is meant: never by its number in /dev, which changes with every replug.

use std::{fmt, path::PathBuf};

use super::fault::Fault;

/// What is known of a camera without opening it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Where it can be opened now.
    pub node: PathBuf,
    /// What it calls itself.
    pub name: String,
    /// The port that it is plugged into: `usb-CONTROLLER-PORTS`, as the kernel writes it; the device's path for others.
    pub usb_path: String,
    /// Its serial number, where it has one.
    pub serial: Option<String>,
    /// Vendor and product, `046d:082d`, of a USB camera.
    pub model: Option<String>,
    /// The name of its link in /dev/v4l/by-id, where udev makes one.
    pub by_id: Option<String>,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {}", self.name, self.usb_path)?;
        if let Some(model) = &self.model {
            write!(f, ", model {model}")?;
        }
        match &self.serial {
            Some(serial) => write!(f, ", serial {serial}"),
            None => f.write_str(", no serial"),
        }
    }
}

/// What a camera must be; whatever is said must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Which {
    /// See [`Identity::usb_path`].
    pub usb_path: Option<String>,
    /// See [`Identity::serial`].
    pub serial: Option<String>,
    /// See [`Identity::model`].
    pub model: Option<String>,
    /// See [`Identity::by_id`].
    pub by_id: Option<String>,
}

impl Which {
    fn fits(&self, camera: &Identity) -> bool {
        let is = |wanted: &Option<String>, found: Option<&String>| {
            wanted.as_ref().is_none_or(|wanted| found == Some(wanted))
        };
        is(&self.usb_path, Some(&camera.usb_path))
            && is(&self.serial, camera.serial.as_ref())
            && is(&self.model, camera.model.as_ref())
            && is(&self.by_id, camera.by_id.as_ref())
    }

    /// Whether a camera stands where the wanted one should: only that it is another is wrong.
    fn is_at_its_place(&self, camera: &Identity) -> bool {
        self.usb_path.as_ref() == Some(&camera.usb_path)
    }
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [
            ("usb_path", &self.usb_path),
            ("serial", &self.serial),
            ("model", &self.model),
            ("by_id", &self.by_id),
        ];
        let said = words.into_iter().filter_map(|(key, word)| Some(format!("{key} {}", word.as_ref()?)));
        f.write_str(&said.collect::<Vec<_>>().join(", "))
    }
}

/// The camera that is meant among those that are there. One that was `bound` before is not exchanged for another of
/// its kind, unless the station starts again.
///
/// # Errors
/// When none fits, another is in its place, or several fit.
pub fn pick<'c>(
    there: &'c [Identity],
    which: &Which,
    bound: Option<&Identity>,
) -> Result<&'c Identity, Fault> {
    let is_bound = |camera: &Identity| {
        bound.is_none_or(|bound| bound.serial == camera.serial && bound.model == camera.model)
    };
    let mut fitting: Vec<_> = there.iter().filter(|it| which.fits(it)).collect();
    if fitting.is_empty() {
        let swapped = there.iter().find(|it| which.is_at_its_place(it));
        return Err(match swapped {
            Some(found) => Fault::Swapped { wanted: which.to_string(), found: found.to_string() },
            None => Fault::Absent { wanted: which.to_string(), there: listed(there) },
        });
    }
    let others = fitting.clone();
    fitting.retain(|it| is_bound(it));
    // Two of one kind without a serial: the port tells them apart, as long as it stays the same.
    if let (2.., Some(bound)) = (fitting.len(), bound) {
        fitting.retain(|it| it.usb_path == bound.usb_path);
    }
    match (&*fitting, bound) {
        ([camera], _) => Ok(camera),
        ([], Some(bound)) => Err(Fault::Swapped { wanted: bound.to_string(), found: listed(others) }),
        _ => Err(Fault::Ambiguous { wanted: which.to_string(), fitting: listed(others) }),
    }
}

fn listed<'c>(cameras: impl IntoIterator<Item = &'c Identity>) -> String {
    let all: Vec<_> = cameras.into_iter().map(Identity::to_string).collect();
    if all.is_empty() { "none".to_owned() } else { all.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera(port: &str, serial: &str, model: &str) -> Identity {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Identity {
            node: PathBuf::from("/dev/video0"),
            name: "cam".to_owned(),
            usb_path: format!("usb-x-{port}"),
            serial: some(serial),
            model: some(model),
            by_id: some(serial).map(|serial| format!("usb-cam_{serial}-video-index0")),
        }
    }

    fn which(port: &str, serial: &str, model: &str) -> Which {
        let Identity { usb_path, serial, model, .. } = camera(port, serial, model);
        Which { usb_path: (!port.is_empty()).then_some(usb_path), serial, model, by_id: None }
    }

    #[test]
    fn a_camera_is_found_by_what_is_said_of_it_and_refused_if_it_is_another() {
        let first = camera("1", "A", "1:1");
        let all = [first.clone(), camera("2", "B", "1:1"), camera("3", "", "2:2")];
        let moved = [camera("9", "A", "1:1")];
        let swapped = [camera("1", "C", "1:1")];
        let twins = [camera("1", "", "2:2"), camera("2", "", "2:2")];
        type Case<'a> = (&'a [Identity], Which, Option<&'a Identity>, Result<&'a str, &'a str>);
        let cases: [Case<'_>; 13] = [
            (&all, which("1", "", ""), None, Ok("usb-x-1")),
            (&all, which("", "B", ""), None, Ok("usb-x-2")),
            (&all, which("3", "", "2:2"), None, Ok("usb-x-3")),
            (&all, which("", "", "1:1"), None, Err("several")),
            (&all, which("4", "", ""), None, Err("is not there")),
            (&[], which("", "A", ""), None, Err("none")),
            (&swapped, which("1", "A", ""), None, Err("another camera")),
            (&swapped, which("1", "", ""), Some(&first), Err("another camera")),
            (&moved, which("1", "A", ""), Some(&first), Err("is not there")),
            (&moved, which("", "A", ""), Some(&first), Ok("usb-x-9")),
            (&twins, which("", "", "2:2"), Some(&twins[1]), Ok("usb-x-2")),
            (&twins, which("", "", "2:2"), None, Err("several")),
            (&all, which("", "", "1:1"), Some(&first), Ok("usb-x-1")),
        ];
        for (there, which, bound, expected) in cases {
            match (pick(there, &which, bound), expected) {
                (Ok(camera), Ok(path)) => assert_eq!(camera.usb_path, path, "{which}"),
                (Err(fault), Err(words)) => assert!(fault.to_string().contains(words), "{which}: {fault}"),
                (found, expected) => panic!("{which}: {found:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn a_camera_that_is_not_there_is_told_with_those_that_are() {
        let fault = pick(&[camera("1", "A", "1:1")], &which("7", "", ""), None).unwrap_err().to_string();
        assert!(
            fault.contains("usb_path usb-x-7") && fault.contains("usb-x-1, model 1:1, serial A"),
            "{fault}"
        );
    }

    #[test]
    fn the_by_id_link_is_an_identity_too() {
        let all = [camera("1", "A", "1:1"), camera("2", "B", "1:1")];
        let which = Which { by_id: Some("usb-cam_B-video-index0".to_owned()), ..Which::default() };
        assert_eq!(pick(&all, &which, None).unwrap().usb_path, "usb-x-2");
    }
}
