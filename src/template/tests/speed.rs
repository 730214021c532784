//! Prints what renders cost (`cargo test --test speed -- --ignored --nocapture`, best with `--release`).
#![expect(clippy::unwrap_used, reason = "functions of a test are tests too")]

use std::sync::Arc;
use std::time::Instant;

use rplay_template::{Engine, EngineOptions, Rendered, Scope, Slot, Surroundings, Variables};
use rplay_value::{Map, Text, Value};

struct Vars(Map);

impl Variables for Vars {
    fn get(&self, name: &str) -> Option<Slot> {
        self.0.get(name).cloned().map(Slot::Lazy)
    }

    fn names(&self) -> Vec<Text> {
        self.0.texts().map(|(name, _)| name.clone()).collect()
    }
}

fn text(template: &str) -> Value {
    Value::Text(Text::trusted(template))
}

#[test]
#[ignore = "measures, does not check"]
fn what_renders_cost() {
    let engine = Engine::new(EngineOptions::default());
    let mut vars = Map::new();
    vars.insert("inventory_hostname", "n1");
    vars.insert("work", text("/tmp/bench-{{ inventory_hostname }}"));
    vars.insert(
        "st",
        Value::Map([("stat", Value::Map([("exists", Value::Bool(true))].into_iter().collect()))].into_iter().collect()),
    );
    let scope = |vars: &Map| Scope::new(Arc::new(Vars(vars.clone())), Arc::new(Surroundings::default()));
    let time = |name: &str, times: u32, run: &mut dyn FnMut()| {
        run();
        let start = Instant::now();
        for _ in 0..times {
            run();
        }
        println!("{name}: {:?}", start.elapsed() / times);
    };
    let render = |template: &Value, scope: &Scope| match engine.render(template, scope).unwrap() {
        Rendered::Value(value) => value,
        Rendered::Omit => Value::Null,
    };
    let base = scope(&vars);
    let name = text("{{ inventory_hostname }}");
    time("one name", 20_000, &mut || drop(render(&name, &base)));
    let path = text("{{ work }}/copy-1.txt");
    time("a path, new scope each time", 20_000, &mut || drop(render(&path, &scope(&vars))));
    time("a path, same scope", 20_000, &mut || drop(render(&path, &base)));
    let when = Value::Text(Text::trusted("st.stat.exists and inventory_hostname != 'x'"));
    time("a condition", 20_000, &mut || assert!(engine.condition(&when, &base).unwrap()));
    let service = text(
        "# {{ inventory_hostname }}\n{% for n in range(20) %}\n[section{{ n }}]\nname = {{ 'svc-%02d' % n }}\nenabled = {{ 'yes' if n % 2 == 0 else 'no' }}\n{% endfor %}\n",
    );
    time("20 sections in minijinja", 500, &mut || drop(render(&service, &base)));
    let rows = text("{{ range(2000) | map('string') | map('regex_replace', '^', 'n') | list }}");
    time("2000 rows", 10, &mut || drop(render(&rows, &base)));
    let made = render(&rows, &base);
    vars.insert("rows", made);
    let pairs = text("{{ dict(rows | zip(range(2000))) | dict2items | selectattr('value', 'gt', 1000) | list }}");
    let base = scope(&vars);
    time("pairs", 10, &mut || drop(render(&pairs, &base)));
    let made = render(&pairs, &base);
    vars.insert("pairs", made);
    let base = scope(&vars);
    let small = text("{{ item }}-{{ rows[item] }}-{{ pairs | length }}");
    time("500 small with an item each", 10, &mut || {
        for item in 0..500 {
            drop(render(&small, &base.with("item", Value::Int(item))));
        }
    });

    inventory(&engine, &time);
}

/// Variables of 120 hosts, each of which the others see through `hostvars`.
struct Hosts {
    own: Map,
    scopes: std::sync::OnceLock<Arc<Hostvars>>,
}

struct Hostvars(Vec<(Text, Scope)>);

impl Variables for Hostvars {
    fn get(&self, name: &str) -> Option<Slot> {
        self.0.iter().find(|(host, _)| host == name).map(|(_, scope)| Slot::Scoped(scope.clone()))
    }

    fn names(&self) -> Vec<Text> {
        self.0.iter().map(|(host, _)| host.clone()).collect()
    }
}

impl Variables for Hosts {
    fn get(&self, name: &str) -> Option<Slot> {
        match name {
            "hostvars" => self.scopes.get().map(|all| Slot::Namespace(Arc::clone(all) as Arc<dyn Variables>)),
            _ => self.own.get(name).cloned().map(Slot::Lazy),
        }
    }

