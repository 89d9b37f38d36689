//! Putting metadata.resourceVersion into an object's JSON without decoding it.

/// An object's JSON with a revision in it.
pub struct Spliced {
    pub json: Box<[u8]>,
    /// Where the revision's digits are.
    pub digits: std::ops::Range<usize>,
}

const FIELD: &[u8] = b"\"resourceVersion\":\"";

/// Insert the revision as the first field of metadata; `head` is how objects usually begin.
pub fn splice(value: &[u8], head: &[u8], revision: u64) -> Result<Spliced, String> {
    if value.starts_with(head) {
        return Ok(insert(value, head.len(), revision, b"", b""));
    }
    let brace = skip_blanks(value, 0);
    if value.get(brace) != Some(&b'{') {
        return Err("not a JSON object".into());
    }
    match find_metadata(value, brace + 1)? {
        Some(at) => Ok(insert(value, at, revision, b"", b"")),
        None => Ok(insert(value, brace + 1, revision, b"\"metadata\":{", b"}")),
    }
}

/// The same object with another revision.
pub fn replace(json: &[u8], digits: &std::ops::Range<usize>, revision: u64) -> Spliced {
    let number = revision.to_string();
    let mut new = Vec::with_capacity(json.len() - digits.len() + number.len());
    new.extend_from_slice(&json[..digits.start]);
    new.extend_from_slice(number.as_bytes());
    new.extend_from_slice(&json[digits.end..]);
    Spliced {
        json: new.into(),
        digits: digits.start..digits.start + number.len(),
    }
}

fn insert(value: &[u8], at: usize, revision: u64, before: &[u8], after: &[u8]) -> Spliced {
    let number = revision.to_string();
    let last = value.get(skip_blanks(value, at)) == Some(&b'}');
    let extra = before.len() + FIELD.len() + number.len() + after.len() + 2;
    let mut json = Vec::with_capacity(value.len() + extra);
    json.extend_from_slice(&value[..at]);
    json.extend_from_slice(before);
    json.extend_from_slice(FIELD);
    let start = json.len();
    json.extend_from_slice(number.as_bytes());
    json.push(b'"');
    json.extend_from_slice(after);
    if !last {
        json.push(b',');
    }
    json.extend_from_slice(&value[at..]);
    Spliced {
        json: json.into(),
        digits: start..start + number.len(),
    }
}

/// The place after the brace that opens the top-level "metadata" object, scanning from inside the outer brace.
fn find_metadata(json: &[u8], mut at: usize) -> Result<Option<usize>, String> {
    loop {
        at = skip_blanks(json, at);
        match json.get(at) {
            Some(b'}') => return Ok(None),
            Some(b',') => {
                at += 1;
                continue;
            }
            Some(b'"') => {}
            _ => return Err("malformed JSON object".into()),
        }
        let end = skip_string(json, at)?;
        let is_metadata = &json[at..end] == b"\"metadata\"";
        at = skip_blanks(json, end);
        if json.get(at) != Some(&b':') {
            return Err("malformed JSON object".into());
        }
        at = skip_blanks(json, at + 1);
        if is_metadata {
            return match json.get(at) {
                Some(b'{') => Ok(Some(at + 1)),
                _ => Err("metadata is not an object".into()),
            };
        }
        at = skip_value(json, at)?;
    }
}

fn skip_blanks(json: &[u8], mut at: usize) -> usize {
    while matches!(json.get(at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
        at += 1;
    }
    at
}

/// The place after the string that opens at `at`.
fn skip_string(json: &[u8], at: usize) -> Result<usize, String> {
    let mut at = at + 1;
    while let Some(found) = memchr::memchr2(b'"', b'\\', json.get(at..).unwrap_or(&[])) {
        at += found;
        if json[at] == b'"' {
            return Ok(at + 1);
        }
        at += 2;
    }
    Err("a string does not end".into())
}

/// The place after the value that starts at `at`.
fn skip_value(json: &[u8], mut at: usize) -> Result<usize, String> {
    let mut depth = 0usize;
    loop {
        match json.get(at) {
            None => return Err("malformed JSON object".into()),
            Some(b'"') => {
                at = skip_string(json, at)?;
                if depth == 0 {
                    return Ok(at);
                }
                continue;
            }
            Some(b'{' | b'[') => depth += 1,
            Some(b'}' | b']') if depth == 0 => return Ok(at),
            Some(b'}' | b']') => {
                depth -= 1;
                if depth == 0 {
                    return Ok(at + 1);
                }
            }
            Some(b',') if depth == 0 => return Ok(at),
            Some(_) => {}
        }
        at += 1;
    }
}
