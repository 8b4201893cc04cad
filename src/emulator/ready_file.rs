//! The ready file.

use std::path::{Path, PathBuf};

use crate::emulator::Emulator;

/// The file that tells where the server is cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("ready file {} cannot be written", path.display())]
pub struct ReadyFileError {
    path: PathBuf,
    #[source]
    source: std::io::Error,
}

/// The file that tells other programs where a server is; removed when dropped.
#[derive(Debug)]
pub struct ReadyFile {
    path: PathBuf,
}

impl ReadyFile {
    /// Writes url, url of the control API (null if that is switched off), process id and version as JSON, so that nobody ever
    /// sees half of it.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(path: &Path, emulator: &Emulator) -> Result<Self, ReadyFileError> {
        let content = serde_json::json!({
            "url": emulator.url(),
            "control_url": emulator.control_url(),
            "pid": std::process::id(),
            "version": env!("CARGO_PKG_VERSION"),
        });
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".tmp");
        std::fs::write(&unfinished, format!("{content}\n"))
            .and_then(|()| std::fs::rename(&unfinished, path))
            .map_err(|source| ReadyFileError { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned() })
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        // Whoever removed it before us wanted it gone as well.
        let _ = std::fs::remove_file(&self.path);
    }
}
