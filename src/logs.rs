//! `wydbr logs`: the structured logs of all processes, from LogSrv.

use crate::cli::{DataArg, in_runtime};
use crate::data_dir::DataDir;
use crate::stored;
use anyhow::bail;
use clap::{Args, ValueEnum};
use model::calls::log::{Level, Record, TailFilter};
use model::membership::{ProcessName, Role};
use std::io::Write;
use std::process::ExitCode;

/// Arguments of `wydbr logs`.
#[derive(Args)]
pub struct LogsArgs {
    #[command(flatten)]
    data: DataArg,
    /// Go on printing what comes.
    #[arg(long, short)]
    follow: bool,
    /// Only processes whose name starts with this, like `tmsrv` or `tmsrv-2`.
    #[arg(long, value_name = "NAME")]
    process: Option<String>,
    /// Only this level and above.
    #[arg(long, value_enum)]
    level: Option<LevelArg>,
    /// Only lines that contain this text.
    #[arg(long, value_name = "TEXT")]
    grep: Option<String>,
    /// Begin with this many of the latest lines.
    #[arg(long, default_value_t = 100)]
    last: u32,
    /// Print JSON lines.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum LevelArg {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

impl From<LevelArg> for Level {
    fn from(level: LevelArg) -> Self {
        match level {
            LevelArg::Trace => Self::Trace,
            LevelArg::Debug => Self::Debug,
            LevelArg::Info => Self::Info,
            LevelArg::Warn => Self::Warn,
            LevelArg::Error => Self::Error,
        }
    }
}

/// Prints the latest lines, and with `--follow` those to come until Ctrl-C. While no cluster runs, the
/// latest lines come from the files.
pub fn main(args: LogsArgs) -> anyhow::Result<ExitCode> {
    let data = DataDir::new(&args.data.data);
    let filter = TailFilter {
        process: args.process,
        level: args.level.map(Level::from),
        grep: args.grep,
        last: args.last,
    };
    let (follow, json) = (args.follow, args.json);
    if !follow && data.elsewhere()?.is_some() {
        bail!("the files lie with LogSrv, which shows them with --follow");
    }
    if !follow {
        for (process, record) in logsrv::last(&data.path("logs"), &filter)? {
            if print(&process, &record, json).is_err() {
                break; // nobody reads any more
            }
        }
        return Ok(ExitCode::SUCCESS);
    }
    let credentials = data.credentials("operator")?;
    in_runtime(async move {
        let target = stored::target(&data, Role::LogSrv).await?;
        let mut tail = logsrv::tail(&credentials, &target, filter).await?;
        while let Some((process, record)) = tail.next().await {
            if print(&process, &record, json).is_err() {
                break;
            }
        }
        Ok(ExitCode::SUCCESS)
    })?
}

fn print(process: &ProcessName, record: &Record, json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        let line = serde_json::json!({ "process": process.as_str(), "record": record });
        writeln!(out, "{line}")?;
    } else {
        writeln!(out, "{}", logsrv::render(process, record))?;
    }
    Ok(())
}
