//! One device as the hub knows it, and its connection.

use std::collections::{HashMap, HashSet, VecDeque};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::{bag::Bag, credentials::Credentials, subscription::Subscription, twin::Twin};

pub(crate) struct Device {
    pub(crate) credentials: Credentials,
    pub(crate) enabled: bool,
    /// The hub that a provisioning service assigned it to; without one, any name of this hub is good.
    pub(crate) assigned: Option<String>,
    pub(crate) twin: Twin,
    pub(crate) link: Option<Link>,
    pub(crate) inbox: VecDeque<CloudMessage>,
    /// What a persistent session keeps.
    pub(crate) session: Option<HashSet<Subscription>>,
    pub(crate) methods: HashMap<String, oneshot::Sender<MethodAnswer>>,
    pub(crate) next_request: u64,
}

pub(crate) struct Link {
    pub(crate) number: u64,
    pub(crate) commands: mpsc::Sender<Command>,
    /// Whether the hub has said that the device is connected, and will say when it no longer is.
    pub(crate) is_told: bool,
}

/// What the hub wants of a device's connection.
#[derive(Debug)]
pub(crate) enum Command {
    /// Another connection of the same identity took over, or somebody asked for it.
    Cut,
    /// A cloud-to-device message waits.
    Inbox,
    Method {
        name: String,
        request: String,
        payload: Vec<u8>,
    },
    Desired {
        version: u64,
        patch: Vec<u8>,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct CloudMessage {
    pub(crate) bag: Bag,
    pub(crate) body: Bytes,
    /// The packet that carries it, once it was sent.
    pub(crate) packet: Option<u16>,
}

/// A device's answer to a direct method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodAnswer {
    /// As the device set it.
    pub status: u16,
    /// Its payload.
    pub payload: Vec<u8>,
}

impl Device {
    pub(crate) fn new(credentials: Credentials, enabled: bool) -> Self {
        Self {
            credentials,
            enabled,
            assigned: None,
            twin: Twin::default(),
            link: None,
            inbox: VecDeque::new(),
            session: None,
            methods: HashMap::new(),
            next_request: 0,
        }
    }

    /// Whether the connection took the command; none connected takes none.
    pub(crate) fn command(&self, command: Command) -> bool {
        self.link.as_ref().is_some_and(|link| link.commands.try_send(command).is_ok())
    }
}
