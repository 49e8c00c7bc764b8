//! What a station is built from.

use std::sync::Arc;

use crate::{
    agent::{events::Listener, tuning::Tuning},
    camera::FrameSource,
    delivery::Pace,
    evidence::Evidence,
    hub::Desk,
    inspection::Model,
    items::ItemMode,
    outbox::Outbox,
    plant::{OutputSettings, TriggerSettings},
    report::Origin,
};

/// What a station is made of.
pub struct Parts<L> {
    /// Where frames come from.
    pub source: Box<dyn FrameSource>,
    /// What an item is.
    pub mode: ItemMode,
    /// What says that an item is there; every frame is one where `None`, or the items pass.
    pub trigger: Option<TriggerSettings>,
    /// What the plant's controls are shown.
    pub outputs: Option<OutputSettings>,
    /// The model; stations that use the same pack may share it.
    pub model: Arc<Model>,
    /// What of it can be changed from afar, and how it stands.
    pub tuning: Tuning,
    /// Who reports.
    pub origin: Origin,
    /// Where pictures of NG items are kept, if they are.
    pub evidence: Option<Evidence>,
    /// Where reports wait.
    pub outbox: Outbox,
    /// Where the hub's wishes arrive.
    pub desk: Desk,
    /// The way to the hub.
    pub link: L,
    /// How fast and how patient delivery is.
    pub pace: Pace,
    /// Who hears what happens, besides the log.
    pub listener: Arc<dyn Listener>,
}
