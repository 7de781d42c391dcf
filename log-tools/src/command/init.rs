//! `log init`: creates the log in a database.

use std::process::ExitCode;

use anyhow::bail;
use events::LogId;
use events::store::place::Place;
use events::store::postgres::schema;
use serde_json::json;

use crate::Context;
use crate::terminal::say;

/// Options of `log init`.
#[derive(Debug, clap::Args)]
pub struct Init {
    /// The role of the service, which gets the rights that it needs: to append, to read, and to delete confidential
    /// payloads. It needs no others
    #[arg(long)]
    role: Option<String>,
    /// The id of the new log [default: random]
    #[arg(long)]
    log_id: Option<LogId>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Init {
    pub(super) fn run(&self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let Place::Database(server) = &context.place else {
            bail!(
                "a log in a directory is created at the first start: name a database with --store postgres://…"
            );
        };
        let runtime = tokio::runtime::Runtime::new()?;
        let role = self.role.as_deref();
        let log = runtime.block_on(schema::init(server, context.source(), self.log_id, role))?;
        if self.log_id.is_some_and(|wanted| wanted != log.log_id) {
            bail!("{} already holds the log {}", context.place, log.log_id);
        }
        if self.json {
            say(&json!({"log_id": log.log_id, "is_new": log.is_new}).to_string());
        } else if log.is_new {
            say(&format!("{} now holds the empty log {}", context.place, log.log_id));
        } else {
            say(&format!("{} already holds the log {}, which is unchanged", context.place, log.log_id));
        }
        if let (Some(role), false) = (role, self.json) {
            say(&format!("The role {role} may append to it, read it, and delete confidential payloads."));
        }
        Ok(ExitCode::SUCCESS)
    }
}
