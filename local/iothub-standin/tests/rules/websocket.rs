//! MQTT within WebSocket (rule 17): raw bytes, so that no library of ours agrees with itself.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use iothub_standin::{Builder, Standin};
use native_tls::{Certificate, TlsConnector, TlsStream};
use rumqttc::{ConnAck, ConnectReturnCode, Packet};

use crate::client::{DEVICE, connect};

fn standin() -> Standin {
    Builder::new().device(DEVICE).websocket(([127, 0, 0, 1], 0).into()).start().unwrap()
}

fn open(standin: &Standin, path: &str, protocol: &str) -> (TlsStream<TcpStream>, String) {
    let ca = Certificate::from_pem(standin.ca_pem().as_bytes()).unwrap();
    let connector = TlsConnector::builder().add_root_certificate(ca).build().unwrap();
    let tcp = TcpStream::connect(standin.websocket_address().unwrap()).unwrap();
    tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut stream = connector.connect("localhost", tcp).unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: {protocol}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
        head.push(byte[0]);
    }
    (stream, String::from_utf8(head).unwrap().to_lowercase())
}

/// RFC 6455, 5.2: final, of this kind, masked with zeros.
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | kind, 0x80 | 126];
    frame.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

fn login(standin: &Standin) -> Vec<u8> {
    let mut bytes = bytes::BytesMut::new();
    connect(standin).write(&mut bytes).unwrap();
    bytes.to_vec()
}

#[test]
fn a_device_comes_in_over_websocket() {
    let standin = standin();
    let (mut stream, head) = open(&standin, "/$iothub/websocket", "mqtt");
    assert!(head.starts_with("http/1.1 101") && head.contains("sec-websocket-protocol: mqtt"), "{head}");
    // RFC 6455, 1.3: the answer to this key.
    assert!(head.contains("s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
    // A packet may begin in one message and end in another (MQTT 3.1.1, 6.0).
    let login = login(&standin);
    let (first, second) = login.split_at(10);
    stream.write_all(&[frame(2, first), frame(2, second)].concat()).unwrap();
    let mut back = [0; 6];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(back[..2], [0x82, 4], "one binary message of four bytes");
    let packet = Packet::read(&mut bytes::BytesMut::from(&back[2..]), 100);
    assert_eq!(packet.unwrap(), Packet::ConnAck(ConnAck::new(ConnectReturnCode::Success, false)));
    assert!(standin.is_connected(DEVICE));
}

#[test]
fn another_path_or_protocol_is_refused() {
    let standin = standin();
    for (path, protocol, status) in
        [("/", "mqtt", "404"), ("/mqtt", "mqtt", "404"), ("/$iothub/websocket", "amqp", "400")]
    {
        let (_, head) = open(&standin, path, protocol);
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{path} {protocol}: {head}");
    }
}

#[test]
fn text_is_no_mqtt() {
    let standin = standin();
    let (mut stream, _) = open(&standin, "/$iothub/websocket", "mqtt");
    stream.write_all(&frame(1, &login(&standin))).unwrap();
    let mut back = Vec::new();
    // A reset is as good an end as any.
    let _ = stream.read_to_end(&mut back);
    assert_eq!(back.first(), Some(&0x88), "nothing but a close: {back:?}");
    assert!(!standin.is_connected(DEVICE));
}
