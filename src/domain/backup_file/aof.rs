//! The AOF format: the commands that build the data set, as a client would send them.
//!
//! Source: Redis documentation, "Redis serialization protocol specification".

use crate::domain::backup_file::sink::{Decimal, Entries, Sink};

/// Puts the whole file: database 0, then a `SET` for each entry.
pub(super) fn encode(entries: &Entries<'_>, sink: &mut impl Sink) {
    put_command(&[b"SELECT", b"0"], sink);
    for (key, value) in entries.iter().flatten() {
        put_command(&[b"SET", key.as_bytes(), value], sink);
    }
}

fn put_command(words: &[&[u8]], sink: &mut impl Sink) {
    put_length(b"*", words.len(), sink);
    for word in words {
        put_length(b"$", word.len(), sink);
        sink.put(word);
        sink.put(b"\r\n");
    }
}

fn put_length(sigil: &[u8], length: usize, sink: &mut impl Sink) {
    sink.put(sigil);
    sink.put(Decimal::from_length(length).as_bytes());
    sink.put(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_the_commands_that_set_the_keys_in_database_0() {
        let entries: Entries<'_> = [Some(("a", b"1")), None, None, None, Some(("b", "备".as_bytes()))];
        let mut bytes = Vec::new();
        encode(&entries, &mut bytes);
        let expected = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n\
            *3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n\
            *3\r\n$3\r\nSET\r\n$1\r\nb\r\n$3\r\n备\r\n";
        assert_eq!(bytes, expected.as_bytes());
    }
}
