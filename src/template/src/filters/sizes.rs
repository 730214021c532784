//! Units of `human_readable` and `human_to_bytes`.

/// Unit letters and what they multiply by, largest first.
pub(crate) const RANGES: [(char, f64); 9] = [
    ('Y', 1_208_925_819_614_629_174_706_176.0),
    ('Z', 1_180_591_620_717_411_303_424.0),
    ('E', 1_152_921_504_606_846_976.0),
    ('P', 1_125_899_906_842_624.0),
    ('T', 1_099_511_627_776.0),
    ('G', 1_073_741_824.0),
    ('M', 1_048_576.0),
    ('K', 1024.0),
    ('B', 1.0),
];

/// The unit's full name for bytes; bits replace `byte`.
pub(crate) fn full_name(letter: char, bits: bool) -> String {
    let prefix = match letter {
        'Y' => "yotta",
        'Z' => "zetta",
        'E' => "exa",
        'P' => "peta",
        'T' => "tera",
        'G' => "giga",
        'M' => "mega",
        'K' => "kilo",
        _ => "",
    };
    format!("{prefix}{}", if bits { "bit" } else { "byte" })
}
