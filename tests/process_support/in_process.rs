//! The emulator as the program puts it together, but in this process, where its clock can be turned.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use dcs_emulator::ambient::{Clock, SystemClock, SystemIds};
use dcs_emulator::config::{Config, Given, GivenSettings, Origin};
use dcs_emulator::emulator::{Emulator, Surroundings};
use tokio::runtime::Runtime;

use super::wire::Connection;

/// An emulator in this process, on a runtime of its own.
pub(crate) struct InProcess {
    runtime: Runtime,
    emulator: Emulator,
}

impl InProcess {
    /// Starts an emulator that goes by `clock`, with these settings, by key.
    pub(crate) fn start(database: &Path, clock: Arc<dyn Clock>, settings: &[(&'static str, &str)]) -> Self {
        let database = database.to_string_lossy();
        let own = [("listen", "127.0.0.1:0"), ("database", &*database), ("http.workers", "1")];
        let given: GivenSettings = own
            .iter()
            .chain(settings)
            .map(|(key, text)| (*key, Given { texts: vec![(*text).to_owned()], origin: Origin::Flag }))
            .collect::<BTreeMap<_, _>>();
        let config = Config::new(given).unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let surroundings =
            Surroundings { clock, real_clock: Arc::new(SystemClock), ids: Arc::new(SystemIds) };
        let emulator = runtime.block_on(Emulator::start(&config, surroundings)).unwrap();
        Self { runtime, emulator }
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(&self.emulator.address().to_string()).unwrap()
    }

    pub(crate) fn stop(self) {
        self.runtime.block_on(self.emulator.stop());
    }
}
