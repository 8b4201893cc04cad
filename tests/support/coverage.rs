//! Which routes have a black-box test: claimed by each file of tests, and proved by running the test that is named.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::OnceLock;

/// A claim: this test has a request of this kind answered well.
pub(crate) struct Covered {
    /// The method.
    pub(crate) method: &'static str,
    /// The path, with placeholders in braces, as the table of routes has it.
    pub(crate) path: &'static str,
    /// The test.
    pub(crate) by: fn(),
}

/// Claims that `by` has a request of this kind answered well.
pub(crate) const fn covered(method: &'static str, path: &'static str, by: fn()) -> Covered {
    Covered { method, path, by }
}

/// A request that a test made, and how it was answered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Recorded {
    /// The method.
    pub(crate) method: String,
    /// The path, without what stands behind the question mark.
    pub(crate) path: String,
    /// The status of the answer.
    pub(crate) status: u16,
    /// The code in it, if it is an error.
    pub(crate) code: Option<String>,
}

impl Recorded {
    /// Returns whether it was answered well.
    pub(crate) fn is_answered(&self) -> bool {
        (200..=300).contains(&self.status)
    }

    /// Reads a line of the file that [`RECORDS`] names.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        Some(Self {
            method: words.next()?.to_owned(),
            path: words.next()?.to_owned(),
            status: words.next()?.parse().ok()?,
            code: words.next().map(str::to_owned),
        })
    }
}

/// The variable that names the file to which requests are added, if they are.
pub(crate) const RECORDS: &str = "DCS_EMULATOR_TEST_RECORDS";

thread_local! {
    /// What this thread's requests were answered with. A `#[tokio::test]` does everything on one thread.
    static RECORDED: RefCell<Vec<Recorded>> = const { RefCell::new(Vec::new()) };
}

/// Takes a request into account.
pub(super) fn record(method: &str, path: &str, status: u16, code: Option<String>) {
    static FILE: OnceLock<Option<File>> = OnceLock::new();
    let path = path.split('?').next().unwrap_or_default().to_owned();
    let file = FILE.get_or_init(|| {
        let path = std::env::var_os(RECORDS)?;
        Some(OpenOptions::new().append(true).create(true).open(path).expect("the records can be written"))
    });
    if let Some(mut file) = file.as_ref() {
        let code = code.as_ref().map_or_else(String::new, |code| format!(" {code}"));
        // One write a line: tests run side by side.
        file.write_all(format!("{method} {path} {status}{code}\n").as_bytes()).expect("the disk has room");
    }
    let request = Recorded { method: method.to_owned(), path, status, code };
    RECORDED.with_borrow_mut(|recorded| recorded.push(request));
}

/// Runs a test and returns the requests it made.
pub(crate) fn requests_of(test: fn()) -> Vec<Recorded> {
    RECORDED.with_borrow_mut(Vec::clear);
    test();
    RECORDED.take()
}
