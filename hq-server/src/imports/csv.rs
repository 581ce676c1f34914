//! Reading CSV (RFC 4180) piece by piece, in bounded memory whatever is sent.

/// The longest that one record may be, and the most fields that it may have.
const LONGEST_RECORD: usize = 64 << 10;
const MOST_FIELDS: usize = 64;

/// One record of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// The line that it begins on, from 1.
    pub(super) line: u64,
    /// Its fields, or what is wrong with it.
    pub(super) fields: Result<Vec<Vec<u8>>, Malformed>,
}

/// Why a record cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    TooLong,
    TooManyFields,
    QuoteInside,
    QuoteOpen,
}

impl Malformed {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::TooManyFields => "too_many",
            Self::QuoteInside | Self::QuoteOpen => "quote",
        }
    }

    pub(super) const fn detail(self) -> &'static str {
        match self {
            Self::TooLong => "A record may have 65536 bytes at most.",
            Self::TooManyFields => "A record may have 64 fields at most.",
            Self::QuoteInside => {
                "A quotation mark stands inside a field. Put the field in quotation marks and double the one inside."
            }
            Self::QuoteOpen => "A quotation mark is opened and not closed.",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    FieldStart,
    Plain,
    Quoted,
    /// After a quotation mark in a quoted field: the end of it, or the first of two.
    AfterQuote,
}

/// Takes bytes and gives records.
#[derive(Debug)]
pub(super) struct Reader {
    place: Place,
    line: u64,
    record_line: u64,
    fields: Vec<Vec<u8>>,
    field: Vec<u8>,
    size: usize,
    mistake: Option<Malformed>,
    /// Whether the record at hand has anything in it: an empty line is none.
    has_begun: bool,
    after_return: bool,
}

impl Reader {
    pub(super) const fn new() -> Self {
        Self {
            place: Place::FieldStart,
            line: 1,
            record_line: 1,
            fields: Vec::new(),
            field: Vec::new(),
            size: 0,
            mistake: None,
            has_begun: false,
            after_return: false,
        }
    }

    /// Reads on; `take` gets each record as it ends.
    pub(super) fn push(&mut self, bytes: &[u8], mut take: impl FnMut(Record)) {
        for &byte in bytes {
            self.read(byte, &mut take);
        }
    }

    /// The file has ended.
    pub(super) fn finish(mut self, mut take: impl FnMut(Record)) {
        if self.place == Place::Quoted {
            self.mistake.get_or_insert(Malformed::QuoteOpen);
        }
        if self.has_begun {
            self.end_record(&mut take);
        }
    }

    fn read(&mut self, byte: u8, take: &mut impl FnMut(Record)) {
        let returned = std::mem::take(&mut self.after_return);
        if self.place == Place::Quoted {
            if byte == b'"' {
                self.place = Place::AfterQuote;
            } else {
                self.line += u64::from(byte == b'\n');
                self.keep(byte);
            }
            return;
        }
        match byte {
            b'\n' if returned => self.record_line = self.line,
            b'\n' | b'\r' => {
                self.line += 1;
                self.after_return = byte == b'\r';
                if self.has_begun {
                    self.end_record(take);
                }
                self.record_line = self.line;
                self.place = Place::FieldStart;
            }
            b',' => {
                self.has_begun = true;
                self.end_field();
                self.place = Place::FieldStart;
            }
            b'"' => {
                self.has_begun = true;
                match self.place {
                    Place::FieldStart => self.place = Place::Quoted,
                    Place::AfterQuote => {
                        self.keep(b'"');
                        self.place = Place::Quoted;
                    }
                    Place::Plain | Place::Quoted => {
                        self.mistake.get_or_insert(Malformed::QuoteInside);
                    }
                }
            }
            _ => {
                self.has_begun = true;
                if self.place == Place::AfterQuote {
                    self.mistake.get_or_insert(Malformed::QuoteInside);
                }
                self.place = Place::Plain;
                self.keep(byte);
            }
        }
    }

    fn keep(&mut self, byte: u8) {
        self.size += 1;
        if self.size <= LONGEST_RECORD {
            self.field.push(byte);
        } else {
            self.mistake.get_or_insert(Malformed::TooLong);
        }
    }

    fn end_field(&mut self) {
        if self.fields.len() < MOST_FIELDS {
            self.fields.push(std::mem::take(&mut self.field));
        } else {
            self.field.clear();
            self.mistake.get_or_insert(Malformed::TooManyFields);
        }
    }

    fn end_record(&mut self, take: &mut impl FnMut(Record)) {
        self.end_field();
        let fields = std::mem::take(&mut self.fields);
        let fields = self.mistake.take().map_or(Ok(fields), Err);
        take(Record { line: self.record_line, fields });
        self.size = 0;
        self.has_begun = false;
        self.place = Place::FieldStart;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, piece: usize) -> Vec<(u64, Result<Vec<String>, Malformed>)> {
        let mut reader = Reader::new();
        let mut records = Vec::new();
        for bytes in text.as_bytes().chunks(piece) {
            reader.push(bytes, |record| records.push(record));
        }
        reader.finish(|record| records.push(record));
        records
            .into_iter()
            .map(|record| {
                let fields = record.fields.map(|fields| {
                    fields.into_iter().map(|field| String::from_utf8(field).unwrap()).collect()
                });
                (record.line, fields)
            })
            .collect()
    }

    #[expect(clippy::unnecessary_wraps, reason = "it stands where records do")]
    fn fields(of: &[&str]) -> Result<Vec<String>, Malformed> {
        Ok(of.iter().map(|field| (*field).to_owned()).collect())
    }

    #[test]
    fn records_are_the_same_however_the_bytes_are_cut() {
        let text = "a,b\r\n\"x, \"\"y\"\"\nz\",\r\n\r\n,2\nlast,";
        let want = vec![
            (1, fields(&["a", "b"])),
            (2, fields(&["x, \"y\"\nz", ""])),
            (5, fields(&["", "2"])),
            (6, fields(&["last", ""])),
        ];
        for piece in 1..=text.len() {
            assert_eq!(read(text, piece), want, "in pieces of {piece}");
        }
    }

    #[test]
    fn a_malformed_record_does_not_spoil_the_next() {
        let text = format!("a\"b,c\n{}\nd,e\n\"open", "x".repeat(LONGEST_RECORD + 1));
        let records = read(&text, 1000);
        assert_eq!(records[0], (1, Err(Malformed::QuoteInside)));
        assert_eq!(records[1], (2, Err(Malformed::TooLong)));
        assert_eq!(records[2], (3, fields(&["d", "e"])));
        assert_eq!(records[3], (4, Err(Malformed::QuoteOpen)));
        assert_eq!(read(&",".repeat(200), 7), vec![(1, Err(Malformed::TooManyFields))]);
    }
}
