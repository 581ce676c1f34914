//! The chain as a whole: started, founded on the first start, stopped together.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};

use crate::api::{Api, Secret};
use crate::control::{self, Control, Lines};
use crate::founding::{self, COMPANY, FoundStore, PASSWORD};
use crate::goods::Goods;
use crate::line::Line;
use crate::processes::{Server, binary};

/// A store that the chain shall have.
#[derive(Debug, Clone)]
pub struct StorePlan {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its port; 0: any that is free.
    pub port: u16,
}

/// What kind of chain to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where everything lives.
    pub folder: PathBuf,
    /// HQ's port; 0: any that is free.
    pub hq_port: u16,
    /// The stores.
    pub stores: Vec<StorePlan>,
    /// The control port; none: no control.
    pub control_port: Option<u16>,
    /// The built web client; none: the servers serve none.
    pub web_dir: Option<PathBuf>,
    /// Whether the servers believe the clock header (loading the past).
    pub allow_clock_header: bool,
}

/// A running chain.
#[derive(Debug)]
pub struct Chain {
    /// HQ.
    pub hq: Server,
    /// The stores by code.
    pub stores: BTreeMap<String, Server>,
    /// Their lines to HQ by code.
    pub lines: Lines,
    /// Whether this start founded it.
    pub founded_now: bool,
    /// Where its line is cut and mended.
    pub control: Option<Control>,
}

impl Chain {
    /// Starts HQ and the stores; on the first start founds the company with `goods` and enrols the stores.
    pub async fn start(options: &Options, goods: &Goods, say: &(dyn Fn(&str) + Sync)) -> Result<Self> {
        std::fs::create_dir_all(&options.folder)
            .with_context(|| format!("making {}", options.folder.display()))?;
        reachable(&options.folder)?;
        let hq_port = port_or_free(options.hq_port)?;
        let hq_address = SocketAddr::from(([127, 0, 0, 1], hq_port));
        let mut hq = Server::new(
            "HQ",
            binary("hq-server")?,
            options.folder.join("hq"),
            hq_port,
            environment(options, hq_port),
        );
        let founded = options.folder.join("founded.json");
        let founded_now = !founded.exists();
        if founded_now {
            // What an interrupted first start left behind would be founded twice.
            let _ = std::fs::remove_dir_all(options.folder.join("hq"));
            for store in &options.stores {
                let _ = std::fs::remove_dir_all(options.folder.join(&store.code));
            }
        }
        say("starting HQ");
        hq.start()?;
        hq.wait("ready").await?;

        let mut codes = BTreeMap::new();
        if founded_now {
            say("founding the company and importing its goods");
            let arguments = [
                "found",
                "--company",
                COMPANY,
                "--name",
                "Tradepost demo",
                "--currency",
                "GBP",
                "--admin",
                "hq",
                "--password-stdin",
            ];
            hq.run(&arguments, PASSWORD).await?;
            let api =
                Api::sign_in(&hq.address, &format!("hq@{COMPANY}"), Secret::Password(PASSWORD.to_owned()))
                    .await?;
            let plans: Vec<_> =
                options.stores.iter().map(|store| (store.code.clone(), store.name.clone())).collect();
            for FoundStore { code, id } in founding::found(&api, &goods.goods, &plans).await? {
                let answer = api.post(&format!("/api/v1/stores/{id}/enrol-code"), &json!({})).await?;
                let enrol = answer
                    .get("code")
                    .and_then(Value::as_str)
                    .ok_or_else(|| anyhow!("no code in {answer}"))?;
                codes.insert(code, enrol.to_owned());
            }
        }

        let mut lines = BTreeMap::new();
        let mut stores = BTreeMap::new();
        for plan in &options.stores {
            let line = Line::start(0, hq_address).await?;
            let port = port_or_free(plan.port)?;
            let mut environment = environment(options, port);
            environment.push(("HQ_URL".into(), format!("http://{}", line.address)));
            environment.push(("PIN_WITHOUT_DEVICE".into(), "1".into()));
            if let Some(code) = codes.get(&plan.code) {
                environment.push(("STORE_CODE".into(), code.clone()));
            }
            let data_dir = options.folder.join(&plan.code);
            let mut store = Server::new(&plan.code, binary("store-server")?, data_dir, port, environment);
            store.start()?;
            lines.insert(plan.code.clone(), line);
            stores.insert(plan.code.clone(), store);
        }
        for (code, store) in &mut stores {
            say(&format!("waiting for {code}"));
            store.wait("ready").await?;
            if founded_now {
                store.run(&["password", "--login", "manager", "--password-stdin"], PASSWORD).await?;
            }
        }
        if founded_now {
            std::fs::write(&founded, "{}\n").context("noting that the chain is founded")?;
        }
        let lines: Lines = Arc::new(lines);
        let control = match options.control_port {
            Some(port) => Some(control::serve(port, Arc::clone(&lines)).await?),
            None => None,
        };
        Ok(Self { hq, stores, lines, founded_now, control })
    }

