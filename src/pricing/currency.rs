//! Amounts as people read them.

use crate::model::{Currency, Money};

/// Digits of a currency's minor unit after ISO 4217: 2 for most, 0 for the yen, 3 for some dinars.
pub fn minor_digits(currency: Currency) -> u32 {
    match currency.code() {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND" | "VUV" | "XAF" | "XOF"
        | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

/// Like `12.05 EUR`, `1205 JPY`.
pub fn in_words(money: Money) -> String {
    let (code, digits) = (money.currency.code(), minor_digits(money.currency));
    let (minor, unit) = (money.amount_minor.unsigned_abs(), 10_u64.pow(digits));
    let sign = if money.amount_minor < 0 { "-" } else { "" };
    if digits == 0 {
        return format!("{sign}{minor} {code}");
    }
    format!("{sign}{}.{:0width$} {code}", minor / unit, minor % unit, width = digits as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_digits_of_their_currency() {
        let words = |amount_minor, code| in_words(Money { amount_minor, currency: Currency::new(code).unwrap() });
        assert_eq!(words(1_205, "EUR"), "12.05 EUR");
        assert_eq!(words(-5, "EUR"), "-0.05 EUR");
        assert_eq!(words(1_205, "JPY"), "1205 JPY");
        assert_eq!(words(1_205, "KWD"), "1.205 KWD");
        assert_eq!(words(i64::MIN, "EUR"), "-92233720368547758.08 EUR");
    }
}