    fn names(&self) -> Vec<Text> {
        self.own.texts().map(|(name, _)| name.clone()).collect()
    }
}

/// Runs something some times and prints what one time took.
type Timing<'a> = dyn Fn(&str, u32, &mut dyn FnMut()) + 'a;

/// A service's configuration over an inventory, and the small texts of a task.
fn inventory(engine: &Engine, time: &Timing<'_>) {
    let names: Vec<String> = (0..120).map(|i| format!("node{i:03}")).collect();
    let list =
        |items: &[String]| Value::List(items.iter().map(|item| Value::data(item.as_str())).collect::<Vec<_>>().into());
    let groups: Map = [("all", list(&names)), ("mons", list(&names[..5]))].into_iter().collect();
    let hosts: Vec<(Text, Arc<Hosts>)> = names
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let mut own = Map::new();
            own.insert("inventory_hostname", Value::data(name.as_str()));
            own.insert("groups", Value::Map(groups.clone()));
            own.insert("api_interface", Value::data("eth0"));
            own.insert("api_address", text("{{ ansible_facts[api_interface]['ipv4']['address'] }}"));
            own.insert("port", Value::Int(6789));
            own.insert("service", text("{{ inventory_hostname }}:{{ port }}"));
            let ipv4: Map = [("address", Value::data(format!("10.0.0.{at}")))].into_iter().collect();
            let eth0: Map = [("ipv4", Value::Map(ipv4))].into_iter().collect();
            own.insert("ansible_facts", Value::Map([("eth0", Value::Map(eth0))].into_iter().collect()));
            (Text::data(name.as_str()), Arc::new(Hosts { own, scopes: std::sync::OnceLock::new() }))
        })
        .collect();
    let scopes = || {
        let scope =
            |own: &Arc<Hosts>| Scope::new(Arc::clone(own) as Arc<dyn Variables>, Arc::new(Surroundings::default()));
        hosts.iter().map(|(name, own)| (name.clone(), scope(own))).collect::<Vec<_>>()
    };
    let all = Arc::new(Hostvars(scopes()));
    for (_, own) in &hosts {
        drop(own.scopes.set(Arc::clone(&all)));
    }
    let render = |template: &Value, scope: &Scope| engine.render(template, scope).unwrap().value().unwrap();
    let config = text(
        "[global]\nmon_host = {% for h in groups['mons'] %}{{ hostvars[h]['api_address'] }}{% if not loop.last %},{% endif %}{% endfor %}\n\
         {% for h in groups['all'] %}\nserver {{ h }} {{ hostvars[h].api_address }}:{{ hostvars[h]['port'] }} {{ 'backup' if hostvars[h].inventory_hostname != inventory_hostname else 'check' }}\n{% endfor %}\n",
    );
    let here = all.0[0].1.clone();
    time("a configuration over 120 hosts", 50, &mut || drop(render(&config, &here)));
    let fresh = || Scope::new(Arc::clone(&hosts[1].1) as Arc<dyn Variables>, Arc::new(Surroundings::default()));
    time("the same for the next host", 50, &mut || drop(render(&config, &fresh())));
    let each = text("{{ groups['all'] | map('extract', hostvars, ['api_address']) | join(',') }}");
    time("addresses through extract", 50, &mut || drop(render(&each, &here)));
    let small: Vec<Value> = [
        "{{ service }}",
        "/etc/{{ inventory_hostname }}/conf.d",
        "{{ groups['mons'] | length }}",
        "{{ port | int + 1 }}",
        "{{ 'a' if inventory_hostname in groups['mons'] else 'b' }}",
        "{{ api_address | regex_replace('^10', '11') }}",
    ]
    .map(text)
    .to_vec();
    time("6 small texts, new scope each time", 5_000, &mut || {
        let scope = fresh();
        for template in &small {
            drop(render(template, &scope));
        }
    });
    let rows: Value = serde_json::from_str(&format!(
        "[{}]",
        (0..500)
            .map(|i| format!("{{\"name\": \"u{i}\", \"uid\": {i}, \"on\": {}}}", i % 2 == 0))
            .collect::<Vec<_>>()
            .join(",")
    ))
    .unwrap();
    let scope = fresh().with("rows", rows);
    let chain = text("{{ rows | selectattr('on') | map(attribute='name') | map('upper') | sort | join(' ') }}");
    time("a chain over 500 rows", 50, &mut || drop(render(&chain, &scope)));
    let looped = text("{% for r in rows %}{{ r.name }}={{ r.uid }}{% if r.on %}*{% endif %}\n{% endfor %}");
    time("a loop over 500 rows", 50, &mut || drop(render(&looped, &scope)));
}
