//! MQTT in WebSocket messages, for networks that let nothing but port 443 out.

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async_with_config,
    tungstenite::{
        Message,
        handshake::server::{ErrorResponse, Request, Response},
        http::{HeaderValue, StatusCode},
        protocol::WebSocketConfig,
    },
};

use crate::session::Cut;

/// Azure-docs, iot-mqtt-connect-to-iot-hub.md, "Using the MQTT protocol directly over WebSockets"; azure-iot-device
/// 2.14.0, `mqtt_transport.py`.
const PATH: &str = "/$iothub/websocket";
const PROTOCOL: &str = "mqtt";

/// A larger message is no MQTT packet that the hub takes.
const MAX_MESSAGE: usize = 1 << 20;

/// What waits between the two protocols.
const BUFFER: usize = 64 * 1024;

/// Shakes hands, and gives the bytes of MQTT within; they end with either side.
pub(crate) async fn accept<S>(stream: S) -> Result<DuplexStream, Cut>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let config =
        WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
    let socket = accept_hdr_async_with_config(stream, check, Some(config)).await;
    let socket = socket.map_err(|error| Cut(format!("no WebSocket: {error}")))?;
    let (ours, theirs) = duplex(BUFFER);
    tokio::spawn(carry(socket, theirs));
    Ok(ours)
}

#[expect(clippy::result_large_err, reason = "the library wants it so")]
fn check(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let refuse = |status, reason: &str| {
        let mut refusal = ErrorResponse::new(Some(reason.to_owned()));
        *refusal.status_mut() = status;
        refusal
    };
    if request.uri().path() != PATH {
        return Err(refuse(StatusCode::NOT_FOUND, "the hub's path is /$iothub/websocket"));
    }
    let offered =
        request.headers().get_all("Sec-WebSocket-Protocol").iter().filter_map(|it| it.to_str().ok());
    if !offered.flat_map(|it| it.split(',')).any(|it| it.trim() == PROTOCOL) {
        return Err(refuse(StatusCode::BAD_REQUEST, "the subprotocol is mqtt"));
    }
    response.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static(PROTOCOL));
    Ok(response)
}

async fn carry<S>(mut socket: WebSocketStream<S>, mut mqtt: DuplexStream)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut chunk = vec![0; BUFFER];
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    if mqtt.write_all(&bytes).await.is_err() {
                        break;
                    }
                }
                // The library answers a ping when it is next written to.
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {
                    if socket.flush().await.is_err() {
                        return;
                    }
                }
                // Text is no MQTT (MQTT 3.1.1, 6.0), and everything else is an end.
                _ => break,
            },
            read = mqtt.read(&mut chunk) => match read {
                Ok(count @ 1..) => {
                    let message = Message::binary(chunk[..count].to_vec());
                    if socket.send(message).await.is_err() {
                        return;
                    }
                }
                _ => break,
            },
        }
    }
    // Whoever is gone does not hear it.
    let _ = socket.close(None).await;
}
