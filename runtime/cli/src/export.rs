//! `pfmc export`: the weights of a run as one safetensors file, under their paths.

use crate::output::{Exit, Output};
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Args {
    /// A cell's run directory, such as `runs/indomain/latest`.
    run: PathBuf,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    safetensors: PathBuf,
    /// Which stage's weights; by default those of the last one.
    #[arg(long)]
    stage: Option<String>,
}

pub fn run(args: Args, out: &Output) -> Exit {
    match pfm_train::export(&args.run, args.stage.as_deref(), &args.safetensors) {
        Ok(exported) => {
            out.line(format!(
                "{} tensors of `{}` after step {} written to {}",
                exported.tensors,
                exported.stage,
                exported.step,
                args.safetensors.display()
            ));
            let value = serde_json::json!({ "stage": exported.stage, "step": exported.step, "tensors": exported.tensors, "file": args.safetensors });
            out.value(Exit::Done, value);
            Exit::Done
        }
        Err(error) => out.fail(Exit::Usage, error.diagnostic().message),
    }
}
