//! Bodies of requests: read in bounds of size, time and memory, or held unread until the answer is sent.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::web::{Bytes, BytesMut};
use actix_web::{HttpMessage, HttpRequest};
use futures_util::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::refusal::Refusal;
use crate::http::connection::Gate;
use crate::http::error::ApiError;

/// How long a body may be, in bytes, without any other having to wait for it. Those of the API are shorter.
const SHORT: usize = 2 * 1024;
/// What all longer bodies hold together, in KiB: as much as 16 of the longest usual ones. A longer one, a whole state for the
/// control API, takes all of it. Nothing is read from the connection of one that waits.
const SHARED_KIB: usize = 16 * 1024;

/// How long a piece of a body is that is taken piece by piece, in bytes.
const PIECE: usize = 1024 * 1024;

/// A request's body that has not been read to its end.
///
/// Known quirk: of chunks that nobody wants, actix reads on without end, and leaves the connection open as long as the client
/// likes. It closes the connection after the answer only if the body has not been dropped by then: so the answer holds it.
pub(super) struct Unread(Payload);

impl Unread {
    /// Keeps the body with its request until somebody takes it.
    pub(super) fn keep(payload: Payload, request: &HttpRequest) {
        request.extensions_mut().insert(Self(payload));
    }

    /// Takes the body of a request, if anything of it has not been read.
    pub(super) fn of(request: &HttpRequest) -> Option<Self> {
        request.extensions_mut().remove()
    }

    /// Makes a body of an answer hold this one.
    pub(super) fn held_by(self, body: BoxBody) -> BoxBody {
        BoxBody::new(Holding { body, _unread: self.0 })
    }
}

/// A body of an answer, and what has not been read of its request.
struct Holding {
    body: BoxBody,
    _unread: Payload,
}

impl MessageBody for Holding {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}

/// The memory that long bodies share, so that many of them at once, sent as slowly as may be, do not fill it.
#[derive(Debug)]
pub(super) struct Bodies {
    patience: Duration,
    memory: Arc<Semaphore>,
}

/// What a long body may hold of the memory; the request has it until it is answered.
struct Reserved {
    _share: OwnedSemaphorePermit,
}

