//! The RDB format: a snapshot with a checksum.
//!
//! Source: `rdb.h` and `rdb.c` of Redis 5.0.

use crate::domain::backup_file::sink::{Decimal, Entries, Sink};

/// RDB version 9: written by Redis 5.0 to 6.2, loaded by every Redis from 5.0 on.
const MAGIC: &[u8] = b"REDIS0009";
const AUX: u8 = 0xfa;
const RESIZEDB: u8 = 0xfb;
const SELECTDB: u8 = 0xfe;
const EOF: u8 = 0xff;
const TYPE_STRING: u8 = 0x00;

/// The `used-mem` that RDB files state, in bytes. A placeholder: Redis
/// logs it when it loads a file, and limits nothing by it.
const USED_MEM_BYTES: i64 = 1_048_576;

/// Puts the whole file: what wrote it and when, database 0 with the entries, the checksum.
pub(super) fn encode(engine_version: &str, created_at_ms: i64, entries: &Entries<'_>, sink: &mut impl Sink) {
    let created_at_seconds = Decimal::from_i64(created_at_ms.div_euclid(1000));
    let used_mem_bytes = Decimal::from_i64(USED_MEM_BYTES);
    let facts: [(&str, &[u8]); 4] = [
        ("redis-ver", engine_version.as_bytes()),
        ("redis-bits", b"64"),
        ("ctime", created_at_seconds.as_bytes()),
        ("used-mem", used_mem_bytes.as_bytes()),
    ];

    sink.put(MAGIC);
    for (name, value) in facts {
        sink.put(&[AUX]);
        put_string(name.as_bytes(), sink);
        put_string(value, sink);
    }
    sink.put(&[SELECTDB]);
    put_length(0, sink);
    sink.put(&[RESIZEDB]);
    put_length(entries.iter().flatten().count(), sink);
    put_length(0, sink); // No key expires.
    for (key, value) in entries.iter().flatten() {
        sink.put(&[TYPE_STRING]);
        put_string(key.as_bytes(), sink);
        put_string(value, sink);
    }
    sink.put(&[EOF]);
    sink.put_checksum();
}

fn put_string(text: &[u8], sink: &mut impl Sink) {
    put_length(text.len(), sink);
    sink.put(text);
}

/// Puts a length in its shortest form: 6 bits, 14 bits, or a marker and 64 bits, big-endian.
///
/// The 32-bit form is left out: no text of a backup comes near it, and Redis reads the wider one.
fn put_length(length: usize, sink: &mut impl Sink) {
    match u16::try_from(length) {
        Ok(short @ ..=0x3f) => sink.put(&short.to_be_bytes()[1..]),
        Ok(medium @ ..=0x3fff) => sink.put(&(0x4000 | medium).to_be_bytes()),
        _ => {
            sink.put(&[0x81]);
            sink.put(&(length as u64).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_takes_its_shortest_form() {
        let cases: [(usize, &[u8]); 6] = [
            (0, &[0x00]),
            (63, &[0x3f]),
            (64, &[0x40, 0x40]),
            (512, &[0x42, 0x00]),
            (16_383, &[0x7f, 0xff]),
            (16_384, &[0x81, 0, 0, 0, 0, 0, 0, 0x40, 0]),
        ];
        for (length, expected) in cases {
            let mut bytes = Vec::new();
            put_length(length, &mut bytes);
            assert_eq!(bytes, expected, "length {length}");
        }
    }
}
