//! The ready file.

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::emulator::Emulator;

/// The file that tells where the server is cannot be written, or one that is out of date cannot be removed.
#[derive(Debug, thiserror::Error)]
#[error("ready file {} cannot be written", path.display())]
pub struct ReadyFileError {
    path: PathBuf,
    #[source]
    source: std::io::Error,
}

/// The file that tells other programs where a server is; removed when dropped, unless it is another server's by then.
#[derive(Debug)]
pub struct ReadyFile {
    path: PathBuf,
    content: String,
    /// Locked as long as the server lives, so that a later one knows whether it still does.
    _file: File,
}

impl ReadyFile {
    /// Removes the file that a server has left that was killed, so that nobody takes it for the next one's. That of a server
    /// that lives stays. To be called before a start.
    ///
    /// # Errors
    /// If the file is there and cannot be removed.
    pub fn remove_stale(path: &Path) -> Result<(), ReadyFileError> {
        let failed = |source| ReadyFileError { path: path.to_owned(), source };
        if !path.is_file() {
            return Ok(());
        }
        let stale = File::open(path).map_err(failed)?;
        // Held until the file is gone. Another server may have put its own in the place since it was opened: that one has another
        // process id in it.
        if matches!(stale.try_lock(), Err(TryLockError::WouldBlock)) || !has_content_of(path, &stale) {
            return Ok(());
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(error)),
            _ => Ok(()),
        }
    }

    /// Writes url, that of HTTPS and that of the control API (null if they are switched off), process id and version as JSON, so that nobody ever
    /// sees half of it, not even after a power failure.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(path: &Path, emulator: &Emulator) -> Result<Self, ReadyFileError> {
        let content = serde_json::json!({
            "url": emulator.url(),
            "tls_url": emulator.tls_url(),
            "control_url": emulator.control_url(),
            "pid": std::process::id(),
            "version": env!("CARGO_PKG_VERSION"),
        });
        let content = format!("{content}\n");
        let file = write_atomically(path, &content)
            .map_err(|source| ReadyFileError { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), content, _file: file })
    }
}

fn write_atomically(path: &Path, content: &str) -> std::io::Result<File> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".tmp");
    let mut file = File::create(&unfinished)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()?;
    if cfg!(unix) {
        // Elsewhere a lock would keep readers away. Without it the file counts as left by a killed server.
        let _ = file.try_lock();
    }
    std::fs::rename(&unfinished, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(file)
}

fn has_content_of(path: &Path, file: &File) -> bool {
    matches!((std::fs::read(path), std::io::read_to_string(file)), (Ok(now), Ok(then)) if now == then.as_bytes())
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        if std::fs::read_to_string(&self.path).is_ok_and(|content| content == self.content) {
            // Whoever removed it before us wanted it gone as well.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
