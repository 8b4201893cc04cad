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

/// schemathesis makes calls of what the document says, of whole and of broken ones, and finds no status, no media type and no body that
/// the document does not name, and nothing that fails inside. What deletes instances is called last: else there is nothing to call about.
pub(crate) fn schemathesis(session: &Session) -> Result<(), Failed> {
    let deletes = ["--include-operation-id-regex", "^delete_instances?_v"];
    let others = ["--exclude-operation-id-regex", "^delete_instances?_v"];
    for filter in [others, deletes] {
        let printed = session.schemathesis(&filter)?;
        if !printed.succeeded {
            return Err(format!("{}{}", printed.stdout, printed.stderr).into());
        }
        // Without a filter that fits it would call nothing, and find nothing wrong.
        if !printed.stdout.contains("No issues found") {
            return Err(format!("it has not said that it found nothing:\n{}", printed.stdout).into());
        }
    }
    Ok(())
}
