//! The signals that ask the program to stop.

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a process is sent that writes past the limit to the size of its files (`ulimit -f`): everywhere this number.
#[cfg(unix)]
const FILE_SIZE_EXCEEDED: i32 = 25;

/// Hears the signals that ask the program to stop.
pub(super) struct Signals {
    #[cfg(unix)]
    terminate: Signal,
    #[cfg(unix)]
    interrupt: Signal,
}

/// A signal that asks the program to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopSignal {
    Terminate,
    Interrupt,
}

impl StopSignal {
    /// Returns its number, everywhere the same.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Interrupt => 2,
            Self::Terminate => 15,
        }
    }
}

#[cfg(unix)]
impl Signals {
    pub(super) fn listen() -> std::io::Result<Self> {
        // Once somebody listens it ends the process no more: the write fails, as it does on a full disk.
        let _heard_by_nobody = signal(SignalKind::from_raw(FILE_SIZE_EXCEEDED))?;
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    pub(super) async fn next(&mut self) -> StopSignal {
        tokio::select! {
            _ = self.terminate.recv() => StopSignal::Terminate,
            _ = self.interrupt.recv() => StopSignal::Interrupt,
        }
    }
}

/// Where there are no such signals: Ctrl-C.
#[cfg(not(unix))]
impl Signals {
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self {})
    }

    pub(super) async fn next(&mut self) -> StopSignal {
        if tokio::signal::ctrl_c().await.is_err() {
            // It cannot be heard.
            std::future::pending::<()>().await;
        }
        StopSignal::Interrupt
    }
}
