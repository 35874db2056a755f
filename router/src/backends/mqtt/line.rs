//! The client library under one face: it has its types twice, once for each version of the protocol.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::{Outgoing, TlsConfiguration, Transport, v5};
use rustls::ClientConfig;

use super::broker::{Broker, Version};
use super::outbox::Message;

/// How many requests wait in the library; the others wait in the outbox, where newer values can replace them.
const REQUESTS: usize = 64;
/// How many messages may be on their way, unacknowledged.
const INFLIGHT: u16 = 100;
/// The greatest packet, in bytes.
const PACKET: u32 = 64 * 1024;
/// After how much silence the broker is asked for a sign of life.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// What has happened on a connection.
#[derive(Debug)]
pub(super) enum Happening {
    Connected,
    Message {
        topic: String,
        payload: Vec<u8>,
    },
    /// We have said goodbye.
    Disconnected,
    Other,
}

/// Why a connection is not there.
#[derive(Debug)]
pub(super) struct Lost {
    pub(super) reason: String,
    /// While connecting: the answer is one that a broker may give to a version that it does not speak.
    pub(super) version_refused: bool,
}

impl Lost {
    pub(super) fn because(reason: impl ToString) -> Self {
        Self { reason: reason.to_string(), version_refused: false }
    }
}

/// The end that takes requests. Its methods say whether there was room.
pub(super) enum Requests {
    V3(rumqttc::AsyncClient),
    V5(v5::AsyncClient),
}

/// The end that does the work.
pub(super) enum Line {
    V3(Box<rumqttc::EventLoop>),
    V5(Box<v5::EventLoop>),
}

/// Both ends of a connection that is made when the line is first [polled](Line::poll).
pub(super) fn prepare(broker: &Broker, version: Version, tls: Option<Arc<ClientConfig>>) -> (Requests, Line) {
    let transport = tls.map_or_else(Transport::tcp, |it| Transport::tls_with_config(TlsConfiguration::Rustls(it)));
    match version {
        Version::V3 => {
            let mut options = rumqttc::MqttOptions::new(&broker.client_id, &broker.host, broker.port());
            options.set_transport(transport).set_keep_alive(KEEP_ALIVE).set_inflight(INFLIGHT);
            options.set_max_packet_size(PACKET as usize, PACKET as usize);
            if let Some((user, password)) = account(broker) {
                options.set_credentials(user, password);
            }
            let (requests, line) = rumqttc::AsyncClient::new(options, REQUESTS);
            (Requests::V3(requests), Line::V3(Box::new(line)))
        }
        Version::V5 => {
            let mut options = v5::MqttOptions::new(&broker.client_id, &broker.host, broker.port());
            options.set_transport(transport).set_keep_alive(KEEP_ALIVE);
            options.set_outgoing_inflight_upper_limit(INFLIGHT).set_max_packet_size(Some(PACKET));
            if let Some((user, password)) = account(broker) {
                options.set_credentials(user, password);
            }
            let (requests, line) = v5::AsyncClient::new(options, REQUESTS);
            (Requests::V5(requests), Line::V5(Box::new(line)))
        }
    }
}

fn account(broker: &Broker) -> Option<(&str, &str)> {
    let (user, password) = (broker.user.as_deref(), broker.password.as_deref());
    (user.or(password).is_some()).then(|| (user.unwrap_or_default(), password.unwrap_or_default()))
}

impl Requests {
    /// Publishes, retained.
    pub(super) fn publish(&self, Message { topic, payload }: &Message) -> bool {
        match self {
            Self::V3(it) => it.try_publish(&**topic, rumqttc::QoS::AtLeastOnce, true, payload.as_str()).is_ok(),
            Self::V5(it) => it.try_publish(&**topic, v5::mqttbytes::QoS::AtLeastOnce, true, payload.clone()).is_ok(),
        }
    }

    /// Subscribes; with version 5, not to what we publish ourselves.
    pub(super) fn subscribe(&self, topic: &str) -> bool {
        match self {
            Self::V3(it) => it.try_subscribe(topic, rumqttc::QoS::AtLeastOnce).is_ok(),
            Self::V5(it) => {
                let mut filter = v5::mqttbytes::v5::Filter::new(topic, v5::mqttbytes::QoS::AtLeastOnce);
                filter.nolocal = true;
                it.try_subscribe_many([filter]).is_ok()
            }
        }
    }

