//! `hq-server import`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use server_kit::config::DataArgs;
use uuid::Uuid;

use crate::imports::{Import, Spool, import_products};

#[derive(Args, Debug)]
pub(super) struct BringIn {
    #[command(flatten)]
    data: DataArgs,
    /// The company's short code
    #[arg(long, value_name = "CODE")]
    company: String,
    /// Only look at the file and say what would become of it
    #[arg(long)]
    dry_run: bool,
    /// The import's identity: the same one again is the same import
    #[arg(long, value_name = "UUID")]
    id: Option<Uuid>,
    /// A CSV file; its first line names the columns: `sku`, `name`, `department_code`, and if wanted `description`, `barcodes`
    /// (several with | between them), `price`, `tax_group_code`, `unit`, `quantity_decimals`, `discountable`
    file: PathBuf,
}

impl BringIn {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let file = Spool::of_file(&self.file).with_context(|| format!("reading {}", self.file.display()))?;
        let (database, state) = super::open(&self.data).await?;
        let done = async {
            let actor = super::acting_for(&state, &self.company).await?;
            let id = self.id.unwrap_or_else(|| state.ids.at(state.clock.now()));
            let import = Import { id, dry_run: self.dry_run, file };
            anyhow::Ok(import_products(&state, &actor, import).await)
        }
        .await;
        database.close().await?;
        match done? {
            Ok(outcome) => {
                println!("{}", serde_json::to_string(&outcome)?);
                Ok(ExitCode::SUCCESS)
            }
            Err(refused) => {
                for mistake in refused.errors() {
                    eprintln!(
                        "{}{}: {}",
                        self.file.display(),
                        mistake.pointer.replace('/', ":"),
                        mistake.detail
                    );
                }
                eprintln!("{refused}");
                Ok(ExitCode::FAILURE)
            }
        }
    }
}