    /// Somebody signed in at HQ.
    pub async fn at_hq(&self) -> Result<Api> {
        Api::sign_in(&self.hq.address, &format!("hq@{COMPANY}"), Secret::Password(PASSWORD.to_owned())).await
    }

    /// A store's server.
    pub fn store(&self, code: &str) -> Result<&Server> {
        self.stores.get(code).ok_or_else(|| anyhow!("there is no store {code} in this chain"))
    }

    /// A store's server, to be stopped or killed.
    pub fn store_mut(&mut self, code: &str) -> Result<&mut Server> {
        self.stores.get_mut(code).ok_or_else(|| anyhow!("there is no store {code} in this chain"))
    }

    /// The cashier Ana signed in at a store.
    pub async fn cashier(&self, store: &str) -> Result<Api> {
        cashier(&self.store(store)?.address).await
    }

    /// The manager signed in at a store.
    pub async fn manager(&self, store: &str) -> Result<Api> {
        Api::sign_in(
            &self.store(store)?.address,
            &format!("manager@{COMPANY}"),
            Secret::Password(PASSWORD.to_owned()),
        )
        .await
    }

    /// Stops the stores, then HQ, each cleanly.
    pub async fn stop(mut self) -> Result<()> {
        drop(self.control.take());
        let mut stops = Vec::new();
        for store in self.stores.values_mut() {
            stops.push(store.stop().await);
        }
        stops.push(self.hq.stop().await);
        stops.into_iter().collect()
    }
}

/// The cashier Ana signed in at the store at `address`.
pub async fn cashier(address: &str) -> Result<Api> {
    let (login, _, pin) = crate::founding::CASHIERS[0];
    Api::sign_in(address, login, Secret::Pin(pin.to_owned())).await
}

fn environment(options: &Options, port: u16) -> Vec<(String, String)> {
    let mut environment = vec![
        ("HOST".to_owned(), "127.0.0.1".to_owned()),
        ("PORT".to_owned(), port.to_string()),
        ("LOG".to_owned(), std::env::var("LOG").unwrap_or_else(|_| "info".to_owned())),
    ];
    if let Some(web) = &options.web_dir {
        environment.push(("WEB_DIR".to_owned(), web.display().to_string()));
    }
    if options.allow_clock_header {
        environment.push(("ALLOW_CLOCK_HEADER".to_owned(), "1".to_owned()));
    }
    environment
}

/// A port of one's own choice, or one that was free a moment ago.
fn port_or_free(port: u16) -> Result<u16> {
    if port != 0 {
        std::net::TcpListener::bind(("127.0.0.1", port))
            .with_context(|| format!("port {port} is taken: is a chain running already?"))?;
        return Ok(port);
    }
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Whether PostgreSQL can walk to a folder: it refuses to run as root, and then runs as another user.
#[must_use]
pub fn reachable_by_postgres(folder: &Path) -> bool {
    closed_above(folder).is_none()
}

fn closed_above(folder: &Path) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let there = folder.ancestors().find(|path| path.exists())?.canonicalize().ok()?;
    there.ancestors().skip(usize::from(there == folder)).find_map(|above| {
        let mode = std::fs::metadata(above).ok()?.permissions().mode();
        (mode & 0o001 == 0).then(|| above.to_owned())
    })
}

fn reachable(folder: &Path) -> Result<()> {
    match closed_above(folder) {
        None => Ok(()),
        Some(above) => Err(anyhow!(
            "PostgreSQL does not run as root, and no other user may pass through {}: choose a folder elsewhere",
            above.display()
        )),
    }
}
