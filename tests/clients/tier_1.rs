//! Every operation that is emulated in full, as huaweicloudsdkdcs sends it: what `huawei_tier_1.py` saw.

use libtest_mimic::Failed;
use serde_json::json;

use crate::expect::{same, same_json};
use crate::session::{PROJECT, Session};

/// What the SDK's models have and answers leave out: an order that there is not, as a client would wait for one.
const LEFT_OUT: [&str; 1] = ["CreateInstanceResponse.order_id is missing"];

/// The SDK calls every operation that it has, makes of every answer exactly what was sent, and finds what it set.
pub(crate) fn huawei_sdk(session: &Session) -> Result<(), Failed> {
    let seen = session.script("huawei_tier_1.py", &[session.url(), PROJECT])?;
    same_json("what is emulated and never called", &seen["never_called"], &json!([]))?;
    same_json("what is called and not the SDK's", &seen["not_in_the_sdk"], &json!([]))?;
    same_json("what the SDK reads otherwise than it was sent", &seen["differences"], &json!(LEFT_OUT))?;
    same_json("what is not as it was set", &seen["unlike"], &json!([]))?;
    same("whether many operations were called", &(seen["called"].as_u64() > Some(50)), &true)
}
