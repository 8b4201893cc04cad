//! The load generator: keep-alive connections on one thread, each sending its next request when the last is answered.
//!
//! It is a loop over tokio sockets with `httparse`, not one of the known load tools: the generator shares two processors
//! with the server, so each microsecond it spends counts against both sides of every ratio. `wrk` is as lean, but it is a C
//! program that a newcomer would have to install; `oha` and the like spend several times as much a request on a general
//! HTTP client. Two system calls a request (write, read) is what is left here.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Outcome;

/// Which measurement a request belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Create,
    List,
}

/// A request, ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    kind: Kind,
    bytes: Vec<u8>,
}

impl Request {
    /// Records a backup.
    pub(crate) fn create(path: &str) -> Self {
        const BODY: &str = r#"{"remark": "nightly backup before the release"}"#;
        Self::of_body(path, BODY)
    }

    /// Posts a document.
    pub(crate) fn post(path: &str, body: &serde_json::Value) -> Self {
        Self::of_body(path, &body.to_string())
    }

    fn of_body(path: &str, body: &str) -> Self {
        let bytes = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        Self { kind: Kind::Create, bytes: bytes.into_bytes() }
    }

    /// Reads something.
    pub(crate) fn get(path_and_query: &str, headers: &[(&str, &str)]) -> Self {
        let mut head = vec![format!("GET {path_and_query} HTTP/1.1"), "Host: localhost".to_owned()];
        head.extend(headers.iter().map(|(name, value)| format!("{name}: {value}")));
        Self { kind: Kind::List, bytes: (head.join("\r\n") + "\r\n\r\n").into_bytes() }
    }
}

/// What a period of load showed.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    creates: Latencies,
    lists: Latencies,
    took: Duration,
}

impl Observed {
    pub(crate) fn of(&self, kind: Kind) -> &Latencies {
        match kind {
            Kind::Create => &self.creates,
            Kind::List => &self.lists,
        }
    }

    /// Returns the answered requests of a kind a second.
    pub(crate) fn rate(&self, kind: Kind) -> f64 {
        self.of(kind).count_f64() / self.took.as_secs_f64()
    }

    fn push(&mut self, kind: Kind, latency: Duration) {
        match kind {
            Kind::Create => self.creates.push(latency),
            Kind::List => self.lists.push(latency),
        }
    }
}

/// How long each of many requests took.
#[derive(Debug, Default)]
pub(crate) struct Latencies(Vec<u32>);

impl Latencies {
    /// Puts those of several rounds together.
    pub(crate) fn of_rounds<'l>(rounds: impl Iterator<Item = &'l Self>) -> Self {
        Self(rounds.flat_map(|round| round.0.iter().copied()).collect())
    }

    pub(crate) fn push(&mut self, took: Duration) {
        self.0.push(u32::try_from(took.as_nanos()).unwrap_or(u32::MAX));
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    fn count_f64(&self) -> f64 {
        f64::from(u32::try_from(self.0.len()).unwrap_or(u32::MAX))
    }

    /// Returns the microseconds that `per_mille` of a thousand requests did not exceed.
    pub(crate) fn micros(&self, per_mille: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let position = (sorted.len() * per_mille / 1000).min(sorted.len().saturating_sub(1));
        sorted.get(position).map_or(f64::NAN, |nanos| f64::from(*nanos) / 1000.0)
    }
}

/// Sends the requests of `script` over and over, on each of `connections`, for `period`.
///
/// Each connection begins at another place of the script, so that requests of all kinds are under way at any time. An
/// answer that is no success is an error: refusals are cheaper than what is to be measured.
pub(crate) async fn drive(
    address: SocketAddr,
    connections: usize,
    script: &[Request],
    period: Duration,
) -> Outcome<Observed> {
    let mut streams = Vec::with_capacity(connections);
    for _ in 0..connections {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    drive_over(streams, script, period).await
}

/// As [`drive`], on connections that are there.
pub(crate) async fn drive_over<S>(streams: Vec<S>, script: &[Request], period: Duration) -> Outcome<Observed>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let begun = Instant::now();
    let until = begun + period;
    let mut tasks = tokio::task::JoinSet::new();
    for (index, stream) in streams.into_iter().enumerate() {
        let script = script.to_vec();
        tasks.spawn(async move { Connection::new(stream).repeat(&script, index, until).await });
    }
    let mut observed = Observed::default();
    while let Some(done) = tasks.join_next().await {
        let part = done??;
        observed.creates.0.extend(part.creates.0);
        observed.lists.0.extend(part.lists.0);
    }
    observed.took = begun.elapsed();
    Ok(observed)
}

struct Connection<S> {
    stream: S,
    buffer: Vec<u8>,
    filled: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    fn new(stream: S) -> Self {
        Self { stream, buffer: vec![0; 16 * 1024], filled: 0 }
    }

    async fn repeat(mut self, script: &[Request], first: usize, until: Instant) -> Outcome<Observed> {
        let mut observed = Observed::default();
        let mut sent_at = Instant::now();
        for request in script.iter().cycle().skip(first % script.len()) {
            self.stream.write_all(&request.bytes).await?;
            self.receive().await?;
            let answered_at = Instant::now();
            observed.push(request.kind, answered_at - sent_at);
            sent_at = answered_at;
            if answered_at >= until {
                break;
            }
        }
        Ok(observed)
    }

    /// Reads one whole response.
    async fn receive(&mut self) -> Outcome<()> {
        self.filled = 0;
        loop {
            if self.filled == self.buffer.len() {
                self.buffer.resize(self.buffer.len() * 2, 0);
            }
            let read = self.stream.read(&mut self.buffer[self.filled..]).await?;
            if read == 0 {
                return Err("the server closed a connection".into());
            }
            self.filled += read;
            let Some((status, length)) = response_head(&self.buffer[..self.filled])? else { continue };
            if self.filled < length {
                continue;
            }
            if !(200..300).contains(&status) {
                return Err(String::from_utf8_lossy(&self.buffer[..self.filled]).into());
            }
            return Ok(());
        }
    }
}

/// Returns status and length of the response that begins with `bytes`, once its head is complete.
fn response_head(bytes: &[u8]) -> Outcome<Option<(u16, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head_length) = response.parse(bytes)? else { return Ok(None) };
    let body_length = response
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
        .and_then(|header| std::str::from_utf8(header.value).ok()?.parse::<usize>().ok())
        .ok_or("a response without a length")?;
    Ok(Some((response.code.unwrap_or(0), head_length + body_length)))
}
