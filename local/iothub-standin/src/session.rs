//! What a device may do on its connection, and what the hub answers.
//!
//! The hub ends the connection where other protocols would get an error: "MQTT terminates the connection" (azure-docs,
//! troubleshoot-error-codes.md).

use std::{collections::HashSet, sync::Arc, time::Duration};

use bytes::Bytes;
use rumqttc::{Packet, PubAck, Publish, QoS, SubAck, Subscribe, SubscribeReasonCode, UnsubAck, Unsubscribe};

use crate::{
    bag::Bag,
    device::{Command, MethodAnswer},
    events::Source,
    faults::Puback,
    hub::{Hub, WirePacket},
    subscription::Subscription,
};

/// A device-to-cloud message with its properties: 256 KB (azure-docs, iot-hub-devguide-quotas-throttling.md).
pub(crate) const MAX_MESSAGE: usize = 256 * 1024;

/// Why the hub ends a connection, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cut(pub(crate) String);

pub(crate) struct Session {
    hub: Arc<Hub>,
    pub(crate) device: String,
    clean: bool,
    subscriptions: HashSet<Subscription>,
    next_packet: u16,
    publishes: u64,
}

/// What the connection does next.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) packets: Vec<Packet>,
    /// Acknowledge this packet only after a while.
    pub(crate) later: Option<(u16, Duration)>,
}

impl Session {
    pub(crate) fn new(hub: Arc<Hub>, device: &str, clean: bool) -> Self {
        let device = device.to_owned();
        let kept = hub.lock().devices.get(&device).and_then(|device| device.session.clone());
        let subscriptions = kept.unwrap_or_default();
        let session = Self { hub, device, clean, subscriptions, next_packet: 0, publishes: 0 };
        session.remember();
        session
    }

    /// Takes a packet of the device.
    pub(crate) fn packet(&mut self, packet: Packet) -> Result<Answer, Cut> {
        match packet {
            Packet::Publish(publish) => self.publish(publish),
            Packet::Subscribe(subscribe) => self.subscribe(&subscribe),
            Packet::Unsubscribe(unsubscribe) => Ok(self.unsubscribe(&unsubscribe)),
            Packet::PubAck(PubAck { pkid }) => {
                if let Some(device) = self.hub.lock().devices.get_mut(&self.device) {
                    device.inbox.retain(|message| message.packet != Some(pkid));
                }
                Ok(Answer::default())
            }
            Packet::PingReq => Ok(Answer::of(Packet::PingResp)),
            other => Err(Cut(format!("a device does not send {other:?}"))),
        }
    }

    /// Does what the hub wants.
    pub(crate) fn command(&mut self, command: Command) -> Result<Answer, Cut> {
        match command {
            Command::Cut => Err(Cut("another connection of this device took over".to_owned())),
            Command::Inbox => Ok(self.deliver()),
            Command::Method { name, request, payload } => {
                let topic = format!("$iothub/methods/POST/{name}/?$rid={request}");
                Ok(self.tell(Subscription::Methods, topic, payload))
            }
            Command::Desired { version, patch } => {
                let topic = format!("$iothub/twin/PATCH/properties/desired/?$version={version}");
                Ok(self.tell(Subscription::DesiredProperties, topic, patch))
            }
        }
    }

