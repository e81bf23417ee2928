//! `wydbr serverlist`: the files that a client needs to find the edges.

use anyhow::Context;
use clap::Args;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `wydbr serverlist`.
#[derive(Args)]
pub struct ServerlistArgs {
    /// Address of an edge as clients see it; repeat it for more channels (at most 10).
    #[arg(long = "edge", value_name = "IP", required = true, num_args = 1..)]
    edges: Vec<String>,
    /// Address of the counts page, like http://play.example.org:8080/SrvCont.htm
    #[arg(long)]
    url: String,
    /// Folder to write serverlist.bin and serverlist.txt to.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Writes both files.
pub fn main(args: &ServerlistArgs) -> anyhow::Result<ExitCode> {
    let list = edge::serverlist::ServerList::new(&args.url, &args.edges)?;
    fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot make the folder {}", args.out.display()))?;
    for (name, content) in [("serverlist.bin", list.to_bin()), ("serverlist.txt", list.to_txt().into_bytes())]
    {
        let path = args.out.join(name);
        fs::write(&path, &content).with_context(|| format!("cannot write {}", path.display()))?;
        println!("wrote {} ({} bytes)", path.display(), content.len());
    }
    Ok(ExitCode::SUCCESS)
}
