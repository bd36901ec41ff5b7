//! HTTP/2 frame by frame against the whole process: clients and backends that a library would never let one play.

mod abuse;
mod frames;
mod going;
mod names;
mod shared;
mod trailers;

type Outcome = Result<(), Box<dyn std::error::Error>>;
