//! A disk: what has been synced, what has only been written, and what may be left of it when the power fails.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use rand::{Rng, RngExt};

use super::calls::Event;

/// What is lost.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Losses {
    /// Some of what was not synced: what a disk may lose.
    WhatIsNotSynced,
    /// All of what was not synced, and logs are never synced: what a disk does that lies.
    TheLogAsWell,
}

/// How much of what is not synced is on the disk.
#[derive(Clone, Copy, Debug)]
enum Kept {
    Nothing,
    Everything,
    /// What came first.
    Beginning,
    /// Each write or not.
    Some,
    /// Of each write some sectors of this length.
    Sectors(usize),
}

enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Cut { length: usize },
}

/// A file, whatever it is called.
#[derive(Default)]
struct File {
    synced: Vec<u8>,
    /// Changes that are synced already.
    synced_changes: usize,
    pending: VecDeque<Change>,
}

#[derive(Clone)]
enum NameChange {
    Made { name: String, file: usize },
    Renamed { from: String, to: String },
    Removed { name: String },
}

type Names = BTreeMap<String, usize>;

/// The files of one folder, as they are and as they would be without what is not synced.
#[derive(Default)]
pub(super) struct Disk {
    files: Vec<File>,
    /// As every process sees it.
    names: Names,
    synced_names: Names,
    synced_name_changes: usize,
    pending_names: VecDeque<NameChange>,
    /// What each thread is syncing, and how many changes had been made when it began.
    syncing: BTreeMap<String, (Option<usize>, usize)>,
}

impl Disk {
    /// Returns a disk that has everything that is in a folder.
    pub(super) fn read(folder: &Path) -> Self {
        let mut disk = Self::default();
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            disk.names.insert(entry.file_name().into_string().unwrap(), disk.files.len());
            disk.files.push(File { synced: std::fs::read(entry.path()).unwrap(), ..File::default() });
        }
        disk.synced_names = disk.names.clone();
        disk
    }

    /// Does what a process did.
    pub(super) fn take(&mut self, event: Event, losses: Losses) {
        match event {
            Event::Made { name } => {
                if !self.names.contains_key(&name) {
                    self.files.push(File::default());
                    self.change_names(NameChange::Made { name, file: self.files.len() - 1 });
                }
            }
            Event::Written { name, offset, bytes } => self.change(&name, Change::Write { offset, bytes }),
            Event::Cut { name, length } => self.change(&name, Change::Cut { length }),
            Event::Renamed { from, to } => self.change_names(NameChange::Renamed { from, to }),
            Event::Removed { name } => self.change_names(NameChange::Removed { name }),
            Event::SyncBegun { thread, name: None } => {
                let changes = self.synced_name_changes + self.pending_names.len();
                self.syncing.insert(thread, (None, changes));
            }
            Event::SyncBegun { thread, name: Some(name) } => {
                let is_lie = losses == Losses::TheLogAsWell && name.ends_with("-wal");
                // One that has no name any more nobody will miss.
                if let Some(index) = self.names.get(&name).filter(|_| !is_lie) {
                    let file = &self.files[*index];
                    self.syncing.insert(thread, (Some(*index), file.synced_changes + file.pending.len()));
                }
            }
            Event::SyncDone { thread } => match self.syncing.remove(&thread) {
                Some((Some(index), changes)) => self.files[index].sync(changes),
                Some((None, changes)) => self.sync_names(changes),
                None => {}
            },
            Event::Answered { .. } => {}
        }
    }

    fn change(&mut self, name: &str, change: Change) {
        if let Some(index) = self.names.get(name) {
            self.files[*index].pending.push_back(change);
        }
    }

    fn change_names(&mut self, change: NameChange) {
        apply_name_change(&mut self.names, change.clone());
        self.pending_names.push_back(change);
    }

    fn sync_names(&mut self, changes: usize) {
        while self.synced_name_changes < changes {
            let Some(change) = self.pending_names.pop_front() else { return };
            apply_name_change(&mut self.synced_names, change);
            self.synced_name_changes += 1;
        }
    }

    /// Writes what may be left after the power has failed; says how that was chosen.
    pub(super) fn write(&self, folder: &Path, losses: Losses, random: &mut impl Rng) -> String {
        let mut chosen = Vec::new();
        let mut choose = |what: &str, random: &mut dyn Rng| {
            let kept = if losses == Losses::TheLogAsWell { Kept::Nothing } else { choose(random) };
            chosen.push(format!("{what}: {kept:?}"));
            kept
        };
        let mut names = self.synced_names.clone();
        if !self.pending_names.is_empty() {
            let kept = choose("names", random);
            let count = random.random_range(0..=self.pending_names.len());
            for (index, change) in self.pending_names.iter().enumerate() {
                if is_kept(kept, index < count, random) {
                    apply_name_change(&mut names, change.clone());
                }
            }
        }
        for (name, index) in names {
            let file = &self.files[index];
            let mut content = file.synced.clone();
            if !file.pending.is_empty() {
                let kept = choose(&name, random);
                let count = random.random_range(0..=file.pending.len());
                for (index, change) in file.pending.iter().enumerate() {
                    apply(&mut content, change, kept, index < count, random);
                }
            }
            std::fs::write(folder.join(name), content).unwrap();
        }
        chosen.join(", ")
    }
}

impl File {
    fn sync(&mut self, changes: usize) {
        while self.synced_changes < changes {
            let Some(change) = self.pending.pop_front() else { return };
            match change {
                Change::Write { offset, bytes } => put(&mut self.synced, offset, &bytes),
                Change::Cut { length } => self.synced.resize(length, 0),
            }
            self.synced_changes += 1;
        }
    }
}

fn choose(random: &mut dyn Rng) -> Kept {
    match random.random_range(0..6) {
        0 => Kept::Nothing,
        1 => Kept::Everything,
        2 => Kept::Beginning,
        3 => Kept::Some,
        4 => Kept::Sectors(512),
        _ => Kept::Sectors(4096),
    }
}

fn is_kept(kept: Kept, is_in_beginning: bool, random: &mut impl Rng) -> bool {
    match kept {
        Kept::Nothing => false,
        Kept::Everything => true,
        Kept::Beginning => is_in_beginning,
        Kept::Some | Kept::Sectors(_) => random.random_bool(0.5),
    }
}

fn apply(content: &mut Vec<u8>, change: &Change, kept: Kept, is_in_beginning: bool, random: &mut impl Rng) {
    match (change, kept) {
        (Change::Write { offset, bytes }, Kept::Sectors(length)) => {
            let mut at = 0;
            while at < bytes.len() {
                // Up to the next border between sectors of the disk.
                let end = (at + length - (offset + at) % length).min(bytes.len());
                if random.random_bool(0.5) {
                    put(content, offset + at, &bytes[at..end]);
                }
                at = end;
            }
        }
        (Change::Write { offset, bytes }, _) => {
            if is_kept(kept, is_in_beginning, random) {
                put(content, *offset, bytes);
            }
        }
        (Change::Cut { length }, _) => {
            if is_kept(kept, is_in_beginning, random) {
                content.resize(*length, 0);
            }
        }
    }
}

fn put(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(bytes);
}

fn apply_name_change(names: &mut Names, change: NameChange) {
    match change {
        NameChange::Made { name, file } => {
            names.insert(name, file);
        }
        NameChange::Renamed { from, to } => {
            if let Some(file) = names.remove(&from) {
                names.insert(to, file);
            }
        }
        NameChange::Removed { name } => {
            names.remove(&name);
        }
    }
}
