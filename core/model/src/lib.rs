//! The shared words.
