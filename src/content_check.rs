//! `wydbr content check`: counts, and every oddity once.

use crate::cli::EXIT_CONFIGURATION;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `wydbr content`.
#[derive(Args)]
pub struct ContentArgs {
    #[command(subcommand)]
    command: ContentCommand,
}

#[derive(Subcommand)]
enum ContentCommand {
    /// Load a content directory and list counts and every oddity with file and line.
    Check {
        /// An operator's original data directory, or a pack with pack.toml; the built-in pack when left out.
        dir: Option<PathBuf>,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
}

/// Prints the report; oddities are no failure, a directory that cannot be loaded is (exit 64).
pub fn main(args: &ContentArgs) -> ExitCode {
    let ContentCommand::Check { dir, json } = &args.command;
    let loaded = match dir {
        Some(dir) => content::load(dir),
        None => Ok(content::builtin()),
    };
    match loaded {
        Ok((_, report)) => {
            if *json {
                match serde_json::to_string(&report) {
                    Ok(text) => println!("{text}"),
                    Err(error) => eprintln!("wydbr: {error}"),
                }
            } else {
                print!("{report}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("wydbr: {error}");
            ExitCode::from(EXIT_CONFIGURATION)
        }
    }
}
