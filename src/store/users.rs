//! Users and the hashes of their passwords.

use super::{Result, row};
use crate::model::Timestamp;
use rusqlite::{Connection, Row as SqlRow, Transaction, params};

/// A user as it is kept.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its name, unique without regard to case.
    pub name: String,
    /// Its role's name.
    pub role: String,
    /// Its password, hashed.
    pub password_hash: String,
    /// May not sign in.
    pub disabled: bool,
    /// Whose people it is one of: the name that bookings have.
    pub customer: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Adds a user; `false` when the name is taken.
pub fn insert(tx: &Transaction<'_>, u: &Row) -> Result<bool> {
    let sql = "insert into users (name, role, password_hash, disabled, customer, created_at) values (?1, ?2, ?3, ?4, ?5, ?6) on conflict do nothing";
    Ok(tx.execute(sql, params![u.name, u.role, u.password_hash, u.disabled, u.customer, u.created_at.as_millis()])? == 1)
}

/// Writes role, customer, password and whether it is disabled.
pub fn update(tx: &Transaction<'_>, u: &Row) -> Result<bool> {
    let sql = "update users set role = ?2, password_hash = ?3, disabled = ?4, customer = ?5 where name = ?1";
    Ok(tx.execute(sql, params![u.name, u.role, u.password_hash, u.disabled, u.customer])? == 1)
}

/// The user of a name.
pub fn get(connection: &Connection, name: &str) -> Result<Option<Row>> {
    let mut statement = connection.prepare_cached("select * from users where name = ?1")?;
    let mut rows = statement.query_and_then([name], read)?;
    rows.next().transpose()
}

/// Everybody, by name.
pub fn list(connection: &Connection) -> Result<Vec<Row>> {
    connection.prepare_cached("select * from users order by name limit 1000")?.query_and_then([], read)?.collect()
}

/// Users of `role` that may sign in.
pub fn active_with_role(connection: &Connection, role: &str) -> Result<i64> {
    Ok(connection.query_row("select count(*) from users where role = ?1 and disabled = 0", [role], |r| r.get(0))?)
}

fn read(r: &SqlRow<'_>) -> Result<Row> {
    Ok(Row {
        name: r.get("name")?,
        role: r.get("role")?,
        password_hash: r.get("password_hash")?,
        disabled: r.get("disabled")?,
        customer: r.get("customer")?,
        created_at: row::time(r, "created_at")?,
    })
}