impl Bodies {
    /// Bodies have `patience` to arrive in. Setting `http.body_timeout`.
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, memory: Arc::new(Semaphore::new(SHARED_KIB)) }
    }

    /// Reads the body of a request, of at most so many bytes. Source: docs/decisions/README.md no. 22.
    ///
    /// # Errors
    /// `BodyTooLarge`; `BodyTooSlow`, also if there was no memory for it in all that time; `InvalidBody` if it broke off.
    pub(super) async fn read(&self, request: &HttpRequest, limit: usize) -> Result<Bytes, ApiError> {
        let Some(Unread(mut payload)) = Unread::of(request) else { return Ok(Bytes::new()) };
        let read = tokio::time::timeout(self.patience, self.read_payload(&mut payload, request, limit));
        let body = read.await.unwrap_or(Err(ApiError::BodyTooSlow));
        if body.is_err() {
            Unread::keep(payload, request);
        }
        body
    }

    /// Takes a body of at most so many bytes piece by piece: `take` has a piece before the next one is read. Each has memory of its own and
    /// must arrive in the time that a short body has.
    ///
    /// # Errors
    /// As [`Self::read`]; what `take` returns.
    pub(super) async fn read_pieces<F>(
        &self,
        request: &HttpRequest,
        limit: u64,
        mut take: impl FnMut(Vec<u8>) -> F,
    ) -> Result<(), ApiError>
    where
        F: Future<Output = Result<(), ApiError>>,
    {
        let Some(Unread(mut payload)) = Unread::of(request) else { return Ok(()) };
        let taken = async {
            let mut length = 0;
            loop {
                let next = async {
                    let share = self.reserve(request, PIECE).await?;
                    Ok((next_piece(&mut payload).await?, share))
                };
                let next = tokio::time::timeout(self.patience, next).await;
                // The share is given back when the piece is taken, so that a long file keeps nothing from other bodies.
                let (piece, _share) = next.unwrap_or(Err(ApiError::BodyTooSlow))?;
                if piece.is_empty() {
                    return Ok(());
                }
                length += u64::try_from(piece.len()).unwrap_or(u64::MAX);
                if length > limit {
                    return Err(ApiError::BodyTooLarge);
                }
                take(piece).await?;
            }
        };
        let taken = taken.await;
        if taken.is_err() {
            Unread::keep(payload, request);
        }
        taken
    }

    async fn read_payload(
        &self,
        payload: &mut Payload,
        request: &HttpRequest,
        limit: usize,
    ) -> Result<Bytes, ApiError> {
        let announced = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        let longest = announced.and_then(|length| length.parse::<usize>().ok()).unwrap_or(limit);
        if longest > limit {
            return Err(ApiError::BodyTooLarge);
        }
        let mut body = BytesMut::new();
        let mut is_reserved = announced.is_some() && longest > SHORT;
        if is_reserved {
            self.reserve_until_answered(request, longest).await?;
        }
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| Refusal::InvalidBody)?;
            let length = body.len() + chunk.len();
            if length > limit {
                return Err(ApiError::BodyTooLarge);
            }
            if length > SHORT && !is_reserved {
                self.reserve_until_answered(request, longest).await?;
                is_reserved = true;
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    /// Gives a request memory for a body of so many bytes until it is answered.
    async fn reserve_until_answered(&self, request: &HttpRequest, bytes: usize) -> Result<(), ApiError> {
        let share = self.reserve(request, bytes).await?;
        request.extensions_mut().insert(Reserved { _share: share });
        Ok(())
    }

    /// Returns memory for so many bytes of a body; nothing is read from the request's connection until there is some.
    async fn reserve(&self, request: &HttpRequest, bytes: usize) -> Result<OwnedSemaphorePermit, ApiError> {
        let share = u32::try_from(bytes.div_ceil(1024).min(SHARED_KIB)).unwrap_or(u32::MAX);
        if let Ok(share) = Arc::clone(&self.memory).try_acquire_many_owned(share) {
            return Ok(share);
        }
        let _closed = request.conn_data::<Gate>().map(Gate::close);
        // It is never closed.
        Arc::clone(&self.memory).acquire_many_owned(share).await.map_err(|_| ApiError::Panicked)
    }
}

/// Reads a piece of a body; empty at the end.
async fn next_piece(payload: &mut Payload) -> Result<Vec<u8>, ApiError> {
    let mut piece = Vec::new();
    while piece.len() < PIECE
        && let Some(chunk) = payload.next().await
    {
        piece.extend_from_slice(&chunk.map_err(|_| Refusal::InvalidBody)?);
    }
    Ok(piece)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use actix_web::test::TestRequest;
    use futures_util::stream;

    use super::*;

    #[tokio::test]
    async fn a_long_body_waits_its_turn_between_two_pieces_of_a_file() {
        let bodies = Bodies::new(Duration::from_secs(30));
        let request = TestRequest::default().to_http_request();
        let pieces = stream::iter([0, 1].map(|byte| Ok(Bytes::from(vec![byte; PIECE]))));
        Unread::keep(Payload::Stream { payload: Box::pin(pieces) }, &request);
        let had_all = Arc::new(AtomicBool::new(false));
        let take = |piece: Vec<u8>| {
            let (memory, had_all) = (Arc::clone(&bodies.memory), Arc::clone(&had_all));
            async move {
                if piece[0] == 0 {
                    tokio::spawn(async move {
                        let all = memory.acquire_many(u32::try_from(SHARED_KIB).unwrap()).await;
                        had_all.store(all.is_ok(), Ordering::Relaxed);
                    });
                    tokio::task::yield_now().await;
                } else {
                    assert!(had_all.load(Ordering::Relaxed), "it waits for the end of the file");
                }
                Ok(())
            }
        };
        let read = bodies.read_pieces(&request, u64::MAX, take).await;
        assert!(read.is_ok() && had_all.load(Ordering::Relaxed));
        assert_eq!(bodies.memory.available_permits(), SHARED_KIB);
    }
}
