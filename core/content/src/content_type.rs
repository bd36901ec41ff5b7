//! Content types by the endings of file names.

/// The type of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentType {
    /// As in `Content-Type`; text is UTF-8.
    pub text: &'static str,
    /// The format is compressed already: no coding would make it smaller.
    pub packed: bool,
}

/// Nothing is known: the browser offers to save it, and does not guess.
const UNKNOWN: ContentType = plain("application/octet-stream");
/// The longest ending in the table.
const LONGEST: usize = 11;

/// The type of the file of this name or path.
pub fn content_type(name: &[u8]) -> ContentType {
    known(name).unwrap_or(UNKNOWN)
}

/// Whether a name or path is that of a page, or of something that only the application behind the pages can tell: it has no
/// ending, or one that we do not know. A script or a picture is neither.
pub fn names_page(name: &[u8]) -> bool {
    known(name).is_none_or(|kind| kind.text.starts_with("text/html") || kind.text.starts_with("application/xhtml"))
}

fn known(name: &[u8]) -> Option<ContentType> {
    let name = name.rsplit(|&byte| byte == b'/').next().unwrap_or(name);
    let dot = name.iter().rposition(|&byte| byte == b'.')?;
    let ending = &name[dot + 1..];
    // A name that is nothing but an ending (`.css`) has none.
    if dot == 0 || ending.len() > LONGEST {
        return None;
    }
    let mut lower = [0; LONGEST];
    let lower = &mut lower[..ending.len()];
    lower.copy_from_slice(ending);
    lower.make_ascii_lowercase();
    let place = ENDINGS.binary_search_by(|(known, _)| known.as_bytes().cmp(lower));
    place.ok().map(|place| ENDINGS[place].1)
}

const fn plain(text: &'static str) -> ContentType {
    ContentType { text, packed: false }
}

const fn packed(text: &'static str) -> ContentType {
    ContentType { text, packed: true }
}

