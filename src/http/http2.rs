//! HTTP/2: its bounds, and the way of each of its streams through the same service that HTTP/1.1 has.
//!
//! Bodies are bounded by flow control: a stream sends what its reader has taken, and [`WINDOW`] bytes more.

use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, ready};

use actix_http::error::PayloadError;
use actix_http::{BoxedPayloadStream, Payload, Request, Response};
use actix_server::GracefulShutdownSignal;
use actix_service::Service;
use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{
    CONNECTION, CONTENT_LENGTH, DATE, Date, HOST, HeaderValue, TRANSFER_ENCODING, TryIntoHeaderValue,
};
use actix_web::http::{Uri, Version};
use actix_web::web::Bytes;
use futures_util::future::poll_fn;
use futures_util::stream;
use h2::server::{Builder, SendResponse};
use h2::{Error, Reason, RecvStream, SendStream};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::http::connection::Connection;
use crate::http::server::{HEAD_TIMEOUT, KEEP_ALIVE};
use crate::http::tls::TlsStream;

/// How many requests of a connection are served at a time. More wait, at the client.
const STREAMS: u32 = 32;
/// How long the head of a request may be, in bytes. All streams together have as much as one head of HTTP/1.1 has, four times.
const MAX_HEAD: u32 = 16 * 1024;
/// How much of a body arrives before anybody has taken it, in bytes: those of all streams fit into the window of the connection, so that one
/// that waits does not hold up the others.
///
/// Known quirk: h2 holds clients to a window of the handshake that is smaller than that of the standard before they can know of it.
const WINDOW: u32 = WINDOW_OF_CONNECTION / STREAMS;
/// How much of all bodies of a connection does. It cannot be less. Source: RFC 9113, section 6.9.2.
const WINDOW_OF_CONNECTION: u32 = 65_535;
/// How much of an answer waits for a client that does not read, in bytes.
const SEND_BUFFER: usize = 64 * 1024;

/// Serves a connection until the client ends it, it is idle, or the server stops.
pub(super) async fn serve<S>(
    connection: Connection<TlsStream>,
    peer: Option<SocketAddr>,
    service: Rc<S>,
    stopping: GracefulShutdownSignal,
) -> Result<(), Error>
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = HttpResponse> + 'static,
{
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(MAX_HEAD)
        .initial_connection_window_size(WINDOW_OF_CONNECTION)
        .max_send_buffer_size(SEND_BUFFER);
    let mut stopping = pin!(stopping.notified());
    let begun = tokio::select! {
        begun = timeout(HEAD_TIMEOUT, builder.handshake::<_, Bytes>(connection)) => begun,
        () = &mut stopping => return Ok(()),
    };
    let Ok(connection) = begun else { return Ok(()) };
    let mut connection = connection?;
    let mut first_head = pin!(sleep(HEAD_TIMEOUT));
    let mut look = interval(KEEP_ALIVE);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Each stream that is being served holds one.
    let open = Rc::new(());
    let (mut has_asked, mut was_used, mut is_closing, mut is_narrow) = (false, true, false, false);
    loop {
        tokio::select! {
            accepted = connection.accept() => {
                let Some(accepted) = accepted else { return Ok(()) };
                let (request, mut respond) = accepted?;
                (has_asked, was_used) = (true, true);
                // A stream that its client resets makes room for another one before what it asked for has ended.
                if Rc::strong_count(&open) > STREAMS as usize {
                    respond.send_reset(Reason::REFUSED_STREAM);
                    continue;
                }
                // Refused until the client has taken note of the settings before.
                is_narrow = is_narrow || connection.set_initial_window_size(WINDOW).is_ok();
                let (service, open) = (service.clone(), open.clone());
                actix_web::rt::spawn(async move {
                    if let Err(error) = answer(&*service, request, respond, peer).await {
                        tracing::debug!(error = %error, "an answer did not reach its client");
                    }
                    drop(open);
                });
            }
            () = &mut first_head, if !has_asked => return Ok(()),
            () = &mut stopping, if !is_closing => {
                is_closing = true;
                connection.graceful_shutdown();
            }
            _ = look.tick() => {
                let is_idle = Rc::strong_count(&open) == 1 && !was_used;
                was_used = false;
                if is_idle && is_closing {
                    // It has been asked to close and does not answer.
                    return Ok(());
                }
                if is_idle {
                    is_closing = true;
                    connection.graceful_shutdown();
                }
            }
        }
    }
}

