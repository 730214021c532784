//! `-i web1,web2:2222,`: a list of hosts in the place of a file.

use crate::load::Target;
use crate::{InventoryError, address};

/// Puts the hosts into `ungrouped`. `ranges`: names may hold `[1:3]`.
pub(crate) fn read(target: &mut Target<'_>, ranges: bool) -> Result<(), InventoryError> {
    for name in target.source.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let (hosts, port) = if ranges {
            address::expand(name).unwrap_or_else(|_| (vec![name.to_owned()], None))
        } else {
            let (host, port) = address::parse(name).filter(|(host, _)| !host.contains('[')).unwrap_or((name, None));
            (vec![host.to_owned()], port)
        };
        for host in hosts {
            let known = target.inventory.host_id(&host).is_some();
            let id = target.host(&host);
            if known {
                continue;
            }
            let group = target.inventory.add_group("ungrouped");
            target.inventory.join(id, group);
            if let Some(port) = port {
                target.inventory.set_host_var(id, "ansible_port", port);
            }
        }
    }
    Ok(())
}
