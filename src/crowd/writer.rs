//! Writes entities, each by one description of it, as XML or as JSON.
//!
//! What is an attribute or an element in XML is a member of the object in JSON; a list is elements in XML,
//! and an array in JSON.

use std::{fmt, io::Write as _};

use axum::{body::Body, response::Response};
use bytes::{BufMut as _, Bytes, BytesMut};
use chrono::{DateTime, SecondsFormat, Utc};
use http::{StatusCode, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::format::Format;

/// An entity being written.
#[derive(Debug)]
pub(super) struct Writer {
    out: BytesMut,
    format: Format,
    /// XML: attributes can still be written.
    tag_is_open: bool,
    /// JSON: something stands before.
    needs_comma: bool,
}

const XML_DECLARATION: &[u8] = br#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#;

impl Writer {
    pub(super) fn new(format: Format) -> Self {
        let out = BytesMut::with_capacity(1024);
        Self { out, format, tag_is_open: false, needs_comma: false }
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// How much waits to be taken.
    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    /// Takes what has been written; more can follow.
    pub(super) fn take(&mut self) -> Bytes {
        self.out.split().freeze()
    }

    /// All of it, as an answer.
    pub(super) fn into_response(mut self, status: StatusCode) -> Response {
        let mut response = Response::new(Body::from(self.take()));
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, self.format.content_type());
        response
    }

    /// Begins the outermost entity.
    pub(super) fn begin_document(&mut self, name: &str) {
        match self.format {
            Format::Xml => {
                self.out.put_slice(XML_DECLARATION);
                self.open_tag(name);
            }
            Format::Json => self.open_object(),
        }
    }

    /// Begins an entity within another.
    pub(super) fn begin(&mut self, name: &str) {
        match self.format {
            Format::Xml => self.open_tag(name),
            Format::Json => {
                self.key(name);
                self.open_object();
            }
        }
    }

    /// Begins an entity of a list.
    pub(super) fn begin_item(&mut self, name: &str) {
        match self.format {
            Format::Xml => self.open_tag(name),
            Format::Json => {
                self.comma();
                self.open_object();
            }
        }
    }

    /// Ends the entity that was begun last, by the same name.
    pub(super) fn end(&mut self, name: &str) {
        match self.format {
            Format::Xml if self.tag_is_open => {
                self.out.put_slice(b"/>");
                self.tag_is_open = false;
            }
            Format::Xml => self.close(name),
            Format::Json => {
                self.out.put_u8(b'}');
                self.needs_comma = true;
            }
        }
    }

    /// Begins a list whose entities stand in the one that it belongs to.
    pub(super) fn begin_list(&mut self, name: &str) {
        if self.format == Format::Json {
            self.key(name);
            self.out.put_u8(b'[');
            self.needs_comma = false;
        }
    }

    /// Ends a list.
    pub(super) fn end_list(&mut self) {
        if self.format == Format::Json {
            self.out.put_u8(b']');
            self.needs_comma = true;
        }
    }

    /// Begins a list of texts.
    pub(super) fn begin_values(&mut self, name: &str) {
        match self.format {
            Format::Xml => self.open_tag(name),
            Format::Json => self.begin_list(name),
        }
    }

    /// Ends a list of texts, by the same name.
    pub(super) fn end_values(&mut self, name: &str) {
        match self.format {
            Format::Xml => self.end(name),
            Format::Json => self.end_list(),
        }
    }

    /// Where something is: `base` and `place`, which need no escape, and a name.
    pub(super) fn link(&mut self, base: &str, place: &str, name: &str, relation: &str) {
        self.begin("link");
        match self.format {
            Format::Xml => self.out.put_slice(b" href=\""),
            Format::Json => self.out.put_slice(b"\"href\":\""),
        }
        self.out.put_slice(base.as_bytes());
        self.out.put_slice(place.as_bytes());
        for part in utf8_percent_encode(name, NON_ALPHANUMERIC) {
            self.out.put_slice(part.as_bytes());
        }
        self.out.put_u8(b'"');
        self.needs_comma = true;
        self.attribute("rel", relation);
        self.end("link");
    }

    /// An attribute; before everything else of its entity.
    pub(super) fn attribute(&mut self, name: &str, value: &str) {
        match self.format {
            Format::Xml => {
                self.out.put_u8(b' ');
                self.out.put_slice(name.as_bytes());
                self.out.put_slice(b"=\"");
                escape_xml(&mut self.out, value);
                self.out.put_u8(b'"');
            }
            Format::Json => self.member(name, value),
        }
    }

    /// A text.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        match self.format {
            Format::Xml => self.element(name, value),
            Format::Json => self.member(name, value),
        }
    }

    /// A text of a list.
    pub(super) fn item_text(&mut self, name: &str, value: &str) {
        match self.format {
            Format::Xml => self.element(name, value),
            Format::Json => {
                self.comma();
                escape_json(&mut self.out, value);
                self.needs_comma = true;
            }
        }
    }

    /// Yes or no.
    pub(super) fn flag(&mut self, name: &str, value: bool) {
        self.plain(name, value);
    }

    /// A number.
    pub(super) fn number(&mut self, name: &str, value: i64) {
        self.plain(name, value);
    }

    /// A time: `xs:dateTime`, or milliseconds since 1970.
    pub(super) fn time(&mut self, name: &str, value: DateTime<Utc>) {
        match self.format {
            Format::Xml => {
                self.element(name, &value.to_rfc3339_opts(SecondsFormat::Millis, true));
            }
            Format::Json => self.number(name, value.timestamp_millis()),
        }
    }

    /// What needs no quotes.
    fn plain(&mut self, name: &str, value: impl fmt::Display) {
        match self.format {
            Format::Xml => {
                self.open_tag(name);
                self.settle_tag();
            }
            Format::Json => self.key(name),
        }
        // Memory takes everything.
        let _ = write!((&mut self.out).writer(), "{value}");
        match self.format {
            Format::Xml => self.close(name),
            Format::Json => self.needs_comma = true,
        }
    }

    fn open_tag(&mut self, name: &str) {
        self.settle_tag();
        self.out.put_u8(b'<');
        self.out.put_slice(name.as_bytes());
        self.tag_is_open = true;
    }

    /// No attribute follows.
    fn settle_tag(&mut self) {
        if self.tag_is_open {
            self.out.put_u8(b'>');
            self.tag_is_open = false;
        }
    }

    fn close(&mut self, name: &str) {
        self.out.put_slice(b"</");
        self.out.put_slice(name.as_bytes());
        self.out.put_u8(b'>');
    }

    fn element(&mut self, name: &str, value: &str) {
        self.settle_tag();
        self.out.put_u8(b'<');
        self.out.put_slice(name.as_bytes());
        self.out.put_u8(b'>');
        escape_xml(&mut self.out, value);
        self.close(name);
    }

    fn comma(&mut self) {
        if self.needs_comma {
            self.out.put_u8(b',');
        }
    }

    fn key(&mut self, name: &str) {
        self.comma();
        self.out.put_u8(b'"');
        self.out.put_slice(name.as_bytes());
        self.out.put_slice(b"\":");
    }

    fn member(&mut self, name: &str, value: &str) {
        self.key(name);
        escape_json(&mut self.out, value);
        self.needs_comma = true;
    }

    fn open_object(&mut self) {
        self.out.put_u8(b'{');
        self.needs_comma = false;
    }
}

