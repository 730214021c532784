//! Python's `difflib.unified_diff`: the same matching blocks, so the same diff text, also where others disagree.

use std::collections::HashMap;

/// Items that occur more often than 1% of a long sequence are not used to find matches (`autojunk`).
const JUNK_LENGTH: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Match {
    a: usize,
    b: usize,
    size: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tag {
    Equal,
    Replace,
    Delete,
    Insert,
}

type Opcode = (Tag, usize, usize, usize, usize);

/// The lines of a unified diff of two texts' lines (each with its line end), or none when they are equal.
///
/// Lines of context are `n`; headers are `--- from` and `+++ to`.
pub fn unified_diff(a: &[&str], b: &[&str], from: &str, to: &str, n: usize) -> Vec<String> {
    let mut out = Vec::new();
    for group in grouped(&opcodes(a, b), n) {
        if out.is_empty() {
            out.push(format!("--- {from}\n"));
            out.push(format!("+++ {to}\n"));
        }
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        out.push(format!("@@ -{} +{} @@\n", range(first.1, last.2), range(first.3, last.4)));
        for (tag, a1, a2, b1, b2) in group {
            if tag == Tag::Equal {
                out.extend(a[a1..a2].iter().map(|line| format!(" {line}")));
                continue;
            }
            out.extend(a[a1..a2].iter().map(|line| format!("-{line}")));
            out.extend(b[b1..b2].iter().map(|line| format!("+{line}")));
        }
    }
    out
}

fn range(start: usize, stop: usize) -> String {
    match stop - start {
        1 => (start + 1).to_string(),
        0 => format!("{start},0"),
        length => format!("{},{length}", start + 1),
    }
}

fn matching_blocks(a: &[&str], b: &[&str]) -> Vec<Match> {
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    for (i, line) in b.iter().enumerate() {
        places.entry(line).or_default().push(i);
    }
    if b.len() >= JUNK_LENGTH {
        let limit = b.len() / 100 + 1;
        places.retain(|_, at| at.len() <= limit);
    }
    let mut queue = vec![(0, a.len(), 0, b.len())];
    let mut blocks = Vec::new();
    while let Some((a1, a2, b1, b2)) = queue.pop() {
        let found = longest(a, b, &places, (a1, a2, b1, b2));
        if found.size == 0 {
            continue;
        }
        if a1 < found.a && b1 < found.b {
            queue.push((a1, found.a, b1, found.b));
        }
        if found.a + found.size < a2 && found.b + found.size < b2 {
            queue.push((found.a + found.size, a2, found.b + found.size, b2));
        }
        blocks.push(found);
    }
    blocks.sort_by_key(|m| (m.a, m.b));
    let mut merged: Vec<Match> = Vec::new();
    for block in blocks {
        match merged.last_mut() {
            Some(last) if last.a + last.size == block.a && last.b + last.size == block.b => last.size += block.size,
            _ => merged.push(block),
        }
    }
    merged.push(Match { a: a.len(), b: b.len(), size: 0 });
    merged
}

fn longest(
    a: &[&str],
    b: &[&str],
    places: &HashMap<&str, Vec<usize>>,
    (a1, a2, b1, b2): (usize, usize, usize, usize),
) -> Match {
    let mut best = Match { a: a1, b: b1, size: 0 };
    let mut lengths: HashMap<usize, usize> = HashMap::new();
    for (i, line) in a.iter().enumerate().take(a2).skip(a1) {
        let mut next = HashMap::new();
        for &j in places.get(line).map_or(&[][..], Vec::as_slice) {
            if j < b1 {
                continue;
            }
            if j >= b2 {
                break;
            }
            let size = j.checked_sub(1).and_then(|j| lengths.get(&j)).copied().unwrap_or(0) + 1;
            next.insert(j, size);
            if size > best.size {
                best = Match { a: i + 1 - size, b: j + 1 - size, size };
            }
        }
        lengths = next;
    }
    // Lines too frequent to start a match may still extend one.
    while best.a > a1 && best.b > b1 && a[best.a - 1] == b[best.b - 1] {
        best = Match { a: best.a - 1, b: best.b - 1, size: best.size + 1 };
    }
    while best.a + best.size < a2 && best.b + best.size < b2 && a[best.a + best.size] == b[best.b + best.size] {
        best.size += 1;
    }
    best
}

fn opcodes(a: &[&str], b: &[&str]) -> Vec<Opcode> {
    let (mut i, mut j) = (0, 0);
    let mut out = Vec::new();
    for block in matching_blocks(a, b) {
        let tag = match (i < block.a, j < block.b) {
            (true, true) => Some(Tag::Replace),
            (true, false) => Some(Tag::Delete),
            (false, true) => Some(Tag::Insert),
            (false, false) => None,
        };
        out.extend(tag.map(|tag| (tag, i, block.a, j, block.b)));
        (i, j) = (block.a + block.size, block.b + block.size);
        if block.size > 0 {
            out.push((Tag::Equal, block.a, i, block.b, j));
        }
    }
    out
}

fn grouped(codes: &[Opcode], n: usize) -> Vec<Vec<Opcode>> {
    let mut codes = codes.to_vec();
    if let Some(first) = codes.first_mut().filter(|c| c.0 == Tag::Equal) {
        first.1 = first.1.max(first.2.saturating_sub(n));
        first.3 = first.3.max(first.4.saturating_sub(n));
    }
    if let Some(last) = codes.last_mut().filter(|c| c.0 == Tag::Equal) {
        last.2 = last.2.min(last.1 + n);
        last.4 = last.4.min(last.3 + n);
    }
    let mut groups = Vec::new();
    let mut group: Vec<Opcode> = Vec::new();
    for (tag, a1, a2, b1, b2) in codes {
        if tag == Tag::Equal && a2 - a1 > 2 * n {
            group.push((tag, a1, a2.min(a1 + n), b1, b2.min(b1 + n)));
            groups.push(std::mem::take(&mut group));
            group.push((tag, a1.max(a2.saturating_sub(n)), a2, b1.max(b2.saturating_sub(n)), b2));
            continue;
        }
        group.push((tag, a1, a2, b1, b2));
    }
    groups.push(group);
    groups.retain(|group| group.iter().any(|code| code.0 != Tag::Equal));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(a: &str, b: &str) -> String {
        let a: Vec<&str> = a.split_inclusive('\n').collect();
        let b: Vec<&str> = b.split_inclusive('\n').collect();
        unified_diff(&a, &b, "before", "after", 3).concat()
    }

    // Expected texts are Python 3.11's.
    #[test]
    fn as_python_writes_it() {
        assert_eq!(diff("a\nb\nc\n", "a\nB\nc\nd\n"), "--- before\n+++ after\n@@ -1,3 +1,4 @@\n a\n-b\n+B\n c\n+d\n");
        assert_eq!(diff("", "x\n"), "--- before\n+++ after\n@@ -0,0 +1 @@\n+x\n");
        assert_eq!(diff("x\n", ""), "--- before\n+++ after\n@@ -1 +0,0 @@\n-x\n");
        assert_eq!(diff("x\n", "x\n"), "");
    }

    #[test]
    fn distant_changes_are_two_groups() {
        let a: String = (0..20).map(|i| i.to_string() + "\n").collect();
        let b = a.replace("2\n3\n", "two\n3\n").replace("17\n", "x\n");
        let text = diff(&a, &b);
        assert_eq!(text.matches("@@ -").count(), 2);
    }
}
