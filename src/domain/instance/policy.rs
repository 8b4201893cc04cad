//! When an instance is backed up by itself: kept and shown as it was sent.
//!
//! Source: docs/contract/dcs-v1.0.md, section 2.7.1; docs/contract/dcs-v2.md, sections 2.1 and 2.3.

use uuid::Uuid;

use crate::domain::refusal::{PolicyPart, Refusal};
use crate::domain::time::{Timestamp, UtcOffset};

/// Who asked for a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupKind {
    /// A caller.
    Manual,
    /// The instance's backup policy.
    Automatic,
}

impl BackupKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Manual, Self::Automatic];

    /// Returns the word that the API shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Automatic => "auto",
        }
    }
}

/// A policy as it was sent, its texts not looked at yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyRequest {
    /// `backup_type`.
    pub backup_type: Option<String>,
    /// `save_days`; a number that none is stands for what is no number.
    pub save_days: Option<u64>,
    /// `periodical_backup_plan`.
    pub plan: Option<PlanRequest>,
}

/// A plan as it was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanRequest {
    /// `begin_at`.
    pub begin_at: Option<String>,
    /// `period_type`.
    pub period_type: Option<String>,
    /// `backup_at`.
    pub backup_at: Vec<u64>,
    /// `timezone_offset`.
    pub timezone_offset: Option<String>,
}

/// When an instance is backed up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupPolicy {
    /// Whether backups are made by themselves, or only when somebody asks.
    pub kind: BackupKind,
    /// For how many days those made by themselves are kept.
    pub save_days: Option<u8>,
    /// On which days, and when.
    pub plan: Option<BackupPlan>,
}

/// On which days of a week backups are made, and in which hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupPlan {
    window: BackupWindow,
    days: Vec<u8>,
    timezone_offset: String,
    offset: UtcOffset,
}

/// The hour of a day in which backups are made, `HH:00-HH:00`; midnight at its end is `00:00` or `24:00`, as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupWindow {
    text: String,
    begin_hour: u8,
}

/// The text is no window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a window of one whole hour, such as 02:00-03:00")]
pub struct InvalidBackupWindow;

impl BackupWindow {
    /// Returns the window as it was sent.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the hour at which it begins.
    pub fn begin_hour(&self) -> u8 {
        self.begin_hour
    }
}

impl std::str::FromStr for BackupWindow {
    type Err = InvalidBackupWindow;

    fn from_str(text: &str) -> Result<Self, InvalidBackupWindow> {
        let begin_hour = (0..HOURS).find(|hour| {
            let ends = |end: u8| text == format!("{hour:02}:00-{end:02}:00");
            ends(hour + 1) || (hour + 1 == HOURS && ends(0))
        });
        let begin_hour = begin_hour.ok_or(InvalidBackupWindow)?;
        Ok(Self { text: text.to_owned(), begin_hour })
    }
}

/// For how many days backups can be kept.
pub const SAVE_DAYS: std::ops::RangeInclusive<u8> = 1..=7;
const DAYS: std::ops::RangeInclusive<u64> = 1..=7;
const HOURS: u8 = 24;

impl BackupPlan {
    /// The only period there is.
    pub const PERIOD: &str = "weekly";

    /// Takes a plan as it was sent.
    ///
    /// # Errors
    /// `InvalidBackupPolicy`.
    pub fn new(sent: PlanRequest, default_offset: UtcOffset) -> Result<Self, Refusal> {
        let refused = Refusal::InvalidBackupPolicy;
        let window = sent.begin_at.and_then(|text| text.parse().ok());
        let window = window.ok_or(refused(PolicyPart::BeginAt))?;
        if sent.period_type.as_deref() != Some(Self::PERIOD) {
            return Err(refused(PolicyPart::PeriodType));
        }
        let day = |day: u64| u8::try_from(day).ok().filter(|_| DAYS.contains(&day));
        let days: Option<Vec<u8>> = sent.backup_at.into_iter().map(day).collect();
        let days = days.filter(|days| !days.is_empty()).ok_or(refused(PolicyPart::BackupAt))?;
        let default_offset = default_offset.to_string().replace(':', "");
        let timezone_offset = sent.timezone_offset.filter(|text| !text.is_empty()).unwrap_or(default_offset);
        let offset = zone(&timezone_offset).ok_or(refused(PolicyPart::BeginAt))?;
        Ok(Self { window, days, timezone_offset, offset })
    }

    /// Returns the window.
    pub fn window(&self) -> &BackupWindow {
        &self.window
    }

    /// Returns the days, 1 Monday to 7 Sunday, in the order in which they were sent.
    pub fn days(&self) -> &[u8] {
        &self.days
    }

    /// Returns the zone of the window and the days, such as `+0800`.
    pub fn timezone_offset(&self) -> &str {
        &self.timezone_offset
    }

    /// Returns the zone of the window and the days.
    pub fn offset(&self) -> UtcOffset {
        self.offset
    }
}

/// Reads `+0800`, at most twelve hours either way.
fn zone(text: &str) -> Option<UtcOffset> {
    const TWELVE_HOURS: i16 = 12 * 60;
    let (hours, minutes) = text.split_at_checked(3)?;
    let offset: UtcOffset = format!("{hours}:{minutes}").parse().ok()?;
    (offset.as_minutes().abs() <= TWELVE_HOURS).then_some(offset)
}