/// What stands for a byte in XML, in a text as in an attribute; nothing if it stands for itself. Of what no
/// XML 1.0 can hold (section 2.2), nothing is left.
fn xml_escape(byte: u8) -> Option<&'static [u8]> {
    match byte {
        b'&' => Some(b"&amp;"),
        b'<' => Some(b"&lt;"),
        b'>' => Some(b"&gt;"),
        b'"' => Some(b"&quot;"),
        // A reader would make blanks of them in an attribute, and of the last in a text.
        b'\t' => Some(b"&#9;"),
        b'\n' => Some(b"&#10;"),
        b'\r' => Some(b"&#13;"),
        0..0x20 => Some(b""),
        _ => None,
    }
}

fn escape_xml(out: &mut BytesMut, text: &str) {
    let bytes = text.as_bytes();
    let mut plain = 0;
    for (index, byte) in bytes.iter().enumerate() {
        // U+FFFE and U+FFFF are EF BF BE and EF BF BF.
        let is_no_character =
            *byte == 0xEF && matches!(bytes[index + 1..], [0xBF, 0xBE | 0xBF, ..]);
        if is_no_character {
            out.put_slice(&bytes[plain..index]);
            plain = index + 3;
        } else if let Some(escape) = xml_escape(*byte) {
            out.put_slice(&bytes[plain..index]);
            out.put_slice(escape);
            plain = index + 1;
        }
    }
    out.put_slice(&bytes[plain..]);
}

