//! Changes of an instance that wait for its window of maintenance.
//!
//! Meanwhile the instance goes on RUNNING and permits whatever else it does. When the window opens the change is judged anew, as if it
//! were asked for then: what is not possible any more has failed; an instance that is busy is tried again, an hour later while the
//! window is open, else when it opens next.
//!
//! Source: docs/contract/dcs-v2.md, sections 2.5 and 2.20, `execute_immediately`.

use crate::domain::instance::ResizeOrder;

/// A change that may wait, as its caller said it.
#[derive(Clone, Debug)]
pub enum WaitingChange {
    /// Get another size.
    Size(ResizeOrder),
    /// Be in other zones, which are named by code or id.
    Zones(Vec<String>),
}
