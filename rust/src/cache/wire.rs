//! The bytes around objects: list bodies and watch frames, in JSON, MessagePack and protobuf.
//!
//! Protobuf: k8s.io/apimachinery runtime.Unknown behind the magic "k8s\0"; meta/v1 List and WatchEvent.

/// How objects are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    MsgPack,
    Protobuf,
}

/// Makes an object's other forms from its JSON (resourceVersion included): for MessagePack a map, for
/// protobuf the bare message.
pub trait Encode {
    fn encode(&self, format: Format, json: &[u8]) -> Result<Vec<u8>, String>;
}

/// What a list says about itself.
pub struct ListHead<'a> {
    pub kind: &'a str,
    pub api_version: &'a str,
    pub revision: u64,
    /// "": the list ends here.
    pub token: &'a str,
    pub remaining: Option<u64>,
}

/// What stands before the items, between them and after them.
pub struct Brackets {
    pub before: Vec<u8>,
    pub between: &'static [u8],
    pub after: &'static [u8],
}

/// The parts of a list body that are not items.
pub fn list_brackets(format: Format, head: &ListHead<'_>, items: &[&[u8]]) -> Brackets {
    match format {
        Format::Json => Brackets {
            before: json_list(head),
            between: b",",
            after: b"]}\n",
        },
        Format::MsgPack => Brackets {
            before: msgpack_list(head, items.len()),
            between: b"",
            after: b"",
        },
        Format::Protobuf => Brackets {
            before: protobuf_list(head, items),
            between: b"",
            after: b"",
        },
    }
}

fn json_list(head: &ListHead<'_>) -> Vec<u8> {
    let mut text = format!(
        "{{\"kind\":\"{}List\",\"apiVersion\":\"{}\",\"metadata\":{{\"resourceVersion\":\"{}\"",
        head.kind, head.api_version, head.revision
    );
    if !head.token.is_empty() {
        text.push_str(&format!(",\"continue\":\"{}\"", head.token));
    }
    if let Some(remaining) = head.remaining {
        text.push_str(&format!(",\"remainingItemCount\":{remaining}"));
    }
    text.push_str("},\"items\":[");
    text.into_bytes()
}

fn msgpack_list(head: &ListHead<'_>, items: usize) -> Vec<u8> {
    let mut out = vec![0x84];
    msgpack_text(&mut out, "kind");
    msgpack_text(&mut out, &format!("{}List", head.kind));
    msgpack_text(&mut out, "apiVersion");
    msgpack_text(&mut out, head.api_version);
    msgpack_text(&mut out, "metadata");
    out.push(0x81 + u8::from(!head.token.is_empty()) + u8::from(head.remaining.is_some()));
    msgpack_text(&mut out, "resourceVersion");
    msgpack_text(&mut out, &head.revision.to_string());
    if !head.token.is_empty() {
        msgpack_text(&mut out, "continue");
        msgpack_text(&mut out, head.token);
    }
    if let Some(remaining) = head.remaining {
        msgpack_text(&mut out, "remainingItemCount");
        out.push(0xcf);
        out.extend_from_slice(&remaining.to_be_bytes());
    }
    msgpack_text(&mut out, "items");
    out.push(0xdd);
    out.extend_from_slice(&(items as u32).to_be_bytes());
    out
}

fn msgpack_text(out: &mut Vec<u8>, text: &str) {
    match text.len() {
        n @ 0..=31 => out.push(0xa0 | n as u8),
        n @ 32..=255 => out.extend_from_slice(&[0xd9, n as u8]),
        n => {
            out.push(0xdb);
            out.extend_from_slice(&(n as u32).to_be_bytes());
        }
    }
    out.extend_from_slice(text.as_bytes());
}

/// Everything before the first item's tag; each item is preceded by `item_tag`.
fn protobuf_list(head: &ListHead<'_>, items: &[&[u8]]) -> Vec<u8> {
    let mut meta = Vec::new();
    bytes_field(&mut meta, 2, head.revision.to_string().as_bytes());
    if !head.token.is_empty() {
        bytes_field(&mut meta, 3, head.token.as_bytes());
    }
    if let Some(remaining) = head.remaining {
        meta.push(4 << 3);
        varint(&mut meta, remaining);
    }
    let mut list = Vec::with_capacity(meta.len() + 8);
    bytes_field(&mut list, 1, &meta);
    let body: usize = items
        .iter()
        .map(|i| 1 + varint_size(i.len() as u64) + i.len())
        .sum();
    let mut out = envelope_head(
        head.api_version,
        &format!("{}List", head.kind),
        list.len() + body,
    );
    out.extend_from_slice(&list);
    out
}

/// Tag and length of a list's item.
pub fn protobuf_item(length: usize) -> Vec<u8> {
    let mut out = vec![2 << 3 | 2];
    varint(&mut out, length as u64);
    out
}

/// An object's message as upstream sends it alone: magic and runtime.Unknown around it.
pub fn envelope(api_version: &str, kind: &str, message: &[u8]) -> Vec<u8> {
    let mut out = envelope_head(api_version, kind, message.len());
    out.extend_from_slice(message);
    out
}

/// All of an envelope but the message itself, which is its last field here.
fn envelope_head(api_version: &str, kind: &str, length: usize) -> Vec<u8> {
    let mut types = Vec::with_capacity(api_version.len() + kind.len() + 4);
    bytes_field(&mut types, 1, api_version.as_bytes());
    bytes_field(&mut types, 2, kind.as_bytes());
    let mut out = Vec::with_capacity(types.len() + length + 16);
    out.extend_from_slice(b"k8s\0");
    bytes_field(&mut out, 1, &types);
    out.push(2 << 3 | 2);
    varint(&mut out, length as u64);
    out
}

/// Append a watch frame. `object` is as `Encode` makes it.
pub fn frame(
    out: &mut Vec<u8>,
    format: Format,
    kind: &str,
    api_version: &str,
    event: &str,
    object: &[u8],
) {
    match format {
        Format::Json => {
            out.extend_from_slice(b"{\"type\":\"");
            out.extend_from_slice(event.as_bytes());
            out.extend_from_slice(b"\",\"object\":");
            out.extend_from_slice(object);
            out.extend_from_slice(b"}\n");
        }
        Format::MsgPack => {
            let mut head = vec![0x82];
            msgpack_text(&mut head, "type");
            msgpack_text(&mut head, event);
            msgpack_text(&mut head, "object");
            out.extend_from_slice(&((head.len() + object.len()) as u32).to_be_bytes());
            out.extend_from_slice(&head);
            out.extend_from_slice(object);
        }
        Format::Protobuf => {
            let raw = envelope_head(api_version, kind, object.len());
            let raw_length = raw.len() + object.len();
            let mut head = Vec::with_capacity(event.len() + raw.len() + 16);
            bytes_field(&mut head, 1, event.as_bytes());
            head.push(2 << 3 | 2); // WatchEvent.object
            varint(
                &mut head,
                (1 + varint_size(raw_length as u64) + raw_length) as u64,
            );
            head.push(1 << 3 | 2); // RawExtension.raw
            varint(&mut head, raw_length as u64);
            head.extend_from_slice(&raw);
            out.extend_from_slice(&((head.len() + object.len()) as u32).to_be_bytes());
            out.extend_from_slice(&head);
            out.extend_from_slice(object);
        }
    }
}

fn bytes_field(out: &mut Vec<u8>, number: u8, value: &[u8]) {
    out.push(number << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn varint_size(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}
