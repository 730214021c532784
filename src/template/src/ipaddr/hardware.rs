//! Hardware (MAC) addresses.

use rplay_value::Value;

use super::query::IpError;

/// A 48-bit hardware address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hardware(u64);

impl Hardware {
    /// Any of the usual writings: six bytes, three words or two halves with `:`, `-` (words also `.`), or bare digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let hex = |part: &str, sizes: std::ops::RangeInclusive<usize>| {
            (sizes.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_hexdigit()))
                .then(|| u64::from_str_radix(part, 16).ok())
                .flatten()
        };
        for separator in [':', '-', '.'] {
            let parts: Vec<&str> = text.split(separator).collect();
            let (bits, sizes) = match (parts.len(), separator) {
                (6, ':' | '-') => (8, 1..=2),
                (3, _) => (16, 1..=4),
                (2, ':' | '-') => (24, 5..=6),
                _ => continue,
            };
            return parts
                .iter()
                .try_fold(0, |value, part| hex(part, sizes.clone()).map(|word| value << bits | word))
                .map(Self);
        }
        hex(text, 11..=12).map(Self)
    }

    /// The address as a number.
    pub(crate) fn value(self) -> u64 {
        self.0
    }

    fn words(self, bits: u32, separator: &str, write: impl Fn(u64) -> String) -> String {
        let count = 48 / bits;
        let words: Vec<String> =
            (0..count).rev().map(|i| write(self.0 >> (i * bits) & ((1_u64 << bits) - 1))).collect();
        words.join(separator)
    }

    /// The modified EUI-64 interface identifier.
    pub(super) fn interface_id(self) -> u64 {
        let (high, low) = (self.0 >> 24, self.0 & 0xff_ffff);
        (high << 40 | 0xff_fe00_0000 | low) ^ 0x0200_0000_0000_0000
    }
}

/// Answers a query about a hardware address. `value` passes when there is no query.
pub(crate) fn hwaddr(value: &Value, query: &str, alias: &str) -> Result<Value, IpError> {
    let address = value.as_str().and_then(Hardware::parse);
    let Some(address) = address else {
        return match query {
            "" | "bool" => Ok(Value::Null),
            _ => {
                let shown = value.as_str().map_or_else(|| format!("{value:?}"), str::to_owned);
                Err(IpError(format!("{alias}: not a hardware address: {shown}")))
            }
        };
    };
    Ok(Value::from(match query {
        "" => return Ok(value.clone()),
        "bool" => return Ok(Value::Bool(true)),
        "int" => return Ok(Value::from(address.value())),
        "bare" => address.words(48, "", |word| format!("{word:012X}")),
        "cisco" => address.words(16, ".", |word| format!("{word:04x}")),
        "eui48" | "win" => address.words(8, "-", |word| format!("{word:02X}")),
        "linux" => address.words(8, ":", |word| format!("{word:02x}")),
        "pgsql" | "postgresql" | "psql" => address.words(24, ":", |word| format!("{word:06x}")),
        "unix" => address.words(8, ":", |word| format!("{word:x}")),
        other => return Err(IpError(format!("{alias}: unknown filter type: {other}"))),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writings_of_one_address() {
        for text in ["1a:31:bf:b7:2:6d", "1a-31-bf-b7-02-6d", "1a31.bfb7.026d", "1a31bf:b7026d", "1A31BFB7026D"] {
            assert_eq!(Hardware::parse(text).map(Hardware::value), Some(0x1a31_bfb7_026d), "{text}");
        }
        let ask = |query| hwaddr(&Value::from("1a:31:bf:b7:02:6d"), query, "hwaddr").unwrap();
        assert_eq!(ask("linux"), Value::from("1a:31:bf:b7:02:6d"));
        assert_eq!(ask("unix"), Value::from("1a:31:bf:b7:2:6d"));
        assert_eq!(ask("cisco"), Value::from("1a31.bfb7.026d"));
        assert_eq!(ask("bare"), Value::from("1A31BFB7026D"));
        assert_eq!(ask("pgsql"), Value::from("1a31bf:b7026d"));
        assert_eq!(ask("win"), Value::from("1A-31-BF-B7-02-6D"));
        assert!(Hardware::parse("x").is_none());
    }
}
