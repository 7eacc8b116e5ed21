//! `depotd user`: users of the console.

use super::{Common, operator, table};
use crate::auth::{Role, User, UserChange};
use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::json;

/// What to do with users.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a user; without --password-stdin a password is made up and printed this once.
    Add {
        /// 1 to 64 letters, digits, '.', '_', '-' or '@'.
        name: String,
        /// admin, dispatcher, viewer, driver or customer.
        #[arg(long, value_parser = role)]
        role: Role,
        /// With the role customer: whose people it is one of, by the name that bookings have.
        #[arg(long)]
        customer: Option<String>,
        /// Read the password from the first line of standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// List the users.
    List,
    /// Replace a user's password, read from the first line of standard input; ends its sessions.
    Passwd {
        /// The user.
        name: String,
    },
    /// Refuse a user from now on; ends its sessions.
    Disable {
        /// The user.
        name: String,
    },
}

/// The role of a name.
pub(super) fn role(name: &str) -> std::result::Result<Role, String> {
    let all = Role::ALL.map(Role::as_str).join(", ");
    Role::parse(name).ok_or_else(|| format!("must be one of {all}"))
}

/// Runs the command.
pub fn run(command: Command, common: &Common) -> Result<()> {
    common.with_auth(async |auth| {
        match command {
            Command::Add { name, role, customer, password_stdin } => {
                let password = if password_stdin { Some(first_line()?) } else { None };
                let (user, made_up) = auth.add_user(&name, (role, customer), password, operator()).await?;
                let mut value = json!({ "id": user.name, "name": user.name, "role": user.role });
                if let Some(password) = &made_up {
                    value["password"] = json!(password);
                }
                let told = made_up.map_or(String::new(), |p| format!(" Its password, shown only now: {p}"));
                common.print(&value, || format!("User {name} has the role {}.{told}", role.as_str()));
            }
            Command::Passwd { name } => {
                let change = UserChange { password: Some(first_line()?), ..UserChange::default() };
                auth.change_user(&name, change, operator()).await?;
                common.print(&json!({ "name": name }), || format!("User {name} has a new password."));
            }
            Command::Disable { name } => {
                let change = UserChange { disabled: Some(true), ..UserChange::default() };
                auth.change_user(&name, change, operator()).await?;
                common.print(&json!({ "name": name, "disabled": true }), || format!("User {name} is disabled."));
            }
            Command::List => list(common, &auth.users().await?),
        }
        Ok(())
    })
}

fn list(common: &Common, users: &[User]) {
    let value: Vec<_> = users
        .iter()
        .map(|u| json!({ "name": u.name, "role": u.role, "customer": u.customer, "disabled": u.disabled, "created_at": u.created_at }))
        .collect();
    let row = |u: &User| vec![u.name.clone(), u.role.as_str().to_owned(), if u.disabled { "disabled" } else { "active" }.to_owned()];
    let rows: Vec<_> = users.iter().map(row).collect();
    let empty = "There is no user yet. Use the link that `depotd serve` prints, or: depotd user add NAME --role admin";
    common.print(&json!(value), || table(&["NAME", "ROLE", "STATE"], &rows, empty));
}

fn first_line() -> Result<String> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).context("read the password from standard input")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