/// Has a request served and sends the answer.
async fn answer<S>(
    service: &S,
    request: http_types::Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    peer: Option<SocketAddr>,
) -> Result<(), Error>
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = HttpResponse>,
{
    let is_head = request.method() == http_types::Method::HEAD;
    let served = service.call(as_of_http1(request, peer)).await;
    let response: Response<BoxBody> = served.map_or_else(Into::into, Into::into);
    let (response, body) = response.into_parts();
    let is_empty = is_head || matches!(body.size(), BodySize::None | BodySize::Sized(0));
    let mut head = http_types::Response::new(());
    *head.status_mut() = response.status();
    for (name, value) in response.headers() {
        if *name != CONNECTION && *name != TRANSFER_ENCODING {
            head.headers_mut().append(name, value.clone());
        }
    }
    if let BodySize::Sized(length) = body.size() {
        head.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    if let Ok(now) = Date::now().try_into_value() {
        head.headers_mut().insert(DATE, now);
    }
    if is_empty {
        respond.send_response(head, true)?;
        return Ok(());
    }
    let mut body = pin!(body);
    let mut stream: Option<SendStream<Bytes>> = None;
    while let Some(piece) = poll_fn(|context| body.as_mut().poll_next(context)).await {
        let Ok(piece) = piece else {
            // Nothing of the answer is sent of which nothing can be had: that is a connection that is cut.
            match &mut stream {
                Some(stream) => stream.send_reset(Reason::INTERNAL_ERROR),
                None => respond.send_reset(Reason::INTERNAL_ERROR),
            }
            return Ok(());
        };
        let stream = match &mut stream {
            Some(stream) => stream,
            None => stream.insert(respond.send_response(std::mem::take(&mut head), false)?),
        };
        send(stream, piece).await?;
    }
    match &mut stream {
        Some(stream) => stream.send_data(Bytes::new(), true),
        None => respond.send_response(head, true).map(drop),
    }
}

/// Sends a piece of a body as the client has room for it. One that has none for long is not waited for.
async fn send(stream: &mut SendStream<Bytes>, mut piece: Bytes) -> Result<(), Error> {
    while !piece.is_empty() {
        stream.reserve_capacity(piece.len());
        let room = timeout(KEEP_ALIVE, poll_fn(|context| stream.poll_capacity(context))).await;
        let Ok(Some(room)) = room else {
            stream.send_reset(Reason::CANCEL);
            return Err(Reason::CANCEL.into());
        };
        let room = room?.min(piece.len());
        stream.send_data(piece.split_to(room), false)?;
    }
    Ok(())
}

/// Makes of a request what HTTP/1.1 would have brought: its target is a path, its host a header.
fn as_of_http1(request: http_types::Request<RecvStream>, peer: Option<SocketAddr>) -> Request {
    let (parts, body) = request.into_parts();
    let mut request = Request::with_payload(payload(body));
    let authority =
        parts.uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    let head = request.head_mut();
    head.uri = parts.uri.into_parts().path_and_query.map_or_else(Uri::default, Uri::from);
    head.method = parts.method;
    head.version = Version::HTTP_2;
    head.headers = parts.headers.into();
    if let Some(authority) = authority {
        head.headers.insert(HOST, authority);
    }
    head.peer_addr = peer;
    request
}

/// Returns a body that makes room for more as it is read.
fn payload(mut body: RecvStream) -> Payload {
    if body.is_end_stream() {
        return Payload::None;
    }
    let payload: BoxedPayloadStream = Box::pin(stream::poll_fn(move |context| {
        let piece = ready!(body.poll_data(context));
        let piece = piece.map(|piece| {
            let piece = piece?;
            body.flow_control().release_capacity(piece.len())?;
            Ok(piece)
        });
        Poll::Ready(piece.map(|piece: Result<Bytes, Error>| {
            piece.map_err(|error| PayloadError::Io(std::io::Error::other(error)))
        }))
    }));
    payload.into()
}
