//! The web server's connections, and how one leaves it: a request for an upgrade is answered by the same routes as any
//! other, and where the answer is 101 the connection is given to whoever waits for it.
//!
//! Run by the web server's workers in place of the routes, for each request with `Upgrade: websocket`. The server keeps
//! nothing of the connection then. Where the answer is another one the connection ends with it.

use std::any::Any;
use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use actix_codec::{Encoder, Framed, FramedParts};
use actix_http::error::DispatchError;
use actix_http::h1::{Codec, Message};
use actix_http::{ConnectionType, HttpMessage as _, HttpService, Request};
use actix_service::{ServiceFactory, ServiceFactoryExt as _, fn_factory, fn_service};
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{Response, Service, ServiceResponse};
use actix_web::rt::net::TcpStream;
use actix_web::{Error, HttpRequest, HttpResponse};
use bytes::{Bytes, BytesMut};
use tokio::io::AsyncWriteExt;

use super::door::{Admit, Secured, enter};
use crate::socket::{LINGER, Scribe, Stream, Taken, Times, line, linger};

/// How coarse the web server's clock is.
const CLOCK_TICK: Duration = Duration::from_millis(500);

/// How much of an answer waits to be written, nearly.
const WRITTEN_AT_ONCE: usize = 64 << 10;

/// Who waits for a connection: goes with the answer, in its extensions.
#[derive(Clone)]
struct Waiting(Rc<Cell<Option<Take>>>);

type Take = Box<dyn FnOnce(Taken)>;

/// A request for an upgrade, and its connection.
type Upgrade = (Request, Framed<Stream, Codec>);

/// On a request that came with its connection: only then can that be given away.
struct Takeable;

/// What a worker of the web server does with connections: each is admitted or ended, made safe where `secured` says how, and
/// watched until its first head; the routes answer.
pub fn connections<R, F, B, P>(
    routes: R,
    times: Times,
    secured: Option<Secured>,
    admit: impl Fn(SocketAddr) -> Option<P> + 'static,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()>
where
    R: Fn() -> F,
    F: ServiceFactory<Request, Config = (), Response = ServiceResponse<B>, Error = Error, InitError = ()> + 'static,
    B: MessageBody + 'static,
    P: Any + Send + Sync,
{
    let admit: Admit = Rc::new(move |peer| Some(Box::new(admit(peer)?)));
    let server = HttpService::build()
        // Its clock ticks every half second, so that a shorter time might be over before a connection has begun; every
        // head is watched by `on_connect`.
        .client_request_timeout(times.head + CLOCK_TICK)
        .client_disconnect_timeout(LINGER)
        .keep_alive(times.keep_alive)
        .on_connect_ext(move |connection: &Stream, data| line::on_connect(connection, data, times))
        .upgrade(taking_over(routes()))
        .h1(routes().map_err(|error: Error| error.error_response()));
    fn_service(move |tcp: TcpStream| enter(tcp, times, secured.clone(), Rc::clone(&admit))).and_then(server)
}

/// The same routes, for requests after which the server may have to let go of the connection.
fn taking_over<F, B>(
    routes: F,
) -> impl ServiceFactory<Upgrade, Config = (), Response = (), Error = actix_http::Error, InitError = ()>
where
    F: ServiceFactory<Request, Config = (), Response = ServiceResponse<B>, Error = Error, InitError = ()> + 'static,
    B: MessageBody + 'static,
{
    fn_factory(move || {
        let routes = routes.new_service(());
        async move {
            let (routes, scribe) = (Rc::new(routes.await?), Scribe::start());
            Ok(fn_service(move |upgrade| serve(Rc::clone(&routes), scribe.clone(), upgrade)))
        }
    })
}

/// Whether the connection of a request can be given away. What asks for an upgrade in a form that the server does not take
/// for one is answered like any other request.
pub fn is_takeable(request: &HttpRequest) -> bool {
    request.extensions().get::<Takeable>().is_some()
}

/// Has the connection given to `take` once `response` is all that the server has to say.
pub fn hand_over<B>(response: &mut HttpResponse<B>, take: impl FnOnce(Taken) + 'static) {
    response.extensions_mut().insert(Waiting(Rc::new(Cell::new(Some(Box::new(take))))));
}

/// Answers a request for an upgrade.
async fn serve<S, B>(routes: Rc<S>, scribe: Scribe, (request, framed): Upgrade) -> Result<(), actix_http::Error>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    request.extensions_mut().insert(Takeable);
    let (request, response) = match routes.call(request).await {
        Ok(answered) => {
            let (request, response) = answered.into_parts();
            (Some(request), response.map_into_left_body())
        }
        Err(error) => (None, error.error_response().map_into_right_body()),
    };
    // While the request lives, its line ends a connection that takes nothing.
    if let Err(error) = give(request, response, scribe, framed).await {
        log::debug!("an answer did not reach its peer: {error}");
    }
    Ok(())
}

async fn give(
    request: Option<HttpRequest>,
    response: HttpResponse<impl MessageBody>,
    scribe: Scribe,
    framed: Framed<Stream, Codec>,
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
    // A copy, since a piece of the server's buffer would keep all of that for as long as the socket lives.
    let read = Bytes::copy_from_slice(&read_buf);
    drop(read_buf);
    take(Taken { stream, read, answer: out.freeze(), scribe, place });
    Ok(())
}

async fn answer(mut stream: Stream, mut codec: Codec, body: impl MessageBody, mut head: BytesMut) -> io::Result<()> {
    {
        // Gone before its end is written: a request counts as answered then, and its line ends a peer that takes nothing.
        let mut body = pin!(body);
        while let Some(chunk) = poll_fn(|cx| body.as_mut().poll_next(cx)).await {
            let chunk = chunk.map_err(|error| io::Error::other(error.into().to_string()))?;
            codec.encode(Message::Chunk(Some(chunk)), &mut head)?;
            // No more of it is held, however long it is. With each piece that is asked for, the line is patient anew.
            if head.len() >= WRITTEN_AT_ONCE {
                stream.write_all(&head).await?;
                head.clear();
            }
        }
    }
    codec.encode(Message::Chunk(None), &mut head)?;
    stream.write_all(&head).await?;
    // By TLS it takes a word to say that no more comes.
    stream.shutdown().await?;
    linger(stream.tcp()).await;
    Ok(())
}

#[cfg(test)]
#[path = "takeover_tests.rs"]
mod tests;
