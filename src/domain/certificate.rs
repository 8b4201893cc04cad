//! The certificate by which clients of an encrypted instance know whom they talk to, and the archive in which they get it.
//!
//! No cache runs behind an emulated instance, so nothing is ever signed by it: it is one, and the same for all.
//!
//! Source: docs/contract/dcs-v2.md, section 2.11.

use crate::domain::time::Timestamp;

/// The certificate of the authority, in PEM. Its key was thrown away.
pub const AUTHORITY: &str = include_str!("certificate/authority.pem");
/// The bucket that answers name.
pub const BUCKET: &str = "dcs-cert";
/// The name of the archive.
pub const ARCHIVE_NAME: &str = "dcs-certificate.zip";
/// The name of the certificate in the archive. Clients take the first entry, whatever its name.
const ENTRY_NAME: &[u8] = b"ca.crt";

/// Returns when the certificate expires: at the beginning of 2100.
pub fn expires_at() -> Timestamp {
    const MILLIS: i64 = 4_102_444_800_000;
    Timestamp::from_millis(MILLIS).unwrap_or(Timestamp::MAX)
}

/// Returns the archive: a ZIP file with the certificate as its only entry, not compressed.
pub fn archive() -> Vec<u8> {
    let content = AUTHORITY.as_bytes();
    let mut archive = b"PK\x03\x04".to_vec();
    archive.extend(entry_head(content));
    archive.extend(ENTRY_NAME);
    archive.extend(content);
    let directory_at = archive.len();
    archive.extend(b"PK\x01\x02");
    archive.extend(ZIP_VERSION.to_le_bytes());
    archive.extend(entry_head(content));
    // No comment, the first disk, no attributes; the entry begins where the archive does.
    archive.extend([0; 14]);
    archive.extend(ENTRY_NAME);
    let directory_length = archive.len() - directory_at;
    archive.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    archive.extend(length(directory_length));
    archive.extend(length(directory_at));
    archive.extend([0; 2]);
    archive
}

/// The version of the format: the first that knows stored entries in any folder.
const ZIP_VERSION: u16 = 20;
/// Midnight of the first day that the format knows, 1 January 1980: the archive is the same whenever it is made.
const FIRST_DAY: u16 = 0x21;

/// Returns what the two descriptions of an entry have in common.
fn entry_head(content: &[u8]) -> Vec<u8> {
    let mut head = ZIP_VERSION.to_le_bytes().to_vec();
    // No flags, stored, midnight.
    head.extend([0; 6]);
    head.extend(FIRST_DAY.to_le_bytes());
    head.extend(crc32(content).to_le_bytes());
    head.extend(length(content.len()));
    head.extend(length(content.len()));
    head.extend(&length(ENTRY_NAME.len())[..2]);
    // Nothing extra.
    head.extend([0; 2]);
    head
}

/// Writes a length, which is far below what the format allows.
fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes()
}

/// Returns the checksum of ZIP files, bit by bit: it is of one small file.
fn crc32(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0xedb8_8320;
    let step = |rest: u32, _| if rest & 1 == 1 { (rest >> 1) ^ POLYNOMIAL } else { rest >> 1 };
    !bytes.iter().fold(u32::MAX, |rest, byte| (0..8).fold(rest ^ u32::from(*byte), step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_one_of_zip_files() {
        // The check value of the catalogue of checksums.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn the_archive_holds_the_certificate_as_it_is() {
        let (archive, content) = (archive(), AUTHORITY.as_bytes());
        let begin = 30 + ENTRY_NAME.len();
        assert_eq!(&archive[begin..begin + content.len()], content);
        assert!(content.starts_with(b"-----BEGIN CERTIFICATE-----\n"));
        assert_eq!(&archive[archive.len() - 22..archive.len() - 18], b"PK\x05\x06");
    }
}
