//! `bios_*`, `board_*`, `chassis_*`, `product_*`, `system_vendor`, `form_factor`.

use super::{Found, Probe};

/// Fact, file in sysfs, keyword of dmidecode.
const FIELDS: &[(&str, &str, &str)] = &[
    ("bios_date", "bios_date", "bios-release-date"),
    ("bios_vendor", "bios_vendor", "bios-vendor"),
    ("bios_version", "bios_version", "bios-version"),
    ("board_asset_tag", "board_asset_tag", "baseboard-asset-tag"),
    ("board_name", "board_name", "baseboard-product-name"),
    ("board_serial", "board_serial", "baseboard-serial-number"),
    ("board_vendor", "board_vendor", "baseboard-manufacturer"),
    ("board_version", "board_version", "baseboard-version"),
    ("chassis_asset_tag", "chassis_asset_tag", "chassis-asset-tag"),
    ("chassis_serial", "chassis_serial", "chassis-serial-number"),
    ("chassis_vendor", "chassis_vendor", "chassis-manufacturer"),
    ("chassis_version", "chassis_version", "chassis-version"),
    ("form_factor", "chassis_type", "chassis-type"),
    ("product_name", "product_name", "system-product-name"),
    ("product_serial", "product_serial", "system-serial-number"),
    ("product_uuid", "product_uuid", "system-uuid"),
    ("product_version", "product_version", "system-version"),
    ("system_vendor", "sys_vendor", "system-manufacturer"),
];

/// Chassis types of the DMI specification, by number.
const FORM_FACTORS: &[&str] = &[
    "Unknown",
    "Other",
    "Unknown",
    "Desktop",
    "Low Profile Desktop",
    "Pizza Box",
    "Mini Tower",
    "Tower",
    "Portable",
    "Laptop",
    "Notebook",
    "Hand Held",
    "Docking Station",
    "All In One",
    "Sub Notebook",
    "Space-saving",
    "Lunch Box",
    "Main Server Chassis",
    "Expansion Chassis",
    "Sub Chassis",
    "Bus Expansion Chassis",
    "Peripheral Chassis",
    "RAID Chassis",
    "Rack Mount Chassis",
    "Sealed-case PC",
    "Multi-system",
    "CompactPCI",
    "AdvancedTCA",
    "Blade",
    "Blade Enclosure",
    "Tablet",
    "Convertible",
    "Detachable",
    "IoT Gateway",
    "Embedded PC",
    "Mini PC",
    "Stick PC",
];

const FOLDER: &str = "/sys/devices/virtual/dmi/id";

pub(super) fn collect(probe: &Probe<'_>, found: &mut Found) {
    let in_sysfs = probe.exists(format!("{FOLDER}/product_name"));
    // Where it cannot read the tables at all, it need not be started for each of them.
    let answers = |program: &String| probe.run(&[program, "-s", "system-product-name"]).is_some();
    let dmidecode = if in_sysfs { None } else { probe.which("dmidecode").filter(answers) };
    for (fact, file, keyword) in FIELDS {
        let value = match &dmidecode {
            Some(program) => probe.run(&[program, "-s", keyword]).map(|out| {
                let lines: Vec<&str> = out.lines().filter(|line| !line.starts_with('#')).collect();
                lines.concat()
            }),
            None if in_sysfs => probe.read(format!("{FOLDER}/{file}")),
            None => None,
        };
        let value = match value {
            Some(number) if *fact == "form_factor" && in_sysfs => {
                let name = number.parse::<usize>().ok().and_then(|index| FORM_FACTORS.get(index));
                Some(name.map_or_else(|| format!("unknown ({number})"), |name| (*name).to_owned()))
            }
            other => other,
        };
        found.set(fact, value.unwrap_or_else(|| "NA".to_owned()));
    }
    if let Some(text) = probe.read("/proc/sysinfo") {
        // IBM Z tells these in a file of its own.
        for fact in ["system_vendor", "product_version", "product_serial", "product_name", "product_uuid"] {
            found.set(fact, "NA");
        }
        for line in text.lines() {
            let Some((key, value)) = line.split_once(':') else { continue };
            match key {
                "Manufacturer" => found.set("system_vendor", value.trim()),
                "Type" => found.set("product_name", value.trim()),
                "Sequence Code" => found.set("product_serial", value.trim().trim_start_matches('0')),
                _ => {}
            }
        }
    }
}
