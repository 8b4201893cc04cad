//! A client's connection: nothing is read from it while nobody has room for what it brings.

use std::cell::RefCell;
use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much is read at a time, in bytes, before what was read is looked at.
///
/// Known quirk: actix-http reads on, up to 128 KiB, before it looks whether anybody takes what it has read.
const READ_AHEAD: usize = 4 * 1024;

/// A connection that is read in small portions, and not at all while its [`Gate`] is closed: TCP makes the client wait.
pub(super) struct Connection<S> {
    stream: S,
    gate: Gate,
    /// How much has been read since what was read was last looked at, in bytes.
    ahead: usize,
    /// How much may still be read, in bytes, if that is bounded.
    #[cfg(feature = "tls")]
    left: Option<usize>,
}

/// Decides whether a connection is read. Requests get to it as their connection's data.
#[derive(Clone, Default)]
pub(super) struct Gate(Rc<RefCell<GateState>>);

#[derive(Default)]
struct GateState {
    is_closed: bool,
    /// Who wanted to read while it was closed.
    reader: Option<Waker>,
}

/// Keeps a gate closed until it is dropped.
pub(super) struct Closed(Gate);

impl Gate {
    /// Has nothing read from the connection as long as the result lives.
    pub(super) fn close(&self) -> Closed {
        self.0.borrow_mut().is_closed = true;
        Closed(self.clone())
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        let mut gate = self.0.0.borrow_mut();
        gate.is_closed = false;
        if let Some(reader) = gate.reader.take() {
            reader.wake();
        }
    }
}

impl<S> Connection<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            gate: Gate::default(),
            ahead: 0,
            #[cfg(feature = "tls")]
            left: None,
        }
    }

    /// As [`Self::new`]; who sends more than so many bytes before the limit is lifted is not read on.
    #[cfg(feature = "tls")]
    pub(super) fn limited(stream: S, bytes: usize) -> Self {
        Self { left: Some(bytes), ..Self::new(stream) }
    }

    #[cfg(feature = "tls")]
    pub(super) fn lift_limit(&mut self) {
        self.left = None;
    }

    pub(super) fn gate(&self) -> Gate {
        self.gate.clone()
    }
}

impl<S: Unpin> Connection<S> {
    fn stream(self: Pin<&mut Self>) -> Pin<&mut S> {
        Pin::new(&mut self.get_mut().stream)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let mut gate = self.gate.0.borrow_mut();
        if gate.is_closed {
            gate.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        drop(gate);
        if self.ahead >= READ_AHEAD {
            self.ahead = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let room = (READ_AHEAD - self.ahead).min(buffer.remaining());
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(room));
        let read = self.as_mut().stream().poll_read(context, &mut part);
        if read.is_pending() {
            self.ahead = 0;
        }
        let length = part.filled().len();
        buffer.advance(length);
        self.ahead += length;
        #[cfg(feature = "tls")]
        if let Some(left) = &mut self.left {
            *left =
                left.checked_sub(length).ok_or_else(|| std::io::Error::other("too much for a handshake"))?;
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        self.stream().poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.stream().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.stream().poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.stream().poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
