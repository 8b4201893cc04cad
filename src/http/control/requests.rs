//! The journal: look through it, wait for calls, empty it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::engine::{DurationText, Text};
use crate::http::control::context::{ControlContext, json};
use crate::http::control::journal::{JournalEntry, JournalFilter};
use crate::http::error::Response;
use crate::http::error::control::ControlError;
use crate::http::extract::{Query, whole_number};
use crate::http::route::{QueryParameter, number, text};

/// How many calls an answer shows at most.
const MAX_SHOWN: usize = 1000;
/// The filters that are numbers.
const WHOLE_NUMBERS: [&str; 2] = ["status", "after"];
/// The longest wait.
const MAX_WAIT: std::time::Duration = std::time::Duration::from_mins(5);

/// What [`ControlContext::query_filter`] reads.
pub(super) const FILTER: &[QueryParameter] = &[
    text("operation", "Only calls of this operation."),
    text("api", "Only calls of this version: v1.0 or v2."),
    text("method", "Only calls with this method."),
    text("project_id", "Only calls about this project."),
    text("instance_id", "Only calls about this instance."),
    number("status", "Only calls that were answered with this status."),
    text("error_code", "Only calls that were answered with this code."),
    text("client", "Only calls of clients with this in their name."),
    text("slower_than", "Only calls that took longer, such as 200ms."),
    number("after", "Only calls after the one with this number."),
];

/// Calls, oldest first.
#[derive(Serialize, ToSchema)]
#[schema(as = Requests)]
pub(super) struct RequestsView {
    requests: Vec<JournalEntry>,
}

/// How many calls there are.
#[derive(Serialize, ToSchema)]
#[schema(as = Count)]
pub(super) struct CountView {
    count: usize,
}

/// How the wait ended, and what had come by then.
#[derive(Serialize, ToSchema)]
pub(super) struct Waited {
    matched: bool,
    count: usize,
    requests: Vec<JournalEntry>,
}

impl ControlContext {
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
pub(super) async fn list(context: ControlContext) -> Response {
    let found = context.state()?.journal.find(&context.query_filter()?, MAX_SHOWN);
    Ok(json(&RequestsView { requests: found }))
}

/// `DELETE /_emulator/requests`: forgets the calls that the query lets through.
pub(super) async fn clear(context: ControlContext) -> Response {
    let journal = &context.state()?.journal;
    journal.clear(&context.query_filter()?);
    Ok(json(&CountView { count: journal.count(&JournalFilter::default()) }))
}

/// `POST /_emulator/requests/find`: the calls that the body, a filter, lets through.
pub(super) async fn find(context: ControlContext) -> Response {
    let found = context.state()?.journal.find(&context.json()?, MAX_SHOWN);
    Ok(json(&RequestsView { requests: found }))
}

/// `POST /_emulator/requests/count`: how many calls the body, a filter, lets through.
pub(super) async fn count(context: ControlContext) -> Response {
    Ok(json(&CountView { count: context.state()?.journal.count(&context.json()?) }))
}

/// What is waited for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Wait)]
pub(super) struct WaitBody {
    #[serde(default)]
    filter: JournalFilter,
    #[serde(default = "one")]
    count: usize,
    #[serde(default = "five_seconds")]
    timeout: DurationText,
}

fn one() -> usize {
    1
}

fn five_seconds() -> DurationText {
    Text(Duration::from_secs(5))
}

/// `POST /_emulator/requests/wait`: waits until a filter lets enough calls through, or the time is over.
pub(super) async fn wait(context: ControlContext) -> Response {
    let WaitBody { filter, count, timeout } = context.json()?;
    let journal = &context.state()?.journal;
    let matched = journal.wait(&filter, count, timeout.0.min(MAX_WAIT)).await;
    let found = journal.find(&filter, MAX_SHOWN);
    Ok(json(&Waited { matched, count: journal.count(&filter), requests: found }))
}

/// `GET /_emulator/requests/unsupported`: the calls for which there is no operation, filtered by
/// the query.
pub(super) async fn unsupported(context: ControlContext) -> Response {
    Ok(json(&RequestsView {
        requests: context.state()?.journal.unsupported(&context.query_filter()?, MAX_SHOWN),
    }))
}
