//! The cameras of this machine.

use std::panic::catch_unwind;

use nokhwa::utils::{ApiBackend, CameraIndex};

use super::{
    device::{Bus, Device},
    fault::Fault,
    identity::Identity,
    sysfs::Places,
    video::Video,
};

/// The cameras of this machine, by V4L2.
#[derive(Clone, Copy, Debug, Default)]
pub struct Machine;

/// More nodes than any machine has.
const MOST_NODES: usize = 256;

impl Bus for Machine {
    fn cameras(&self) -> Result<Vec<Identity>, Fault> {
        let attempt = "cannot list the cameras";
        let refused = |reason: String| Fault::Refused { attempt, reason };
        // nokhwa takes the number of a node from its name and panics where there is none.
        let listed = catch_unwind(|| nokhwa::query(ApiBackend::Video4Linux));
        let listed = listed.map_err(|_| refused("a name in /dev makes no sense".to_owned()))?;
        let listed = listed.map_err(|error| refused(error.to_string()))?;
        let places = Places::default();
        let mut cameras: Vec<_> = listed
            .iter()
            .take(MOST_NODES)
            .filter_map(|camera| match camera.index() {
                CameraIndex::Index(number) => Some(places.identity(*number, &camera.human_name())),
                CameraIndex::String(_) => None,
            })
            // nokhwa lists every node, also those for metadata and decoders.
            .filter(|camera| Video::may_capture(&camera.node))
            .collect();
        cameras.sort_by(|a, b| (&a.usb_path, &a.node).cmp(&(&b.usb_path, &b.node)));
        Ok(cameras)
    }

    fn open(&self, camera: &Identity) -> Result<Box<dyn Device>, Fault> {
        Ok(Box::new(Video::open(&camera.node)?))
    }
}
