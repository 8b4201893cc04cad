//! Clients at work: they create, delete and restore until the server is gone.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use chacha20::ChaCha12Rng;
use rand::{RngExt, SeedableRng};

use crate::INSTANCES;
use crate::ledger::{Ledger, Word};
use crate::process_support::Server;
use crate::process_support::wire::{Answer, Connection, instance_ids};

/// How many clients there are.
const CLIENTS: usize = 16;
/// How often a client deletes one of its backups.
const DELETES: f64 = 0.2;
/// How often a client restores one of its backups, of the times when it does not delete one.
const RESTORES: f64 = 0.25;

/// Clients at work, and what they say.
pub(crate) struct Load {
    clients: Vec<JoinHandle<()>>,
    pub(crate) words: Receiver<Word>,
}

impl Load {
    pub(crate) fn start(server: &Server, round: u64, random: &mut ChaCha12Rng) -> Self {
        let (tell, words) = channel();
        let clients = (0..CLIENTS)
            .map(|client| {
                let mut client = Client {
                    connection: server.connect(),
                    random: ChaCha12Rng::seed_from_u64(random.random()),
                    instances: instance_ids(INSTANCES),
                    mine: Vec::new(),
                    tell: tell.clone(),
                    name: format!("{round}-{client}"),
                };
                std::thread::spawn(move || {
                    // The connection's end is the client's.
                    let _end = (0_u64..).try_for_each(|sequence| client.work(sequence));
                })
            })
            .collect();
        Self { clients, words }
    }

    /// Waits until all clients have noticed that the server is gone.
    pub(crate) fn end(self, ledger: &mut Ledger) {
        for client in self.clients {
            client.join().expect("a client met nothing but answers and the end");
        }
        ledger.follow(&self.words, usize::MAX);
        ledger.cut_off(CLIENTS);
    }
}

struct Client {
    connection: Connection,
    random: ChaCha12Rng,
    instances: Vec<String>,
    /// Its backups that it has not deleted: instance and id.
    mine: Vec<(String, String)>,
    tell: Sender<Word>,
    name: String,
}

impl Client {
    fn say(&self, word: Word) {
        self.tell.send(word).expect("the ledger listens to the end");
    }

    /// Makes one request; returns nothing once the connection has ended.
    fn work(&mut self, sequence: u64) -> Option<()> {
        let remark = format!("{}-{sequence}", self.name);
        if self.mine.is_empty() {
            self.create(remark)
        } else if self.random.random_bool(DELETES) {
            self.delete()
        } else if self.random.random_bool(RESTORES) {
            self.restore(remark)
        } else {
            self.create(remark)
        }
    }

    fn create(&mut self, remark: String) -> Option<()> {
        let instance = self.instances[self.random.random_range(0..self.instances.len())].clone();
        self.say(Word::AskedToCreate { remark: remark.clone() });
        let answer = self.connection.create(&instance, &remark).ok()?;
        if succeeded(&answer) {
            let id = answer.text("backup_id");
            self.mine.push((instance.clone(), id.clone()));
            self.say(Word::Created { id, instance, remark });
        }
        Some(())
    }

    fn restore(&mut self, remark: String) -> Option<()> {
        let (instance, backup) = self.mine[self.random.random_range(0..self.mine.len())].clone();
        self.say(Word::AskedToRestore { remark: remark.clone() });
        let answer = self.connection.restore(&instance, &backup, &remark).ok()?;
        if succeeded(&answer) {
            self.say(Word::Restored { id: answer.text("restore_id"), instance, remark });
        }
        Some(())
    }

    fn delete(&mut self) -> Option<()> {
        let (instance, id) = self.mine.swap_remove(self.random.random_range(0..self.mine.len()));
        self.say(Word::AskedToDelete { id: id.clone() });
        let answer = self.connection.delete(&instance, &id).ok()?;
        if succeeded(&answer) {
            self.say(Word::Deleted { id });
        } else {
            self.mine.push((instance, id));
        }
        Some(())
    }
}

/// Returns whether a request was carried out. If not, then because the instance was busy.
fn succeeded(answer: &Answer) -> bool {
    let is_busy = answer.body.contains("DCS.4096") || answer.body.contains("DCS.4097");
    assert!(answer.status == 200 || (answer.status == 400 && is_busy), "{answer:?}");
    answer.status == 200
}
