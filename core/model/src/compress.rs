use crate::Name;

/// Compression of the answers of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compress {
    /// Which encodings, the one that we like best first; never empty, none twice.
    pub encodings: Vec<Encoding>,
    /// Answers of fewer bytes than this are left as they are; counts only where the length is known. Default 1 KiB.
    pub min_size: u64,
    /// Content types that are compressed, lower case, without parameters: `text/html`, or `text/*`. Never empty.
    pub types: Vec<Name>,
}

/// A content coding (RFC 9110 8.4.1; br: RFC 7932, zstd: RFC 8878).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `zstd`
    Zstd,
    /// `br`
    Brotli,
    /// `gzip`
    Gzip,
}

impl Encoding {
    /// Every coding, the one that gives most for its time first.
    pub const ALL: [Encoding; 3] = [Encoding::Zstd, Encoding::Brotli, Encoding::Gzip];

    /// Its name in `Content-Encoding` and in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Encoding::Zstd => "zstd",
            Encoding::Brotli => "br",
            Encoding::Gzip => "gzip",
        }
    }

    /// The coding of this name, lower case.
    pub fn of(name: &str) -> Option<Encoding> {
        Encoding::ALL.into_iter().find(|encoding| encoding.as_str() == name)
    }
}

impl Compress {
    /// What is worth compressing: text in its many names.
    pub const TYPES: [&'static str; 13] = [
        "text/*",
        "application/javascript",
        "application/json",
        "application/ld+json",
        "application/manifest+json",
        "application/rss+xml",
        "application/atom+xml",
        "application/wasm",
        "application/xhtml+xml",
        "application/xml",
        "application/problem+json",
        "application/vnd.ms-fontobject",
        "image/svg+xml",
    ];
    /// `min_size` where nothing is said: smaller answers fit in a packet anyway.
    pub const MIN_SIZE: u64 = 1024;
}

impl Default for Compress {
    fn default() -> Self {
        Compress {
            encodings: Encoding::ALL.to_vec(),
            min_size: Compress::MIN_SIZE,
            types: Compress::TYPES.into_iter().map(Name::from).collect(),
        }
    }
}
