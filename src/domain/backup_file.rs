//! The file behind a backup record, made from the record alone.
//!
//! No Redis runs behind an emulated instance, so the file tells what it is instead: a few string
//! keys in database 0, the same ones in both formats, that a real Redis loads. The bytes follow from
//! the fields of [`BackupFile`] only: the same record gives the same file today and after a restart.
//!
//! Begin at `BackupFile::encode`. It puts a file into a sink, and measuring a file is putting it
//! into a sink that counts: the size a record states cannot differ from the file downloaded later.

mod aof;
mod rdb;
mod sink;

use std::{error, fmt, str::FromStr};

use crate::domain::backup_file::sink::{Counter, Decimal, Entries, Sink};
use crate::domain::id::{BackupId, InstanceId, UUID_LENGTH};

/// The format of a backup file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupFormat {
    /// A snapshot of the data set, with a checksum.
    Rdb,
    /// The commands that build the data set, in one file.
    Aof,
}

impl BackupFormat {
    /// The API's spelling of the format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rdb => "rdb",
            Self::Aof => "aof",
        }
    }
}

impl FromStr for BackupFormat {
    type Err = BackupFormatError;

    /// Reads the API's spelling: exact, lower case, no space around it.
    ///
    /// # Errors
    /// `Unknown` for every other text, the empty one included.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Rdb, Self::Aof]
            .into_iter()
            .find(|format| format.as_str() == text)
            .ok_or(BackupFormatError::Unknown)
    }
}

/// Why a text is not a [`BackupFormat`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupFormatError {
    /// It names no format.
    Unknown,
}

impl fmt::Display for BackupFormatError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rdb, aof) = (BackupFormat::Rdb.as_str(), BackupFormat::Aof.as_str());
        write!(formatter, "a backup format is \"{rdb}\" or \"{aof}\"")
    }
}

impl error::Error for BackupFormatError {}

/// What a backup file is built from.
///
/// Every text is written as it is, whatever its length; nothing is checked here.
#[derive(Clone, Copy, Debug)]
pub struct BackupFile<'a> {
    /// Which of the two formats to write.
    pub format: BackupFormat,
    /// The instance that was backed up.
    pub instance_id: InstanceId,
    /// The backup record.
    pub backup_id: BackupId,
    /// When the backup was created, in milliseconds since the Unix epoch.
    pub created_at_ms: i64,
    /// The engine version of the instance, such as `5.0`.
    pub engine_version: &'a str,
    /// The caller's note. `None` leaves its key out, an empty one gives an empty value.
    pub remark: Option<&'a str>,
}

