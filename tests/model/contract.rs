//! The contract, as a list kept by hand: who may do what, and what is shown then.

use std::collections::BTreeMap;

use crate::step::{Api, INSTANCES, Kind, Life, Question};

/// How each instance keeps its data.
pub(crate) const MODES: [&str; INSTANCES] = ["ha", "ha_rw_split", "cluster", "single"];

/// Why something is refused.
pub(crate) type Code = &'static str;

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Waiting,
    Running,
    Done,
}

/// A record. Times are in milliseconds after the beginning.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) remark: Option<String>,
    pub(crate) created: i64,
    starts: i64,
    finishes: i64,
    phase: Phase,
    deleted: bool,
    /// The place of the backup that a restore comes from.
    pub(crate) source: Option<usize>,
}

impl Record {
    fn reconcile(&mut self, now: i64) {
        if self.phase == Phase::Waiting && self.starts <= now {
            self.phase = Phase::Running;
        }
        if self.phase == Phase::Running && self.finishes <= now {
            self.phase = Phase::Done;
        }
    }

    fn is_open(&self) -> bool {
        self.phase != Phase::Done
    }

    pub(crate) fn is_usable(&self) -> bool {
        self.phase == Phase::Done && !self.deleted
    }

    pub(crate) fn status(&self) -> &'static str {
        match (self.phase, self.source) {
            _ if self.deleted => "deleted",
            (Phase::Waiting, _) => "waiting",
            (Phase::Running, None) => "backuping",
            (Phase::Running, Some(_)) => "restoring",
            (Phase::Done, _) => "succeed",
        }
    }

    /// When its work started, if it has.
    pub(crate) fn started(&self) -> Option<i64> {
        (self.phase != Phase::Waiting).then_some(self.starts)
    }

    /// When its work ended, if it has.
    pub(crate) fn finished(&self) -> Option<i64> {
        (self.phase == Phase::Done).then_some(self.finishes)
    }
}

/// An instance with its records, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Instance {
    pub(crate) backups: Vec<Record>,
    pub(crate) restores: Vec<Record>,
}

impl Instance {
    pub(crate) fn records(&self, kind: Kind) -> &[Record] {
        match kind {
            Kind::Backup => &self.backups,
            Kind::Restore => &self.restores,
        }
    }

    /// Returns the place of a backup by how far back it is.
    pub(crate) fn place(&self, back: usize) -> Option<usize> {
        self.backups.len().checked_sub(back + 1)
    }

    fn open_restore(&self) -> Option<&Record> {
        self.restores.last().filter(|restore| restore.is_open())
    }

    pub(crate) fn status(&self) -> &'static str {
        if self.open_restore().is_some() { "RESTORING" } else { "RUNNING" }
    }

    fn is_in_use(&self, place: usize) -> bool {
        self.open_restore().is_some_and(|restore| restore.source == Some(place))
    }
}

/// All there is.
#[derive(Debug)]
pub(crate) struct Contract {
    pub(crate) instances: [Instance; INSTANCES],
    pub(crate) now: i64,
    backup_ms: u64,
    restore_ms: u64,
}

impl Contract {
    pub(crate) fn new(life: &Life) -> Self {
        Self { instances: Default::default(), now: 0, backup_ms: life.backup_ms, restore_ms: life.restore_ms }
    }

    /// Moves the clock, and does what is due.
    pub(crate) fn pass(&mut self, millis: i64) {
        self.now += millis;
        for instance in &mut self.instances {
            for record in instance.backups.iter_mut().chain(&mut instance.restores) {
                record.reconcile(self.now);
            }
        }
    }

    fn permit_work(&self, instance: usize, api: Api) -> Result<(), Code> {
        match (MODES[instance], api) {
            ("single", _) | ("cluster", Api::V1) => return Err("DCS.4086"),
            _ => {}
        }
        let instance = &self.instances[instance];
        if instance.open_restore().is_some() {
            return Err("DCS.4097");
        }
        match instance.backups.last() {
            Some(backup) if backup.is_open() => Err("DCS.4096"),
            _ => Ok(()),
        }
    }

    pub(crate) fn may_create(&self, instance: usize, api: Api) -> Result<(), Code> {
        self.permit_work(instance, api)
    }

    pub(crate) fn may_restore(&self, instance: usize, api: Api, place: usize) -> Result<(), Code> {
        self.permit_work(instance, api)?;
        if self.instances[instance].backups[place].is_usable() { Ok(()) } else { Err("DCS.4087") }
    }

    pub(crate) fn may_delete(&self, instance: usize, place: usize) -> Result<(), Code> {
        let instance = &self.instances[instance];
        match &instance.backups[place] {
            _ if instance.is_in_use(place) => Err("DCS.4097"),
            backup if backup.is_open() => Err("DCS.4096"),
            _ => Ok(()),
        }
    }

    pub(crate) fn may_link(&self, instance: usize, place: usize) -> Result<(), Code> {
        let instance = &self.instances[instance];
        match &instance.backups[place] {
            _ if instance.is_in_use(place) => Err("DCS.4097"),
            backup if backup.is_usable() => Ok(()),
            _ => Err("DCS.4087"),
        }
    }

    pub(crate) fn create(&mut self, instance: usize, id: String, remark: Option<String>) {
        let (now, duration) = (self.now, self.backup_ms);
        let backups = &mut self.instances[instance].backups;
        let record = begin(backups, now, duration, id, remark, None);
        backups.push(record);
    }

    pub(crate) fn restore(&mut self, instance: usize, source: usize, id: String, remark: Option<String>) {
        let (now, duration) = (self.now, self.restore_ms);
        let restores = &mut self.instances[instance].restores;
        let record = begin(restores, now, duration, id, remark, Some(source));
        restores.push(record);
    }

    pub(crate) fn delete(&mut self, instance: usize, place: usize) {
        self.instances[instance].backups[place].deleted = true;
    }

    /// Returns a page, newest first, and how many records there are on all pages; or why it is refused.
    pub(crate) fn page(
        &self,
        instance: usize,
        api: Api,
        kind: Kind,
        question: &Question,
    ) -> Result<(Vec<Record>, usize), Code> {
        let Question { from, until, skip, limit } = question;
        let (from, until) = (from.map(|seconds| seconds * 1000), until.map(|seconds| seconds * 1000 + 999));
        if api == Api::V2 && from.zip(until).is_some_and(|(from, until)| from > until) {
            return Err("DCS.4025");
        }
        let records = self.instances[instance].records(kind).iter().rev();
        let inside: Vec<_> = records
            .filter(|record| from.is_none_or(|from| record.created >= from))
            .filter(|record| until.is_none_or(|until| record.created <= until))
            .cloned()
            .collect();
        let total = inside.len();
        Ok((inside.into_iter().skip(*skip).take(*limit).collect(), total))
    }

    /// Returns how many records there are of each kind, for a look whether a life was worth living.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for instance in &self.instances {
            for record in instance.backups.iter().chain(&instance.restores) {
                *counts.entry(record.status()).or_default() += 1;
            }
        }
        counts
    }
}

fn begin(
    records: &[Record],
    now: i64,
    duration: u64,
    id: String,
    remark: Option<String>,
    source: Option<usize>,
) -> Record {
    let created = records.last().map_or(now, |previous| previous.created.max(now));
    let after = |millis: u64| created + i64::try_from(millis).unwrap();
    let mut record = Record {
        id,
        remark,
        created,
        starts: after(duration / 10),
        finishes: after(duration),
        phase: Phase::Waiting,
        deleted: false,
        source,
    };
    record.reconcile(created);
    record
}
