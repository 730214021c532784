//! Equality, order and sorting.

use std::cmp::Ordering;

use minijinja::Value as Mj;
use rplay_value::BigInt;

use super::{Kind, kind, operators, trip, type_name};
use crate::TemplateError;

/// `a == b`: numbers and booleans by value, containers by content, other kinds never equal.
pub fn equal(a: &Mj, b: &Mj) -> bool {
    match (kind(a), kind(b)) {
        (Kind::Str(a), Kind::Str(b)) => a == b,
        (Kind::Int(a), Kind::Int(b)) => a == b,
        (Kind::None, Kind::None) => true,
        (Kind::Bytes(a), Kind::Bytes(b)) => a == b,
        (Kind::List(x), Kind::List(y)) => {
            std::ptr::eq(x, y) || (x.len() == y.len() && x.items().iter().zip(y.items()).all(|(a, b)| equal(a, &b)))
        }
        (Kind::Tuple(x), Kind::Tuple(y)) => x.len() == y.len() && x.iter().zip(y.iter()).all(|(a, b)| equal(a, b)),
        (Kind::Dict(x), Kind::Dict(y)) => {
            std::ptr::eq(x, y)
                || (x.len() == y.len()
                    && x.pairs()
                        .iter()
                        .all(|(key, value)| y.get(key).ok().flatten().is_some_and(|other| equal(value, &other))))
        }
        (Kind::Object(x), _) => {
            (matches!(kind(b), Kind::Object(y) if std::ptr::eq(x, y))) || x.compare(b) == Some(Ordering::Equal)
        }
        (_, Kind::Object(y)) => y.compare(a) == Some(Ordering::Equal),
        (Kind::Marker(_) | Kind::Undefined, _) | (_, Kind::Marker(_) | Kind::Undefined) => false,
        (Kind::Foreign, Kind::Foreign) => a == b,
        (x, y) => numbers(&x, &y) == Some(Some(Ordering::Equal)),
    }
}

/// Numeric order; outer `None` when one of them is no number, inner when one is NaN.
#[expect(clippy::option_option, reason = "no number, and a number without an order, are different answers")]
fn numbers(a: &Kind<'_>, b: &Kind<'_>) -> Option<Option<Ordering>> {
    let int = |k: &Kind<'_>| match k {
        Kind::Int(i) => Some(*i),
        Kind::Bool(b) => Some(i64::from(*b)),
        _ => None,
    };
    Some(match (a, b) {
        (Kind::Float(a), Kind::Float(b)) => a.partial_cmp(b),
        (Kind::Float(a), b) => float_int(*a, b)?,
        (a, Kind::Float(b)) => float_int(*b, a)?.map(Ordering::reverse),
        (Kind::Big(a), Kind::Big(b)) => Some(a.cmp(b)),
        (Kind::Big(a), b) => Some(a.cmp(&BigInt::from(int(b)?))),
        (a, Kind::Big(b)) => Some(BigInt::from(int(a)?).cmp(b)),
        (a, b) => Some(int(a)?.cmp(&int(b)?)),
    })
}

#[expect(clippy::option_option, reason = "as in `numbers`")]
fn float_int(a: f64, b: &Kind<'_>) -> Option<Option<Ordering>> {
    let b = match b {
        Kind::Int(i) if i.unsigned_abs() <= 1 << 53 => *i as f64,
        Kind::Int(i) => return Some(big_order(a, &BigInt::from(*i))),
        Kind::Bool(b) => f64::from(u8::from(*b)),
        Kind::Big(big) => return Some(big_order(a, big)),
        _ => return None,
    };
    Some(a.partial_cmp(&b))
}

fn big_order(a: f64, b: &BigInt) -> Option<Ordering> {
    if a.is_nan() {
        return None;
    }
    if a.is_infinite() {
        return Some(if a > 0.0 { Ordering::Greater } else { Ordering::Less });
    }
    let whole = operators::float_to_big(a.trunc())?;
    Some(whole.cmp(b).then_with(|| a.fract().partial_cmp(&0.0).unwrap_or(Ordering::Equal)))
}

/// The operator of a comparison, for error messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
}

impl Order {
    fn symbol(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
        }
    }

    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Less => order == Ordering::Less,
            Self::LessEqual => order != Ordering::Greater,
            Self::Greater => order == Ordering::Greater,
            Self::GreaterEqual => order != Ordering::Less,
        }
    }
}

/// `a < b` and its relatives; kinds that Python does not order are a `TypeError`.
pub fn order(a: &Mj, operator: Order, b: &Mj) -> Result<bool, TemplateError> {
    Ok(compare(a, b, operator)?.is_some_and(|order| operator.holds(order)))
}

/// `a < b`.
pub fn less(a: &Mj, b: &Mj) -> Result<bool, TemplateError> {
    order(a, Order::Less, b)
}

fn compare(a: &Mj, b: &Mj, operator: Order) -> Result<Option<Ordering>, TemplateError> {
    trip(a)?;
    trip(b)?;
    Ok(match (kind(a), kind(b)) {
        (Kind::Str(a), Kind::Str(b)) => Some(a.cmp(b)),
        (Kind::Bytes(a), Kind::Bytes(b)) => Some(a.cmp(b)),
        (Kind::List(a), Kind::List(b)) => items(&a.items(), &b.items(), operator)?,
        (Kind::Tuple(a), Kind::Tuple(b)) => items(a, b, operator)?,
        (Kind::Object(x), _) => match x.compare(b) {
            Some(order) => Some(order),
            None => return Err(unordered(a, b, operator)),
        },
        (_, Kind::Object(y)) => match y.compare(a) {
            Some(order) => Some(order.reverse()),
            None => return Err(unordered(a, b, operator)),
        },
        (x, y) => match numbers(&x, &y) {
            Some(order) => order,
            None => return Err(unordered(a, b, operator)),
        },
    })
}

fn items(a: &[Mj], b: &[Mj], operator: Order) -> Result<Option<Ordering>, TemplateError> {
    for (x, y) in a.iter().zip(b) {
        if !equal(x, y) {
            return compare(x, y, operator);
        }
    }
    Ok(Some(a.len().cmp(&b.len())))
}

fn unordered(a: &Mj, b: &Mj, operator: Order) -> TemplateError {
    let symbol = operator.symbol();
    let message = format!("'{symbol}' not supported between instances of '{}' and '{}'", type_name(a), type_name(b));
    let error = TemplateError::type_error(message);
    match (kind(a), kind(b)) {
        (Kind::Str(_), Kind::Int(_) | Kind::Float(_)) | (Kind::Int(_) | Kind::Float(_), Kind::Str(_)) => {
            error.hint("one side is text: convert it with `| int` or `| float`")
        }
        _ => error,
    }
}

/// Sorts stably by `key`, as `sorted()` does; items that Python does not order are a `TypeError`.
pub fn sort<T>(items: &mut [T], key: impl Fn(&T) -> &Mj, reverse: bool) -> Result<(), TemplateError> {
    let mut failure = None;
    items.sort_by(|a, b| {
        if failure.is_some() {
            return Ordering::Equal;
        }
        let (a, b) = (key(a), key(b));
        let order = match compare(a, b, Order::Less) {
            Ok(order) => order.unwrap_or(Ordering::Equal),
            Err(error) => {
                failure = Some(error);
                Ordering::Equal
            }
        };
        if reverse { order.reverse() } else { order }
    });
    failure.map_or(Ok(()), Err)
}
