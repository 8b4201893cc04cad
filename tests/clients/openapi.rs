//! The description of the API, as a validator reads it.

use libtest_mimic::Failed;
use serde_json::json;

use crate::expect::same_json;
use crate::session::Session;

/// openapi-spec-validator finds nothing wrong with the document.
pub(crate) fn validator(session: &Session) -> Result<(), Failed> {
    let seen = session.script("openapi_validator.py", &[session.url()])?;
    same_json("the version", &seen["version"], &json!("3.1"))?;
    same_json("what is wrong", &seen["wrong"], &json!([]))
}
