//! The journal: look through it, wait for calls, empty it.

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Value, json as value};

use crate::http::control::error::ControlError;
use crate::http::control::journal::JournalFilter;
use crate::http::control::words::WireDuration;
use crate::http::control::{ControlCall, controlled, json};
use crate::http::error::ApiError;
use crate::http::extract::{Query, whole_number};

/// How many calls an answer shows at most.
const MOST_SHOWN: usize = 1000;
/// The filters that are numbers.
const WHOLE_NUMBERS: [&str; 2] = ["status", "after"];
/// The longest wait.
const LONGEST_WAIT: std::time::Duration = std::time::Duration::from_mins(5);

impl ControlCall {
    /// Reads a filter from the query. What is no filter is refused, as in a body: it must not be taken for "all of them".
    fn query_filter(&self) -> Result<JournalFilter, ControlError> {
        let query = Query::parse(self.request.query_string());
        let members = query.pairs().map(|(name, text)| {
            let number = whole_number(text).filter(|_| WHOLE_NUMBERS.contains(&name));
            (name.to_owned(), number.map_or_else(|| Value::from(text), Value::from))
        });
        serde_path_to_error::deserialize(Value::Object(members.collect()))
            .map_err(|error| ControlError::Invalid(error.to_string().into()))
    }
}

/// `GET /_emulator/requests`: the calls that came lately, filtered by the query.
pub(in crate::http) async fn list(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    controlled(request, body, async |call| {
        let found = call.state()?.journal.find(&call.query_filter()?, MOST_SHOWN);
        Ok(json(&value!({ "requests": found })))
    })
    .await
}

/// `DELETE /_emulator/requests`: forgets the calls that the query lets through.
pub(in crate::http) async fn clear(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    controlled(request, body, async |call| {
        let journal = &call.state()?.journal;
        journal.clear(&call.query_filter()?);
        Ok(json(&value!({ "count": journal.count(&JournalFilter::default()) })))
    })
    .await
}

/// `POST /_emulator/requests/find`: the calls that the body, a filter, lets through.
pub(in crate::http) async fn find(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    controlled(request, body, async |call| {
        let found = call.state()?.journal.find(&call.json()?, MOST_SHOWN);
        Ok(json(&value!({ "requests": found })))
    })
    .await
}

/// `POST /_emulator/requests/count`: how many calls the body, a filter, lets through.
pub(in crate::http) async fn count(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    controlled(request, body, async |call| {
        Ok(json(&value!({ "count": call.state()?.journal.count(&call.json()?) })))
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WaitBody {
    #[serde(default)]
    filter: JournalFilter,
    #[serde(default = "one")]
    count: usize,
    #[serde(default = "five_seconds")]
    timeout: WireDuration,
}

fn one() -> usize {
    1
}

fn five_seconds() -> WireDuration {
    WireDuration(std::time::Duration::from_secs(5))
}

/// `POST /_emulator/requests/wait`: waits until a filter lets enough calls through, or the time is over.
pub(in crate::http) async fn wait(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    controlled(request, body, async |call| {
        let WaitBody { filter, count, timeout } = call.json()?;
        let journal = &call.state()?.journal;
        let matched = journal.wait(&filter, count, timeout.0.min(LONGEST_WAIT)).await;
        let found = journal.find(&filter, MOST_SHOWN);
        Ok(json(&value!({ "matched": matched, "count": journal.count(&filter), "requests": found })))
    })
    .await
}

/// `GET /_emulator/requests/unsupported`: the calls for which there is no operation, or one that is not emulated, filtered by
/// the query.
pub(in crate::http) async fn unsupported(
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, ApiError> {
    controlled(request, body, async |call| {
        Ok(json(
            &value!({ "requests": call.state()?.journal.unsupported(&call.query_filter()?, MOST_SHOWN) }),
        ))
    })
    .await
}
