//! Starting and stopping nodes of an instance, which goes on RUNNING.
//!
//! Source: docs/contract/dcs-v2.md, section 2.4.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::domain::instance::{Instance, InstanceAction};
use crate::domain::refusal::Refusal;

/// Nodes that are to be started or stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSwitch {
    stops: bool,
    /// Which; none: all.
    nodes: Vec<Uuid>,
}

impl NodeSwitch {
    /// Takes what a caller says.
    ///
    /// # Errors
    /// `InvalidAction`; `UnknownNode` for a text that is the id of no node; in this order.
    pub fn new(action: &str, nodes: &[String]) -> Result<Self, Refusal> {
        let stops = match action {
            "start" => false,
            "stop" => true,
            _ => return Err(Refusal::InvalidAction),
        };
        let nodes = nodes.iter().map(|id| Uuid::try_parse(id).map_err(|_| Refusal::UnknownNode));
        Ok(Self { stops, nodes: nodes.collect::<Result<_, _>>()? })
    }

    /// Returns the nodes that are stopped afterwards. What is stopped or started already stays so; that is no mistake.
    ///
    /// # Errors
    /// `UnknownNode`, or the refusal of the instance's state; in this order.
    pub fn applied_to(&self, instance: &Instance) -> Result<BTreeSet<Uuid>, Refusal> {
        let all: BTreeSet<Uuid> = instance.nodes().iter().map(|node| node.id).collect();
        let named: BTreeSet<Uuid> =
            if self.nodes.is_empty() { all.clone() } else { self.nodes.iter().copied().collect() };
        if !named.is_subset(&all) {
            return Err(Refusal::UnknownNode);
        }
        instance.permit(InstanceAction::Configure)?;
        let stopped = &instance.stopped_nodes;
        Ok(if self.stops { stopped | &named } else { stopped - &named })
    }

    /// Returns what the audit says of it.
    pub fn note(&self) -> &'static str {
        if self.stops { "nodes stopped" } else { "nodes started" }
    }
}
