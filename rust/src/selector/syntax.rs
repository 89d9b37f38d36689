//! What a label's key and value may be, and how messages quote them (python/dromon/api/label_syntax.py).

use std::fmt::Write;

const NAME: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const SUBDOMAIN: &str = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const MAX_NAME: usize = 63;
const MAX_PREFIX: usize = 253;

fn name_rule() -> String {
    format!(
        "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
         alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
         '{NAME}')"
    )
}

/// Why `key` is no label key ("[prefix/]name"); empty: it is one.
pub fn key_errors(key: &str) -> Vec<String> {
    let parts: Vec<&str> = key.split('/').collect();
    if parts.len() > 2 {
        return vec![format!(
            "a valid label key {} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
            name_rule()
        )];
    }
    let mut found = Vec::new();
    if parts.len() == 2 {
        prefix_errors(parts[0], &mut found);
    }
    let name = parts[parts.len() - 1];
    if name.is_empty() {
        found.push("name part must be non-empty".into());
    } else if name.len() > MAX_NAME {
        found.push(format!("name part must be no more than {MAX_NAME} bytes"));
    }
    if !is_name(name) {
        found.push(format!("name part {}", name_rule()));
    }
    found
}

fn prefix_errors(prefix: &str, found: &mut Vec<String>) {
    if prefix.is_empty() {
        found.push("prefix part must be non-empty".into());
        return;
    }
    if prefix.len() > MAX_PREFIX {
        found.push(format!(
            "prefix part must be no more than {MAX_PREFIX} bytes"
        ));
    }
    if !prefix.split('.').all(is_dns_label) {
        found.push(format!(
            "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, \
             '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', \
             regex used for validation is '{SUBDOMAIN}')"
        ));
    }
}

/// Why `value` is no label value; empty: it is one.
pub fn value_errors(value: &str) -> Vec<String> {
    let mut found = Vec::new();
    if value.len() > MAX_NAME {
        found.push(format!("must be no more than {MAX_NAME} bytes"));
    }
    if !value.is_empty() && !is_name(value) {
        found.push(format!(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and \
             must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', \
             regex used for validation is '({NAME})?')"
        ));
    }
    found
}

fn is_name(text: &str) -> bool {
    bounded(
        text,
        |b| b.is_ascii_alphanumeric(),
        |b| matches!(b, b'-' | b'_' | b'.'),
    )
}

fn is_dns_label(text: &str) -> bool {
    bounded(
        text,
        |b| b.is_ascii_lowercase() || b.is_ascii_digit(),
        |b| b == b'-',
    )
}

/// Not empty, `outer` at both ends, `outer` or `inner` between.
fn bounded(text: &str, outer: fn(u8) -> bool, inner: fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(&first), Some(&last)) => {
            outer(first) && outer(last) && bytes.iter().all(|&b| outer(b) || inner(b))
        }
        _ => false,
    }
}

/// `text` in double quotes with control characters escaped.
pub fn quote(text: &str) -> String {
    let mut shown = String::with_capacity(text.len() + 2);
    shown.push('"');
    for c in text.chars() {
        match c {
            '\\' => shown.push_str("\\\\"),
            '"' => shown.push_str("\\\""),
            '\x07' => shown.push_str("\\a"),
            '\x08' => shown.push_str("\\b"),
            '\x0c' => shown.push_str("\\f"),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            '\x0b' => shown.push_str("\\v"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                // Writing to a String can't fail.
                let _ = write!(shown, "\\x{:02x}", c as u32);
            }
            c => shown.push(c),
        }
    }
    shown.push('"');
    shown
}