    pub(super) fn unsubscribe(&self, topic: &str) -> bool {
        match self {
            Self::V3(it) => it.try_unsubscribe(topic).is_ok(),
            Self::V5(it) => it.try_unsubscribe(topic).is_ok(),
        }
    }

    pub(super) fn disconnect(&self) -> bool {
        match self {
            Self::V3(it) => it.try_disconnect().is_ok(),
            Self::V5(it) => it.try_disconnect().is_ok(),
        }
    }
}

impl Line {
    /// Waits until something happens. Not to be dropped before, except to end the connection.
    pub(super) async fn poll(&mut self) -> Result<Happening, Lost> {
        match self {
            Self::V3(line) => line.poll().await.map(happened_v3).map_err(Lost::because),
            Self::V5(line) => line.poll().await.map_err(|error| lost_v5(&error)).and_then(happened_v5),
        }
    }

    /// How long it may happen that nothing happens: two signs of life, and what a slow network needs.
    pub(super) fn patience(&self) -> Duration {
        let keep_alive = match self {
            Self::V3(line) => line.mqtt_options.keep_alive(),
            Self::V5(line) => line.options.keep_alive(),
        };
        2 * keep_alive + Duration::from_secs(5)
    }

    /// Ends the connection, if there is one, and gives the messages back that the broker has not acknowledged.
    pub(super) fn take_back(&mut self) -> Vec<Message> {
        match self {
            Self::V3(line) => {
                line.clean();
                let pending = line.pending.drain(..);
                let published = pending.filter_map(|it| match it {
                    rumqttc::Request::Publish(it) => Some(message(it.topic.as_bytes(), &it.payload)),
                    _ => None,
                });
                published.collect()
            }
            Self::V5(line) => {
                line.clean();
                let pending = line.pending.drain(..);
                let published = pending.filter_map(|it| match it {
                    v5::Request::Publish(it) => Some(message(&it.topic, &it.payload)),
                    _ => None,
                });
                published.collect()
            }
        }
    }
}

/// A message of our own: its parts are text.
fn message(topic: &[u8], payload: &[u8]) -> Message {
    Message { topic: text(topic).into(), payload: text(payload) }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn happened_v3(event: rumqttc::Event) -> Happening {
    use rumqttc::{Event, Packet};
    match event {
        Event::Incoming(Packet::ConnAck(_)) => Happening::Connected,
        Event::Incoming(Packet::Publish(it)) => Happening::Message { topic: it.topic, payload: it.payload.to_vec() },
        Event::Outgoing(Outgoing::Disconnect) => Happening::Disconnected,
        _ => Happening::Other,
    }
}

fn happened_v5(event: v5::Event) -> Result<Happening, Lost> {
    use v5::Event;
    use v5::mqttbytes::v5::Packet;
    Ok(match event {
        Event::Incoming(Packet::ConnAck(_)) => Happening::Connected,
        // We allow none, and the library would keep up to 65535 topics.
        Event::Incoming(Packet::Publish(it)) if it.properties.as_ref().is_some_and(|it| it.topic_alias.is_some()) => {
            return Err(Lost::because("the broker uses a topic alias, which it must not"));
        }
        Event::Incoming(Packet::Publish(it)) => {
            Happening::Message { topic: text(&it.topic), payload: it.payload.to_vec() }
        }
        Event::Outgoing(Outgoing::Disconnect) => Happening::Disconnected,
        _ => Happening::Other,
    })
}

fn lost_v5(error: &v5::ConnectionError) -> Lost {
    Lost { reason: error.to_string(), version_refused: may_refuse_version(error) }
}

/// Brokers that do not know version 5 answer in the form of theirs, which the library cannot read and may wait for more of, or
/// just hang up.
fn may_refuse_version(error: &v5::ConnectionError) -> bool {
    use v5::mqttbytes::v5::ConnectReturnCode::{RefusedProtocolVersion, UnsupportedProtocolVersion};
    use v5::{ConnectionError, StateError};
    match error {
        ConnectionError::ConnectionRefused(code) => {
            matches!(code, RefusedProtocolVersion | UnsupportedProtocolVersion)
        }
        ConnectionError::MqttState(error) => {
            matches!(error, StateError::ConnectionAborted | StateError::Deserialization(_))
        }
        ConnectionError::Timeout(_) => true,
        ConnectionError::Io(error) => error.kind() == io::ErrorKind::ConnectionReset,
        _ => false,
    }
}