fn escape_json(out: &mut BytesMut, text: &str) {
    out.put_u8(b'"');
    let bytes = text.as_bytes();
    let mut plain = 0;
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(byte, b'"' | b'\\' | 0..0x20) {
            out.put_slice(&bytes[plain..index]);
            match byte {
                b'"' | b'\\' => out.put_slice(&[b'\\', *byte]),
                b'\n' => out.put_slice(b"\\n"),
                b'\t' => out.put_slice(b"\\t"),
                _ => {
                    let _ = write!(out.writer(), "\\u{byte:04x}");
                }
            }
            plain = index + 1;
        }
    }
    out.put_slice(&bytes[plain..]);
    out.put_u8(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(format: Format, write: impl Fn(&mut Writer)) -> String {
        let mut writer = Writer::new(format);
        writer.begin_document("a");
        write(&mut writer);
        writer.end("a");
        String::from_utf8(writer.take().to_vec()).unwrap()
    }

    #[test]
    fn the_same_is_written_in_both() {
        let write = |writer: &mut Writer| {
            writer.attribute("name", "x<&\">");
            writer.begin_list("bs");
            for value in ["1", "2"] {
                writer.begin_item("b");
                writer.text("v", value);
                writer.end("b");
            }
            writer.end_list();
            writer.begin("c");
            writer.end("c");
            writer.time("at", DateTime::from_timestamp_millis(1_700_000_000_123).unwrap());
            writer.flag("is", true);
        };
        assert_eq!(
            written(Format::Json, write),
            r#"{"name":"x<&\">","bs":[{"v":"1"},{"v":"2"}],"c":{},"at":1700000000123,"is":true}"#
        );
        let xml = written(Format::Xml, write);
        assert_eq!(
            xml.strip_prefix(str::from_utf8(XML_DECLARATION).unwrap()).unwrap(),
            r#"<a name="x&lt;&amp;&quot;&gt;"><b><v>1</v></b><b><v>2</v></b><c/><at>2023-11-14T22:13:20.123Z</at><is>true</is></a>"#
        );
    }

    #[test]
    fn what_xml_cannot_hold_is_left_out() {
        let xml =
            written(Format::Xml, |writer| writer.text("t", "a\0\u{1b}b\u{ffff}\u{fffe}c\u{fffd}é"));
        assert!(xml.ends_with("<t>abc\u{fffd}é</t></a>"), "{xml}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_again(text: String) {
            let json = written(Format::Json, |writer| writer.text("t", &text));
            let json: serde_json::Value = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(json["t"].as_str().unwrap(), &text);
            let xml = written(Format::Xml, |writer| {
                writer.attribute("name", &text);
                writer.text("t", &text);
            });
            let document = roxmltree::Document::parse(&xml).unwrap();
            let is_char = |c: &char| !matches!(c, '\0'..'\t' | '\u{b}' | '\u{c}' | '\u{e}'..' ' | '\u{fffe}' | '\u{ffff}');
            let kept: String = text.chars().filter(is_char).collect();
            prop_assert_eq!(document.root_element().attribute("name").unwrap(), &kept);
            let element = document.root_element().first_element_child().unwrap();
            prop_assert_eq!(element.text().unwrap_or_default(), &kept);
        }
    }
}
