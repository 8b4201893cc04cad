//! Which routes have a black-box test: claimed by each file of tests, and proved by running the test that is named.

use std::cell::RefCell;

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

thread_local! {
    /// What this thread's requests were answered with. A `#[tokio::test]` does everything on one thread.
    static RECORDED: RefCell<Vec<(String, String, u16)>> = const { RefCell::new(Vec::new()) };
}

/// Takes a request into account.
pub(super) fn record(method: &str, path: &str, status: u16) {
    let path = path.split('?').next().unwrap_or_default();
    RECORDED.with_borrow_mut(|recorded| recorded.push((method.to_owned(), path.to_owned(), status)));
}

/// Runs a test and returns method, path and status of the requests it made.
pub(crate) fn requests_of(test: fn()) -> Vec<(String, String, u16)> {
    RECORDED.with_borrow_mut(Vec::clear);
    test();
    RECORDED.take()
}