/// Sorted by ending. From the registry of media types, and for what is not in it as browsers expect.
const ENDINGS: &[(&str, ContentType)] = &[
    ("3gp", packed("video/3gpp")),
    ("7z", packed("application/x-7z-compressed")),
    ("aac", packed("audio/aac")),
    ("apk", packed("application/vnd.android.package-archive")),
    ("apng", packed("image/apng")),
    ("asc", plain("text/plain; charset=utf-8")),
    ("atom", plain("application/atom+xml")),
    ("avi", packed("video/x-msvideo")),
    ("avif", packed("image/avif")),
    ("bin", plain("application/octet-stream")),
    ("bmp", plain("image/bmp")),
    ("br", packed("application/octet-stream")),
    ("bz2", packed("application/x-bzip2")),
    ("cjs", plain("text/javascript; charset=utf-8")),
    ("conf", plain("text/plain; charset=utf-8")),
    ("crt", plain("application/x-x509-ca-cert")),
    ("css", plain("text/css; charset=utf-8")),
    ("csv", plain("text/csv; charset=utf-8")),
    ("cur", plain("image/x-icon")),
    ("deb", packed("application/vnd.debian.binary-package")),
    ("dmg", packed("application/x-apple-diskimage")),
    ("doc", plain("application/msword")),
    (
        "docx",
        packed("application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ),
    ("eot", plain("application/vnd.ms-fontobject")),
    ("epub", packed("application/epub+zip")),
    ("exe", plain("application/octet-stream")),
    ("flac", packed("audio/flac")),
    ("flv", packed("video/x-flv")),
    ("geojson", plain("application/geo+json")),
    ("gif", packed("image/gif")),
    ("glb", plain("model/gltf-binary")),
    ("gltf", plain("model/gltf+json")),
    ("gpx", plain("application/gpx+xml")),
    ("gz", packed("application/gzip")),
    ("heic", packed("image/heic")),
    ("heif", packed("image/heif")),
    ("htm", plain("text/html; charset=utf-8")),
    ("html", plain("text/html; charset=utf-8")),
    ("ico", plain("image/x-icon")),
    ("ics", plain("text/calendar; charset=utf-8")),
    ("iso", plain("application/octet-stream")),
    ("jar", packed("application/java-archive")),
    ("jpeg", packed("image/jpeg")),
    ("jpg", packed("image/jpeg")),
    ("js", plain("text/javascript; charset=utf-8")),
    ("json", plain("application/json")),
    ("jsonl", plain("application/jsonl")),
    ("jsonld", plain("application/ld+json")),
    ("jxl", packed("image/jxl")),
    ("kml", plain("application/vnd.google-earth.kml+xml")),
    ("kmz", packed("application/vnd.google-earth.kmz")),
    ("log", plain("text/plain; charset=utf-8")),
    ("m3u8", plain("application/vnd.apple.mpegurl")),
    ("m4a", packed("audio/mp4")),
    ("m4s", packed("video/iso.segment")),
    ("m4v", packed("video/mp4")),
    ("map", plain("application/json")),
    ("markdown", plain("text/markdown; charset=utf-8")),
    ("md", plain("text/markdown; charset=utf-8")),
    ("mid", plain("audio/midi")),
    ("mjs", plain("text/javascript; charset=utf-8")),
    ("mka", packed("audio/matroska")),
    ("mkv", packed("video/matroska")),
    ("mov", packed("video/quicktime")),
    ("mp3", packed("audio/mpeg")),
    ("mp4", packed("video/mp4")),
    ("mpd", plain("application/dash+xml")),
    ("mpeg", packed("video/mpeg")),
    ("mpg", packed("video/mpeg")),
    ("msi", packed("application/x-msi")),
    ("ndjson", plain("application/x-ndjson")),
    ("odp", packed("application/vnd.oasis.opendocument.presentation")),
    ("ods", packed("application/vnd.oasis.opendocument.spreadsheet")),
    ("odt", packed("application/vnd.oasis.opendocument.text")),
    ("oga", packed("audio/ogg")),
    ("ogg", packed("audio/ogg")),
    ("ogv", packed("video/ogg")),
    ("opus", packed("audio/ogg")),
    ("otf", plain("font/otf")),
    ("pdf", packed("application/pdf")),
    ("pem", plain("application/x-pem-file")),
    ("png", packed("image/png")),
    ("ppt", plain("application/vnd.ms-powerpoint")),
    (
        "pptx",
        packed("application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ),
    ("ps", plain("application/postscript")),
    ("rar", packed("application/vnd.rar")),
    ("rpm", packed("application/x-rpm")),
    ("rss", plain("application/rss+xml")),
    ("rtf", plain("application/rtf")),
    ("sh", plain("text/x-shellscript; charset=utf-8")),
    ("svg", plain("image/svg+xml")),
    ("tar", plain("application/x-tar")),
    ("tgz", packed("application/gzip")),
    ("tif", plain("image/tiff")),
    ("tiff", plain("image/tiff")),
    ("toml", plain("application/toml")),
    ("torrent", plain("application/x-bittorrent")),
    ("ts", packed("video/mp2t")),
    ("tsv", plain("text/tab-separated-values; charset=utf-8")),
    ("ttc", plain("font/collection")),
    ("ttf", plain("font/ttf")),
    ("txt", plain("text/plain; charset=utf-8")),
    ("usdz", packed("model/vnd.usdz+zip")),
    ("vcf", plain("text/vcard; charset=utf-8")),
    ("vtt", plain("text/vtt; charset=utf-8")),
    ("wasm", plain("application/wasm")),
    ("wav", plain("audio/wav")),
    ("weba", packed("audio/webm")),
    ("webm", packed("video/webm")),
    ("webmanifest", plain("application/manifest+json")),
    ("webp", packed("image/webp")),
    ("woff", packed("font/woff")),
    ("woff2", packed("font/woff2")),
    ("xhtml", plain("application/xhtml+xml")),
    ("xls", plain("application/vnd.ms-excel")),
    (
        "xlsx",
        packed("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ),
    ("xml", plain("text/xml; charset=utf-8")),
    ("xsl", plain("text/xsl; charset=utf-8")),
    ("xz", packed("application/x-xz")),
    ("yaml", plain("application/yaml")),
    ("yml", plain("application/yaml")),
    ("zip", packed("application/zip")),
    ("zst", packed("application/zstd")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_its_longest_ending_is_known() {
        assert!(ENDINGS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(ENDINGS.iter().map(|(ending, _)| ending.len()).max(), Some(LONGEST));
        for (ending, known) in ENDINGS {
            assert_eq!(
                content_type(format!("a/b.{}", ending.to_uppercase()).as_bytes()),
                *known
            );
        }
    }

    #[test]
    fn only_the_last_ending_of_the_last_segment_counts() {
        for (name, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("a.b/page.min.js", "text/javascript; charset=utf-8"),
            ("a.css/plain", "application/octet-stream"),
            (".css", "application/octet-stream"),
            ("a.", "application/octet-stream"),
            ("a.unheardofending", "application/octet-stream"),
            ("", "application/octet-stream"),
        ] {
            assert_eq!(content_type(name.as_bytes()).text, expected, "{name}");
        }
    }
}
