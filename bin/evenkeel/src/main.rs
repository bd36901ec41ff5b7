//! Evenkeel, the command: parses what was typed, assembles the rooms, runs. It knows all rooms and decides nothing.

mod cli;
mod client;
mod command;
mod demo;
mod doors;
mod paint;
mod privileges;
mod screen;
mod table;

use clap::Parser;
use cli::{Cli, Command};
use std::process::ExitCode;

fn main() -> ExitCode {
    let Cli { socket, command } = Cli::parse();
    let socket = socket.or_else(|| {
        std::env::var_os("EVENKEEL_SOCKET")
            .filter(|path| !path.is_empty())
            .map(Into::into)
    });
    match command {
        Command::Demo(arguments) => demo::run(&arguments, socket),
        Command::Proxy(arguments) => command::proxy::run(&arguments, socket),
        Command::Run(arguments) => command::run::run(&arguments, socket),
        Command::Check(arguments) => command::check::run(&arguments),
        Command::Schema => command::schema::run(),
        Command::Reload(arguments) => command::reload::run(&arguments, socket),
        Command::Status(arguments) => command::status::run(&arguments, socket),
        Command::Drain(arguments) => command::order::run("drain", &arguments, socket),
        Command::Ready(arguments) => command::order::run("ready", &arguments, socket),
        Command::Maintain(arguments) => command::order::run("maintain", &arguments, socket),
        Command::Top(_) => command::later("top"),
        Command::Deploy(_) => command::later("deploy"),
        Command::Explain(arguments) => command::explain::run(&arguments, socket),
        Command::Upgrade(_) => command::later("upgrade"),
        Command::Completions { shell } => command::completions::run(shell),
        Command::Version => command::print(concat!("evenkeel ", env!("CARGO_PKG_VERSION"), "\n")),
        Command::DemoBackend(arguments) => demo::backend::run(&arguments),
    }
}
