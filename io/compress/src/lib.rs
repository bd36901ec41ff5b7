//! Content codings as streams.
//!
//! This crate owns the encoders: bytes in, coded bytes out, with the memory of one stream bounded. It must never decide
//! whether something is compressed: `evenkeel-content` does.
//!
//! It is on the floor of io although it waits for nothing, because zstd is the C library.

#[cfg(test)]
mod tests;

use brotli::enc::BrotliEncoderParams;
use evenkeel_model::Encoding;
use std::io::{self, Write};
use zstd::zstd_safe::CParameter;

/// The base-two logarithm of the bytes in which a repetition is found, for br and zstd (gzip: 32 KiB always). A page of
/// text repeats itself within 256 KiB; a larger window costs each stream more memory than it saves in bytes.
const WINDOW_LOG: u32 = 18;
/// Where more effort costs more time than it saves on the wire.
const GZIP_LEVEL: u32 = 5;
const BROTLI_LEVEL: i32 = 4;
const ZSTD_LEVEL: i32 = 3;
/// What brotli's writer gathers before it codes: at most so much is copied twice.
const BROTLI_INPUT_BYTES: usize = 16 * 1024;

/// One stream that is being coded; [`memory`] says what it holds.
pub struct Compressor {
    encoder: Encoder,
}

/// Bytes that one stream holds at most, measured and rounded up (`examples/coding_cost.rs`).
pub const fn memory(encoding: Encoding) -> usize {
    match encoding {
        Encoding::Gzip => 512 * 1024,
        Encoding::Zstd => 1536 * 1024,
        Encoding::Brotli => 4096 * 1024,
    }
}

enum Encoder {
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
    Brotli(Box<brotli::CompressorWriter<Vec<u8>>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

impl Compressor {
    /// Begins a stream.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn new(encoding: Encoding) -> io::Result<Compressor> {
        let encoder = match encoding {
            Encoding::Gzip => {
                let level = flate2::Compression::new(GZIP_LEVEL);
                Encoder::Gzip(flate2::write::GzEncoder::new(Vec::new(), level))
            }
            Encoding::Brotli => {
                let params = BrotliEncoderParams {
                    quality: BROTLI_LEVEL,
                    lgwin: WINDOW_LOG as i32,
                    ..BrotliEncoderParams::default()
                };
                let writer = brotli::CompressorWriter::with_params(Vec::new(), BROTLI_INPUT_BYTES, &params);
                Encoder::Brotli(Box::new(writer))
            }
            Encoding::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
                encoder.set_parameter(CParameter::WindowLog(WINDOW_LOG))?;
                Encoder::Zstd(encoder)
            }
        };
        Ok(Compressor { encoder })
    }

    /// Codes `input`; appends to `out` what has become of it and of earlier input, which may be nothing yet.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        self.writer().write_all(input)?;
        self.drain(out);
        Ok(())
    }

    /// Appends everything that was pushed so far, in such a way that the receiver can read all of it now. Costs a few
    /// bytes each time.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn flush(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        self.writer().flush()?;
        self.drain(out);
        Ok(())
    }

    /// Appends what is left and the end of the stream.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn finish(self, out: &mut Vec<u8>) -> io::Result<()> {
        let mut rest = match self.encoder {
            Encoder::Gzip(encoder) => encoder.finish()?,
            Encoder::Brotli(encoder) => encoder.into_inner(),
            Encoder::Zstd(encoder) => encoder.finish()?,
        };
        out.append(&mut rest);
        Ok(())
    }

    fn writer(&mut self) -> &mut dyn Write {
        match &mut self.encoder {
            Encoder::Gzip(encoder) => encoder,
            Encoder::Brotli(encoder) => encoder,
            Encoder::Zstd(encoder) => encoder,
        }
    }

    fn drain(&mut self, out: &mut Vec<u8>) {
        let coded = match &mut self.encoder {
            Encoder::Gzip(encoder) => encoder.get_mut(),
            Encoder::Brotli(encoder) => encoder.get_mut(),
            Encoder::Zstd(encoder) => encoder.get_mut(),
        };
        out.append(coded);
    }
}