impl BackupFile<'_> {
    /// Returns the length of [`Self::to_bytes`] in bytes, without building it.
    ///
    /// Allocates nothing and computes no checksum: every created backup asks for it.
    pub fn size_bytes(&self) -> u64 {
        // Lossless: no target has a `usize` of more than 64 bits.
        self.len() as u64
    }

    /// Builds the whole file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len());
        self.encode(&mut bytes);
        bytes
    }

    fn len(&self) -> usize {
        let mut counter = Counter::default();
        self.encode(&mut counter);
        counter.0
    }

    fn encode(&self, sink: &mut impl Sink) {
        let created_at_ms = Decimal::from_i64(self.created_at_ms);
        let (mut instance_id, mut backup_id) = ([0; UUID_LENGTH], [0; UUID_LENGTH]);
        let entries: Entries<'_> = [
            Some(("dcs-emulator:instance_id", self.instance_id.encode(&mut instance_id).as_bytes())),
            Some(("dcs-emulator:backup_id", self.backup_id.encode(&mut backup_id).as_bytes())),
            Some(("dcs-emulator:created_at_ms", created_at_ms.as_bytes())),
            Some(("dcs-emulator:engine_version", self.engine_version.as_bytes())),
            self.remark.map(|remark| ("dcs-emulator:remark", remark.as_bytes())),
        ];
        match self.format {
            BackupFormat::Rdb => rdb::encode(self.engine_version, self.created_at_ms, &entries, sink),
            BackupFormat::Aof => aof::encode(&entries, sink),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{sink::crc64, *};

    fn backup_file(format: BackupFormat, remark: Option<&str>) -> BackupFile<'_> {
        BackupFile {
            format,
            instance_id: "5560df16-cebf-4473-95c4-d1b573c16e79".parse().unwrap(),
            backup_id: "8b4f2c1d-0a9e-4f7b-b6c5-d3e2a1908f7e".parse().unwrap(),
            created_at_ms: 1_790_000_000_123,
            engine_version: "5.0",
            remark,
        }
    }

    proptest! {
        #[test]
        fn the_size_is_the_length_of_the_bytes_and_the_bytes_repeat(
            format in prop_oneof![Just(BackupFormat::Rdb), Just(BackupFormat::Aof)],
            remark in proptest::option::of(
                proptest::collection::vec(any::<char>(), 0..=128).prop_map(String::from_iter),
            ),
            engine_version in ".{0,20}",
            created_at_ms in any::<i64>(),
        ) {
            let remark = remark.as_deref();
            let file = BackupFile {
                created_at_ms,
                engine_version: &engine_version,
                ..backup_file(format, remark)
            };
            let bytes = file.to_bytes();
            prop_assert_eq!(file.size_bytes(), bytes.len() as u64);
            prop_assert_eq!(bytes, file.to_bytes());
        }
    }

    #[test]
    fn an_rdb_file_is_magic_facts_keys_and_the_checksum_of_them_all() {
        let bytes = backup_file(BackupFormat::Rdb, Some("nightly")).to_bytes();
        let (body, trailer) = bytes.split_at(bytes.len() - 8);
        assert_eq!(trailer, crc64(body).to_le_bytes());

        let expected = b"REDIS0009\
            \xfa\x09redis-ver\x035.0\xfa\x0aredis-bits\x0264\
            \xfa\x05ctime\x0a1790000000\xfa\x08used-mem\x071048576\
            \xfe\x00\xfb\x05\x00\
            \x00\x18dcs-emulator:instance_id\x245560df16-cebf-4473-95c4-d1b573c16e79\
            \x00\x16dcs-emulator:backup_id\x248b4f2c1d-0a9e-4f7b-b6c5-d3e2a1908f7e\
            \x00\x1adcs-emulator:created_at_ms\x0d1790000000123\
            \x00\x1bdcs-emulator:engine_version\x035.0\
            \x00\x13dcs-emulator:remark\x07nightly\
            \xff";
        assert_eq!(body, expected);
    }

    #[test]
    fn an_aof_file_is_the_commands_that_set_the_keys() {
        let bytes = backup_file(BackupFormat::Aof, Some("备份")).to_bytes();
        let expected = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n\
            *3\r\n$3\r\nSET\r\n$24\r\ndcs-emulator:instance_id\r\n\
            $36\r\n5560df16-cebf-4473-95c4-d1b573c16e79\r\n\
            *3\r\n$3\r\nSET\r\n$22\r\ndcs-emulator:backup_id\r\n\
            $36\r\n8b4f2c1d-0a9e-4f7b-b6c5-d3e2a1908f7e\r\n\
            *3\r\n$3\r\nSET\r\n$26\r\ndcs-emulator:created_at_ms\r\n$13\r\n1790000000123\r\n\
            *3\r\n$3\r\nSET\r\n$27\r\ndcs-emulator:engine_version\r\n$3\r\n5.0\r\n\
            *3\r\n$3\r\nSET\r\n$19\r\ndcs-emulator:remark\r\n$6\r\n备份\r\n";
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn no_remark_and_an_empty_remark_are_different_files() {
        for format in [BackupFormat::Rdb, BackupFormat::Aof] {
            let without = backup_file(format, None).to_bytes();
            let with_empty = backup_file(format, Some("")).to_bytes();
            assert!(!without.windows(7).any(|part| part == b":remark"));
            assert!(with_empty.windows(7).any(|part| part == b":remark"));
        }
    }

    #[test]
    fn only_the_exact_spelling_of_a_format_is_read() {
        assert_eq!("rdb".parse(), Ok(BackupFormat::Rdb));
        assert_eq!("aof".parse(), Ok(BackupFormat::Aof));
        for text in ["", "RDB", "Aof", " rdb", "aof ", "rdbs"] {
            assert_eq!(text.parse::<BackupFormat>(), Err(BackupFormatError::Unknown));
        }
    }
}
