//! Stubs: operations that answer an empty or derived result, or are refused. They are rows of a table, served by one handler.
//!
//! What only reads answers truthfully: that there is nothing of the kind, or what follows from the instance. What would change
//! a thing that is not there is refused, and says so. Adding one is adding a row to [`table`]; emulating one is removing it there
//! and adding it like any other (see `ARCHITECTURE.md`).
//!
//! Source: docs/contract/dcs-v2.md, section 3.

mod derived;
pub(in crate::http) mod monitored;
mod table;

use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::http::header::ContentType;
use serde_json::Value;

use crate::domain::instance::Instance;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::engine::{Engine, InstanceRef};
use crate::http::api::v2;
use crate::http::context::{Call, InstanceCall, ProjectCall, Target};
use crate::http::error::ApiError;
use crate::http::error::codes::{self, ErrorCode};
use crate::http::openapi::describe::{Description, Family, QueryParameter, describe, text};
use crate::http::operation::{self, Operation};

/// Describes the operations: every row says what it does.
pub(in crate::http) fn family() -> Family {
    let monitored: QueryParameter = text("dim_name", "What is monitored: `dcs_instance_id`.").required();
    let monitored = vec![
        describe(&operation::LIST_MONITORED, "Lists the instances that can be monitored")
            .query(&[monitored])
            .query(v2::PAGE_QUERY)
            .answers_any(200, "application/json"),
        describe(&operation::LIST_MONITORED_PARTS, "Lists what of an instance can be monitored")
            .query(&[monitored])
            .answers_any(200, "application/json"),
    ];
    Family {
        name: "Stubs",
        about: "What clients may ask for although it is beside what is emulated.",
        operations: literal_rows().chain(rows()).map(Row::described).chain(monitored).collect(),
    }
}

/// A row of the table.
pub(in crate::http) struct Row {
    /// What is asked for.
    pub(in crate::http) operation: Operation,
    /// The method.
    pub(in crate::http) method: Method,
    /// The path, with placeholders in braces.
    pub(in crate::http) path: &'static str,
    /// What it does, in a few words.
    pub(in crate::http) about: &'static str,
    /// Parameters of the query that must be there.
    needs: &'static [&'static str],
    /// What is answered.
    reply: Reply,
}

/// What a row answers.
pub(in crate::http) enum Reply {
    /// Always this JSON document, but for the id of the instance in it.
    Always(&'static str),
    /// What follows from the instance.
    OfInstance(fn(&Asked) -> Value),
    /// That what the path names is not there: nothing makes one.
    Unknown(&'static ErrorCode),
    /// The same, where the tables have no code for it: that a parameter, this one, is wrong.
    UnknownParameter(&'static str),
    /// That it is not emulated.
    NotEmulated,
}

/// What an answer follows from.
pub(in crate::http) struct Asked<'a> {
    instance: &'a Instance,
    now: Timestamp,
    call: &'a Call,
}

impl Row {
    /// Returns the row of an operation that only reads.
    const fn reads(
        name: &'static str,
        method: Method,
        path: &'static str,
        about: &'static str,
        reply: Reply,
    ) -> Self {
        Self::reads_given(&[], name, method, path, about, reply)
    }

    /// Returns the row of an operation that only reads, with parameters that must be there.
    const fn reads_given(
        needs: &'static [&'static str],
        name: &'static str,
        method: Method,
        path: &'static str,
        about: &'static str,
        reply: Reply,
    ) -> Self {
        Self { operation: Operation::read_only(name, "dcs:instance:get"), method, path, about, needs, reply }
    }

    /// Returns the row of an operation that is refused.
    const fn refused(name: &'static str, method: Method, path: &'static str, about: &'static str) -> Self {
        let operation = Operation::not_emulated(name, "dcs:instance:modify");
        Self { operation, method, path, about, needs: &[], reply: Reply::NotEmulated }
    }
}

/// Returns the rows that must stand before the routes of instances.
pub(in crate::http) fn literal_rows() -> impl Iterator<Item = &'static Row> {
    table::LITERAL.iter()
}

