//! A new connection, up to the server's first frame.
//!
//! Made by bare clients. Tries once.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use tenfour::client::frames::{Hello, ServerFrame};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::Person;
use super::came::{frame, no_frame};
use crate::Trouble;

pub(super) type Socket = WebSocketStream<TcpStream>;

const PATIENCE: Duration = Duration::from_secs(8);
/// So that a client that does not read is noticed: without it the kernel takes whole megabytes for it. Segments are as on a
/// real network, of which its buffers are a multiple.
const SMALL_BUFFER: u32 = 4096;
const SEGMENT: u32 = 1400;

pub(super) async fn connect(me: &Person, address: SocketAddr, small: bool) -> Result<(Socket, Hello), Trouble> {
    let token = &me.world.tokens[usize::from(me.user)];
    let mut request = format!("ws://{address}/ws").into_client_request()?;
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse()?);
    let socket = TcpSocket::new_v4()?;
    if small {
        socket.set_recv_buffer_size(SMALL_BUFFER)?;
        socket2::SockRef::from(&socket).set_tcp_mss(SEGMENT)?;
    }
    let opened = async {
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await?;
        while let Some(message) = socket.next().await {
            if let Message::Text(text) = message? {
                return match frame(&text) {
                    Some(ServerFrame::Hello(hello)) => Ok((socket, hello)),
                    Some(other) => Err(Trouble::from(format!("{other:?} before hello"))),
                    None => {
                        me.world.alarms.raise(no_frame(me.no, &text));
                        Err("no frame".into())
                    }
                };
            }
        }
        Err("closed before hello".into())
    };
    timeout(PATIENCE, opened).await?
}
