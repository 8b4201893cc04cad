//! The emulator as the program puts it together, but in this process, where its clock can be turned.

use std::path::Path;
use std::sync::Arc;

use dcs_emulator::Emulator;
use dcs_emulator::clock::Clock;

use super::wire::Connection;

/// An emulator in this process.
pub(crate) struct InProcess {
    emulator: Emulator,
}

impl InProcess {
    /// Starts an emulator that goes by `clock`, with these settings, by key.
    pub(crate) fn start(database: &Path, clock: Arc<dyn Clock>, settings: &[(&'static str, &str)]) -> Self {
        let builder = Emulator::builder().database(database).clock(clock);
        let builder = settings.iter().fold(builder, |builder, (key, text)| builder.setting(key, *text));
        Self { emulator: builder.start_blocking().unwrap() }
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(&self.emulator.address().to_string()).unwrap()
    }

    /// Stops it; requests in flight are cut off.
    pub(crate) fn stop(self) {
        drop(self.emulator);
    }
}
