//! How a connection leaves the web server: a request for an upgrade is answered by the same routes as any other, and where
//! the answer is 101 the connection is given to whoever waits for it.
//!
//! Run by the web server's workers in place of the routes, for each request with `Upgrade: websocket`. The server keeps
//! nothing of the connection then. Where the answer is another one the connection ends with it.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use actix_codec::{Encoder, Framed, FramedParts};
use actix_http::h1::{Codec, Message};
use actix_http::{ConnectionType, Request};
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{Response, Service, ServiceResponse};
use actix_web::rt::net::TcpStream;
use actix_web::{Error, HttpRequest, HttpResponse};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::socket::line;
use crate::socket::{Taken, Writer};

/// The peer's last bytes are awaited for so long, so that it gets the whole answer.
const LINGER: Duration = Duration::from_secs(1);

/// Who waits for a connection: goes with the answer, in its extensions.
#[derive(Clone)]
struct Waiting(Rc<Cell<Option<Take>>>);

type Take = Box<dyn FnOnce(Taken)>;

/// Has the connection given to `take` once `response` is all that the server has to say.
pub fn hand_over<B>(response: &mut HttpResponse<B>, take: impl FnOnce(Taken) + 'static) {
    response.extensions_mut().insert(Waiting(Rc::new(Cell::new(Some(Box::new(take))))));
}

/// Answers a request for an upgrade.
pub async fn serve<S, B>(
    routes: Rc<S>,
    writer: Writer,
    (request, framed): (Request, Framed<TcpStream, Codec>),
) -> Result<(), actix_http::Error>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    let (request, response) = match routes.call(request).await {
        Ok(answered) => {
            let (request, response) = answered.into_parts();
            (Some(request), response.map_into_left_body())
        }
        Err(error) => (None, error.error_response().map_into_right_body()),
    };
    // While the request lives, its line ends a connection that takes nothing.
    if let Err(error) = give(request, response, writer, framed).await {
        log::debug!("an answer did not reach its peer: {error}");
    }
    Ok(())
}

async fn give(
    request: Option<HttpRequest>,
    response: HttpResponse<impl MessageBody>,
    writer: Writer,
    framed: Framed<TcpStream, Codec>,
) -> io::Result<()> {
    let FramedParts { io: stream, mut codec, read_buf, write_buf: mut out, .. } = framed.into_parts();
    let take = response.extensions().get::<Waiting>().and_then(|Waiting(take)| take.take());
    let (head, body) = response.into_parts();
    let mut head = Response::from(head);
    let Some(take) = take else {
        head.head_mut().set_connection_type(ConnectionType::Close);
        codec.encode(Message::Item((head, body.size())), &mut out)?;
        return answer(stream, codec, body, out).await;
    };
    codec.encode(Message::Item((head, BodySize::None)), &mut out)?;
    let place = request.as_ref().and_then(line::let_go);
    drop((request, body));
    take(Taken { stream, read: read_buf.freeze(), answer: out.freeze(), writer, place });
    Ok(())
}

async fn answer(mut stream: TcpStream, mut codec: Codec, body: impl MessageBody, mut head: BytesMut) -> io::Result<()> {
    let mut body = pin!(body);
    while let Some(chunk) = poll_fn(|cx| body.as_mut().poll_next(cx)).await {
        let chunk = chunk.map_err(|error| io::Error::other(error.into().to_string()))?;
        codec.encode(Message::Chunk(Some(chunk)), &mut head)?;
    }
    codec.encode(Message::Chunk(None), &mut head)?;
    stream.write_all(&head).await?;
    stream.shutdown().await?;
    let mut piece = vec![0; 1024];
    let rest = async { while matches!(stream.read(&mut piece).await, Ok(1..)) {} };
    drop(tokio::time::timeout(LINGER, rest).await);
    Ok(())
}
