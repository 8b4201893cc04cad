//! What is sent and received, with its progress on a terminal.

use std::fs::{File, OpenOptions};
use std::io::{Cursor, Error, ErrorKind, IsTerminal, Read, Result, Write};
use std::path::{Path, PathBuf};

const MEBIBYTE: u64 = 1 << 20;

/// A content on its way.
pub(super) struct Transfer<'a> {
    content: Box<dyn Read + 'a>,
    done: u64,
    /// How long it is, in bytes, if that is known.
    pub(super) total: Option<u64>,
    is_shown: bool,
}

impl<'a> Transfer<'a> {
    pub(super) fn new(content: Box<dyn Read + 'a>, total: Option<u64>) -> Self {
        let is_shown = total.is_some_and(|total| total > MEBIBYTE) && std::io::stderr().is_terminal();
        Self { content, done: 0, total, is_shown }
    }

    pub(super) fn of_text(text: Vec<u8>) -> Self {
        let length = u64::try_from(text.len()).ok();
        Self::new(Box::new(Cursor::new(text)), length)
    }

    /// Opens a file; `-` is standard input.
    pub(super) fn of_file(path: &Path) -> Result<Self> {
        let mut content: Box<dyn Read> = Box::new(std::io::stdin());
        if path.as_os_str() != "-" {
            let file = File::open(path)?;
            let metadata = file.metadata()?;
            if metadata.is_file() {
                return Ok(Self::new(Box::new(file), Some(metadata.len())));
            }
            content = Box::new(file);
        }
        // How long a pipe is shows at its end.
        let mut text = Vec::new();
        content.read_to_end(&mut text)?;
        Ok(Self::of_text(text))
    }

    /// Writes it to a file, which has its name once it is complete and synced. Only its owner can read it: a snapshot holds keys.
    pub(super) fn save(&mut self, path: &Path) -> Result<()> {
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".part");
        let unfinished = PathBuf::from(unfinished);
        let saved = self.write(&unfinished).and_then(|()| std::fs::rename(&unfinished, path));
        if saved.is_err() {
            // Why it failed is what counts.
            let _ = std::fs::remove_file(&unfinished);
        }
        saved
    }

    fn write(&mut self, path: &Path) -> Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        std::io::copy(self, &mut file)?;
        if self.total.is_some_and(|total| total != self.done) {
            return Err(Error::new(ErrorKind::UnexpectedEof, "the answer was cut off"));
        }
        file.sync_all()
    }
}

impl Read for Transfer<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let length = self.content.read(buffer)?;
        if length == 0 {
            return Ok(0);
        }
        let before = self.done;
        self.done += u64::try_from(length).unwrap_or(u64::MAX);
        if let Some(total) = self.total.filter(|_| self.is_shown)
            && (self.done / MEBIBYTE != before / MEBIBYTE || self.done == total)
        {
            let end = if self.done == total { "\n" } else { "" };
            let (done, total) = (self.done / MEBIBYTE, total / MEBIBYTE);
            // A terminal that has gone is no reason to fail.
            let _ = write!(std::io::stderr(), "\r{done} of {total} MiB{end}");
        }
        Ok(length)
    }
}
