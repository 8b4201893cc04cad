//! What the clients know, and whether the server knows it too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::Receiver;

use serde_json::Value;

use crate::INSTANCES;
use crate::process_support::Server;
use crate::process_support::wire::{Connection, instance_ids};

/// What a client tells the ledger. It asks for nothing before it has told so.
pub(crate) enum Word {
    AskedToCreate { remark: String },
    Created { id: String, instance: String, remark: String },
    AskedToRestore { remark: String },
    Restored { id: String, instance: String, remark: String },
    AskedToDelete { id: String },
    Deleted { id: String },
}

/// Records of one kind.
#[derive(Default)]
struct Records {
    /// Remarks of those that were asked for, answered or not.
    asked: BTreeSet<String>,
    /// Those that are known to be there: instance and remark by id.
    known: BTreeMap<String, (String, String)>,
}

/// What the clients know.
#[derive(Default)]
pub(crate) struct Ledger {
    backups: Records,
    restores: Records,
    /// Backups whose deletion was asked for, answered or not.
    asked_to_delete: BTreeSet<String>,
    /// Backups that are known to be deleted.
    deleted: BTreeSet<String>,
    /// How many requests can have been cut off so far.
    cut_off: usize,
    /// How many records turned out to be there although nobody was told.
    unanswered: usize,
}

impl Records {
    fn ask(&mut self, remark: String) {
        assert!(self.asked.insert(remark), "clients do not repeat themselves");
    }

    fn acknowledge(&mut self, id: String, instance: String, remark: String) {
        let other = self.known.insert(id, (instance, remark));
        assert!(other.is_none(), "one id for two records: {other:?}");
    }

    /// Makes sure that what is known is shown, and takes in what is shown beside it; returns how many that were.
    fn compare(&mut self, shown: BTreeMap<String, (String, String)>) -> usize {
        for (id, known) in &self.known {
            let shown = shown.get(id).unwrap_or_else(|| panic!("acknowledged and lost: {id} {known:?}"));
            assert_eq!(shown, known, "{id}");
        }
        let mut remarks = BTreeSet::new();
        for (_, remark) in shown.values() {
            assert!(remarks.insert(remark.clone()), "recorded twice: {remark}");
            assert!(self.asked.contains(remark), "nobody asked for {remark}");
        }
        let unanswered = shown.len() - self.known.len();
        self.known = shown;
        unanswered
    }
}

impl Ledger {
    fn write(&mut self, word: Word) {
        match word {
            Word::AskedToCreate { remark } => self.backups.ask(remark),
            Word::Created { id, instance, remark } => self.backups.acknowledge(id, instance, remark),
            Word::AskedToRestore { remark } => self.restores.ask(remark),
            Word::Restored { id, instance, remark } => self.restores.acknowledge(id, instance, remark),
            Word::AskedToDelete { id } => {
                self.asked_to_delete.insert(id);
            }
            Word::Deleted { id } => {
                self.deleted.insert(id);
            }
        }
    }

    /// Writes down what the clients say until `answers` requests have been answered, or they say no more.
    pub(crate) fn follow(&mut self, words: &Receiver<Word>, answers: usize) {
        let mut count = 0;
        while count < answers {
            let Ok(word) = words.recv() else { return };
            count += usize::from(matches!(
                word,
                Word::Created { .. } | Word::Restored { .. } | Word::Deleted { .. }
            ));
            self.write(word);
        }
    }

    /// Notes that each of so many clients may have been cut off in the middle of a request.
    pub(crate) fn cut_off(&mut self, clients: usize) {
        self.cut_off += clients;
    }

    /// Compares the ledger with what a server shows. What was cut off has happened or not; what it shows must stay.
    pub(crate) fn compare(&mut self, server: &Server) {
        let mut connection = server.connect();
        let (mut backups, mut restores) = (BTreeMap::new(), BTreeMap::new());
        for instance in instance_ids(INSTANCES) {
            self.take_in(&mut connection, &instance, &mut backups);
            for (id, record) in connection.list_restores(&instance) {
                assert_eq!(text(&record, "status"), "succeed", "{id}: what was begun is finished");
                restores.insert(id, (instance.clone(), text(&record, "restore_remark")));
            }
        }
        self.unanswered += self.backups.compare(backups) + self.restores.compare(restores);
        assert!(self.unanswered <= self.cut_off, "{} of at most {} cut off", self.unanswered, self.cut_off);
    }

    /// Reads the backups of an instance, and makes sure that exactly those are deleted that may be.
    fn take_in(
        &mut self,
        connection: &mut Connection,
        instance: &str,
        backups: &mut BTreeMap<String, (String, String)>,
    ) {
        for (id, record) in connection.list(instance) {
            if text(&record, "status") == "deleted" {
                assert!(self.asked_to_delete.contains(&id), "nobody asked to delete {id}");
                self.deleted.insert(id.clone());
            } else {
                assert_eq!(text(&record, "status"), "succeed", "{id}: what was begun is finished");
                assert!(!self.deleted.contains(&id), "acknowledged and undone: the deletion of {id}");
            }
            backups.insert(id, (instance.to_owned(), text(&record, "remark")));
        }
    }

    /// Returns how many backups, restores and deletions are known.
    pub(crate) fn counts(&self) -> [usize; 3] {
        [self.backups.known.len(), self.restores.known.len(), self.deleted.len()]
    }
}

fn text(record: &Value, member: &str) -> String {
    record[member].as_str().unwrap_or_else(|| panic!("no {member}: {record}")).to_owned()
}
