//! Evenkeel beside HAProxy, nginx and a bare relay.
//!
//! Owns the measuring: an origin, a load generator, a relay as the floor, and the run that pins and interleaves them
//! and prints what each costs. Must never be part of the balancer, and reports only what it measured.

use std::process::ExitCode;

mod arguments;
mod certificate;
mod channel;
mod failure;
mod framing;
mod load;
mod meter;
mod origin;
mod reactor;
mod relay;
mod response;
mod run;
mod slab;

use arguments::Command;
use failure::Failure;

fn main() -> ExitCode {
    let command = match arguments::parse(lexopt::Parser::from_env()) {
        Ok(command) => command,
        Err(failure) => {
            eprintln!("evenkeel-bench: {failure}\n\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    match perform(command) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("evenkeel-bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn perform(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Usage => println!("{}", arguments::USAGE),
        Command::Origin(options) => origin::run(&options)?,
        Command::Relay(options) => relay::run(&options)?,
        Command::Load { options, json } => {
            if json {
                reactor::end_with_parent()?;
            }
            let outcome = load::run(&options)?;
            if json {
                println!("{}", outcome.to_json());
            } else {
                println!("{}", outcome.to_text());
            }
            if outcome.error_count() > 0 {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Run(options) => run::run(&options)?,
    }
    Ok(ExitCode::SUCCESS)
}
