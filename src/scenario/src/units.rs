//! Sizes, times, shares and rates as people write them.

use std::fmt;
use std::time::Duration;

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(pub u64);

impl Size {
    /// So many MiB.
    pub const fn mib(mib: u64) -> Self {
        Self(mib << 20)
    }

    /// Whole MiB, rounded up.
    pub const fn as_mib(self) -> u64 {
        self.0.div_ceil(1 << 20)
    }

    /// Reads `4G`, `512M`, `1.5GiB`, `100KB`; a bare number is MiB. All units are powers of 1024, as hypervisors have them.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, unit) = split(text)?;
        let shift = match unit.to_ascii_lowercase().trim_end_matches("ib").trim_end_matches('b') {
            "k" => 10,
            "" if unit.is_empty() => 20,
            "" => 0,
            "m" => 20,
            "g" => 30,
            "t" => 40,
            _ => return None,
        };
        let bytes = number * f64::from(1_u32 << (shift % 30)) * if shift >= 30 { 1_073_741_824.0 } else { 1.0 };
        (bytes.is_finite() && bytes < 9e18).then_some(Self(bytes.round() as u64))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (shift, unit) in [(40, "T"), (30, "G"), (20, "M"), (10, "K")] {
            if self.0 >= 1 << shift {
                let whole = self.0 as f64 / (1_u64 << shift) as f64;
                return if self.0.is_multiple_of(1 << shift) {
                    write!(f, "{}{unit}", self.0 >> shift)
                } else {
                    write!(f, "{whole:.1}{unit}")
                };
            }
        }
        write!(f, "{}B", self.0)
    }
}

/// A number and the unit after it.
fn split(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    Some((number, text[end..].trim()))
}

/// Reads `500ms`, `30s`, `5m`, `1h`, `2d`; a bare number is seconds.
pub fn time(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "" | "s" | "sec" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number * seconds).ok()
}

/// Reads `0.5%`, from 0 to 100.
pub fn percent(text: &str) -> Option<f64> {
    let (number, unit) = split(text)?;
    (unit == "%" && (0.0..=100.0).contains(&number)).then_some(number)
}

/// Reads `100mbit`, `10kbit`, `1gbit`, in bits a second.
pub fn rate(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let factor = match unit.to_ascii_lowercase().as_str() {
        "bit" => 1.0,
        "kbit" => 1e3,
        "mbit" => 1e6,
        "gbit" => 1e9,
        _ => return None,
    };
    (number > 0.0).then_some((number * factor) as u64)
}

/// Six bytes of a hardware address.
pub fn mac(text: &str) -> Option<[u8; 6]> {
    let mut bytes = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut bytes {
        let part = parts.next().filter(|part| part.len() == 2)?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_are_read_and_written() {
        let read = |text: &str| Size::parse(text).map(|size| size.to_string());
        for (text, wanted) in [
            ("4G", "4G"),
            ("512", "512M"),
            ("1.5GiB", "1.5G"),
            ("100KB", "100K"),
            ("10B", "10B"),
            ("2T", "2T"),
            ("0.5 m", "512K"),
        ] {
            assert_eq!(read(text).as_deref(), Some(wanted), "{text}");
        }
        for text in ["", "G", "4X", "-1G", "4 G G", "1e9"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn times_shares_rates_and_hardware_addresses_are_read() {
        assert_eq!(time("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(time("90"), Some(Duration::from_secs(90)));
        assert_eq!(time("2m"), Some(Duration::from_mins(2)));
        assert_eq!(time("2 weeks"), None);
        assert_eq!(percent("0.5%"), Some(0.5));
        assert_eq!((percent("101%"), percent("1")), (None, None));
        assert_eq!(rate("100mbit"), Some(100_000_000));
        assert_eq!(rate("100"), None);
        assert_eq!(mac("52:54:00:0a:Bb:cc"), Some([0x52, 0x54, 0, 0x0a, 0xbb, 0xcc]));
        assert_eq!((mac("52:54:00"), mac("52:54:00:0a:bb:cc:dd"), mac("5:54:00:0a:bb:cc")), (None, None, None));
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "\\PC{0,20}") {
            let _ = (Size::parse(&text), time(&text), percent(&text), rate(&text), mac(&text));
        }

        #[test]
        fn a_written_whole_size_reads_as_itself(mib in 1_u64..1 << 30) {
            let size = Size::mib(mib);
            if !size.to_string().contains('.') {
                prop_assert_eq!(Size::parse(&size.to_string()), Some(size));
            }
        }
    }
}
