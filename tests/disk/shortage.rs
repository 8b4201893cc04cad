//! Two ways to leave a running server without room, and to give it room again.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use rlimit::Resource;
use tempfile::TempDir;

use crate::process_support::database::beside;
use crate::process_support::{Server, isolate, serve};

/// A server that can be left without room.
pub(crate) trait Shortage {
    fn server(&self) -> &Server;

    /// Takes the room that is left.
    fn fill(&self);

    /// Gives room again.
    fn relieve(&self);

    /// Returns the folder of the database, as it is seen from here.
    fn folder(&self) -> PathBuf;

    /// Copies the database to `folder`, where there is room, and returns its path.
    ///
    /// Nobody must be writing.
    fn copy_to(&self, folder: &Path) -> PathBuf {
        let copy = folder.join("copy.db");
        for suffix in ["", "-wal"] {
            std::fs::copy(beside(&self.folder().join(DATABASE), suffix), beside(&copy, suffix)).unwrap();
        }
        copy
    }
}

const DATABASE: &str = "a.db";
/// Size of the small file system. Enough to start.
const SMALL: &str = "2m";

/// A file system of its own, which only the server sees.
pub(crate) struct SmallFileSystem {
    server: Server,
    mount_point: TempDir,
}

impl SmallFileSystem {
    /// Says why there can be none here, if so.
    pub(crate) fn obstacle() -> Option<String> {
        let mount_point = TempDir::new().unwrap();
        match Self::in_one(mount_point.path(), &Command::new("true")).output() {
            Ok(output) if output.status.success() => None,
            Ok(output) => {
                Some(format!("nothing can be mounted: {}", String::from_utf8_lossy(&output.stderr).trim()))
            }
            Err(error) => Some(format!("there is no unshare: {error}")),
        }
    }

    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mount_point = TempDir::new().unwrap();
        let program = serve(&mount_point.path().join(DATABASE), arguments);
        let server = Server::start(Self::in_one(mount_point.path(), &program));
        Self { server, mount_point }
    }

    /// Returns a command that mounts a small file system and becomes `program`.
    fn in_one(mount_point: &Path, program: &Command) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c"]);
        command.arg(format!("mount -t tmpfs -o size={SMALL} tmpfs \"$0\" && exec \"$@\"")).arg(mount_point);
        command.arg(program.get_program()).args(program.get_args());
        isolate(&mut command);
        command
    }
}

impl Shortage for SmallFileSystem {
    fn server(&self) -> &Server {
        &self.server
    }

    fn fill(&self) {
        let mut filler = File::create(self.folder().join("filler")).unwrap();
        for size in [64 * 1024, 1] {
            while filler.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn relieve(&self) {
        std::fs::remove_file(self.folder().join("filler")).unwrap();
    }

    fn folder(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.server.process.id()));
        root.join(self.mount_point.path().strip_prefix("/").unwrap())
    }
}

/// A limit to the size of every file that the server writes.
pub(crate) struct SizeLimit {
    pub(crate) server: Server,
    pub(crate) folder: TempDir,
}

impl SizeLimit {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let server = Server::start(serve(&folder.path().join(DATABASE), arguments));
        Self { server, folder }
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join(DATABASE)
    }

    /// Lets nothing be written any more, wherever it lies.
    pub(crate) fn allow_nothing(&self) {
        self.limit(1);
    }

    /// Lets no file grow beyond this.
    pub(crate) fn limit(&self, bytes: u64) {
        let id = i32::try_from(self.server.process.id()).unwrap();
        rlimit::prlimit(id, Resource::FSIZE, Some((bytes, rlimit::INFINITY)), None).unwrap();
    }
}

impl Shortage for SizeLimit {
    fn server(&self) -> &Server {
        &self.server
    }

    fn fill(&self) {
        // A few bytes more than there are: what comes next is written in part.
        let log = beside(&self.database(), "-wal").metadata().unwrap().len();
        self.limit(log + 1000);
    }

    fn relieve(&self) {
        self.limit(rlimit::INFINITY);
    }

    fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }
}