    fn publish(&mut self, publish: Publish) -> Result<Answer, Cut> {
        self.hub.overhear(WirePacket {
            device: self.device.clone(),
            topic: publish.topic.clone(),
            qos: publish.qos as u8,
            payload: publish.payload.to_vec(),
        });
        if publish.qos == QoS::ExactlyOnce {
            return Err(Cut("QoS 2 is not supported".to_owned()));
        }
        let acknowledged = |packets: Vec<Packet>| {
            let puback = (publish.qos == QoS::AtLeastOnce).then(|| Packet::PubAck(PubAck::new(publish.pkid)));
            Answer { packets: puback.into_iter().chain(packets).collect(), later: None }
        };
        let own = format!("devices/{}/messages/events", self.device);
        if let Some(rest) = publish.topic.strip_prefix(&own) {
            return self.message(&publish, rest);
        }
        if let Some(request) = publish.topic.strip_prefix("$iothub/twin/GET/?") {
            return Ok(acknowledged(self.twin_get(request)));
        }
        if let Some(request) = publish.topic.strip_prefix("$iothub/twin/PATCH/properties/reported/?") {
            return Ok(acknowledged(self.twin_report(request, &publish.payload)));
        }
        if let Some(rest) = publish.topic.strip_prefix("$iothub/methods/res/") {
            self.method_answer(rest, &publish.payload)?;
            return Ok(acknowledged(Vec::new()));
        }
        Err(Cut(format!("a device must not publish to {:?}", publish.topic)))
    }

    fn message(&mut self, publish: &Publish, rest: &str) -> Result<Answer, Cut> {
        let bag =
            if rest.is_empty() { Some(Bag::default()) } else { rest.strip_prefix('/').and_then(Bag::parse) };
        let Some(mut bag) = bag.filter(|_| !rest.contains('+')) else {
            return Err(Cut(format!("{:?} ends in no property bag", publish.topic)));
        };
        if publish.payload.len() + bag.size() > MAX_MESSAGE {
            return Err(Cut(format!("a message is larger than {MAX_MESSAGE} bytes")));
        }
        if publish.retain {
            // azure-docs, iot-mqtt-connect-to-iot-hub.md: the hub keeps nothing and adds this property.
            bag.0.push(("mqtt-retain".to_owned(), "true".to_owned()));
        }
        let (faults, is_over) = self.hub.faults();
        if is_over {
            return Err(Cut("the day's quota is used up".to_owned()));
        }
        self.publishes += 1;
        self.hub.tell_of(&self.device);
        let cut_now = faults.cut_after_publishes.is_some_and(|count| self.publishes >= count);
        self.hub
            .accept(&self.device, &bag, Source::Device, &publish.payload)
            .map_err(|error| Cut(format!("the events file cannot be written: {error}")))?;
        if cut_now {
            return Err(Cut("cut on demand".to_owned()));
        }
        if publish.qos == QoS::AtMostOnce {
            return Ok(Answer::default());
        }
        Ok(match faults.puback {
            Puback::Prompt => Answer::of(Packet::PubAck(PubAck::new(publish.pkid))),
            Puback::LateMs(delay) => {
                Answer { packets: Vec::new(), later: Some((publish.pkid, Duration::from_millis(delay))) }
            }
            Puback::Never => Answer::default(),
        })
    }

    fn twin_get(&mut self, request: &str) -> Vec<Packet> {
        let (status, body) = {
            let known = self.hub.lock();
            match (known.faults.twin_status, known.devices.get(&self.device)) {
                (Some(status), _) => (status, Vec::new()),
                (None, Some(device)) => (200, device.twin.document().to_string().into_bytes()),
                (None, None) => (404, Vec::new()),
            }
        };
        self.twin_answer(status, request, None, body)
    }

    fn twin_report(&mut self, request: &str, payload: &[u8]) -> Vec<Packet> {
        match self.hub.report(&self.device, payload) {
            Ok(version) => self.twin_answer(204, request, Some(version), Vec::new()),
            Err(status) => self.twin_answer(status, request, None, Vec::new()),
        }
    }

    fn twin_answer(&mut self, status: u16, bag: &str, version: Option<u64>, body: Vec<u8>) -> Vec<Packet> {
        let request = Bag::parse(bag).and_then(|bag| bag.get("$rid").map(str::to_owned)).unwrap_or_default();
        let version = version.map(|version| format!("&$version={version}")).unwrap_or_default();
        let topic = format!("$iothub/twin/res/{status}/?$rid={request}{version}");
        self.tell(Subscription::TwinAnswers, topic, body).packets
    }

