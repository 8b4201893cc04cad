//! Reads what `strace -f -y -xx` wrote: every change of the files of one folder, with its bytes, and every answer.

use std::collections::BTreeSet;
use std::path::Path;

/// What is observed.
pub(super) const OBSERVED: &str = "trace=openat,pwrite64,write,writev,sendto,sendmsg,ftruncate,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat";

/// What a process did. Files go by their names in the folder.
#[derive(Debug)]
pub(super) enum Event {
    /// There is a file of that name from now on.
    Made {
        name: String,
    },
    Written {
        name: String,
        offset: usize,
        bytes: Vec<u8>,
    },
    Cut {
        name: String,
        length: usize,
    },
    Renamed {
        from: String,
        to: String,
    },
    Removed {
        name: String,
    },
    /// A sync began; without a name it is that of the folder.
    SyncBegun {
        thread: String,
        name: Option<String>,
    },
    /// The sync that this thread began has succeeded.
    SyncDone {
        thread: String,
    },
    /// An answer of success began to leave.
    Answered {
        request_id: String,
    },
}

impl Event {
    /// Returns whether something has just begun to last, or to have another name.
    pub(super) fn is_turn(&self) -> bool {
        !matches!(self, Self::Written { .. })
    }

    pub(super) fn is_write_to(&self, file: &str) -> bool {
        matches!(self, Self::Written { name, .. } if name == file)
    }
}

/// Reads a trace of what happened in `folder`.
pub(super) fn read(trace: &[u8], folder: &Path) -> Vec<Event> {
    let folder = folder.to_string_lossy();
    let mut events = Vec::new();
    let mut syncing: BTreeSet<String> = BTreeSet::new();
    for line in trace.split(|byte| *byte == b'\n') {
        let line = std::str::from_utf8(line).expect("strace escapes what is no text");
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let (thread, call) = (thread.to_owned(), call.trim_start());
        let failed = call.contains(" = -1 ");
        if call.starts_with("<... ") {
            let is_sync = call.starts_with("<... fsync") || call.starts_with("<... fdatasync");
            if is_sync && syncing.remove(&thread) && !failed {
                events.push(Event::SyncDone { thread });
            }
            continue;
        }
        if failed {
            continue;
        }
        let Some((name, arguments)) = call.split_once('(') else { continue };
        let Some(event) = event(name, arguments, &thread, &folder) else { continue };
        let is_sync = matches!(event, Event::SyncBegun { .. });
        events.push(event);
        if is_sync && call.ends_with("<unfinished ...>") {
            syncing.insert(thread);
        } else if is_sync {
            events.push(Event::SyncDone { thread });
        }
    }
    events
}

fn event(call: &str, arguments: &str, thread: &str, folder: &str) -> Option<Event> {
    let texts: Vec<&str> = arguments.split('"').skip(1).step_by(2).collect();
    let open_file = || unescape(arguments.split(['<', '>']).nth(1)?);
    let name_of = |path: Vec<u8>| -> Option<String> {
        let path = String::from_utf8(path).ok()?;
        let name = path.strip_prefix(folder)?.strip_prefix('/')?;
        // The one is only locked; the other SQLite makes anew.
        let is_data = !["db.lock", "db-shm"].iter().any(|ending| name.ends_with(ending));
        is_data.then(|| name.to_owned())
    };
    // A number that stands behind the text, as the last argument.
    let last_number = || arguments.rsplit_once(") = ")?.0.rsplit_once(", ")?.1.parse().ok();
    match call {
        "openat" if arguments.contains("O_CREAT") => {
            Some(Event::Made { name: name_of(unescape(texts.first()?)?)? })
        }
        "pwrite64" => {
            let name = name_of(open_file()?)?;
            let offset = last_number().or_else(|| {
                arguments.strip_suffix(" <unfinished ...>")?.rsplit_once(", ")?.1.trim_end().parse().ok()
            });
            Some(Event::Written { name, offset: offset.expect("an offset"), bytes: unescape(texts[0])? })
        }
        "ftruncate" => {
            let name = name_of(open_file()?)?;
            let length = last_number().or_else(|| {
                arguments.strip_suffix(" <unfinished ...>")?.rsplit_once(", ")?.1.trim_end().parse().ok()
            });
            Some(Event::Cut { name, length: length.expect("a length") })
        }
        "rename" | "renameat" | "renameat2" => {
            let [from, to] = [unescape(texts.first()?)?, unescape(texts.get(1)?)?].map(name_of);
            Some(Event::Renamed { from: from?, to: to? })
        }
        "unlink" | "unlinkat" => Some(Event::Removed { name: name_of(unescape(texts.first()?)?)? }),
        "fsync" | "fdatasync" => {
            let path = open_file()?;
            let name = if path == folder.as_bytes() { None } else { Some(name_of(path)?) };
            Some(Event::SyncBegun { thread: thread.to_owned(), name })
        }
        "write" | "writev" | "sendto" | "sendmsg" => {
            let text = texts.first().filter(|text| text.starts_with(r"\x48\x54\x54\x50\x2f"))?;
            let text = String::from_utf8_lossy(&unescape(text)?).to_ascii_lowercase();
            let (_, rest) =
                text.strip_prefix("http/1.1 200").and_then(|rest| rest.split_once("x-request-id:"))?;
            Some(Event::Answered { request_id: rest.lines().next()?.trim().to_owned() })
        }
        _ => None,
    }
}

/// Reads a text in which every byte is written as `\xNN`.
fn unescape(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = text.as_bytes().chunks(4);
    bytes
        .map(|escaped| match escaped {
            [b'\\', b'x', high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}
