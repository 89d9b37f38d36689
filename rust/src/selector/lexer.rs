//! Tokens of label selectors.

/// A token; `kind` says what the grammar sees, `literal` what messages show.
#[derive(Clone, Copy, Debug)]
pub struct Token<'a> {
    pub kind: Kind,
    pub literal: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Word,
    In,
    NotIn,
    Not,
    Comma,
    Open,
    Close,
    Equals,
    DoubleEquals,
    NotEquals,
    Greater,
    Less,
    End,
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b'=' | b'!' | b'(' | b')' | b',' | b'>' | b'<')
}

/// All tokens of `text`, the last being `End`. A NUL ends a word, and at the start of a token the whole text.
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    loop {
        while at < bytes.len() && is_blank(bytes[at]) {
            at += 1;
        }
        if at == bytes.len() || bytes[at] == 0 {
            found.push(Token {
                kind: Kind::End,
                literal: "",
            });
            return found;
        }
        let start = at;
        if is_special(bytes[at]) {
            let (kind, length) = symbol(&bytes[at..]);
            at += length;
            found.push(Token {
                kind,
                literal: &text[start..at],
            });
            continue;
        }
        while at < bytes.len() && !is_blank(bytes[at]) && !is_special(bytes[at]) && bytes[at] != 0 {
            at += 1;
        }
        // The bytes that end a word are ASCII, so this is on a character's boundary.
        let literal = &text[start..at];
        let kind = match literal {
            "in" => Kind::In,
            "notin" => Kind::NotIn,
            _ => Kind::Word,
        };
        found.push(Token { kind, literal });
        if at < bytes.len() && bytes[at] == 0 {
            at += 1;
        }
    }
}

fn symbol(rest: &[u8]) -> (Kind, usize) {
    match (rest[0], rest.get(1)) {
        (b'=', Some(b'=')) => (Kind::DoubleEquals, 2),
        (b'!', Some(b'=')) => (Kind::NotEquals, 2),
        (b'=', _) => (Kind::Equals, 1),
        (b'!', _) => (Kind::Not, 1),
        (b',', _) => (Kind::Comma, 1),
        (b'(', _) => (Kind::Open, 1),
        (b')', _) => (Kind::Close, 1),
        (b'>', _) => (Kind::Greater, 1),
        _ => (Kind::Less, 1),
    }
}