    fn method_answer(&self, rest: &str, payload: &[u8]) -> Result<(), Cut> {
        let answer = rest
            .split_once("/?")
            .and_then(|(status, bag)| Some((status.parse().ok()?, Bag::parse(bag)?.get("$rid")?.to_owned())));
        let Some((status, request)) = answer else {
            return Err(Cut(format!("{rest:?} is no answer to a method")));
        };
        let mut known = self.hub.lock();
        if let Some(waiting) =
            known.devices.get_mut(&self.device).and_then(|device| device.methods.remove(&request))
        {
            // Whoever asked may have given up.
            let _ = waiting.send(MethodAnswer { status, payload: payload.to_vec() });
        }
        Ok(())
    }

    fn subscribe(&mut self, subscribe: &Subscribe) -> Result<Answer, Cut> {
        let mut codes = Vec::new();
        for filter in &subscribe.filters {
            let Some(subscription) = Subscription::parse(&filter.path, &self.device) else {
                return Err(Cut(format!("a device must not subscribe to {:?}", filter.path)));
            };
            if subscription == Subscription::CloudMessages {
                self.hub.tell_of(&self.device);
            }
            self.subscriptions.insert(subscription);
            // QoS 2 is granted as 1 (azure-docs, iot-mqtt-connect-to-iot-hub.md).
            let granted = if filter.qos == QoS::AtMostOnce { QoS::AtMostOnce } else { QoS::AtLeastOnce };
            codes.push(SubscribeReasonCode::Success(granted));
        }
        self.remember();
        let mut answer = Answer::of(Packet::SubAck(SubAck::new(subscribe.pkid, codes)));
        answer.packets.extend(self.deliver().packets);
        Ok(answer)
    }

    fn unsubscribe(&mut self, unsubscribe: &Unsubscribe) -> Answer {
        for filter in &unsubscribe.topics {
            if let Some(subscription) = Subscription::parse(filter, &self.device) {
                self.subscriptions.remove(&subscription);
            }
        }
        self.remember();
        Answer::of(Packet::UnsubAck(UnsubAck::new(unsubscribe.pkid)))
    }

    /// Sends the waiting cloud-to-device messages that were not sent on this connection yet.
    pub(crate) fn deliver(&mut self) -> Answer {
        if !self.subscriptions.contains(&Subscription::CloudMessages) {
            return Answer::default();
        }
        let mut packets = Vec::new();
        let mut known = self.hub.lock();
        let Some(device) = known.devices.get_mut(&self.device) else { return Answer::default() };
        for message in device.inbox.iter_mut().filter(|message| message.packet.is_none()) {
            self.next_packet = self.next_packet.checked_add(1).unwrap_or(1);
            message.packet = Some(self.next_packet);
            let topic = format!("devices/{}/messages/devicebound/{}", self.device, message.bag.encode());
            let mut publish = Publish::new(topic, QoS::AtLeastOnce, message.body.to_vec());
            publish.pkid = self.next_packet;
            packets.push(Packet::Publish(publish));
        }
        Answer { packets, later: None }
    }

    /// Publishes to the device, if it wants to know.
    fn tell(&self, subscription: Subscription, topic: String, body: Vec<u8>) -> Answer {
        if !self.subscriptions.contains(&subscription) {
            return Answer::default();
        }
        let mut publish = Publish::new(topic, QoS::AtMostOnce, Vec::new());
        publish.payload = Bytes::from(body);
        Answer::of(Packet::Publish(publish))
    }

    /// CleanSession 0 keeps the subscriptions (MQTT 3.1.1, 3.1.2.4): Microsoft's SDKs for Python and Node do not
    /// subscribe again.
    fn remember(&self) {
        if let Some(device) = self.hub.lock().devices.get_mut(&self.device) {
            device.session = (!self.clean).then(|| self.subscriptions.clone());
        }
    }
}

impl Answer {
    pub(crate) fn of(packet: Packet) -> Self {
        Self { packets: vec![packet], later: None }
    }
}
