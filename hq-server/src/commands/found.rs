//! `hq-server found`.

use anyhow::bail;
use clap::Args;
use server_kit::config::DataArgs;

use crate::companies::{Founded, Founding, found};

#[derive(Args, Debug)]
pub(super) struct Found {
    #[command(flatten)]
    data: DataArgs,
    /// The company's short code: the part of a login behind the @
    #[arg(long, value_name = "CODE")]
    company: String,
    /// Its name
    #[arg(long)]
    name: String,
    /// The currency of its reports, such as EUR
    #[arg(long, value_name = "CURRENCY")]
    currency: String,
    /// What its first admin signs in with, before the @
    #[arg(long, value_name = "LOGIN")]
    admin: String,
    /// Read the admin's password from standard input
    #[arg(long, required = true)]
    password_stdin: bool,
}

impl Found {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let Ok(currency) = self.currency.parse() else {
            bail!("{} is no currency of ISO 4217", self.currency);
        };
        let password = super::secret_from_stdin()?;
        let (database, state) = super::open(&self.data).await?;
        let founding =
            Founding { code: self.company.clone(), name: self.name, currency, admin: self.admin, password };
        let founded = found(&state, founding).await;
        database.close().await?;
        match founded.map_err(|problem| super::told(&problem))? {
            Founded::Now(id) => println!("{id} founded as {}", self.company),
            Founded::Before(id) => {
                println!("{id} was founded as {} before; nothing was changed", self.company);
            }
        }
        Ok(())
    }
}