impl BackupPolicy {
    /// Takes a policy as it was sent; `None` if nothing was said in it. Without a type it is manual.
    ///
    /// # Errors
    /// `InvalidBackupPolicy`.
    pub fn new(sent: PolicyRequest, default_offset: UtcOffset) -> Result<Option<Self>, Refusal> {
        if sent == PolicyRequest::default() {
            return Ok(None);
        }
        let refused = Refusal::InvalidBackupPolicy;
        let kind = match sent.backup_type.as_deref() {
            None | Some("" | "manual") => BackupKind::Manual,
            Some("auto") => BackupKind::Automatic,
            Some(_) => return Err(refused(PolicyPart::BackupType)),
        };
        let in_range = |days: u64| u8::try_from(days).ok().filter(|days| SAVE_DAYS.contains(days));
        let save_days = match sent.save_days.map(in_range) {
            Some(Some(days)) => Some(days),
            None if kind == BackupKind::Manual => None,
            _ => return Err(refused(PolicyPart::SaveDays)),
        };
        let plan = match sent.plan.filter(|plan| *plan != PlanRequest::default()) {
            Some(plan) => Some(BackupPlan::new(plan, default_offset)?),
            None if kind == BackupKind::Manual => None,
            None => return Err(refused(PolicyPart::BeginAt)),
        };
        Ok(Some(Self { kind, save_days, plan }))
    }

    /// Returns whether backups are made by it.
    pub fn is_automatic(&self) -> bool {
        self.kind == BackupKind::Automatic
    }
}

/// A policy of an instance, with what the service says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPolicy {
    /// Its id. It stays when the policy is replaced.
    pub id: Uuid,
    /// The policy.
    pub policy: BackupPolicy,
    /// When the instance got its first policy.
    pub created_at: Timestamp,
    /// When it got this one.
    pub updated_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent() -> PolicyRequest {
        PolicyRequest {
            backup_type: Some("auto".to_owned()),
            save_days: Some(3),
            plan: Some(PlanRequest {
                begin_at: Some("23:00-00:00".to_owned()),
                period_type: Some("weekly".to_owned()),
                backup_at: vec![7, 1],
                timezone_offset: Some("-0330".to_owned()),
            }),
        }
    }

    fn new(sent: PolicyRequest) -> Result<Option<BackupPolicy>, Refusal> {
        BackupPolicy::new(sent, UtcOffset::from_minutes(480).unwrap())
    }

    #[test]
    fn a_policy_is_kept_as_it_was_sent() {
        let plan = new(sent()).unwrap().unwrap().plan.unwrap();
        assert_eq!((plan.window().as_str(), plan.window().begin_hour()), ("23:00-00:00", 23));
        assert_eq!((plan.days(), plan.timezone_offset()), (&[7, 1][..], "-0330"));
        assert_eq!(plan.offset().as_minutes(), -210);
        let mut without_zone = sent();
        without_zone.plan.as_mut().unwrap().timezone_offset = None;
        assert_eq!(new(without_zone).unwrap().unwrap().plan.unwrap().timezone_offset(), "+0800");
    }

    #[test]
    fn nothing_said_is_no_policy_and_no_type_is_manual() {
        assert_eq!(new(PolicyRequest::default()), Ok(None));
        let manual = new(PolicyRequest { backup_type: Some(String::new()), ..PolicyRequest::default() })
            .unwrap()
            .unwrap();
        assert_eq!(manual, BackupPolicy { kind: BackupKind::Manual, save_days: None, plan: None });
    }

    #[test]
    fn each_part_has_its_own_refusal() {
        use PolicyPart as Part;
        let changed = |change: fn(&mut PolicyRequest)| {
            let mut policy = sent();
            change(&mut policy);
            new(policy).unwrap_err()
        };
        let plan = |change: fn(&mut PlanRequest)| {
            let mut policy = sent();
            change(policy.plan.as_mut().unwrap());
            new(policy).unwrap_err()
        };
        for (refusal, part) in [
            (changed(|policy| policy.backup_type = Some("daily".to_owned())), Part::BackupType),
            (changed(|policy| policy.save_days = Some(8)), Part::SaveDays),
            (changed(|policy| policy.save_days = None), Part::SaveDays),
            (changed(|policy| policy.plan = None), Part::BeginAt),
            (plan(|plan| plan.begin_at = Some("00:30-01:30".to_owned())), Part::BeginAt),
            (plan(|plan| plan.begin_at = Some("00:00-02:00".to_owned())), Part::BeginAt),
            (plan(|plan| plan.period_type = Some("daily".to_owned())), Part::PeriodType),
            (plan(|plan| plan.backup_at = vec![]), Part::BackupAt),
            (plan(|plan| plan.backup_at = vec![8]), Part::BackupAt),
            (plan(|plan| plan.timezone_offset = Some("+1300".to_owned())), Part::BeginAt),
        ] {
            assert_eq!(refusal, Refusal::InvalidBackupPolicy(part));
        }
    }
}
