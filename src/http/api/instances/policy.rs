//! Backup policies as both versions of the API show them.
//!
//! Known quirk: clients read the policy in two places, so it stands in both: by itself, as the pages of v1.0 have it, and below
//! `policy`.
//!
//! Source: docs/contract/dcs-v1.0.md, section 2.8; docs/contract/dcs-v2.md, section 4.1.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::backup::BackupKind;
use crate::domain::id::ProjectId;
use crate::domain::instance::policy::{BackupPlan, BackupPolicy, StoredPolicy};
use crate::http::time::rfc3339;

/// A policy, with what the service says of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct PolicyView {
    backup_policy_id: String,
    created_at: String,
    updated_at: String,
    tenant_id: String,
    policy: ContentView,
    #[serde(flatten)]
    flat: ContentView,
}

#[derive(Clone, Serialize, ToSchema)]
struct ContentView {
    backup_type: &'static str,
    save_days: Option<u8>,
    periodical_backup_plan: Option<PlanView>,
}

#[derive(Clone, Serialize, ToSchema)]
struct PlanView {
    timezone_offset: String,
    backup_at: Vec<u8>,
    period_type: &'static str,
    begin_at: String,
}

impl PolicyView {
    /// Shows a policy of an instance of a project.
    pub(crate) fn new(kept: &StoredPolicy, project_id: ProjectId) -> Self {
        let content = ContentView::of(&kept.policy);
        Self {
            backup_policy_id: kept.id.to_string(),
            created_at: rfc3339(kept.created_at),
            updated_at: rfc3339(kept.updated_at),
            tenant_id: project_id.to_string(),
            policy: content.clone(),
            flat: content,
        }
    }
}

impl ContentView {
    fn of(policy: &BackupPolicy) -> Self {
        Self {
            backup_type: match policy.kind {
                BackupKind::Automatic => "auto",
                BackupKind::Manual => "manual",
            },
            save_days: policy.save_days,
            periodical_backup_plan: policy.plan.as_ref().map(PlanView::of),
        }
    }
}

impl PlanView {
    fn of(plan: &BackupPlan) -> Self {
        Self {
            timezone_offset: plan.timezone_offset().to_owned(),
            backup_at: plan.days().to_vec(),
            period_type: BackupPlan::PERIOD,
            begin_at: plan.window().as_str().to_owned(),
        }
    }
}
