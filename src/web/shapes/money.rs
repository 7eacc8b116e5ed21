//! Money.

use crate::model::Money;
use serde::Serialize;
use utoipa::ToSchema;

/// An amount of money, exact.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MoneyShape {
    /// In the currency's minor unit (cents).
    pub amount_minor: i64,
    /// ISO 4217 code.
    #[schema(example = "EUR")]
    pub currency: String,
}
impl From<Money> for MoneyShape {
    fn from(money: Money) -> Self {
        Self { amount_minor: money.amount_minor, currency: money.currency.code().to_owned() }
    }
}
