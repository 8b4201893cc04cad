//! Where the encoders put a file: a buffer, or a counter that only measures.
//!
//! Source of the checksum: `crc64.c` of Redis 5.0.

/// The keys of a file with their values, in file order; `None` where a key is left out.
pub(super) type Entries<'a> = [Option<(&'static str, &'a [u8])>; 5];

/// Where an encoder puts a file.
pub(super) trait Sink {
    /// Puts the bytes as they are.
    fn put(&mut self, bytes: &[u8]);
    /// Puts the CRC-64 of everything put before, 8 bytes, little-endian.
    fn put_checksum(&mut self);
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    fn put_checksum(&mut self) {
        let checksum = crc64(self);
        self.put(&checksum.to_le_bytes());
    }
}

/// Counts the bytes and drops them.
#[derive(Default)]
pub(super) struct Counter(pub(super) usize);

impl Sink for Counter {
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }

    fn put_checksum(&mut self) {
        self.0 += size_of::<u64>();
    }
}

/// A number as decimal text, kept on the stack.
pub(super) struct Decimal {
    /// Filled from the end. `-9223372036854775808` and the largest `u64` take 20 bytes.
    text: [u8; 20],
    start: usize,
}

impl Decimal {
    pub(super) fn from_i64(number: i64) -> Self {
        let mut decimal = Self::from_u64(number.unsigned_abs());
        if number < 0 {
            decimal.push_front(b'-');
        }
        decimal
    }

    pub(super) fn from_length(length: usize) -> Self {
        Self::from_u64(length as u64)
    }

    fn from_u64(mut number: u64) -> Self {
        let mut decimal = Self { text: [0; 20], start: 20 };
        loop {
            let [digit, ..] = (number % 10).to_le_bytes();
            decimal.push_front(b'0' + digit);
            number /= 10;
            if number == 0 {
                return decimal;
            }
        }
    }

    fn push_front(&mut self, byte: u8) {
        self.start -= 1;
        self.text[self.start] = byte;
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.text[self.start..]
    }
}

/// CRC-64/Jones, as Redis computes it: reflected, started at 0, not inverted at the end.
pub(super) fn crc64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |crc: u64, &byte| {
        let [index, ..] = (crc ^ u64::from(byte)).to_le_bytes();
        CRC64_TABLE[usize::from(index)] ^ (crc >> 8)
    })
}

/// What each low byte adds to the checksum.
static CRC64_TABLE: [u64; 256] = {
    // The polynomial ad93d23594c935a9 with its bits in reverse order.
    const POLYNOMIAL: u64 = 0x95ac_9329_ac4b_c9b5;
    let mut table = [0; 256];
    let mut index = 0;
    while index < table.len() {
        let mut crc = index as u64;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ (POLYNOMIAL * (crc & 1));
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extreme_numbers_fit() {
        for number in [i64::MIN, -1, 0, 9, 10, i64::MAX] {
            let decimal = Decimal::from_i64(number);
            assert_eq!(decimal.as_bytes(), number.to_string().as_bytes());
        }
        let longest = Decimal::from_u64(u64::MAX);
        assert_eq!(longest.as_bytes(), u64::MAX.to_string().as_bytes());
    }

    #[test]
    fn the_checksum_is_the_one_redis_computes() {
        assert_eq!(crc64(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(crc64(b""), 0);
    }
}