/// Returns all other rows.
pub(in crate::http) fn rows() -> impl Iterator<Item = &'static Row> {
    table::TABLE.iter()
}

/// Serves every row. Whoever may not ask, or asks about what is not there, learns that first, as everywhere.
pub(in crate::http) async fn serve(engine: Engine, call: ProjectCall) -> Result<HttpResponse, ApiError> {
    let row = literal_rows().chain(rows()).find(|row| call.call.asks_for(&row.operation));
    let row = row.ok_or(ApiError::UnknownRoute)?;
    if row.path.contains("{instance_id}") {
        let InstanceCall { call, instance } = InstanceCall::read(call.project_id, call.call)?;
        return row.answer_about(engine, call, instance).await;
    }
    row.require(&call.call)?;
    row.answer(None)
}

impl Row {
    /// Describes the operation.
    fn described(&'static self) -> Description {
        let needs: Vec<QueryParameter> = self.needs.iter().map(|name| text(name, "").required()).collect();
        let said = describe(&self.operation, self.about).query(&needs);
        match self.reply {
            Reply::Always(_) | Reply::OfInstance(_) => said.answers_any(200, "application/json"),
            Reply::Unknown(_) | Reply::UnknownParameter(_) | Reply::NotEmulated => said.always_refused(),
        }
    }

    /// Answers a call about an instance.
    async fn answer_about(
        &self,
        engine: Engine,
        call: Call,
        instance: InstanceRef,
    ) -> Result<HttpResponse, ApiError> {
        let found = engine.get_instance(instance).await;
        let (instance, now) = found.map_err(ApiError::failing_with(&codes::INSTANCE_QUERY_FAILED))?;
        self.require(&call)?;
        self.answer(Some(&Asked { instance: &instance, now, call: &call }))
    }

    /// Makes sure that the parameters are there that must be.
    fn require(&self, call: &Call) -> Result<(), ApiError> {
        match self.needs.iter().find(|name| call.query.get(name).is_none()) {
            Some(name) => Err(ApiError::MissingQuery { name }),
            None => Ok(()),
        }
    }

    fn answer(&self, asked: Option<&Asked>) -> Result<HttpResponse, ApiError> {
        match (&self.reply, asked) {
            (Reply::Always(document), Some(asked)) => {
                Ok(json(document.replace("{instance_id}", &asked.instance.id.to_string())))
            }
            (Reply::Always(document), None) => Ok(json((*document).to_owned())),
            (Reply::OfInstance(derive), Some(asked)) => Ok(HttpResponse::Ok().json(derive(asked))),
            (Reply::OfInstance(_), None) => Err(ApiError::UnknownRoute),
            (Reply::Unknown(code), _) => Err(ApiError::Unknown { code }),
            (Reply::UnknownParameter(name), _) => Err(Refusal::InvalidParameter { name }.into()),
            (Reply::NotEmulated, _) => Err(ApiError::NotEmulated { what: self.about }),
        }
    }
}

fn json(document: String) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(document)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::operation::Emulation;

    #[test]
    fn every_row_is_whole() {
        for row in literal_rows().chain(rows()) {
            let name = row.operation.name;
            match row.reply {
                Reply::Always(document) => {
                    assert!(serde_json::from_str::<Value>(document).is_ok(), "{name}");
                    let knows_instance = row.path.contains("{instance_id}");
                    assert!(knows_instance || !document.contains("{instance_id}"), "{name}");
                }
                Reply::OfInstance(_) => assert!(row.path.contains("{instance_id}"), "{name}"),
                Reply::Unknown(code) => assert_eq!(code.status, 400, "{name}"),
                Reply::UnknownParameter(_) => {}
                Reply::NotEmulated => assert!(row.needs.is_empty(), "{name}"),
            }
            let refused = matches!(row.reply, Reply::NotEmulated);
            assert_eq!(refused, row.operation.emulation == Emulation::None, "{name}");
        }
    }

    #[test]
    fn there_are_as_many_as_the_contract_has() {
        // With the two of `monitored`.
        assert_eq!(literal_rows().chain(rows()).count() + 7, 79);
    }
}
