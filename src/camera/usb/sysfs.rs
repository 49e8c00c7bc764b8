//! What the kernel says of a camera in /sys, and udev by its links: an identity without opening anything.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::identity::Identity;

/// Longer words are no identity; a USB string has at most 126 characters.
const LONGEST: usize = 256;

/// Where to look; tests look elsewhere.
pub(super) struct Places {
    pub(super) sys: PathBuf,
    pub(super) dev: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Self { sys: PathBuf::from("/sys"), dev: PathBuf::from("/dev") }
    }
}

impl Places {
    /// The identity of the camera `/dev/video<number>`, which calls itself `name`.
    pub(super) fn identity(&self, number: u32, name: &str) -> Identity {
        let node = self.dev.join(format!("video{number}"));
        let device = self.sys.join(format!("class/video4linux/video{number}/device"));
        let device = fs::canonicalize(&device).unwrap_or_default();
        let below = device.strip_prefix(self.sys.join("devices")).unwrap_or(&device);
        // The USB device is the nearest folder above that says who made it.
        let usb = device.ancestors().find(|it| it.join("idVendor").is_file());
        let word = |file: &str| usb.and_then(|usb| word(&usb.join(file)));
        let model =
            word("idVendor").zip(word("idProduct")).map(|(vendor, product)| format!("{vendor}:{product}"));
        Identity {
            by_id: self.links().remove(&node),
            name: name.chars().filter(|it| !it.is_control()).take(LONGEST).collect(),
            usb_path: port(below).unwrap_or_else(|| below.display().to_string()),
            serial: word("serial"),
            model,
            node,
        }
    }

    /// Names in by-id, by the node that they lead to.
    fn links(&self) -> BTreeMap<PathBuf, String> {
        let folder = self.dev.join("v4l/by-id");
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let dev = fs::canonicalize(&self.dev).unwrap_or_else(|_| self.dev.clone());
        let named = entries.filter_map(|entry| {
            let node = fs::canonicalize(entry.path()).ok()?;
            let node = self.dev.join(node.strip_prefix(&dev).ok()?);
            Some((node, entry.file_name().into_string().ok()?))
        });
        named.collect()
    }
}

/// The word in a file of /sys.
fn word(file: &Path) -> Option<String> {
    let bytes = fs::read(file).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let text: String = text.trim().chars().filter(|it| !it.is_control()).take(LONGEST).collect();
    (!text.is_empty()).then_some(text)
}

/// The port of a USB device, from its folder below /sys/devices: `usb-0000:01:00.0-1.2` for
/// `pci0000:00/0000:01:00.0/usb1/1-1/1-1.2/1-1.2:1.0`, as the kernel's `usb_make_path` writes it. The number of the bus
/// is left out: it depends on the order in which controllers were found.
fn port(device: &Path) -> Option<String> {
    let parts: Vec<&str> = device.iter().filter_map(|part| part.to_str()).collect();
    let is_bus = |part: &&str| {
        part.strip_prefix("usb")
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|it| it.is_ascii_digit()))
    };
    let bus = parts.iter().position(is_bus)?;
    let controller = parts.get(bus.checked_sub(1)?)?;
    let ports = parts[bus + 1..].iter().rev().find_map(|part| {
        let (number, ports) = part.split_once('-')?;
        let is_port = number.bytes().all(|it| it.is_ascii_digit())
            && ports.bytes().all(|it| it.is_ascii_digit() || it == b'.');
        is_port.then_some(ports)
    })?;
    Some(format!("usb-{controller}-{ports}"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_port_is_named_as_the_kernel_names_it_without_the_number_of_the_bus() {
        for (device, expected) in [
            ("pci0000:00/0000:01:00.0/usb1/1-1/1-1:1.0", Some("usb-0000:01:00.0-1")),
            ("pci0000:00/0000:01:00.0/usb3/3-1/3-1.2/3-1.2:1.0", Some("usb-0000:01:00.0-1.2")),
            ("platform/vhci_hcd.0/usb1/1-1/1-1:1.0", Some("usb-vhci_hcd.0-1")),
            ("platform/vivid.0", None),
            ("usb1/1-1", None),
            ("platform/x/usb1", None),
            ("", None),
        ] {
            assert_eq!(port(Path::new(device)).as_deref(), expected, "{device}");
        }
    }

    #[test]
    fn an_identity_is_read_from_the_folders_of_the_kernel_and_the_links_of_udev() {
        let root = tempfile::tempdir().unwrap();
        let places = Places { sys: root.path().join("sys"), dev: root.path().join("dev") };
        let usb = places.sys.join("devices/platform/vhci_hcd.0/usb1/1-1");
        fs::create_dir_all(usb.join("1-1:1.0")).unwrap();
        for (file, text) in [("idVendor", "1d6b\n"), ("idProduct", "0102\n"), ("serial", "SIM0001\n")] {
            fs::write(usb.join(file), text).unwrap();
        }
        let class = places.sys.join("class/video4linux/video3");
        fs::create_dir_all(&class).unwrap();
        symlink(usb.join("1-1:1.0"), class.join("device")).unwrap();
        fs::create_dir_all(places.dev.join("v4l/by-id")).unwrap();
        fs::write(places.dev.join("video3"), "").unwrap();
        symlink("../../video3", places.dev.join("v4l/by-id/usb-sim_SIM0001-video-index0")).unwrap();
        let expected = Identity {
            node: places.dev.join("video3"),
            name: "UVC simulator".to_owned(),
            usb_path: "usb-vhci_hcd.0-1".to_owned(),
            serial: Some("SIM0001".to_owned()),
            model: Some("1d6b:0102".to_owned()),
            by_id: Some("usb-sim_SIM0001-video-index0".to_owned()),
        };
        assert_eq!(places.identity(3, "UVC simulator\n"), expected);
        let unknown = places.identity(4, "x");
        assert_eq!((unknown.serial, unknown.model, unknown.by_id), (None, None, None));
    }
}
