//! Reads what `strace -f -y` wrote: in which order a log was written and synced, and answers were sent.

use std::collections::BTreeMap;

/// System calls that write to a file or a socket.
const WRITES: [&str; 6] = ["write", "writev", "pwrite64", "pwritev", "sendto", "sendmsg"];
/// System calls that return once a file is on disk.
const SYNCS: [&str; 2] = ["fsync", "fdatasync"];

/// What a process did, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Something was written to the log.
    LogWritten,
    /// The log began to be synced.
    SyncBegun,
    /// The log has been synced: what was written before the sync began is on disk.
    SyncDone,
    /// An answer began to leave.
    Answered,
}

/// Reads a trace; `log` is the path of the log.
pub(crate) fn read(trace: &str, log: &str) -> Vec<Event> {
    let mut events = Vec::new();
    // What each thread was in the middle of when another one came between.
    let mut unfinished: BTreeMap<&str, Event> = BTreeMap::new();
    for line in trace.lines() {
        let Some((thread, line)) = line.split_once(' ') else { continue };
        let line = line.trim_start();
        let succeeded = !line.contains(" = -1 ");
        if line.starts_with("<... ") {
            match unfinished.remove(thread) {
                Some(Event::SyncBegun) if succeeded => events.push(Event::SyncDone),
                // It may have been written as late as this.
                Some(Event::LogWritten) => events.push(Event::LogWritten),
                _ => {}
            }
            continue;
        }
        let Some((call, arguments)) = line.split_once('(') else { continue };
        let is_of_log = arguments.split(['<', '>']).nth(1) == Some(log);
        let event = match call {
            _ if WRITES.contains(&call) && is_of_log => Event::LogWritten,
            _ if SYNCS.contains(&call) && is_of_log => Event::SyncBegun,
            _ if WRITES.contains(&call) && arguments.contains("\"HTTP/1.1 ") => Event::Answered,
            _ => continue,
        };
        events.push(event);
        if line.ends_with("<unfinished ...>") {
            unfinished.insert(thread, event);
        } else if event == Event::SyncBegun && succeeded {
            events.push(Event::SyncDone);
        }
    }
    events
}

/// Makes sure that before each answer something was written to the log, and that all of it had been synced; returns how
/// many answers there were.
///
/// # Errors
/// What is wrong, of the first answer that left too early.
pub(crate) fn answers_after_their_sync(events: &[Event]) -> Result<usize, String> {
    let (mut answers, mut written, mut is_synced, mut is_covered) = (0, false, true, false);
    for event in events {
        match event {
            Event::LogWritten => (written, is_synced, is_covered) = (true, false, false),
            Event::SyncBegun => is_covered = true,
            Event::SyncDone => is_synced |= is_covered,
            Event::Answered => {
                answers += 1;
                if !written {
                    return Err(format!("answer {answers} left, and nothing had been written"));
                }
                if !is_synced {
                    return Err(format!("answer {answers} left before the log was synced"));
                }
                written = false;
            }
        }
    }
    Ok(answers)
}

/// The traces of a program that does right and of some that do not, made by hand after real ones.
pub(crate) fn tells_right_from_wrong() {
    const WRITE: &str = "7 pwrite64(13</t/a.db-wal>, \"\\0\"..., 24, 0) = 24\n";
    const SYNC: &str = "7 fsync(13</t/a.db-wal>) = 0\n";
    const ANSWER: &str =
        "9 sendto(26<socket:[8]>, \"HTTP/1.1 200 OK\"..., 266, MSG_NOSIGNAL, NULL, 0) = 266\n";
    const SYNC_BEGUN: &str = "7 fdatasync(13</t/a.db-wal> <unfinished ...>\n";
    const SYNC_RESUMED: &str = "7 <... fdatasync resumed>) = 0\n";
    const SYNC_FAILED: &str = "7 <... fdatasync resumed>) = -1 EIO (Input/output error)\n";
    const OTHER_SYNC: &str = "7 fsync(12</t/a.db>) = 0\n";
    const OTHER_WRITE: &str = "9 write(4<anon_inode:[eventfd]>, \"\\1\", 8) = 8\n";
    let judge = |lines: &[&str]| answers_after_their_sync(&read(&lines.concat(), "/t/a.db-wal"));
    for (lines, answers) in [
        (&[WRITE, SYNC, ANSWER][..], 1),
        (&[WRITE, SYNC, ANSWER, OTHER_WRITE, WRITE, WRITE, SYNC, ANSWER], 2),
        (&[WRITE, SYNC_BEGUN, OTHER_WRITE, SYNC_RESUMED, ANSWER], 1),
        (&[WRITE, SYNC], 0),
    ] {
        assert_eq!(judge(lines), Ok(answers), "{lines:?}");
    }
    for lines in [
        &[WRITE, ANSWER][..],
        &[ANSWER],
        &[WRITE, SYNC, ANSWER, ANSWER],
        &[WRITE, OTHER_SYNC, ANSWER],
        &[WRITE, SYNC_BEGUN, ANSWER, SYNC_RESUMED],
        &[WRITE, SYNC_BEGUN, WRITE, SYNC_RESUMED, ANSWER],
        &[WRITE, SYNC_BEGUN, SYNC_FAILED, ANSWER],
        &[WRITE, SYNC, ANSWER, WRITE, ANSWER],
    ] {
        assert!(judge(lines).is_err(), "{lines:?}");
    }
}
