//! Which stations a command is about.

use std::path::PathBuf;

use clap::Args;

use super::outcome::Failure;
use crate::config::Config;

/// Where a station's file is that was installed alone.
pub(super) const USUAL: &str = "/etc/andon/station.toml";

#[derive(Clone, Debug, Args)]
pub(super) struct StationsArgument {
    /// A station's file, or a folder of them; several run in one process, each with a --config of its own.
    /// config/station.example.toml explains every key
    #[arg(long, value_name = "FILE", default_value = USUAL)]
    pub(super) config: Vec<PathBuf>,
}

impl StationsArgument {
    pub(super) fn load(&self) -> Result<Vec<Config>, Failure> {
        Ok(Config::load_together(&self.config)?)
    }
}
